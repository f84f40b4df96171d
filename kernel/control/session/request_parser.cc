#include "control/session/request_parser.h"

#include <algorithm>
#include <limits>
#include <string>

#include "base/limits.h"
#include "control/session/shared_fields.h"
#include "control/wire/utf8.h"

namespace stator::session {
namespace {

using bridge::Task;
using json::Kind;
using json::RawString;
using json::Reader;
using Meaning = FieldOrder::Meaning;

// What a name stands for: a Field, or an argument of the op, or nothing; or there was no name. What
// is learned of an op's name holds its value, too, and stands for that op.
constexpr Meaning kEnd = 30;
constexpr Meaning kIgnored = 31;
constexpr Meaning kFirstArg = 32;
constexpr Meaning kFirstOp = kFirstArg + 64;
static_assert(static_cast<Meaning>(Field::kIdempotencyKey) < kEnd);

constexpr std::string_view kCollectionDefault = "default";

[[gnu::cold]] Error missing_op() { return Error(ErrorCode::kBadRequest, "op", "missing 'op'"); }

// For the answer to a body that is at fault: its id and payload format, if they can be read.
void salvage(ByteView body, Task& task) {
  Reader reader(body);
  if (reader.peek() != Kind::kObject) return;
  SharedFields fields(task, false);
  RawString key;
  for (reader.enter_object(); reader.next_key(key);) {
    std::string_view value;
    if (!reader.skip(value)) return;
    const Field field = field_of(key.text);
    if (field != Field::kId && field != Field::kPayloadFormat) continue;
    Reader again(value);
    static_cast<void>(
        fields.read(field, again));  // one error is enough: the one that brought us here
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

// One pass over a body, as strictly as the task is.
struct RequestParser::Pass {
  ByteView body;
  Task& task;
  FieldOrder* order;  // where the next name is guessed; null: a strict request's are all looked at
  const ops::OpEntry* entry = nullptr;  // null: the body's `op` names it, and was not read yet
  SharedFields shared{task, task.is_strict};
  Reader reader{body};
  std::size_t place = 0;                   // of the field that is read
  std::optional<bool> given{};             // the body's own `strict`, as soon as it was read
  std::optional<std::string> chosen_by{};  // the collection whose engine said what op is meant

  ops::BlockAt block() const { return {task.args, 0}; }
};

RequestParser::RequestParser(const ops::OpTable& table, FieldOrders& orders,
                             CollectionOwners* owners)
    : table_(table), orders_(orders), owners_(owners) {
  STATOR_ASSERT(table.entries().size() <=
                static_cast<std::size_t>(std::numeric_limits<Meaning>::max() - kFirstOp));
  if (orders.empty()) orders.resize(table.entries().size() + 1);
}

// Fields that every op has are read before `op` is known; for any other it is looked for. Ends
// early where the body's own `strict` differs from what it was read with.
Status RequestParser::read_fields(Pass& pass, const ops::OpEntry* named) {
  pass.task.args.clear();
  if (!pass.reader.enter_object())
    return Error(ErrorCode::kBadRequest, "a request must be a JSON object");
  if (named != nullptr) STATOR_CHECK(begin_op(*named, pass));
  for (;; ++pass.place) {
    Meaning meaning =
        pass.order == nullptr ? FieldOrder::kUnknown : pass.order->guess(pass.place, pass.reader);
    if (meaning == FieldOrder::kUnknown) {
      STATOR_CHECK(read_name(pass, meaning));
      if (meaning == kEnd) break;
    }
    STATOR_CHECK(read_value(pass, meaning));
    if (pass.given && *pass.given != pass.task.is_strict) return ok_status();
  }
  if (!pass.reader.at_end()) {
    pass.reader.fail("text behind the object");
    return broken(pass.reader);
  }
  if (pass.entry == nullptr) return missing_op();
  if (pass.task.collection.empty()) pass.task.collection = kCollectionDefault;
  if (pass.chosen_by && *pass.chosen_by != pass.task.collection) {
    return Error(ErrorCode::kBadRequest, "collection",
                 "'collection' must be one and the same wherever the request has it");
  }
  return pass.entry->args.finish(pass.block(), ops::FieldPath());
}

// The name of the next field, and what it stands for.
Status RequestParser::read_name(Pass& pass, Meaning& meaning) {
  Reader& reader = pass.reader;
  const std::size_t from = reader.offset();
  RawString key;
  if (!reader.next_key(key)) {
    if (reader.failed()) return broken(reader);
    meaning = kEnd;
    return ok_status();
  }
  if (pass.place >= kFieldsPerObjectMax)
    return Error(ErrorCode::kBadRequest, "a request has at most 256 fields");
  const std::string unescaped = key.escaped ? json::unescape(key) : std::string();
  STATOR_CHECK(understand(pass, key.escaped ? std::string_view(unescaped) : key.text, meaning));
  FieldOrder* order = pass.order;
  if (meaning == static_cast<Meaning>(Field::kOp) && pass.entry == nullptr) {
    STATOR_CHECK(read_op(reader, pass));
    if (pass.chosen_by) order = nullptr;  // in another collection it is another op's name
    meaning = static_cast<Meaning>(kFirstOp + static_cast<Meaning>(pass.entry->index));
  }
  if (order != nullptr)
    order->learn(pass.place, pass.body.substr(from, reader.offset() - from), meaning);
  return ok_status();
}

Status RequestParser::understand(Pass& pass, std::string_view name, Meaning& meaning) {
  if (pass.task.is_strict) STATOR_CHECK(note_name(name));
  const Field field = field_of(name);
  if (field != Field::kNone) {
    meaning = static_cast<Meaning>(field);
    return ok_status();
  }
  if (pass.entry == nullptr) STATOR_CHECK(find_op(pass));
  const std::size_t i = pass.entry->args.find(name);
  if (i == ops::kNoArg && pass.task.is_strict)
    return pass.entry->args.unknown_field(name, ops::FieldPath());
  meaning = i == ops::kNoArg ? kIgnored : static_cast<Meaning>(kFirstArg + static_cast<Meaning>(i));
  return ok_status();
}

Status RequestParser::read_value(Pass& pass, Meaning meaning) {
  if (meaning >= kFirstOp) {
    if (pass.entry == nullptr)
      begin_args(table_.entries()[static_cast<std::size_t>(meaning - kFirstOp)], pass);
    return ok_status();
  }
  if (meaning >= kFirstArg) {
    const auto i = static_cast<std::size_t>(meaning - kFirstArg);
    const ops::ArgSet& args = pass.entry->args;
    return args.bind(pass.block(), i, pass.reader, pass.task.is_strict,
                     ops::FieldPath(args.name(i)));
  }
  const Field field = meaning == kIgnored ? Field::kNone : static_cast<Field>(meaning);
  STATOR_CHECK(pass.shared.read(field, pass.reader));
  if (field == Field::kStrict && !pass.given) pass.given = pass.shared.is_strict();
  return ok_status();
}

// Of a strict request.
Status RequestParser::note_name(std::string_view name) {
  if (std::find(seen_.begin(), seen_.end(), name) != seen_.end()) {
    return Error(ErrorCode::kBadRequest, std::string(name.substr(0, 64)),
                 "the field is given twice");
  }
  seen_.emplace_back(name);
  return ok_status();
}

// The reader stands on the value of the body's `op`.
Status RequestParser::read_op(Reader& reader, Pass& pass) {
  if (reader.peek() != Kind::kString)
    return Error(ErrorCode::kBadRequest, "op", "'op' must be a string");
  RawString op;
  if (!reader.string(op)) return broken(reader);
  const std::string unescaped = op.escaped ? json::unescape(op) : std::string();
  const std::string_view name = op.escaped ? std::string_view(unescaped) : op.text;
  const ops::OpEntry* entry = find_entry(name);
  if (entry == nullptr) return table_.unknown(name);
  return begin_op(*entry, pass);
}

// What is read is one collection's: where the name is not one op's everywhere, the entry is chosen
// by the collection that the task has afterwards.
Status RequestParser::begin_op(const ops::OpEntry& named, Pass& pass) {
  const ops::OpEntry* entry = &named;
  if (named.choice != nullptr) {
    pass.chosen_by = find_collection(pass.body);
    entry = named.choice->in_collection_of(
        owners_ == nullptr ? std::string_view() : owners_->engine_of(*pass.chosen_by));
    if (entry == nullptr) return table_.not_here(named.label, *named.choice, *pass.chosen_by);
  }
  begin_args(*entry, pass);
  return ok_status();
}

void RequestParser::begin_args(const ops::OpEntry& entry, Pass& pass) {
  pass.entry = &entry;
  entry.args.begin(pass.task.args);
  if (pass.order != nullptr) pass.order = &order_of(entry);
}

// `op` stands somewhere behind the value that the reader stands on.
Status RequestParser::find_op(Pass& pass) {
  Reader ahead = pass.reader;
  std::string_view ignored;
  for (RawString key; ahead.skip(ignored) && ahead.next_key(key);) {
    if (json::equals(key, "op")) return read_op(ahead, pass);
  }
  if (ahead.failed()) return broken(ahead);
  return missing_op();
}

const ops::OpEntry* RequestParser::find_entry(std::string_view name) const {
  return ops::is_internal(name) ? nullptr : table_.find(name);
}

FieldOrder& RequestParser::order_of(const ops::OpEntry& entry) { return orders_[entry.index + 1]; }

Result<const ops::OpEntry*> RequestParser::parse(ByteView body, const ParseDefaults& defaults,
                                                 Task& task) {
  task.payload_format = defaults.payload_format;
  if (!wire::is_utf8(body)) return Error(ErrorCode::kBadRequest, "the frame is not valid UTF-8");
  return read(body, nullptr, defaults, task);
}

Result<const ops::OpEntry*> RequestParser::parse_named(std::string_view op, ByteView body,
                                                       const ParseDefaults& defaults, Task& task) {
  task.payload_format = defaults.payload_format;
  if (body.empty()) body = "{}";
  if (!wire::is_utf8(body)) return Error(ErrorCode::kBadRequest, "the body is not valid UTF-8");
  const ops::OpEntry* entry = find_entry(op);
  if (entry == nullptr) return table_.unknown(op);
  return read(body, entry, defaults, task);
}

// `strict` may stand anywhere in the body and counts for all of it. So the fields are read once
// with the connection's default, and once more only where the body turns out to say something else.
Result<const ops::OpEntry*> RequestParser::read(ByteView body, const ops::OpEntry* named,
                                                const ParseDefaults& defaults, Task& task) {
  for (bool is_again = false, is_strict = defaults.is_strict;; is_again = true) {
    task.is_strict = is_strict;
    seen_.clear();
    Pass pass{body, task, is_strict ? nullptr : &orders_.front()};
    Status status = read_fields(pass, named);
    if (!status.ok() && !pass.given) pass.given = find_strict(body);
    is_strict = pass.given.value_or(is_strict);
    if (is_strict != task.is_strict && !is_again) continue;
    if (!status.ok()) {
      salvage(body, task);
      return std::move(status.error());
    }
    task.entry = pass.entry->index;
    task.deadline_ns = defaults.now_ns + std::uint64_t{pass.shared.deadline_ms()} * 1'000'000;
    return pass.entry;
  }
}

}  // namespace stator::session
