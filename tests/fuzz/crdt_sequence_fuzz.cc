// Updates of the CRDT engine. The first byte says what the rest is: 0, updates as they come, each
// behind its length in two bytes; else a program that writes updates of which most can be decoded.
//
// Oracle: no crash; a document that is kept in memory and one that was read back from its stored
// form at any time know the same and wait alike (the order of items is not compared: origins that
// no editor writes may give another one, docs/adr/0014-crdt-work.md); an update that would not wait
// leaves nothing that waits; updates that come twice change nothing.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "codec/update_merge.h"
#include "doc/document.h"
#include "doc/json_view.h"

namespace {

using namespace stator;
using namespace stator::crdt;

constexpr std::size_t kUpdatesMax = 64;

void require(bool holds) {
  if (!holds) std::abort();
}

std::vector<std::string> raw_updates(std::string_view input) {
  std::vector<std::string> out;
  while (input.size() >= 2 && out.size() < kUpdatesMax) {
    const std::size_t size =
        static_cast<std::uint8_t>(input[0]) * 256u + static_cast<std::uint8_t>(input[1]);
    input.remove_prefix(2);
    out.emplace_back(input.substr(0, size));
    input.remove_prefix(std::min(size, input.size()));
  }
  return out;
}

// Writes updates from bytes: every choice is a byte, 0 where they have run out. Clients are few and
// clocks small, so that updates meet, overlap, wait for each other and name what is gone.
class Program {
 public:
  explicit Program(std::string_view input) : input_(input) {}

  std::vector<std::string> run() {
    std::vector<std::string> out;
    while (!input_.empty() && out.size() < kUpdatesMax) out.push_back(update());
    return out;
  }

 private:
  static constexpr std::uint32_t kClients = 4;

