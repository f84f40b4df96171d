// Changes of single fields: what point_update and document_update_many do to a document.
//
// In this order, each in the order of the request: set, unset, inc, push. Paths as in
// packed/path.hpp. On the way to a path that set, inc or push name, missing members become objects;
// an array takes an existing element or the one behind its last. Nothing is changed unless all can
// be done.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "stator/engine.hpp"

#include "edit/tree.h"
#include "packed_json.h"

namespace stator::document {

inline constexpr std::size_t kUpdatePathsMax = 256;  // of one request, all kinds together
// A document that grows beyond this by an update is refused; larger ones may still shrink.
inline constexpr std::size_t kUpdatedBytesMax = 8 * 1024 * 1024;

// Where the arguments of an update stand among those of the op.
struct UpdateArgs {
  std::size_t set;
  std::size_t unset;
  std::size_t inc;
  std::size_t push;
};

class Update {
 public:
  // STATOR_OK, or a refusal that names the argument and the path.
  Status parse(const Args& args, const UpdateArgs& at, Reply& reply);
  // Appends the changed document's packed form to `out`. STATOR_E_REJECTED_PREVALIDATION, with a
  // sentence that names the path (and the document, if its id is given), where a change does not
  // fit the document.
  Status apply(const Value& document, std::string& out, Reply& reply,
               std::string_view document_id = {}) const;

 private:
  enum class Kind : std::uint8_t { kSet, kUnset, kInc, kPush };
  struct Change {
    Kind kind;
    std::string_view path;
    Value value;  // of unset nothing
  };
  struct Fault {
    const char* sentence = nullptr;
  };

  Status parse_object(const Args& args, std::size_t index, Kind kind, Reply& reply);
  Status refuse(Status code, const Change& change, std::string_view what, Reply& reply) const;
  static Fault apply_change(Tree& tree, const Change& change);
  static Fault put_value(Tree& tree, const Change& change);
  static void remove(Tree& tree, std::string_view path);

  std::vector<std::string> packed_;  // of set, inc and push; the changes borrow from it
  std::vector<Change> changes_;
};

// RFC 7396: members of the patch replace, null removes, objects are merged. Both are objects.
// Appends the packed form.
void merge_patch(const Value& target, const Value& patch, std::string& out);

}  // namespace stator::document
