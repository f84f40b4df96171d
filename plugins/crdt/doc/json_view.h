// The JSON value of a document, as the Y.Doc.toJSON() of a client that knows its types.
//
// A root's type is not in the format. It is inferred from what the root holds (see README.md,
// "Roots"): text and marks make a Y.Text, other values a Y.Array, XML types alone a Y.XmlFragment,
// keys alone a Y.Map; a root that is empty is what it was before, or null.
#pragma once

#include <cstdint>
#include <functional>

#include "stator/json_writer.hpp"

#include "doc/store.h"

namespace stator::crdt {

enum class ViewResult : std::uint8_t { kDone, kTooDeep, kTooLong, kStopped };

class XmlView;

class JsonView {
 public:
  // `should_stop` is asked now and then; it may be empty.
  JsonView(const Store& store, std::function<bool()> should_stop)
      : store_(store), should_stop_(std::move(should_stop)) {}

  // One object: root name -> value. What was written is of no use unless kDone.
  ViewResult write(json::Writer& out);

 private:
  bool enter();
  void note_limits(const XmlView& xml);
  void write_type(Index type, json::Writer& out);
  void write_root(Index root, json::Writer& out);
  void write_array(const Type& type, json::Writer& out);
  void write_map(Index type, json::Writer& out);
  void write_text(const Type& type, json::Writer& out);
  void write_values(const Item& item, json::Writer& out);
  void write_last_value(const Item& item, json::Writer& out);
  void write_single(const Item& item, json::Writer& out);
  std::uint8_t live_content(const Type& root) const;
  bool has_live_key(Index type) const;

  const Store& store_;
  std::function<bool()> should_stop_;
  ViewResult result_ = ViewResult::kDone;
  int depth_ = 0;
  std::uint32_t steps_ = 0;
};

}  // namespace stator::crdt
