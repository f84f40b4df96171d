#include "control/session/request_parser.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <optional>

#include "base/limits.h"
#include "base/nearest.h"
#include "control/wire/utf8.h"

namespace stator::session {
namespace {

using bridge::Task;
using json::Kind;
using json::RawString;
using json::Reader;

constexpr std::string_view kCollectionDefault = "default";

Error wrong(const std::string& field, const std::string& expected) {
  return Error(ErrorCode::kBadRequest, field, "'" + field + "' must be " + expected);
}

Error broken(const Reader& reader) {
  return Error(ErrorCode::kBadRequest, std::string("invalid JSON: ") + reader.error() + " at byte " +
                                           std::to_string(reader.offset()));
}

bool read_string(Reader& reader, std::string& out) {
  RawString raw;
  if (reader.peek() != Kind::kString || !reader.string(raw)) return false;
  if (!raw.escaped) {
    out.assign(raw.text);
    return true;
  }
  out.resize(json::unescaped_bytes_max(raw));
  out.resize(json::unescape(raw, out.data()));
  return true;
}

bool read_u64(Reader& reader, std::uint64_t& out) {
  std::string_view token;
  return reader.peek() == Kind::kNumber && reader.number(token) && json::to_integer(token, out);
}

// The shared fields, each read into the task. The reader stands on the value.
class SharedFields {
 public:
  SharedFields(Task& task, bool& is_strict, std::uint32_t& deadline_ms)
      : task_(task), is_strict_(is_strict), deadline_ms_(deadline_ms) {}

  // False: `name` is no shared field. Else it was read, and status() says how that went.
  bool read(std::string_view name, Reader& reader) {
    switch (name.size()) {
      case 2:
        if (name == "id") return took(read_id(reader));
        if (name == "op") return took(skip(reader));
        break;
      case 6:
        if (name == "strict") return took(read_strict(reader));
        break;
      case 7:
        if (name == "min_lsn") return took(read_min_lsn(reader));
        break;
      case 8:
        if (name == "priority") return took(read_priority(reader));
        if (name == "trace_id") return took(read_trace_id(reader));
        break;
      case 9:
        if (name == "tenant_id") return took(skip(reader));  // the tenant comes from the identity
        break;
      case 10:
        if (name == "collection") return took(read_collection(reader));
        break;
      case 11:
        if (name == "deadline_ms") return took(read_deadline(reader));
        if (name == "consistency") return took(read_consistency(reader));
        break;
      case 14:
        if (name == "payload_format") return took(read_payload_format(reader));
        break;
      case 15:
        if (name == "idempotency_key") return took(read_idempotency_key(reader));
        break;
      default: break;
    }
    return false;
  }
  Status& status() { return status_; }

