// A document while it is changed. Parts that nobody touches stay packed bytes and are copied as
// they are, so a change of one field costs its path and one copy.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "packed_json.h"

namespace stator::document {

class Children;

// One value. Borrows packed bytes and keys: of the stored document, of the request, or of the Tree.
struct Node {
  Node();
  Node(Node&&) noexcept;
  Node& operator=(Node&&) noexcept;
  ~Node();

  Tag kind = Tag::kNull;
  bool is_gone = false;                // its parent no longer has it
  std::string_view packed;             // the whole value, where there are no children
  std::string_view key;                // as a member of an object
  std::unique_ptr<Children> children;  // of an object or array that is open
};

// The members of an object, or the elements of an array. However many there are and whatever number
// of them is asked for, taken out and added, all of it costs about as much as looking at each once:
// after a few searches there is a table of the keys, and what is taken out stays in its place.
// Sorted, not hashed: nobody can choose keys that make it slow.
class Children {
 public:
  // Of an object; null where there is none.
  Node* find(std::string_view key);
  // Of an array; null behind the last.
  Node* at(std::size_t number);
  // Elements of an array.
  std::size_t size() const { return nodes_.size() - gone_.size(); }
  Node& add(Node node);
  void remove_member(std::string_view key);
  void remove_element(std::size_t number);
  // Also those that are gone.
  const std::vector<Node>& nodes() const { return nodes_; }

 private:
  std::size_t place_of(std::size_t number) const;
  Node* find_in_table(std::string_view key);
  void make_table();

  std::vector<Node> nodes_;
  std::vector<std::size_t> gone_;  // elements that were taken out, ascending
  std::size_t searches_ = 0;
  bool has_table_ = false;
  std::vector<std::pair<std::string_view, std::size_t>> table_;  // key and place, by key
  std::map<std::string_view, std::size_t> added_;                // since it was made
};

class Tree {
 public:
  explicit Tree(const Value& root) : root_(closed(root)) {}

  Node& root() { return root_; }
  static Node closed(const Value& value);
  // Makes the children of an object or array; of another value none.
  static void open(Node& node);
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
