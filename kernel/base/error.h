// Errors as values. Codes come from sdk/include/stator/errors.def, the one table.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace stator {

enum class ErrorCode : std::int32_t {
  kOk = 0,
#define STATOR_ERROR(kernel_name, suffix, number, wire, error_class, http, meaning) \
  kernel_name = number,
#include "stator/errors.def"
#undef STATOR_ERROR
};

enum class ErrorClass : std::uint8_t { kClient, kRetry, kServer };

// Rows of the table.
inline constexpr std::size_t kErrorCodes = 0
#define STATOR_ERROR(kernel_name, suffix, number, wire, error_class, http, meaning) +1
#include "stator/errors.def"
#undef STATOR_ERROR
    ;

// The snake_case name on the wire; "internal" for a number that is not in the table.
std::string_view wire_name(ErrorCode code);
ErrorClass error_class(ErrorCode code);
// What HTTP says of it; 200 for kOk.
int http_status(ErrorCode code);
// Its row in the table, that of kInternal for a number that is not in it; and the code of a row.
std::size_t error_index(ErrorCode code);
ErrorCode error_code_at(std::size_t index);
inline bool is_retryable(ErrorCode code) { return error_class(code) == ErrorClass::kRetry; }
// A plugin's status as a code: unknown numbers become kInternal, 0 stays kOk.
ErrorCode error_code_from(std::int32_t number);

// What went wrong, for one request. The sentence is for people; code never looks into it, and it
// holds no stored data. One pointer: functions that may fail return it by value.
class Error {
 public:
  Error(ErrorCode code, std::string sentence) : Error(code, {}, std::move(sentence)) {}
  [[gnu::cold]] Error(ErrorCode code, std::string field, std::string sentence)
      : what_(std::make_unique<What>(What{code, 0, std::move(field), std::move(sentence), {}})) {}
  Error(const Error& other)
      : what_(other.what_ == nullptr ? nullptr : std::make_unique<What>(*other.what_)) {}
  Error(Error&&) = default;
  Error& operator=(Error&&) = default;

  ErrorCode code() const { return what_->code; }
  const std::string& field() const { return what_->field; }
  const std::string& sentence() const { return what_->sentence; }
  const std::string& hint() const { return what_->hint; }
  std::uint32_t retry_after_ms() const { return what_->retry_after_ms; }
  Error&& with_hint(std::string hint) && {
    what_->hint = std::move(hint);
    return std::move(*this);
  }
  Error&& with_retry_after(std::uint32_t milliseconds) && {
    what_->retry_after_ms = milliseconds;
    return std::move(*this);
  }

 private:
  friend class Status;  // one that is no error holds nothing
  Error() = default;

  struct What {
    ErrorCode code;
    std::uint32_t retry_after_ms;  // 0 = not said
    std::string field;
    std::string sentence;
    std::string hint;
  };
  std::unique_ptr<What> what_;
};

}  // namespace stator