 private:
  bool took(Status status) {
    if (!status.ok()) status_ = std::move(status);
    return true;
  }
  static Status skip(Reader& reader) {
    std::string_view ignored;
    return reader.skip(ignored) ? ok_status() : Status(broken(reader));
  }
  Status read_collection(Reader& reader) {
    const bool is_string = read_string(reader, task_.collection);
    if (!is_string || task_.collection.empty() || task_.collection.size() > kCollectionBytesMax ||
        task_.collection.find('\0') != std::string::npos) {
      return wrong("collection", "a string of 1 to 128 bytes without NUL");
    }
    return ok_status();
  }
  Status read_id(Reader& reader) {
    const Error expected = wrong("id", "a whole number from 0 to 2^64-1, or a string of at most 64 bytes");
    const Kind kind = reader.peek();
    std::string_view raw;
    if ((kind != Kind::kNumber && kind != Kind::kString) || !reader.skip(raw)) return expected;
    if (kind == Kind::kNumber) {
      std::uint64_t number = 0;
      if (!json::to_integer(raw, number)) return expected;
    } else {
      Reader again(raw);
      std::string text;
      if (!read_string(again, text) || text.size() > kClientIdBytesMax) return expected;
    }
    task_.client_id = raw;
    return ok_status();
  }
  Status read_deadline(Reader& reader) {
    std::uint64_t value = 0;
    if (!read_u64(reader, value) || value < 1 || value > std::numeric_limits<std::uint32_t>::max()) {
      return wrong("deadline_ms", "a whole number from 1 to 4294967295");
    }
    deadline_ms_ = static_cast<std::uint32_t>(std::min<std::uint64_t>(value, kDeadlineMsMax));
    return ok_status();
  }
  Status read_min_lsn(Reader& reader) {
    std::uint64_t value = 0;
    if (!read_u64(reader, value)) return wrong("min_lsn", "a whole number from 0 to 2^64-1");
    task_.min_lsn = Lsn{value};
    return ok_status();
  }
  Status read_strict(Reader& reader) {
    if (reader.peek() != Kind::kBool || !reader.boolean(is_strict_)) {
      return wrong("strict", "true or false");
    }
    return ok_status();
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
  Status read_priority(Reader& reader) {
    static constexpr std::array<std::string_view, 4> kNames = {"background", "normal", "high",
                                                               "critical"};
    const int choice = read_choice(reader, kNames);
    if (choice < 0) return wrong("priority", "one of \"background\", \"normal\", \"high\", \"critical\"");
    task_.priority = static_cast<bridge::Priority>(choice);
    return ok_status();
  }
  Status read_consistency(Reader& reader) {
    static constexpr std::array<std::string_view, 3> kNames = {"strong", "bounded", "eventual"};
    const int choice = read_choice(reader, kNames);
    if (choice < 0) return wrong("consistency", "one of \"strong\", \"bounded\", \"eventual\"");
    task_.consistency = static_cast<bridge::Consistency>(choice);
    return ok_status();
  }
  Status read_payload_format(Reader& reader) {
    static constexpr std::array<std::string_view, 2> kNames = {"base64", "json"};
    const int choice = read_choice(reader, kNames);
    if (choice < 0) return wrong("payload_format", "one of \"base64\", \"json\"");
    task_.payload_format = static_cast<bridge::PayloadFormat>(choice);
    return ok_status();
  }
  Status read_idempotency_key(Reader& reader) {
    const Error expected =
        wrong("idempotency_key", "a whole number from 0 to 2^64-1, or a string of 1 to 64 bytes");
    std::uint64_t number = 0;
    if (reader.peek() == Kind::kNumber) {
      if (!read_u64(reader, number)) return expected;
      task_.idempotency_key = "#" + std::to_string(number);  // never equal to a string's key
      return ok_status();
    }
    std::string text;
    if (!read_string(reader, text) || text.empty() || text.size() > kIdempotencyKeyBytesMax) {
      return expected;
    }
    task_.idempotency_key = "\"" + text;
    return ok_status();
  }
  Status read_trace_id(Reader& reader) {
    const Error expected =
        wrong("trace_id", "a whole number from 0 to 2^64-1, or a W3C traceparent string");
    if (reader.peek() == Kind::kNumber) {
      return read_u64(reader, task_.trace_id) ? ok_status() : Status(expected);
    }
    // 00-<32 hex>-<16 hex>-<2 hex>; the low half of the trace id is what we carry.
    std::string text;
    if (!read_string(reader, text) || text.size() != 55 || text[2] != '-' || text[35] != '-' ||
        text[52] != '-') {
      return expected;
    }
    const char* low = text.data() + 3 + 16;
    const auto [end, status] = std::from_chars(low, low + 16, task_.trace_id, 16);
    return status == std::errc() && end == low + 16 ? ok_status() : Status(expected);
  }

  Task& task_;
  bool& is_strict_;
  std::uint32_t& deadline_ms_;
  Status status_;
};

// The value of `op`, wherever it stands; a view of the body, or of `unescaped`. Leaves the reader
// behind it and tells whether it was the first field. Errors: the body is no object, has no op, ...
Result<std::string_view> find_op(Reader& reader, std::string& unescaped, bool& is_first) {
  if (reader.peek() != Kind::kObject) {
    return Error(ErrorCode::kBadRequest, "a request must be a JSON object");
  }
  RawString key;
  is_first = true;
  for (reader.enter_object(); reader.next_key(key); is_first = false) {
    if (!json::equals(key, "op")) {
      std::string_view ignored;
      if (!reader.skip(ignored)) break;
      continue;
    }
    RawString op;
    if (reader.peek() != Kind::kString) return wrong("op", "a string");
    if (!reader.string(op)) break;
    if (!op.escaped) return op.text;
    unescaped = json::unescape(op);
    return std::string_view(unescaped);
  }
  if (reader.failed()) return broken(reader);
  return Error(ErrorCode::kBadRequest, "op", "missing 'op'");
}

// Before the first field.
Reader begin_body(ByteView body) {
  Reader reader(body);
  reader.enter_object();
  return reader;
}

// For the answer to a body that is at fault: its id and payload format, if they can be read.
void salvage(ByteView body, Task& task) {
  Reader reader(body);
  if (reader.peek() != Kind::kObject) return;
  bool is_strict = false;
  std::uint32_t deadline_ms = 0;
  SharedFields fields(task, is_strict, deadline_ms);
  RawString key;
  for (reader.enter_object(); reader.next_key(key);) {
    std::string_view value;
    if (!reader.skip(value)) return;
    if (key.text != "id" && key.text != "payload_format") continue;
    Reader again(value);
    fields.read(key.text, again);  // one error is enough: the one that brought us here
  }
}

// The last `collection` of a body, which is the one that counts; what is no string is refused
// later.
std::string find_collection(ByteView body) {
  Reader reader(body);
  RawString key;
  std::string found(kCollectionDefault);
  for (reader.enter_object(); reader.next_key(key);) {
    if (json::equals(key, "collection") && reader.peek() == Kind::kString) {
      read_string(reader, found);
      continue;
    }
    std::string_view ignored;
    if (!reader.skip(ignored)) break;
  }
  return found;
}

// The first `strict` of a body that may be at fault, if it can be read.
std::optional<bool> find_strict(ByteView body) {
  Reader reader(body);
  RawString key;
  for (reader.enter_object(); reader.next_key(key);) {
    bool value = false;
    if (key.text == "strict") {
      return reader.peek() == Kind::kBool && reader.boolean(value) ? std::optional(value) : std::nullopt;
    }
    std::string_view ignored;
    if (!reader.skip(ignored)) break;
  }
  return std::nullopt;
}

}  // namespace

// Reads the fields from the reader on into the task, as strictly as task.is_strict says; seen_
// holds the names of those before. `given` is set to the value of the body's own `strict`; when it
// is another one, what was read is not to be used.
Status RequestParser::read_fields(Reader reader, const ops::OpEntry& entry, Task& task,
                                  std::uint32_t& deadline_ms, std::optional<bool>& given) {
  task.args.clear();
  const ops::BlockAt block = entry.args.begin(task.args);
  const bool is_strict = task.is_strict;
  bool strict_field = is_strict;
  SharedFields shared(task, strict_field, deadline_ms);
  std::size_t fields = seen_.size();
  std::string unescaped;
  RawString key;
  while (reader.next_key(key)) {
    if (++fields > kFieldsPerObjectMax) {
      return Error(ErrorCode::kBadRequest, "a request has at most 256 fields");
    }
    if (key.escaped) unescaped = json::unescape(key);
    const std::string_view name = key.escaped ? std::string_view(unescaped) : key.text;
    if (is_strict && !key.escaped) {
      if (std::find(seen_.begin(), seen_.end(), name) != seen_.end()) {
        return Error(ErrorCode::kBadRequest, std::string(name.substr(0, 64)), "the field is given twice");
      }
      seen_.push_back(name);
    }
    if (shared.read(name, reader)) {
      if (reader.failed()) return broken(reader);
      if (!shared.status().ok()) return std::move(shared.status());
      if (!given && name == "strict") {
        given = strict_field;
        if (strict_field != is_strict) return ok_status();
      }
      continue;
    }
    const std::size_t i = entry.args.find(name);
    if (i != ops::kNoArg) {
      STATOR_CHECK(entry.args.bind(block, i, reader, is_strict, ops::FieldPath(entry.args.name(i))));
      continue;
    }
    if (is_strict) return entry.args.unknown_field(name, ops::FieldPath());
    std::string_view ignored;
    if (!reader.skip(ignored)) return broken(reader);
  }
  if (reader.failed() || !reader.at_end()) {
    if (!reader.failed()) reader.fail("text behind the object");
    return broken(reader);
  }
  return entry.args.finish(block, ops::FieldPath());
}

// `strict` may stand anywhere in the body and counts for all of it. So the fields are read once
// with the connection's default, and once more only where the body turns out to say something else.
Status RequestParser::read_body(ByteView body, Reader rest, const ops::OpEntry& entry, Task& task,
                                std::uint32_t& deadline_ms) {
  std::optional<bool> given;
  Status status = read_fields(rest, entry, task, deadline_ms, given);
  if (!status.ok() && !given) given = find_strict(body);
  if (given.value_or(task.is_strict) == task.is_strict) return status;
  task.is_strict = *given;
  seen_.clear();
  return read_fields(begin_body(body), entry, task, deadline_ms, given);
}

// Clients repeat themselves: the last op is looked at first.
const ops::OpEntry* RequestParser::find_entry(std::string_view name) {
  if (last_ != nullptr && name == last_name_) return last_;
  if (ops::is_internal(name)) return nullptr;
  const ops::OpEntry* entry = table_.find(name);
  if (entry == nullptr) return nullptr;
  if (name != entry->row->name) return entry;
  last_ = entry;
  last_name_ = entry->row->name;
  return entry;
}

Result<const ops::OpEntry*> RequestParser::parse(ByteView body, const ParseDefaults& defaults,
                                                 Task& task) {
  task.payload_format = defaults.payload_format;
  if (!wire::is_utf8(body)) return Error(ErrorCode::kBadRequest, "the frame is not valid UTF-8");
  auto refuse = [&](Error error) {
    salvage(body, task);
    return error;
  };
  std::string unescaped;
  bool is_first = false;
  Reader reader(body);
  auto found = find_op(reader, unescaped, is_first);
  if (!found.ok()) return refuse(std::move(found.error()));
  const std::string_view name = found.value();
  const ops::OpEntry* entry = find_entry(name);
  if (entry == nullptr) return refuse(table_.unknown(name));
  if (entry->choice != nullptr) return read_chosen(body, *entry, defaults, task);
  seen_.clear();
  if (is_first) seen_.push_back("op");
  if (!is_first) reader = begin_body(body);
  return read(body, reader, *entry, defaults, task);
}

Result<const ops::OpEntry*> RequestParser::parse_named(std::string_view op, ByteView body,
                                                       const ParseDefaults& defaults, Task& task) {
  task.payload_format = defaults.payload_format;
  if (body.empty()) body = "{}";
  if (!wire::is_utf8(body)) return Error(ErrorCode::kBadRequest, "the body is not valid UTF-8");
  const ops::OpEntry* entry = find_entry(op);
  if (entry == nullptr) return table_.unknown(op);
  if (Reader(body).peek() != Kind::kObject) {
    return Error(ErrorCode::kBadRequest, "a request must be a JSON object");
  }
  if (entry->choice != nullptr) return read_chosen(body, *entry, defaults, task);
  seen_.clear();
  return read(body, begin_body(body), *entry, defaults, task);
}

// What is read is one collection's: the entry is chosen by the one that the task has afterwards.
Result<const ops::OpEntry*> RequestParser::read_chosen(ByteView body, const ops::OpEntry& named,
                                                       const ParseDefaults& defaults, Task& task) {
  const std::string collection = find_collection(body);
  const ops::OpEntry* chosen = named.choice->in_collection_of(
      owners_ == nullptr ? std::string_view() : owners_->engine_of(collection));
  if (chosen == nullptr) {
    salvage(body, task);
    return table_.not_here(named.label, *named.choice, collection);
  }
  seen_.clear();
  STATOR_TRY(const ops::OpEntry* entry, read(body, begin_body(body), *chosen, defaults, task));
  if (task.collection == collection) return entry;
  return wrong("collection", "one and the same wherever the request has it");
}

// `rest` stands inside the body's object; seen_ holds the names of the fields before.
Result<const ops::OpEntry*> RequestParser::read(ByteView body, Reader rest,
                                                const ops::OpEntry& entry,
                                                const ParseDefaults& defaults, Task& task) {
  std::uint32_t deadline_ms = kDeadlineMsDefault;
  task.is_strict = defaults.is_strict;
  task.entry = entry.index;
  if (auto status = read_body(body, rest, entry, task, deadline_ms); !status.ok()) {
    salvage(body, task);
    return std::move(status.error());
  }
  if (task.collection.empty()) task.collection = kCollectionDefault;
  task.deadline_ns = defaults.now_ns + std::uint64_t{deadline_ms} * 1'000'000;
  return &entry;
}

}  // namespace stator::session
