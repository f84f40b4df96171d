#include "control/ops/arg_set.h"

#include <cstring>

#include "stator/args.h"

#include "base/limits.h"
#include "base/nearest.h"
#include "control/ops/arg_value.h"
#include "library/row_rules.h"

namespace stator::ops {
namespace {

stator_arg_block& header(const BlockAt& block) {
  return *reinterpret_cast<stator_arg_block*>(block.buffer.data() + block.base);
}

// A value's place; not to be kept while the buffer grows.
stator_value& value_at(const BlockAt& block, std::size_t i) {
  return reinterpret_cast<stator_value*>(block.buffer.data() + block.base +
                                         sizeof(stator_arg_block))[i];
}

Error wrong(const FieldPath& path, const std::string& what) {
  const std::string field = path.text();
  return Error(ErrorCode::kBadRequest, field, "'" + field + "' " + what);
}

}  // namespace

Error broken(const json::Reader& reader, const FieldPath& path) {
  const std::string field = path.text();
  return Error(ErrorCode::kBadRequest, field,
               "invalid JSON in '" + field + "': " + reader.error() + " at byte " +
                   std::to_string(reader.offset()));
}

Result<ArgSet> ArgSet::compile(const stator_arg* args, std::uint64_t count) {
  ArgSet set;
  set.args_ = args;
  set.count_ = count;
  set.row_sets_.resize(count);
  for (std::size_t i = 0; i < count; ++i) {
    set.names_.emplace_back(args[i].name);
    set.aliases_.emplace_back(args[i].alias == nullptr ? "" : args[i].alias);
    if ((args[i].flags & STATOR_ARG_REQUIRED) != 0) set.required_ |= std::uint64_t{1} << i;
    if ((args[i].flags & STATOR_ARG_ROUTING_KEY) != 0) set.routing_key_ = i;
    if ((args[i].flags & STATOR_ARG_CURSOR) != 0) set.cursor_ = i;
    if (args[i].type != STATOR_ARG_ROWS) continue;
    set.rows_ = i;
    STATOR_TRY(ArgSet rows, compile(args[i].fields, args[i].field_count));
    set.row_sets_[i] = std::make_unique<ArgSet>(std::move(rows));
  }
  if (set.cursor_ != kNoArg) set.stream_ = set.find(library::kStreamArg);
  bridge::AlignedBuffer buffer;
  const std::size_t fixed = sizeof(stator_arg_block) + count * sizeof(stator_value);
  const BlockAt block{buffer, buffer.extend(fixed, 64)};
  header(block) = {sizeof(stator_arg_block), 0, 0, 0, 0, static_cast<std::uint32_t>(count)};
  for (std::size_t i = 0; i < count; ++i) {
    if (args[i].default_json == nullptr) continue;
    json::Reader reader(args[i].default_json);
    const std::string field = std::string("default of ") + args[i].name;
    STATOR_CHECK(set.bind(block, i, reader, true, FieldPath(field)));
  }
  set.defaulted_ = header(block).present;
  header(block).given = 0;
  set.defaults_.assign(reinterpret_cast<const char*>(buffer.data()), buffer.size());
  return set;
}

std::size_t ArgSet::find(std::string_view name) const {
  for (std::size_t i = 0; i < count_; ++i) {
    if (names_[i] == name || (!aliases_[i].empty() && aliases_[i] == name)) return i;
  }
  return kNoArg;
}

BlockAt ArgSet::begin(bridge::AlignedBuffer& buffer) const {
  return {buffer, buffer.append(defaults_.data(), defaults_.size(), 64)};
}

Status ArgSet::bind(const BlockAt& block, std::size_t i, json::Reader& reader, bool is_strict,
                    const FieldPath& path) const {
  const stator_arg& arg = args_[i];
  if ((arg.flags & STATOR_ARG_NULLABLE) != 0 && reader.peek() == json::Kind::kNull) {
    return bind_null(block, i, reader, path);
  }
  if (arg.type == STATOR_ARG_ROWS) {
    STATOR_CHECK(bind_rows(block, i, reader, is_strict, path));
  } else {
    stator_value value{};
    STATOR_CHECK(bind_value(arg, block, value, reader, path));
    value_at(block, i) = value;
  }
  const std::uint64_t bit = std::uint64_t{1} << i;
  stator_arg_block& head = header(block);
  head.given |= bit;
  head.present |= bit;
  return ok_status();
}

// Null counts as absent: the default, if there is one, stands again.
Status ArgSet::bind_null(const BlockAt& block, std::size_t i, json::Reader& reader,
                         const FieldPath& path) const {
  if (!reader.null()) return broken(reader, path);
  const std::uint64_t bit = std::uint64_t{1} << i;
  stator_arg_block& head = header(block);
  head.given &= ~bit;
  head.present = (head.present & ~bit) | (defaulted_ & bit);
  if ((defaulted_ & bit) == 0) return ok_status();
  std::memcpy(&value_at(block, i),
              defaults_.data() + sizeof(stator_arg_block) + i * sizeof(stator_value),
              sizeof(stator_value));
  return ok_status();
}

Status ArgSet::bind_rows(const BlockAt& block, std::size_t i, json::Reader& reader, bool is_strict,
                         const FieldPath& path) const {
  const stator_arg& arg = args_[i];
  if (reader.peek() != json::Kind::kArray) {
    return wrong(path, "must be an array of objects");
  }
  std::vector<stator_slice> rows;
  for (reader.enter_array(); reader.next_element();) {
    if (rows.size() >= kRowsMax) {
      return wrong(path, "must have at most " + std::to_string(kRowsMax) + " rows");
    }
    const FieldPath at(path, rows.size());
    const std::size_t start = block.buffer.extend(0, 64);
    STATOR_CHECK(row_sets_[i]->bind_object(block.buffer, reader, is_strict, at));
    rows.push_back({static_cast<std::uint32_t>(start - block.base),
                    static_cast<std::uint32_t>(block.buffer.size() - start)});
  }
  if (reader.failed()) return broken(reader, path);
  const auto count = static_cast<double>(rows.size());
  if ((arg.min != 0 || arg.max != 0) && (count < arg.min || count > arg.max)) {
    return wrong(path, "must have " + std::to_string(static_cast<std::uint64_t>(arg.min)) + " to " +
                           std::to_string(static_cast<std::uint64_t>(arg.max)) + " rows");
  }
  const std::size_t bytes = rows.size() * sizeof(stator_slice);
  const std::size_t offset = block.buffer.extend(bytes, alignof(stator_slice));
  if (bytes != 0) std::memcpy(block.buffer.data() + offset, rows.data(), bytes);
  value_at(block, i).slice = {static_cast<std::uint32_t>(offset - block.base),
                              static_cast<std::uint32_t>(bytes)};
  return ok_status();
}

void ArgSet::put_cursor(const BlockAt& block, std::size_t bytes, ByteView text) const {
  block.buffer.shrink(block.buffer.size() - block.base - bytes);
  const std::size_t offset = block.buffer.append(text.data(), text.size(), 1);
  value_at(block, cursor_).slice = {static_cast<std::uint32_t>(offset - block.base),
                                    static_cast<std::uint32_t>(text.size())};
  stator_arg_block& head = header(block);
  head.given |= std::uint64_t{1} << cursor_;
  head.present |= std::uint64_t{1} << cursor_;
  head.bytes = static_cast<std::uint32_t>(block.buffer.size() - block.base);
}

Status ArgSet::finish(const BlockAt& block, const FieldPath& path) const {
  const std::uint64_t missing = required_ & ~header(block).given;
  if (missing != 0) return missing_field(static_cast<std::size_t>(__builtin_ctzll(missing)), path);
  header(block).bytes = static_cast<std::uint32_t>(block.buffer.size() - block.base);
  return ok_status();
}

Status ArgSet::bind_object(bridge::AlignedBuffer& buffer, json::Reader& reader, bool is_strict,
                           const FieldPath& path) const {
  if (reader.peek() != json::Kind::kObject) {
    return wrong(path, "must be an object");
  }
  const BlockAt block = begin(buffer);
  json::RawString key;
  for (reader.enter_object(); reader.next_key(key);) {
    const std::string unescaped = key.escaped ? json::unescape(key) : std::string();
    const std::string_view name = key.escaped ? std::string_view(unescaped) : key.text;
    const std::size_t i = find(name);
    if (i == kNoArg) {
      std::string_view ignored;
      if (is_strict) return unknown_field(name, path);
      if (!reader.skip(ignored)) break;
      continue;
    }
    const FieldPath at(path, names_[i]);
    const bool is_repeat = (header(block).given >> i & 1) != 0;
    if (is_strict && is_repeat) {
      return Error(ErrorCode::kBadRequest, at.text(), "the field is given twice");
    }
    STATOR_CHECK(bind(block, i, reader, is_strict, at));
  }
  if (reader.failed()) return broken(reader, path);
  return finish(block, path);
}

Error ArgSet::missing_field(std::size_t i, const FieldPath& path) const {
  const std::string field = FieldPath(path, names_[i]).text();
  return Error(ErrorCode::kBadRequest, field, "missing '" + field + "'");
}

Error ArgSet::unknown_field(std::string_view name, const FieldPath& path) const {
  std::vector<std::string> known(names_.begin(), names_.end());
  const std::string nearest = nearest_name(name, known);
  const std::string field = FieldPath(path, name.substr(0, 64)).text();
  return Error(ErrorCode::kBadRequest, field,
               "unknown field '" + field + "'" +
                   (nearest.empty() ? "" : "; did you mean '" + nearest + "'?"));
}

}  // namespace stator::ops
