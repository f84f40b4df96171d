// crdt_bench LOG: applies Yjs updates (each behind its length in four bytes) to a document, loads
// its state into others and encodes it; no server. One line: updates, bytes of the state, seconds
// of applying all, of one load, of one encoding. bench/crdt/run compares.
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "doc/document.h"

namespace {

using namespace stator::crdt;

constexpr int kRepeats = 10;

[[noreturn]] void fail(const char* why) {
  std::fprintf(stderr, "crdt_bench: %s\n", why);
  std::exit(1);
}

std::vector<std::string_view> read_log(std::string_view bytes) {
  std::vector<std::string_view> out;
  while (!bytes.empty()) {
    std::uint32_t length = 0;
    if (bytes.size() < sizeof length) fail("the log is cut");
    std::memcpy(&length, bytes.data(), sizeof length);
    if (bytes.size() - sizeof length < length) fail("the log is cut");
    out.push_back(bytes.substr(sizeof length, length));
    bytes.remove_prefix(sizeof length + length);
  }
  return out;
}

void apply_update(std::string_view bytes, Document& document) {
  Update update;
  if (decode_update(bytes, update).fault != DecodeFault::kNone) fail("not an update");
  document.apply(update);
}

template <class Work>
double seconds(Work&& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

void run_round(const std::vector<std::string_view>& updates, bool prints) {
  Document document;
  const double applied = seconds([&] {
    for (const std::string_view update : updates) apply_update(update, document);
  });
  const std::string state = document.encode_state();
  const double loaded = seconds([&] {
    for (int i = 0; i < kRepeats; ++i) {
      Document fresh;
      apply_update(state, fresh);
    }
  });
  std::size_t bytes = 0;
  const double encoded = seconds([&] {
    for (int i = 0; i < kRepeats; ++i) bytes += document.encode_state().size();
  });
  if (bytes != state.size() * kRepeats) fail("the state changes while it is encoded");
  if (!prints) return;
  std::printf("%zu %zu %g %g %g\n", updates.size(), state.size(), applied, loaded / kRepeats,
              encoded / kRepeats);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) fail("usage: crdt_bench LOG");
  std::ifstream file(argv[1], std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  const std::string bytes = text.str();
  const std::vector<std::string_view> updates = read_log(bytes);
  if (updates.empty()) fail("an empty log");
  run_round(updates, false);
  run_round(updates, true);
}
