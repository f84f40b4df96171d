#include "base/error.h"

#include <gtest/gtest.h>

#include "base/result.h"

namespace stator {
namespace {

TEST(ErrorTest, TakesItsWireNameAndClassFromTheTable) {
  EXPECT_EQ(wire_name(ErrorCode::kOk), "ok");
  EXPECT_EQ(wire_name(ErrorCode::kDiskFull), "disk_full");
  EXPECT_TRUE(is_retryable(ErrorCode::kDiskFull));
  EXPECT_FALSE(is_retryable(ErrorCode::kWal));
  EXPECT_EQ(error_class(ErrorCode::kBadRequest), ErrorClass::kClient);
}

TEST(ErrorTest, TurnsAnUnknownNumberIntoInternal) {
  EXPECT_EQ(error_code_from(4002), ErrorCode::kDiskFull);
  EXPECT_EQ(error_code_from(0), ErrorCode::kOk);
  EXPECT_EQ(error_code_from(-7), ErrorCode::kInternal);
  EXPECT_EQ(error_code_from(4003), ErrorCode::kInternal);
}

// RFC 9110: 4xx for what the client can mend, 5xx for what it cannot; "may succeed later" is
// either.
TEST(ErrorTest, EveryCodeHasAStatusOfHttpThatFitsItsClass) {
  EXPECT_EQ(http_status(ErrorCode::kOk), 200);
  EXPECT_EQ(http_status(ErrorCode::kNotFound), 404);
  EXPECT_EQ(http_status(static_cast<ErrorCode>(-7)), 500);
  for (std::size_t i = 0; i < kErrorCodes; ++i) {
    const ErrorCode code = error_code_at(i);
    EXPECT_EQ(error_index(code), i);
    const int status = http_status(code);
    EXPECT_TRUE(status >= 400 && status < 600) << wire_name(code);
    if (error_class(code) == ErrorClass::kServer) EXPECT_GE(status, 500) << wire_name(code);
    const bool is_absent = status == 501;  // what this server does not do
    if (error_class(code) == ErrorClass::kClient && !is_absent)
      EXPECT_LT(status, 500) << wire_name(code);
  }
}

Result<int> half_of(int number) {
  if (number % 2 != 0) return Error(ErrorCode::kBadRequest, "number", "not even");
  return number / 2;
}

Result<int> quarter_of(int number) {
  STATOR_TRY(const int half, half_of(number));
  STATOR_CHECK(half % 2 == 0 ? ok_status()
                             : Status(Error(ErrorCode::kRejectedConstraint, "odd half")));
  return half_of(half);
}

TEST(ResultTest, HandsErrorsUp) {
  EXPECT_EQ(quarter_of(12).value(), 3);
  EXPECT_EQ(quarter_of(3).error().code(), ErrorCode::kBadRequest);
  EXPECT_EQ(quarter_of(3).error().field(), "number");
  EXPECT_EQ(quarter_of(6).error().code(), ErrorCode::kRejectedConstraint);
}

}  // namespace
}  // namespace stator
