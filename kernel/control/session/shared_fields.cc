#include "control/session/shared_fields.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <limits>
#include <string>

namespace stator::session {
namespace {

using json::Kind;
using json::RawString;
using json::Reader;

[[gnu::cold]] Error wrong(std::string_view field, std::string_view expected) {
  return Error(ErrorCode::kBadRequest, std::string(field),
               "'" + std::string(field) + "' must be " + std::string(expected));
}

void take_string(const RawString& raw, std::string& out) {
  if (!raw.escaped) {
    out.assign(raw.text);
    return;
  }
  out.resize(json::unescaped_bytes_max(raw));
  out.resize(json::unescape(raw, out.data()));
}

bool read_u64(Reader& reader, std::uint64_t& out) {
  std::string_view token;
  return reader.peek() == Kind::kNumber && reader.number(token) && json::to_integer(token, out);
}

[[gnu::cold]] Error wrong_collection() {
  return wrong("collection", "a string of 1 to 128 bytes without NUL");
}

// `raw` is its text.
bool pass_id(Reader& reader, std::string_view& raw) {
  std::uint64_t number = 0;
  if (reader.peek() == Kind::kNumber) return reader.number(raw) && json::to_integer(raw, number);
  RawString text;
  if (reader.peek() != Kind::kString || !reader.string(text)) return false;
  raw = {text.text.data() - 1, text.text.size() + 2};  // with its quotes
  return text.text.size() <= kClientIdBytesMax ||
         (text.escaped && json::unescape(text).size() <= kClientIdBytesMax);
}

// The index of the choice, or -1.
template <std::size_t N>
int read_choice(Reader& reader, const std::array<std::string_view, N>& choices) {
  std::string text;
  if (!read_string(reader, text)) return -1;
  for (std::size_t i = 0; i < N; ++i) {
    if (choices[i] == text) return static_cast<int>(i);
  }
  return -1;
}

// Whether a name of that length is `text`: a few comparisons of registers, no call.
template <std::size_t N>
bool is_same(std::string_view name, const char (&text)[N]) {
  return std::memcmp(name.data(), text, N - 1) == 0;
}

}  // namespace

bool read_string(Reader& reader, std::string& out) {
  RawString raw;
  if (reader.peek() != Kind::kString || !reader.string(raw)) return false;
  take_string(raw, out);
  return true;
}

Field field_of(std::string_view name) {
  switch (name.size()) {
    case 2:
      return is_same(name, "id") ? Field::kId : is_same(name, "op") ? Field::kOp : Field::kNone;
    case 6:
      return is_same(name, "strict") ? Field::kStrict : Field::kNone;
    case 7:
      return is_same(name, "min_lsn") ? Field::kMinLsn : Field::kNone;
    case 8:
      return is_same(name, "priority")   ? Field::kPriority
             : is_same(name, "trace_id") ? Field::kTraceId
                                         : Field::kNone;
    case 9:
      return is_same(name, "tenant_id") ? Field::kTenantId : Field::kNone;
    case 10:
      return is_same(name, "collection") ? Field::kCollection : Field::kNone;
    case 11:
      return is_same(name, "deadline_ms")   ? Field::kDeadlineMs
             : is_same(name, "consistency") ? Field::kConsistency
                                            : Field::kNone;
    case 14:
      return is_same(name, "payload_format") ? Field::kPayloadFormat : Field::kNone;
    case 15:
      return is_same(name, "idempotency_key") ? Field::kIdempotencyKey : Field::kNone;
    default:
      return Field::kNone;
  }
}

Error broken(const Reader& reader) {
  return Error(ErrorCode::kBadRequest, std::string("invalid JSON: ") + reader.error() +
                                           " at byte " + std::to_string(reader.offset()));
}

Status SharedFields::read_collection(Reader& reader) {
  RawString raw;
  if (reader.peek() != Kind::kString || !reader.string(raw)) return wrong_collection();
  std::string& name = task_.collection;
  take_string(raw, name);
  // Without an escape there is no NUL: JSON has no bare control characters.
  if (name.empty() || name.size() > kCollectionBytesMax ||
      (raw.escaped && name.find('\0') != std::string::npos)) {
    return wrong_collection();
  }
  return ok_status();
}

Status SharedFields::read(Field field, Reader& reader) {
  Status status = field == Field::kCollection ? read_collection(reader) : read_other(field, reader);
  if (reader.failed()) return broken(reader);
  return status;
}

Status SharedFields::read_other(Field field, Reader& reader) {
  switch (field) {
    case Field::kId:
      return read_id(reader);
    case Field::kStrict:
      return read_strict(reader);
    case Field::kMinLsn:
      return read_min_lsn(reader);
    case Field::kPriority:
      return read_priority(reader);
    case Field::kTraceId:
      return read_trace_id(reader);
    case Field::kDeadlineMs:
      return read_deadline(reader);
    case Field::kConsistency:
      return read_consistency(reader);
    case Field::kPayloadFormat:
      return read_payload_format(reader);
    case Field::kIdempotencyKey:
      return read_idempotency_key(reader);
    case Field::kCollection:
    case Field::kOp:
    case Field::kTenantId:
    case Field::kNone:
      break;
  }
  std::string_view ignored;
  reader.skip(ignored);
  return ok_status();
}

Status SharedFields::read_id(Reader& reader) {
  std::string_view raw;
  if (!pass_id(reader, raw)) {
    return wrong("id", "a whole number from 0 to 2^64-1, or a string of at most 64 bytes");
  }
  task_.client_id = raw;
  return ok_status();
}

Status SharedFields::read_deadline(Reader& reader) {
  std::uint64_t value = 0;
  if (!read_u64(reader, value) || value < 1 || value > std::numeric_limits<std::uint32_t>::max()) {
    return wrong("deadline_ms", "a whole number from 1 to 4294967295");
  }
  deadline_ms_ = static_cast<std::uint32_t>(std::min<std::uint64_t>(value, kDeadlineMsMax));
  return ok_status();
}

Status SharedFields::read_min_lsn(Reader& reader) {
  std::uint64_t value = 0;
  if (!read_u64(reader, value)) return wrong("min_lsn", "a whole number from 0 to 2^64-1");
  task_.min_lsn = Lsn{value};
  return ok_status();
}

Status SharedFields::read_strict(Reader& reader) {
  if (reader.peek() != Kind::kBool || !reader.boolean(is_strict_)) {
    return wrong("strict", "true or false");
  }
  return ok_status();
}

Status SharedFields::read_priority(Reader& reader) {
  static constexpr std::array<std::string_view, 4> kNames = {"background", "normal", "high",
                                                             "critical"};
  const int choice = read_choice(reader, kNames);
  if (choice < 0)
    return wrong("priority", "one of \"background\", \"normal\", \"high\", \"critical\"");
  task_.priority = static_cast<bridge::Priority>(choice);
  return ok_status();
}

Status SharedFields::read_consistency(Reader& reader) {
  static constexpr std::array<std::string_view, 3> kNames = {"strong", "bounded", "eventual"};
  const int choice = read_choice(reader, kNames);
  if (choice < 0) return wrong("consistency", "one of \"strong\", \"bounded\", \"eventual\"");
  task_.consistency = static_cast<bridge::Consistency>(choice);
  return ok_status();
}

Status SharedFields::read_payload_format(Reader& reader) {
  static constexpr std::array<std::string_view, 2> kNames = {"base64", "json"};
  const int choice = read_choice(reader, kNames);
  if (choice < 0) return wrong("payload_format", "one of \"base64\", \"json\"");
  task_.payload_format = static_cast<bridge::PayloadFormat>(choice);
  return ok_status();
}

Status SharedFields::read_idempotency_key(Reader& reader) {
  if (!take_idempotency_key(reader)) {
    return wrong("idempotency_key",
                 "a whole number from 0 to 2^64-1, or a string of 1 to 64 bytes");
  }
  return ok_status();
}

bool SharedFields::take_idempotency_key(Reader& reader) {
  std::string& key = task_.idempotency_key;
  std::uint64_t number = 0;
  if (reader.peek() == Kind::kNumber) {
    if (!read_u64(reader, number)) return false;
    std::array<char, std::numeric_limits<std::uint64_t>::digits10 + 1> digits;
    const auto written = std::to_chars(digits.begin(), digits.end(), number);
    key.assign(1, '#').append(digits.data(), written.ptr);  // never equal to a string's key
    return true;
  }
  if (!read_string(reader, key) || key.empty() || key.size() > kIdempotencyKeyBytesMax)
    return false;
  key.insert(0, 1, '"');
  return true;
}

Status SharedFields::read_trace_id(Reader& reader) {
  if (!take_trace_id(reader)) {
    return wrong("trace_id", "a whole number from 0 to 2^64-1, or a W3C traceparent string");
  }
  return ok_status();
}

// As text it is 00-<32 hex>-<16 hex>-<2 hex>; the low half of the trace id is what we carry.
bool SharedFields::take_trace_id(Reader& reader) {
  if (reader.peek() == Kind::kNumber) return read_u64(reader, task_.trace_id);
  RawString raw;
  if (reader.peek() != Kind::kString || !reader.string(raw)) return false;
  const std::string unescaped = raw.escaped ? json::unescape(raw) : std::string();
  const std::string_view text = raw.escaped ? std::string_view(unescaped) : raw.text;
  if (text.size() != 55 || text[2] != '-' || text[35] != '-' || text[52] != '-') return false;
  const char* low = text.data() + 3 + 16;
  const auto [end, status] = std::from_chars(low, low + 16, task_.trace_id, 16);
  return status == std::errc() && end == low + 16;
}

}  // namespace stator::session
