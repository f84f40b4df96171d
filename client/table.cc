#include "table.h"

#include <algorithm>
#include <functional>

#include "answer.h"

namespace stator::client {
namespace {

constexpr std::size_t kCellWidthMax = 60;

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

// Characters (code points), which is near enough to columns.
std::size_t width(std::string_view text) {
  return text.size() -
         static_cast<std::size_t>(std::count_if(text.begin(), text.end(), is_continuation));
}

std::string cut(std::string_view text, std::size_t width_max) {
  if (width(text) <= width_max) return std::string(text);
  std::size_t kept = 0;
  std::size_t at = 0;
  for (; at < text.size() && kept < width_max - 1; ++kept) {
    for (++at; at < text.size() && is_continuation(text[at]);) ++at;
  }
  return std::string(text.substr(0, at)) + "\xE2\x80\xA6";
}

std::string cell(const JsonValue& value) {
  return printable(value.is(json::Kind::kString) ? value.text : to_json(value));
}

bool is_table(const JsonValue& value) {
  return value.is(json::Kind::kArray) && !value.items.empty() &&
         std::all_of(value.items.begin(), value.items.end(),
                     [](const JsonValue& item) { return item.is(json::Kind::kObject); });
}

std::string count_line(std::size_t count) {
  return "(" + std::to_string(count) + (count == 1 ? " row)\n" : " rows)\n");
}

std::string rows_table(const JsonValue& rows) {
  std::vector<std::string> names;
  for (const JsonValue& row : rows.items) {
    for (const auto& [name, member] : row.members) {
      if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    }
  }
  std::vector<std::string> header;
  std::transform(names.begin(), names.end(), std::back_inserter(header), printable);
  TextTable table(header, kCellWidthMax);
  for (const JsonValue& row : rows.items) {
    std::vector<std::string> cells;
    for (const std::string& name : names) {
      const auto it = std::find_if(row.members.begin(), row.members.end(),
                                   [&](const auto& member) { return member.name == name; });
      cells.push_back(it == row.members.end() ? "" : cell(it->value));
    }
    table.add_row(std::move(cells));
  }
  return table.text() + count_line(rows.items.size());
}

std::string members_table(const JsonValue& object, const JsonValue* left_out) {
  TextTable table({"", ""}, kCellWidthMax);
  for (const auto& [name, member] : object.members) {
    if (&member != left_out) table.add_row({printable(name), cell(member)});
  }
  return table.text();
}

}  // namespace

std::string TextTable::text() const {
  std::vector<std::size_t> widths(header_.size());
  const auto widen = [&](const std::vector<std::string>& cells) {
    for (std::size_t i = 0; i < cells.size(); ++i)
      widths[i] = std::max(widths[i], width(cut(cells[i], cell_width_max_)));
  };
  widen(header_);
  for (const auto& row : rows_) widen(row);
  std::string out;
  const auto write = [&](const std::vector<std::string>& cells) {
    for (std::size_t i = 0; i < cells.size(); ++i) {
      const std::string text = cut(cells[i], cell_width_max_);
      out += text;
      if (i + 1 < cells.size()) out.append(widths[i] - width(text) + 2, ' ');
    }
    while (out.ends_with(' ')) out.pop_back();  // empty cells at the end of the line
    out += '\n';
  };
  const bool has_header =
      std::any_of(header_.begin(), header_.end(), std::not_fn(&std::string::empty));
  if (has_header) {
    write(header_);
    std::vector<std::string> rule;
    rule.reserve(widths.size());
    for (const std::size_t columns : widths) rule.emplace_back(columns, '-');
    write(rule);
  }
  for (const auto& row : rows_) write(row);
  return out;
}

std::string payload_table(std::string_view payload) {
  JsonValue value;
  if (payload.empty() || payload == "null") return "ok\n";
  if (!parse_json(payload, value)) return printable(payload) + "\n";
  if (is_table(value)) return rows_table(value);
  if (value.is(json::Kind::kArray)) {
    std::string out;
    for (const JsonValue& item : value.items) out += cell(item) + "\n";
    return out + count_line(value.items.size());
  }
  if (!value.is(json::Kind::kObject)) return cell(value) + "\n";
  const JsonValue* rows = nullptr;
  for (const auto& [name, member] : value.members) {
    if (!is_table(member)) continue;
    if (rows != nullptr) return members_table(value, nullptr);
    rows = &member;
  }
  return rows == nullptr ? members_table(value, nullptr)
                         : rows_table(*rows) + members_table(value, rows);
}

}  // namespace stator::client
