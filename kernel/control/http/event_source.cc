#include "control/http/event_source.h"

#include <charconv>
#include <optional>

#include "stator/json_reader.hpp"
#include "stator/json_writer.hpp"

#include "control/wire/utf8.h"

namespace stator::http {
namespace {

Error wrong(std::string_view field, const std::string& sentence) {
  return Error(ErrorCode::kBadRequest, std::string(field), sentence);
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

// As forms write it (URL Standard, "application/x-www-form-urlencoded"); nothing: a broken escape.
std::optional<std::string> decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out.push_back(text[i] == '+' ? ' ' : text[i]);
      continue;
    }
    if (i + 2 >= text.size()) return std::nullopt;
    const int high = hex_digit(text[i + 1]);
    const int low = hex_digit(text[i + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    out.push_back(static_cast<char>(high * 16 + low));
    i += 2;
  }
  return out;
}

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [stop, reason] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || reason != std::errc() || stop != text.data() + text.size())
    return std::nullopt;
  return value;
}

struct ChangesQuery {
  std::optional<std::string> collection;
  std::optional<std::uint64_t> from_lsn;
  std::optional<bool> all_collections;
  std::optional<bool> values;
};

Status take(ChangesQuery& query, const std::string& name, const std::string& value) {
  if (name == "collection") {
    query.collection = value;
    return ok_status();
  }
  if (name == "from_lsn") {
    query.from_lsn = number(value);
    return query.from_lsn ? ok_status() : wrong(name, "'from_lsn' must be a whole number");
  }
  if (name != "all_collections" && name != "values") {
    const std::string named = name.substr(0, 64);
    return wrong(named, "unknown parameter '" + named +
                            "'; this path takes collection, from_lsn, all_collections and values");
  }
  const bool is_true = value == "true" || value == "1";
  if (!is_true && value != "false" && value != "0") {
    return wrong(name, "'" + name + "' must be true or false");
  }
  (name == "values" ? query.values : query.all_collections) = is_true;
  return ok_status();
}

Result<ChangesQuery> read(std::string_view text) {
  ChangesQuery query;
  while (!text.empty()) {
    const std::string_view pair = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(pair.size() + 1, text.size()));
    if (pair.empty()) continue;
    const std::size_t equals = std::min(pair.find('='), pair.size());
    const auto name = decoded(pair.substr(0, equals));
    const auto value = decoded(pair.substr(std::min(equals + 1, pair.size())));
    if (!name || !value) return wrong("", "the query has a broken percent-encoding");
    // The writer of the arguments would put another character in its place: another collection.
    if (!wire::is_utf8(*name) || !wire::is_utf8(*value)) return wrong("", "the query is not UTF-8");
    STATOR_CHECK(take(query, *name, *value));
  }
  return query;
}

}  // namespace

Result<std::string> changes_request(std::string_view text, std::string_view last_event_id) {
  STATOR_TRY(ChangesQuery query, read(text));
  if (!last_event_id.empty()) {
    const auto seen = number(last_event_id);
    if (!seen || *seen + 1 == 0) {
      return wrong("last-event-id", "Last-Event-ID must be the id of an event of this path");
    }
    query.from_lsn = *seen + 1;
  }
  json::StringOut out;
  json::Writer json(out);
  json.begin_object();
  if (query.collection) json.field("collection", std::string_view(*query.collection));
  if (query.from_lsn) json.field("from_lsn", *query.from_lsn);
  if (query.all_collections) json.field("all_collections", *query.all_collections);
  if (query.values) json.field("values", *query.values);
  json.end_object();
  return out.take();
}

Lsn seen_with(const bridge::Task& part, std::size_t index) {
  if (index >= part.frame_ends.size()) return Lsn{};
  const std::size_t start = index == 0 ? 0 : part.frame_ends[index - 1];
  json::Reader reader(part.payload.view().substr(start, part.frame_ends[index] - start));
  json::RawString key;
  if (reader.peek() != json::Kind::kObject) return Lsn{};
  for (reader.enter_object(); reader.next_key(key);) {
    std::string_view value;
    if (!reader.skip(value)) break;
    // Of a change, of the beginning, of a gap; each stands before anything that could be long.
    const bool is_next = key.text == "from_lsn";
    if (!is_next && key.text != "lsn" && key.text != "to") continue;
    const std::uint64_t lsn = number(value).value_or(0);
    return Lsn{is_next && lsn > 0 ? lsn - 1 : lsn};
  }
  return Lsn{};
}

}  // namespace stator::http
