#include "cell.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

#include "stator/json_reader.hpp"
#include "stator/json_writer.hpp"

#include "answer.h"
#include "failure.h"

namespace stator::client {
namespace {

struct TypeName {
  CellType type;
  std::string_view name;
};
constexpr std::array kTypeNames = {
    TypeName{CellType::kString, "string"}, TypeName{CellType::kInt, "int"},
    TypeName{CellType::kFloat, "float"},   TypeName{CellType::kBool, "bool"},
    TypeName{CellType::kJson, "json"},     TypeName{CellType::kDocument, "document"},
};

Column read_column(std::string_view word, std::optional<CellType> otherwise) {
  const std::size_t colon = word.rfind(':');
  const std::string_view type = colon == word.npos ? std::string_view() : word.substr(colon + 1);
  for (const TypeName& known : kTypeNames) {
    if (colon != word.npos && known.name == type) {
      return {std::string(word.substr(0, colon)), known.type};
    }
  }
  if (otherwise && colon == word.npos) return {std::string(word), *otherwise};
  throw Failure(kExitUsage, "column '" + printable(word) +
                                "' needs a type behind a colon: string, int, float, bool or json");
}

std::vector<Column> read_columns(std::string_view words, std::optional<CellType> otherwise) {
  std::vector<Column> columns;
  for (;;) {
    const std::size_t comma = std::min(words.find(','), words.size());
    Column column = read_column(words.substr(0, comma), otherwise);
    for (const Column& other : columns) {
      if (other.name != column.name) continue;
      throw Failure(kExitUsage, "column '" + printable(column.name) + "' is given twice");
    }
    columns.push_back(std::move(column));
    if (comma == words.size()) return columns;
    words.remove_prefix(comma + 1);
  }
}

bool is_number(std::string_view text) {
  json::Reader reader(text);
  std::string_view token;
  return reader.peek() == json::Kind::kNumber && reader.number(token) &&
         token.size() == text.size();
}

bool is_integer(std::string_view text) {
  std::int64_t with_sign = 0;
  std::uint64_t without = 0;
  return is_number(text) && (json::to_integer(text, with_sign) || json::to_integer(text, without));
}

}  // namespace

Column read_column(std::string_view word) { return read_column(word, std::nullopt); }
Column read_column(std::string_view word, CellType otherwise) {
  return read_column(word, std::optional(otherwise));
}
std::vector<Column> read_columns(std::string_view words) {
  return read_columns(words, std::nullopt);
}
std::vector<Column> read_columns(std::string_view words, CellType otherwise) {
  return read_columns(words, std::optional(otherwise));
}

std::string column_text(const Column& column) {
  const auto* known = std::find_if(kTypeNames.begin(), kTypeNames.end(),
                                   [&](const TypeName& name) { return name.type == column.type; });
  return column.name + ":" + std::string(known->name);
}

bool cell_to_json(std::string_view cell, CellType type, KeyCheck& keys, std::string& json,
                  std::string& why) {
  switch (type) {
    case CellType::kString: {
      json::StringOut out;
      json::write_string(out, cell);
      json = out.take();
      return true;
    }
    case CellType::kInt:
      why = "a whole number of 64 bits";
      if (!is_integer(cell)) return false;
      break;
    case CellType::kFloat:
      why = "a number";
      if (!is_number(cell)) return false;
      break;
    case CellType::kBool:
      why = "true or false";
      if (cell != "true" && cell != "false") return false;
      break;
    case CellType::kJson:
    case CellType::kDocument: {
      json::Reader reader(cell);
      const bool is_object = reader.peek() == json::Kind::kObject;
      why = type == CellType::kJson ? "JSON" : "a JSON object";
      if ((type == CellType::kDocument && !is_object) || !keys.pass(reader) || !reader.at_end()) {
        if (!keys.duplicate().empty()) why += " without a key twice";
        return false;
      }
    }
  }
  json = cell;
  return true;
}

bool json_to_cell(std::string_view value, CellType type, std::string& cell) {
  json::Reader reader(value);
  switch (type) {
    case CellType::kString: {
      json::RawString string;
      if (reader.peek() != json::Kind::kString || !reader.string(string)) return false;
      cell = json::unescape(string);
      return cell.find('\0') == cell.npos;
    }
    case CellType::kInt:
      if (!is_integer(value)) return false;
      break;
    case CellType::kFloat:
      if (!is_number(value)) return false;
      break;
    case CellType::kBool:
      if (value != "true" && value != "false") return false;
      break;
    case CellType::kJson:
    case CellType::kDocument:
      break;
  }
  cell = value;
  return true;
}

}  // namespace stator::client
