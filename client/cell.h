// Cells of CSV as JSON values. A column has a type; nothing is guessed from what a cell looks like.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "json_check.h"

namespace stator::client {

enum class CellType { kString, kInt, kFloat, kBool, kJson, kDocument };  // kDocument: all of it

struct Column {
  std::string name;
  CellType type = CellType::kString;
};

// "name:type"; what is behind the last colon is a type, or with `otherwise` there may be none.
// Throws Failure (usage) that names the word.
Column read_column(std::string_view word);
Column read_column(std::string_view word, CellType otherwise);
// "name:type,name:type"
std::vector<Column> read_columns(std::string_view words);
std::vector<Column> read_columns(std::string_view words, CellType otherwise);
// "name:type"
std::string column_text(const Column& column);

// The JSON value of a cell. False: the cell is none of that type, `why` says what it must be.
bool cell_to_json(std::string_view cell, CellType type, KeyCheck& keys, std::string& json,
                  std::string& why);
// The text of a cell that reads back as the same value. False: `value` is not of that type, or (a
// string with NUL) has no such text.
bool json_to_cell(std::string_view value, CellType type, std::string& cell);

}  // namespace stator::client
