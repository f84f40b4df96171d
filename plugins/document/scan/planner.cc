#include "scan/planner.h"

#include <algorithm>
#include <optional>
#include <string>

#include "stator/filter/program.hpp"

#include "index/index_key.h"

namespace stator::document {
namespace {

using filter::Node;
using filter::Nodes;
using filter::Op;

// One thing that every selected document fulfils: a test of the value at a path, or (without a
// path) any node.
struct Term {
  std::string_view path;
  Node node;
};

void collect(const Node& node, std::string_view path, std::vector<Term>& terms) {
  if (node.op == Op::kAnd) {
    Node child;
    for (Nodes nodes(node.body); nodes.next(child);) collect(child, path, terms);
  } else if (node.op == Op::kAt && path.empty()) {
    const filter::At at = filter::read_at(node);
    collect(at.test, at.path, terms);
  } else {
    terms.push_back({path, node});
  }
}

std::vector<Term> terms_of(std::string_view program) {
  std::vector<Term> terms;
  collect(filter::root_of(program), {}, terms);
  return terms;
}

bool is_same(const Term& a, const Term& b) {
  return a.path == b.path && a.node.op == b.node.op && a.node.body == b.node.body;
}

// Whether the index holds every document that the filter selects.
bool holds_all(const IndexDefinition& index, const std::vector<Term>& terms) {
  for (const Term& wanted : terms_of(index.program)) {
    const auto is_wanted = [&](const Term& term) { return is_same(term, wanted); };
    if (std::none_of(terms.begin(), terms.end(), is_wanted)) return false;
  }
  return true;
}

// What a pattern begins with before its first '%', '_' or '\'.
std::string_view literal_of(std::string_view pattern) {
  return pattern.substr(0, pattern.find_first_of("%_\\"));
}

// The one value that an element must equal, of {"any": {"eq": value}}.
std::optional<Value> only_element(const Node& any) {
  std::vector<Term> terms;
  Node test;
  if (!Nodes(any.body).next(test)) return std::nullopt;
  collect(test, {}, terms);
  for (const Term& term : terms) {
    if (term.path.empty() && term.node.op == Op::kEq) return term.node.operand();
  }
  return std::nullopt;
}

// Binds the paths of one index, from the first on.
class Binder {
 public:
  Binder(const IndexDefinition& index, const std::vector<Term>& terms)
      : index_(index), terms_(terms) {
    access_.index = &index;
  }

  Access bind() {
    if (index_.kind == IndexKind::kArray) return bind_element();
    std::string prefix = index_prefix(index_);
    for (const std::string& path : index_.paths) {
      const auto value = equal_to(path);
      if (!value) {
        bind_next(path, prefix);
        break;
      }
      const IndexValue coded = encode_for(index_, *value);
      prefix += coded.bytes;
      ++access_.equal_paths;
      // Behind a cut value stands the id.
      access_.is_by_id = coded.is_cut || access_.equal_paths == index_.paths.size();
      if (coded.is_cut) break;
    }
    if (access_.ranges.empty()) access_.ranges.push_back({prefix, successor(prefix)});
    return std::move(access_);
  }

 private:
  const Node* find(std::string_view path, Op op) const {
    for (const Term& term : terms_) {
      if (term.path == path && term.node.op == op) return &term.node;
    }
    return nullptr;
  }
  Access bind_element() {
    const std::string& path = index_.paths.front();
    std::optional<Value> element;
    if (const Node* any = find(path, Op::kAny)) element = only_element(*any);
    if (const Node* contains = find(path, Op::kContains); !element && contains != nullptr) {
      element = contains->operand();
      if (element->tag == Tag::kString) {
        const std::string texts = index_text_prefix(index_);
        access_.ranges.push_back({texts, successor(texts)});
      }
    }
    if (!element) return {};
    const std::string key = index_prefix(index_) + encode_for(index_, *element).bytes;
    access_.ranges.push_back({key, successor(key)});
    access_.equal_paths = 1;
    access_.is_by_id = access_.ranges.size() == 1;
    return std::move(access_);
  }
  std::optional<Value> equal_to(std::string_view path) const {
    if (const Node* node = find(path, Op::kEq)) return node->operand();
    return std::nullopt;
  }
  void bind_next(std::string_view path, const std::string& prefix) {
    access_.is_bounded =
        bind_list(path, prefix) || bind_text(path, prefix) || bind_range(path, prefix);
  }

