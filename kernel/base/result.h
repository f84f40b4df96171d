// Result<T>: a value or an Error, inline. [[nodiscard]]: an error cannot be dropped by accident.
#pragma once

#include <utility>
#include <variant>

#include "base/assert.h"
#include "base/error.h"

namespace stator {

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T from) : state_(std::in_place_index<0>, std::move(from)) {}
  Result(Error from) : state_(std::in_place_index<1>, std::move(from)) {}

  bool ok() const { return state_.index() == 0; }
  T& value() {
    STATOR_ASSERT(ok());
    return *std::get_if<0>(&state_);
  }
  const T& value() const {
    STATOR_ASSERT(ok());
    return *std::get_if<0>(&state_);
  }
  T take() { return std::move(value()); }
  Error& error() {
    STATOR_ASSERT(!ok());
    return *std::get_if<1>(&state_);
  }

 private:
  std::variant<T, Error> state_;
};

class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(Error from) : error_(std::move(from)) {}
  bool ok() const { return error_.what_ == nullptr; }
  Error& error() {
    STATOR_ASSERT(!ok());
    return error_;
  }

 private:
  Error error_;
};

inline Status ok_status() { return {}; }

}  // namespace stator

#define STATOR_CONCAT_(a, b) a##b
#define STATOR_CONCAT(a, b) STATOR_CONCAT_(a, b)
// STATOR_TRY(auto x, f()); declares x or returns f's error.
#define STATOR_TRY(declaration, expression)                                        \
  auto STATOR_CONCAT(result_, __LINE__) = (expression);                            \
  if (!STATOR_CONCAT(result_, __LINE__).ok()) {                                    \
    return std::move(STATOR_CONCAT(result_, __LINE__).error());                    \
  }                                                                                \
  declaration = STATOR_CONCAT(result_, __LINE__).take()
// STATOR_CHECK(f()); returns f's error, if any.
#define STATOR_CHECK(expression)                                                   \
  do {                                                                             \
    auto status_ = (expression);                                                   \
    if (!status_.ok()) return std::move(status_.error());                          \
  } while (false)
