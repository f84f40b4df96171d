// An answer's payload as a table, for a terminal.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "json_value.h"

namespace stator::client {

// Columns as wide as their widest cell; a cell over the limit is cut and ends in "…".
class TextTable {
 public:
  static constexpr std::size_t kNoLimit = ~std::size_t{0};

  explicit TextTable(std::vector<std::string> header, std::size_t cell_width_max = kNoLimit)
      : header_(std::move(header)), cell_width_max_(cell_width_max) {}
  void add_row(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  // Lines, each with its newline. Without a header (all names empty) only the rows.
  std::string text() const;

 private:
  std::vector<std::string> header_;
  std::size_t cell_width_max_;
  std::vector<std::vector<std::string>> rows_;
};

// Cells are cut at 60 characters. Objects in an array become rows; one object becomes name and
// value; an object with one array of objects becomes that table, with its other members below; all
// else is text. `payload` is JSON.
std::string payload_table(std::string_view payload);

}  // namespace stator::client
