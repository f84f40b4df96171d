#include "base/error.h"

namespace stator {
namespace {

struct Row {
  std::int32_t number;
  std::string_view wire;
  ErrorClass error_class;
  int http;
};

#define CLIENT ErrorClass::kClient
#define RETRY ErrorClass::kRetry
#define SERVER ErrorClass::kServer
constexpr Row kRows[] = {
#define STATOR_ERROR(kernel_name, suffix, number, wire, error_class, http, meaning) \
  {number, wire, error_class, http},
#include "stator/errors.def"
#undef STATOR_ERROR
};
#undef CLIENT
#undef RETRY
#undef SERVER

const Row* find(std::int32_t number) {
  for (const Row& row : kRows) {
    if (row.number == number) return &row;
  }
  return nullptr;
}

}  // namespace

std::string_view wire_name(ErrorCode code) {
  if (code == ErrorCode::kOk) return "ok";
  const Row* row = find(static_cast<std::int32_t>(code));
  return row == nullptr ? "internal" : row->wire;
}

ErrorClass error_class(ErrorCode code) {
  const Row* row = find(static_cast<std::int32_t>(code));
  return row == nullptr ? ErrorClass::kServer : row->error_class;
}

int http_status(ErrorCode code) {
  if (code == ErrorCode::kOk) return 200;
  return kRows[error_index(code)].http;
}

std::size_t error_index(ErrorCode code) {
  const Row* row = find(static_cast<std::int32_t>(code));
  if (row == nullptr) row = find(static_cast<std::int32_t>(ErrorCode::kInternal));
  return static_cast<std::size_t>(row - kRows);
}

ErrorCode error_code_at(std::size_t index) { return static_cast<ErrorCode>(kRows[index].number); }

ErrorCode error_code_from(std::int32_t number) {
  if (number == 0) return ErrorCode::kOk;
  return find(number) == nullptr ? ErrorCode::kInternal : static_cast<ErrorCode>(number);
}

}  // namespace stator
