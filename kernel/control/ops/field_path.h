// Where in a request a field stands: `rows[3].vector`. A chain on the stack; its text is made only
// when an error needs it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace stator::ops {

class FieldPath {
 public:
  // The request itself.
  FieldPath() = default;
  // A field of it, of the object at `parent`, an element of the array at `parent`. What is given
  // must outlive the path.
  explicit FieldPath(std::string_view name) : name_(name) {}
  FieldPath(const FieldPath& parent, std::string_view name) : parent_(&parent), name_(name) {}
  FieldPath(const FieldPath& parent, std::size_t index) : parent_(&parent), index_(index), is_element_(true) {}

  std::string text() const {
    std::string text = parent_ == nullptr ? std::string() : parent_->text();
    if (is_element_) return text + "[" + std::to_string(index_) + "]";
    if (!text.empty()) text += '.';
    return text.append(name_);
  }

 private:
  const FieldPath* parent_ = nullptr;
  std::string_view name_;
  std::size_t index_ = 0;
  bool is_element_ = false;
};

}  // namespace stator::ops
