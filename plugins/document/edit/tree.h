// A document while it is changed. Parts that nobody touches stay packed bytes and are copied as
// they are, so a change of one field costs its path and one copy.
#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "packed_json.h"

namespace stator::document {

// One value. Borrows packed bytes and keys: of the stored document, of the request, or of the Tree.
struct Node {
  Tag kind = Tag::kNull;
  bool is_open = false;     // children count; else packed
  bool is_gone = false;     // while a patch is merged: to be taken out
  std::string_view packed;  // the whole value
  std::string_view key;     // as a member of an object
  std::vector<Node> children;
};

class Tree {
 public:
  explicit Tree(const Value& root) : root_(closed(root)) {}

  Node& root() { return root_; }
  static Node closed(const Value& value);
  // Makes the children of an object or array; of another value none.
  static void open(Node& node);
  static Node* find_member(Node& object, std::string_view key);
  // Bytes that live as long as the tree.
  std::string_view keep(std::string bytes) { return kept_.emplace_back(std::move(bytes)); }
  // Appends the packed form.
  void write(std::string& out) const { write_node(root_, out); }

 private:
  static void write_node(const Node& node, std::string& out);

  Node root_;
  std::deque<std::string> kept_;
};

// How many containers stand in one another: 0 for a scalar, 1 for [].
int depth_of(const Value& value);

}  // namespace stator::document
