#include "trailer.h"

#include "stator/json_reader.hpp"
#include "stator/json_writer.hpp"

#include "failure.h"
#include "input.h"

namespace stator::client {
namespace {

constexpr std::uint64_t kVersion = 1;
constexpr std::size_t kTrailerBytesMax = 512;

// In CSV the trailer is a comment, as many readers know it.
std::string_view without_mark(std::string_view line) {
  if (line.starts_with('#')) line.remove_prefix(1);
  return line;
}

}  // namespace

std::string write_trailer(const Trailer& trailer) {
  json::StringOut out;
  json::Writer(out)
      .begin_object()
      .field("stator_dump", kVersion)
      .field("documents", trailer.documents)
      .field("sha256", std::string_view(trailer.sha256))
      .end_object();
  return out.take();
}

std::optional<Trailer> read_trailer(std::string_view line) {
  const std::string_view text = without_mark(line);
  if (text.size() > kTrailerBytesMax || text.find("\"stator_dump\"") == text.npos) return {};
  Trailer trailer;
  std::uint64_t version = 0;
  bool has_count = false;
  json::Reader reader(text);
  json::RawString key;
  for (reader.enter_object(); reader.next_key(key);) {
    json::RawString string;
    std::string_view token;
    if (json::equals(key, "stator_dump")) {
      if (!reader.number(token) || !json::to_integer(token, version)) return {};
    } else if (json::equals(key, "documents")) {
      has_count = reader.number(token) && json::to_integer(token, trailer.documents);
    } else if (json::equals(key, "sha256")) {
      if (reader.string(string)) trailer.sha256 = json::unescape(string);
    } else {
      reader.skip(token);
    }
  }
  if (!reader.at_end() || !has_count || trailer.sha256.empty()) return {};
  if (version != kVersion) {
    throw Failure(kExitRefused, "the dump is of version " + std::to_string(version) +
                                    ", which this client does not know");
  }
  return trailer;
}

void verify_trailer(const Trailer& trailer, const std::string& sha256, const std::string& path) {
  if (trailer.sha256 == sha256) return;
  throw Failure(kExitRefused, "'" + path +
                                  "' is damaged: the SHA-256 of its lines is not the one that its "
                                  "trailer tells");
}

std::string cut_sentence(const std::string& path, const std::string& what_happened) {
  return "'" + path + "' is cut: its last line is not the trailer that ends a dump; " +
         what_happened + "; --no-trailer takes it as it is";
}

void verify_dump(const std::string& path) {
  Input input(path);
  std::optional<Trailer> trailer;
  std::string sha256;
  std::string_view line;
  for (;;) {
    const Input::Taken taken = input.next_line(line);
    if (taken == Input::Taken::kEnd) break;
    const bool is_short = taken == Input::Taken::kLine && line.size() <= kTrailerBytesMax;
    if (is_short && line.find_first_not_of(" \t\r") == line.npos) continue;
    trailer = is_short ? read_trailer(line) : std::nullopt;
    if (trailer) sha256 = input.digest_before_line();
  }
  if (!trailer) throw Failure(kExitRefused, cut_sentence(path, "nothing of it is loaded"));
  verify_trailer(*trailer, sha256, path);
}

}  // namespace stator::client