  std::uint32_t below(std::uint32_t n) {
    if (input_.empty()) return 0;
    const auto byte = static_cast<std::uint8_t>(input_.front());
    input_.remove_prefix(1);
    return byte % n;
  }
  std::string update() {
    ByteWriter out;
    const std::uint32_t shape = below(8);
    const std::uint32_t first = below(kClients);
    const std::uint32_t sections = shape == 0 ? 0 : 1 + (shape == 7 ? below(kClients) : 0);
    out.var_uint(sections);
    for (std::uint32_t i = 0; i < sections; ++i) section(out, (first + i) % kClients);
    deletes(out, shape == 0 || shape > 5 ? 1 + below(3) : 0);
    return out.take();
  }
  void section(ByteWriter& out, std::uint32_t client) {
    const std::uint32_t count = 1 + below(4);
    // Mostly where the client stands; else a hole or what was written before.
    std::uint32_t clock = clocks_[client];
    if (const std::uint32_t where = below(8); where == 6)
      clock += 1 + below(3);
    else if (where == 7)
      clock = below(clock + 1);
    out.var_uint(count);
    out.var_uint(client + 1);
    out.var_uint(clock);
    for (std::uint32_t i = 0; i < count; ++i) clock += one_struct(out, client, clock);
    clocks_[client] = std::max(clocks_[client], clock);
  }
  std::uint32_t one_struct(ByteWriter& out, std::uint32_t client, std::uint32_t clock) {
    static constexpr std::uint8_t kKinds[] = {4, 4, 4, 4, 8, 7, 7, 1, 6, 0, 10, 3, 2, 5, 9};
    const std::uint8_t kind = kKinds[below(sizeof kKinds)];
    if (kind == 0 || kind == 10) {
      const std::uint32_t length = 1 + below(3);
      out.u8(kind);
      out.var_uint(length);
      return length;
    }
    const std::uint32_t refs = below(8);
    const bool has_origin = refs != 0 && refs != 4;
    const bool has_right = refs >= 4;
    const bool has_key = below(4) == 0;
    out.u8(static_cast<std::uint8_t>(kind | (has_origin ? 0x80 : 0) | (has_right ? 0x40 : 0) |
                                     (has_key ? 0x20 : 0)));
    if (has_origin) reference(out, client, clock, refs == 1);
    if (has_right) reference(out, client, clock, false);
    if (!has_origin && !has_right) {
      const bool is_root = below(3) != 0 || clock == 0;
      out.var_uint(is_root ? 1 : 0);
      is_root ? out.var_bytes(below(2) == 0 ? "t" : "m") : reference(out, client, clock, false);
      if (has_key) out.var_bytes(below(2) == 0 ? "k" : "l");
    }
    return content(out, kind);
  }
  // An element before `clock` where it is one of the client's own.
  void reference(ByteWriter& out, std::uint32_t client, std::uint32_t clock, bool is_last) {
    std::uint32_t other = is_last ? client : below(kClients);
    if (other == client && clock == 0) other = (client + 1) % kClients;
    const std::uint32_t end = other == client ? clock : clocks_[other] + 2;
    out.var_uint(other + 1);
    out.var_uint(is_last && other == client ? clock - 1 : below(end));
  }
  std::uint32_t content(ByteWriter& out, std::uint8_t kind) {
    static constexpr std::string_view kTexts[] = {"a", "bcd", "\xF0\x9F\x98\x80",
                                                  "e\xC3\xA9\xF0\x9F\x98\x80g", "hijklmnop"};
    static constexpr std::uint32_t kUnits[] = {1, 3, 2, 5, 9};
    const std::uint32_t count = 1 + below(4);
    const std::uint32_t text = below(5);
    switch (kind) {
      case 1:
        out.var_uint(count);
        return count;
      case 2:
      case 8:
        out.var_uint(count);
        for (std::uint32_t i = 0; i < count; ++i) kind == 8 ? out.u8(120) : out.var_bytes("[1]");
        return count;
      case 3:
        out.var_bytes("bin");
        return 1;
      case 4:
        out.var_bytes(kTexts[text]);
        return kUnits[text];
      case 5:
        out.var_bytes("{}");
        return 1;
      case 6:
        out.var_bytes("bold");
        out.var_bytes(count == 1 ? "null" : "true");
        return 1;
      case 7:
        out.var_uint(count - 1 == 3 ? 6 : count - 1);
        return 1;
      default:
        out.var_bytes("guid");
        out.u8(126);
        return 1;
    }
  }
  void deletes(ByteWriter& out, std::uint32_t clients) {
    const std::uint32_t first = below(kClients);
    out.var_uint(clients);
    for (std::uint32_t i = 0; i < clients; ++i) {
      const std::uint32_t ranges = 1 + below(4);
      out.var_uint((first + i) % kClients + 1);
      out.var_uint(ranges);
      for (std::uint32_t k = 0; k < ranges; ++k) {
        out.var_uint(below(clocks_[(first + i) % kClients] + 4));
        out.var_uint(1 + below(below(4) == 0 ? 64 : 4));
      }
    }
  }

  std::string_view input_;
  std::uint32_t clocks_[kClients] = {};
};

Document read_back(const Document& document) {
  const std::string bytes = document.encode_state();
  Update update;
  require(decode_update(bytes, update, kNoBudget).fault == DecodeFault::kNone);
  Document out;
  out.apply(update);
  return out;
}

void read_json(const Document& document) {
  json::StringOut text;
  json::Writer out(text);
  JsonView(document.store(), {}).write(out);
}

void require_same(const Document& a, const Document& b) {
  require(a.encode_state_vector() == b.encode_state_vector());
  require(a.has_pending() == b.has_pending());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  const bool is_raw = data[0] == 0;
  const std::vector<std::string> updates = is_raw ? raw_updates(input) : Program(input).run();
  Document kept;
  Document stored;
  for (std::size_t i = 0; i < updates.size(); ++i) {
    Update update;
    if (decode_update(updates[i], update).fault != DecodeFault::kNone) continue;
    const bool waits = kept.would_wait(update) || kept.has_pending();
    kept.apply(update);
    require(waits || !kept.has_pending());
    read_json(kept);
    stored.apply(update);
    if ((i + data[0]) % 3 == 0) stored = read_back(stored);
    require_same(kept, stored);
  }
  require_same(read_back(kept), kept);
  const std::string before = kept.encode_state();
  for (const std::string& bytes : updates) {
    Update update;
    if (decode_update(bytes, update).fault == DecodeFault::kNone) kept.apply(update);
  }
  require(kept.encode_state() == before);
  return 0;
}
