#include "edit/tree.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace stator::document {

Node Tree::closed(const Value& value) {
  Node node;
  node.kind = value.tag;
  node.packed = value.bytes;
  return node;
}

void Tree::open(Node& node) {
  if (node.is_open) return;
  node.is_open = true;
  const Value value = read_value(node.packed);
  if (node.kind == Tag::kObject) {
    Members members(value);
    std::string_view key;
    for (Value member; members.next(key, member);) {
      node.children.push_back(closed(member));
      node.children.back().key = key;
    }
  } else if (node.kind == Tag::kArray) {
    Elements elements(value);
    for (Value element; elements.next(element);) node.children.push_back(closed(element));
  }
}

Node* Tree::find_member(Node& object, std::string_view key) {
  for (Node& child : object.children) {
    if (child.key == key) return &child;
  }
  return nullptr;
}

void Tree::write_node(const Node& node, std::string& out) {
  if (!node.is_open || (node.kind != Tag::kObject && node.kind != Tag::kArray)) {
    out.append(node.packed);
    return;
  }
  out.push_back(static_cast<char>(node.kind));
  const std::size_t at = out.size();
  out.append(sizeof(std::uint32_t), '\0');
  for (const Node& child : node.children) {
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
