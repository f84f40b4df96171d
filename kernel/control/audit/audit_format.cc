#include "control/audit/audit_format.h"

#include <charconv>
#include <cstdio>

#include "io/sha256.h"
#include "stator/json_reader.hpp"
#include "stator/json_writer.hpp"

namespace stator::audit {
namespace {

constexpr std::size_t kHashBytes = 64;
constexpr std::string_view kHashKey = R"(,"hash":")";
constexpr std::string_view kHashEnd = R"("})";
constexpr std::size_t kTailBytes = kHashKey.size() + kHashBytes + kHashEnd.size();
constexpr std::string_view kSuffix = ".audit";
constexpr std::size_t kDigits = 20;

Error broken(const std::string& what) { return Error(ErrorCode::kCorrupted, what); }

struct Links {
  std::uint64_t sequence = 0;
  std::string previous;
};

// The members that chain lines; the rest is what happened.
bool read_links(std::string_view json, Links& links) {
  json::Reader reader(json);
  json::RawString key;
  for (reader.enter_object(); reader.next_key(key);) {
    std::string_view raw;
    reader.skip(raw);
    if (key.text == "seq" && !json::to_integer(raw, links.sequence)) return false;
    if (key.text == "prev" && raw.size() == kHashBytes + 2) links.previous = raw.substr(1, kHashBytes);
  }
  return !reader.failed() && links.sequence != 0 && !links.previous.empty();
}

}  // namespace

std::string make_line(Position& last, std::uint64_t time_ms, const Event& event) {
  json::StringOut out;
  json::Writer json(out);
  json.begin_object()
      .field("seq", last.sequence + 1)
      .field("time_ms", time_ms)
      .field("event", event.event)
      .field("user", event.user)
      .field("tenant", event.tenant)
      .field("address", event.address)
      .field("op", event.op);
  if (!event.details.empty()) json.key("details").raw(event.details);
  json.field("outcome", event.outcome).field("prev", std::string_view(last.hash));
  std::string line = out.take();  // the object is closed behind its hash
  last = {last.sequence + 1, io::sha256_hex(line)};
  line.append(kHashKey).append(last.hash).append(kHashEnd);
  return line;
}

Status follow(Position& last, std::string_view line) {
  if (line.size() <= kTailBytes) return broken("a line is too short");
  const std::string_view covered = line.substr(0, line.size() - kTailBytes);
  const std::string_view tail = line.substr(covered.size());
  if (tail.substr(0, kHashKey.size()) != kHashKey || tail.substr(kTailBytes - kHashEnd.size()) != kHashEnd) {
    return broken("a line does not end with its hash");
  }
  const std::string hash = io::sha256_hex(covered);
  if (tail.substr(kHashKey.size(), kHashBytes) != hash) return broken("a line was changed: its hash is another one");
  Links links;
  if (!read_links(line, links)) return broken("a line is not a JSON object with seq and prev");
  if (links.sequence != last.sequence + 1) {
    return broken("sequence number " + std::to_string(links.sequence) + " where " +
                  std::to_string(last.sequence + 1) + " is due: lines are missing or were moved");
  }
  if (links.previous != last.hash) return broken("the line before is not the one that stood there");
  last = {links.sequence, hash};
  return ok_status();
}

std::string file_name(std::uint64_t first_sequence) {
  std::string digits = std::to_string(first_sequence);
  digits.insert(0, kDigits - digits.size(), '0');
  return digits.append(kSuffix);
}

bool parse_file_name(std::string_view name, std::uint64_t& first_sequence) {
  if (name.size() != kDigits + kSuffix.size() || name.substr(kDigits) != kSuffix) return false;
  const auto [end, reason] = std::from_chars(name.data(), name.data() + kDigits, first_sequence);
  return reason == std::errc() && end == name.data() + kDigits;
}

std::string write_head(const Position& position) {
  json::StringOut out;
  json::Writer(out)
      .begin_object()
      .field("seq", position.sequence)
      .field("hash", std::string_view(position.hash))
      .end_object();
  return out.take() + "\n";
}

Result<Position> read_head(std::string_view text) {
  Position position;
  bool is_good = true;
  json::Reader reader(text);
  json::RawString key;
  for (reader.enter_object(); reader.next_key(key);) {
    std::string_view raw;
    reader.skip(raw);
    if (key.text == "seq") is_good &= json::to_integer(raw, position.sequence);
    if (key.text == "hash") position.hash = raw.size() == kHashBytes + 2 ? raw.substr(1, kHashBytes) : "";
  }
  if (reader.failed() || !is_good || position.hash.size() != kHashBytes) return broken("HEAD cannot be read");
  return position;
}

}  // namespace stator::audit