  bool bind_list(std::string_view path, const std::string& prefix) {
    const Node* node = find(path, Op::kIn);
    if (node == nullptr) return false;
    const filter::List list(*node);
    if (list.size() == 0 || list.size() > kPlanRangesMax) return false;
    std::vector<std::string> keys;
    for (std::uint32_t i = 0; i < list.size(); ++i) {
      keys.push_back(prefix + encode_for(index_, list[i]).bytes);
    }
    // Equal values, and values that are cut alike or differ by case, are one stretch.
    std::sort(keys.begin(), keys.end());
    keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
    for (const std::string& key : keys) access_.ranges.push_back({key, successor(key)});
    return true;
  }

  bool bind_text(std::string_view path, const std::string& prefix) {
    std::string_view text;
    if (const Node* starts = find(path, Op::kPrefix)) text = starts->operand().content;
    if (const Node* like = find(path, Op::kLike); text.empty() && like != nullptr) {
      text = literal_of(like->operand().content);
    }
    const bool has_no_case = index_.collation == Collation::kNoCase;
    if (const Node* ilike = find(path, Op::kIlike);
        text.empty() && has_no_case && ilike != nullptr) {
      text = literal_of(ilike->operand().content);
    }
    if (text.empty()) return false;
    const std::string key = prefix + encode_index_prefix(text, index_);
    access_.ranges.push_back({key, successor(key)});
    return true;
  }

  bool bind_range(std::string_view path, const std::string& prefix) {
    if (index_.collation == Collation::kNoCase) return false;
    const Node* lower = find(path, Op::kGte);
    if (lower == nullptr) lower = find(path, Op::kGt);
    const Node* upper = find(path, Op::kLte);
    if (upper == nullptr) upper = find(path, Op::kLt);
    if (lower == nullptr && upper == nullptr) return false;
    const TypeBytes type = type_bytes((lower != nullptr ? lower : upper)->operand());
    KeyRange range{prefix + type.begin, prefix + type.end};
    // Inclusive on both sides: the filter drops what is too much.
    if (lower != nullptr) range.lower = prefix + encode_for(index_, lower->operand()).bytes;
    if (upper != nullptr) {
      range.upper = successor(prefix + encode_for(index_, upper->operand()).bytes);
    }
    access_.ranges.push_back(std::move(range));
    return true;
  }

  const IndexDefinition& index_;
  const std::vector<Term>& terms_;
  Access access_;
};

std::size_t weight_of(const Access& access) {
  return access.equal_paths * 2 + (access.is_bounded ? 1 : 0);
}

// A test that a missing value fails.
bool needs_value(const Node& node) {
  switch (node.op) {
    case Op::kExists:
      return node.flag();
    case Op::kIsNull:
      return !node.flag();
    case Op::kNot:
    case Op::kOr:
      return false;
    default:
      return true;
  }
}

}  // namespace

Access plan_access(const IndexDefinitions& indexes, std::string_view program) {
  const std::vector<Term> terms = terms_of(program);
  Access best;
  for (const IndexDefinition& index : indexes) {
    if (!index.is_ready() || !holds_all(index, terms)) continue;
    Access access = Binder(index, terms).bind();
    if (weight_of(access) > weight_of(best)) best = std::move(access);
  }
  return best;
}

bool requires_path(std::string_view program, std::string_view path) {
  const std::vector<Term> terms = terms_of(program);
  return std::any_of(terms.begin(), terms.end(),
                     [&](const Term& term) { return term.path == path && needs_value(term.node); });
}

}  // namespace stator::document
