// XML types as text, as their toString() in yjs: nothing is escaped there, nor here.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "codec/utf16.h"
#include "doc/store.h"

namespace stator::crdt {

class XmlView {
 public:
  explicit XmlView(const Store& store) : store_(store) {}

  // A root counts as a fragment.
  std::string text(Index type);
  // Nested deeper than kTypeDepthMax: the text is cut.
  bool is_too_deep() const { return is_too_deep_; }
  // Longer than kXmlBytesMax: the text is cut.
  bool is_too_long() const { return written_ > kXmlBytesMax; }

 private:
  struct ByUtf16 {
    bool operator()(std::string_view a, std::string_view b) const { return less_utf16(a, b); }
  };
  // Formatting in force: name and JSON text of its value.
  using Marks = std::map<std::string_view, std::string_view, ByUtf16>;

  void append_type(Index type, std::string& out);
  void append_children(const Type& type, std::string& out);
  void append_element(Index type, std::string& out);
  void append_plain(const Type& type, std::string& out);
  void append_marked(const Type& type, std::string& out);
  void append_run(const Marks& marks, std::string_view run, std::string& out);
  void set_mark(const Item& format, Marks& marks) const;
  std::string attribute_text(const Item& value);

  const Store& store_;
  int depth_ = 0;
  bool is_too_deep_ = false;
  std::size_t written_ = 0;  // bytes of runs with their marks
};

}  // namespace stator::crdt
