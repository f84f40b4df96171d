#include "edit/update.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include "storage.h"

namespace stator::document {
namespace {

__extension__ using Wide = __int128;

constexpr const char* kNames[] = {"set", "unset", "inc", "push"};
constexpr std::size_t kNoElement = std::numeric_limits<std::size_t>::max();

std::size_t element_number(std::string_view segment) {
  std::size_t number = 0;
  const char* end = segment.data() + segment.size();
  const auto [ptr, status] = std::from_chars(segment.data(), end, number);
  const bool is_padded = segment.size() > 1 && segment.front() == '0';
  return status == std::errc() && ptr == end && !is_padded ? number : kNoElement;
}

int segments_of(std::string_view path) {
  return static_cast<int>(std::count(path.begin(), path.end(), '.')) + 1;
}

// Empty, and not yet open.
Node new_object(std::string_view key) {
  Node node;
  node.kind = Tag::kObject;
  node.key = key;
  return node;
}

// The child of that name, made as an empty object where it is missing; null where none can be.
Node* step_into(Node& parent, std::string_view segment, bool& is_new) {
  Tree::open(parent);
  is_new = false;
  Children* children = parent.children.get();
  if (children == nullptr) return nullptr;
  if (parent.kind == Tag::kObject) {
    if (Node* child = children->find(segment)) return child;
  } else {
    const std::size_t number = element_number(segment);
    if (Node* child = children->at(number)) return child;
    if (number != children->size()) return nullptr;
    segment = {};
  }
  is_new = true;
  return &children->add(new_object(segment));
}

bool is_whole(const Value& number) {
  return number.tag == Tag::kInteger || number.tag == Tag::kUnsigned;
}
Wide whole_of(const Value& number) {
  return number.tag == Tag::kInteger ? Wide{number.integer()} : Wide{number.bits};
}
double real_of(const Value& number) {
  return is_whole(number) ? static_cast<double>(whole_of(number)) : number.floating();
}

// Appends a + b; integers exactly, else as doubles. A sentence where there is no such number.
const char* add_numbers(const Value& a, const Value& b, std::string& out) {
  if (a.tag == Tag::kDecimal || b.tag == Tag::kDecimal) {
    return "a number too long for 64 bits cannot be added to";
  }
  if (!is_whole(a) || !is_whole(b)) {
    const double sum = real_of(a) + real_of(b);
    if (!std::isfinite(sum)) return "the sum is beyond the range of a double";
    packed::append_number(out, sum);
    return nullptr;
  }
  const Wide sum = whole_of(a) + whole_of(b);
  if (sum < Wide{std::numeric_limits<std::int64_t>::min()} ||
      sum > Wide{std::numeric_limits<std::uint64_t>::max()}) {
    return "the sum is beyond 64 bits";
  }
  if (sum > Wide{std::numeric_limits<std::int64_t>::max()}) {
    packed::append_number(out, static_cast<std::uint64_t>(sum));
  } else {
    packed::append_number(out, static_cast<std::int64_t>(sum));
  }
  return nullptr;
}

void replace(Node& node, const Value& value) {
  const std::string_view key = node.key;
  node = Tree::closed(value);
  node.key = key;
}

void merge_into(Node& target, const Value& patch) {
  if (target.kind != Tag::kObject) {
    const std::string_view key = target.key;
    target = new_object(key);
  }
  Tree::open(target);
  Children& children = *target.children;
  Members members(patch);
  std::string_view key;
  for (Value value; members.next(key, value);) {
    if (value.tag == Tag::kNull) {
      children.remove_member(key);
      continue;
    }
    Node* member = children.find(key);
    if (member == nullptr) member = &children.add(new_object(key));
    if (value.tag == Tag::kObject) {
      merge_into(*member, value);
    } else {
      replace(*member, value);
    }
  }
}

}  // namespace

Status Update::parse(const Args& args, const UpdateArgs& at, Reply& reply) {
  packed_.reserve(3);  // changes_ borrows from its strings
  Status status = parse_object(args, at.set, Kind::kSet, reply);
  for (std::size_t i = 0; status == STATOR_OK && i < args.count(at.unset); ++i) {
    changes_.push_back({Kind::kUnset, args.str_at(at.unset, i), {}});
  }
  if (status == STATOR_OK) status = parse_object(args, at.inc, Kind::kInc, reply);
  if (status == STATOR_OK) status = parse_object(args, at.push, Kind::kPush, reply);
  if (status != STATOR_OK) return status;
  if (changes_.empty()) {
    return reply.fail(STATOR_E_BAD_REQUEST, "set", "nothing to do: give set, unset, inc or push");
  }
  if (changes_.size() > kUpdatePathsMax) {
    return reply.fail(STATOR_E_BAD_REQUEST, "set", "an update has at most 256 paths");
  }
  for (const Change& change : changes_) {
    if (!is_valid_path(change.path)) {
      return refuse(STATOR_E_BAD_REQUEST, change, "is no path: 1 to 512 bytes, no empty segment",
                    reply);
    }
    if (change.kind == Kind::kInc && !change.value.is_number()) {
      return refuse(STATOR_E_BAD_REQUEST, change, "must be a number", reply);
    }
    const int added = change.kind == Kind::kPush ? 1 : 0;
    if (segments_of(change.path) + added + depth_of(change.value) > json::kDepthMax) {
      return refuse(STATOR_E_BAD_REQUEST, change, "would be nested deeper than 128", reply);
    }
  }
  return STATOR_OK;
}

Status Update::parse_object(const Args& args, std::size_t index, Kind kind, Reply& reply) {
  if (!args.has(index)) return STATOR_OK;
  const char* name = kNames[static_cast<std::size_t>(kind)];
  Encoder encoder;
  std::string& packed = packed_.emplace_back();
  if (!encoder.encode(args.str(index), packed)) {
    return reply.fail(STATOR_E_REJECTED_PREVALIDATION, name, encoder.error());
  }
  Members members(read_value(packed));
  std::string_view path;
  for (Value value; members.next(path, value);) changes_.push_back({kind, path, value});
  return STATOR_OK;
}

Status Update::refuse(Status code, const Change& change, std::string_view what,
                      Reply& reply) const {
  constexpr std::size_t kPathShown = 120;
  const char* name = kNames[static_cast<std::size_t>(change.kind)];
  std::string sentence = "'" + std::string(name) + "' at '";
  sentence.append(change.path.substr(0, kPathShown)).append("': ").append(what);
  return reply.fail(code, name, sentence);
}

Status Update::apply(const Value& document, std::string& out, Reply& reply,
                     std::string_view document_id) const {
  Tree tree(document);
  for (const Change& change : changes_) {
    if (const Fault fault = apply_change(tree, change); fault.sentence != nullptr) {
      return refuse(STATOR_E_REJECTED_PREVALIDATION, change, fault.sentence + naming(document_id),
                    reply);
    }
  }
  const std::size_t before = out.size();
  tree.write(out);
  if (out.size() - before > std::max(kUpdatedBytesMax, document.bytes.size())) {
    return reply.fail(STATOR_E_REJECTED_PREVALIDATION, nullptr,
                      "the document would exceed 8 MiB" + naming(document_id));
  }
  return STATOR_OK;
}

Update::Fault Update::apply_change(Tree& tree, const Change& change) {
  if (change.kind != Kind::kUnset) return put_value(tree, change);
  remove(tree, change.path);
  return {};
}

Update::Fault Update::put_value(Tree& tree, const Change& change) {
  Node* node = &tree.root();
  bool is_new = false;
  std::string_view rest = change.path;
  for (bool is_last = false; !is_last;) {
    const std::size_t dot = rest.find('.');
    is_last = dot == std::string_view::npos;
    node = step_into(*node, rest.substr(0, dot), is_new);
    if (node == nullptr) return {"there is no object, and no such element, on the way"};
    rest.remove_prefix(is_last ? rest.size() : dot + 1);
  }
  if (change.kind == Kind::kSet || (change.kind == Kind::kInc && is_new)) {
    replace(*node, change.value);
    return {};
  }
  if (change.kind == Kind::kInc) {
    if (node->children != nullptr) return {"the value there is no number"};
    const Value old = read_value(node->packed);
    if (!old.is_number()) return {"the value there is no number"};
    std::string sum;
    if (const char* sentence = add_numbers(old, change.value, sum)) return {sentence};
    replace(*node, read_value(tree.keep(std::move(sum))));
    return {};
  }
  if (is_new) node->kind = Tag::kArray;
  if (node->kind != Tag::kArray) return {"the value there is no array"};
  Tree::open(*node);
  node->children->add(Tree::closed(change.value));
  return {};
}

void Update::remove(Tree& tree, std::string_view path) {
  Node* parent = &tree.root();
  while (true) {
    Tree::open(*parent);
    Children* children = parent->children.get();
    if (children == nullptr) return;
    const std::size_t dot = path.find('.');
    const std::string_view segment = path.substr(0, dot);
    const bool is_object = parent->kind == Tag::kObject;
    if (dot == std::string_view::npos) {
      return is_object ? children->remove_member(segment)
                       : children->remove_element(element_number(segment));
    }
    parent = is_object ? children->find(segment) : children->at(element_number(segment));
    if (parent == nullptr) return;
    path.remove_prefix(dot + 1);
  }
}

void merge_patch(const Value& target, const Value& patch, std::string& out) {
  Tree tree(target);
  merge_into(tree.root(), patch);
  tree.write(out);
}

}  // namespace stator::document
