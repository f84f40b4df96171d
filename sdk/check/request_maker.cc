#include "request_maker.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "stator/json_reader.hpp"
#include "stator/json_writer.hpp"

namespace stator::check {
namespace {

constexpr std::string_view kShared[] = {"op",          "collection", "id",
                                        "deadline_ms", "priority",   "trace_id"};

// What a number or a length may be at most, where the row says nothing or much.
double upper(const stator_arg& arg, double otherwise) {
  const bool is_bounded = arg.min != 0 || arg.max != 0;
  return is_bounded ? std::min(arg.max, std::max(arg.min, otherwise)) : otherwise;
}

}  // namespace

std::string example_arguments(const stator_op& op) {
  json::Reader reader(op.example == nullptr ? "{}" : op.example);
  json::RawString key;
  json::StringOut out;
  json::Writer writer(out);
  writer.begin_object();
  for (reader.enter_object(); reader.next_key(key);) {
    std::string_view raw;
    if (!reader.skip(raw)) break;
    const std::string name = json::unescape(key);
    if (std::find(std::begin(kShared), std::end(kShared), name) == std::end(kShared))
      writer.key(name).raw(raw);
  }
  writer.end_object();
  return out.take();
}

std::vector<Made> RequestMaker::make(const std::vector<const stator_op*>& ops, std::size_t count) {
  std::vector<Made> made;
  const auto add = [&](const stator_op& op, std::string args_json) {
    const bool is_write = op.op_class == STATOR_OP_WRITE;
    made.push_back(
        {op.name, std::move(args_json), is_write, is_write && op.permission == STATOR_PERM_WRITE});
  };
  for (const stator_op* op : ops) add(*op, example_arguments(*op));
  for (std::size_t i = 0; i < count; ++i) {
    const stator_op& op = *ops[below(ops.size())];
    add(op, arguments(op.args, op.arg_count));
  }
  return made;
}

std::string RequestMaker::arguments(const stator_arg* args, std::uint64_t count) {
  std::string object = "{";
  for (std::uint64_t i = 0; i < count; ++i) {
    if ((args[i].flags & STATOR_ARG_REQUIRED) == 0 && below(2) == 0) continue;
    object.append(object.size() == 1 ? "\"" : ",\"")
        .append(args[i].name)
        .append("\":")
        .append(value(args[i]));
  }
  return object + "}";
}

std::string RequestMaker::value(const stator_arg& arg) {
  switch (arg.type) {
    case STATOR_ARG_I64:
    case STATOR_ARG_U64:
    case STATOR_ARG_F64:
      return number(arg);
    case STATOR_ARG_BOOL:
      return below(2) == 0 ? "false" : "true";
    case STATOR_ARG_ENUM:
      return "\"" + std::string(arg.choices[below(arg.choice_count)]) + "\"";
    case STATOR_ARG_BYTES:
      return arg.max != 0 && arg.max < 3 ? "\"\"" : R"("AAEC")";
    case STATOR_ARG_F32VEC:
    case STATOR_ARG_STRVEC:
    case STATOR_ARG_ROWS:
      return list(arg);
    case STATOR_ARG_JSON:
      return json(arg);
    default:
      return text(arg);
  }
}

std::string RequestMaker::number(const stator_arg& arg) {
  const double most = upper(arg, 20);
  const auto steps = static_cast<std::uint64_t>(std::max(0.0, std::min(20.0, most - arg.min)));
  return std::to_string(static_cast<std::int64_t>(arg.min) +
                        static_cast<std::int64_t>(below(steps + 1)));
}

std::string RequestMaker::text(const stator_arg& arg) {
  std::string word(1, static_cast<char>('a' + below(std::min<std::uint64_t>(names_, 4))));
  if (names_ > 4) word += std::to_string(below(names_ / 4));
  if (arg.max > 0 && static_cast<double>(word.size()) > arg.max) word.resize(1);
  while (static_cast<double>(word.size()) < arg.min) word += 'x';
  return "\"" + word + "\"";
}

std::string RequestMaker::list(const stator_arg& arg) {
  const auto least = static_cast<std::uint64_t>(arg.min);
  // Vectors of one length, since most engines want that.
  const std::uint64_t size =
      std::max<std::uint64_t>(least, arg.type == STATOR_ARG_F32VEC ? 3 : 1 + below(3));
  std::string items;
  for (std::uint64_t i = 0; i < std::min(size, static_cast<std::uint64_t>(upper(arg, 64))); ++i) {
    if (i != 0) items += ',';
    if (arg.type == STATOR_ARG_ROWS) {
      items += arguments(arg.fields, arg.field_count);
    } else if (arg.type == STATOR_ARG_F32VEC) {
      items += std::to_string(below(5));
    } else {
      items.append("\"").append(1, static_cast<char>('a' + below(4))).append("\"");
    }
  }
  return "[" + items + "]";
}

std::string RequestMaker::json(const stator_arg& arg) {
  const std::string one = std::to_string(below(5));
  if ((arg.flags & STATOR_ARG_JSON_ARRAY) != 0 && (arg.flags & STATOR_ARG_JSON_OBJECT) == 0)
    return "[" + one + "]";
  if (arg.flags == STATOR_ARG_JSON_SCALAR) return one;
  return R"({"n":)" + one + R"(,"s":"x"})";
}

}  // namespace stator::check
