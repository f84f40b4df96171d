#include "edit/tree.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <utility>

namespace stator::document {

namespace {

constexpr std::size_t kFewSearches = 8;

}  // namespace

Node::Node() = default;
Node::Node(Node&&) noexcept = default;
Node& Node::operator=(Node&&) noexcept = default;
Node::~Node() = default;

Node* Children::find(std::string_view key) {
  if (!has_table_ && ++searches_ > kFewSearches) make_table();
  if (has_table_) return find_in_table(key);
  const auto found = std::find_if(nodes_.begin(), nodes_.end(), [&](const Node& node) {
    return node.key == key && !node.is_gone;
  });
  return found == nodes_.end() ? nullptr : &*found;
}

Node* Children::find_in_table(std::string_view key) {
  const auto added = added_.find(key);
  if (added != added_.end()) return &nodes_[added->second];
  const auto found = std::lower_bound(table_.begin(), table_.end(), std::pair(key, std::size_t{0}));
  if (found == table_.end() || found->first != key) return nullptr;
  Node& node = nodes_[found->second];
  return node.is_gone ? nullptr : &node;
}

void Children::make_table() {
  has_table_ = true;
  table_.reserve(nodes_.size());
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    if (!nodes_[i].is_gone) table_.emplace_back(nodes_[i].key, i);
  }
  std::sort(table_.begin(), table_.end());
}

Node& Children::add(Node node) {
  if (has_table_) added_.emplace(node.key, nodes_.size());
  return nodes_.emplace_back(std::move(node));
}

void Children::remove_member(std::string_view key) {
  Node* node = find(key);
  if (node == nullptr) return;
  node->is_gone = true;
  added_.erase(key);
}

// Those before it that are gone move it on.
std::size_t Children::place_of(std::size_t number) const {
  for (const std::size_t gone : gone_) {
    if (gone > number) break;
    ++number;
  }
  return number;
}

Node* Children::at(std::size_t number) {
  return number < size() ? &nodes_[place_of(number)] : nullptr;
}

void Children::remove_element(std::size_t number) {
  if (number >= size()) return;
  const std::size_t place = place_of(number);
  nodes_[place].is_gone = true;
  gone_.insert(std::upper_bound(gone_.begin(), gone_.end(), place), place);
}

Node Tree::closed(const Value& value) {
  Node node;
  node.kind = value.tag;
  node.packed = value.bytes;
  return node;
}

void Tree::open(Node& node) {
  const bool is_container = node.kind == Tag::kObject || node.kind == Tag::kArray;
  if (!is_container || node.children != nullptr) return;
  node.children = std::make_unique<Children>();
  if (node.packed.empty()) return;
  const Value value = read_value(node.packed);
  if (node.kind == Tag::kObject) {
    Members members(value);
    std::string_view key;
    for (Value member; members.next(key, member);) {
      Node child = closed(member);
      child.key = key;
      node.children->add(std::move(child));
    }
  } else {
    Elements elements(value);
    for (Value element; elements.next(element);) node.children->add(closed(element));
  }
}

void Tree::write_node(const Node& node, std::string& out) {
  if (node.children == nullptr) {
    out.append(node.packed);
    return;
  }
  out.push_back(static_cast<char>(node.kind));
  const std::size_t at = out.size();
  out.append(sizeof(std::uint32_t), '\0');
  for (const Node& child : node.children->nodes()) {
    if (child.is_gone) continue;
    if (node.kind == Tag::kObject) packed::append_sized(out, child.key);
    write_node(child, out);
  }
  const auto size = static_cast<std::uint32_t>(out.size() - at - sizeof(std::uint32_t));
  std::memcpy(out.data() + at, &size, sizeof size);
}

int depth_of(const Value& value) {
  int deepest = 0;
  if (value.tag == Tag::kArray) {
    Elements elements(value);
    for (Value element; elements.next(element);) deepest = std::max(deepest, depth_of(element));
  } else if (value.tag == Tag::kObject) {
    Members members(value);
    std::string_view key;
    for (Value member; members.next(key, member);) deepest = std::max(deepest, depth_of(member));
  } else {
    return 0;
  }
  return deepest + 1;
}

}  // namespace stator::document
