#include "control/http/websocket.h"

#include <gtest/gtest.h>

namespace stator::http {
namespace {

TEST(WebSocketAcceptTest, IsThatOfTheRfc) {
  EXPECT_EQ(websocket_accept("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  for (const char* key :
       {"", "x", "dGhlIHNhbXBsZSBub25j", "dGhlIHNhbXBsZSBub25jZQ=", "!!!!!!!!!!!!!!!!!!!!!!=="}) {
    EXPECT_EQ(websocket_accept(key), "") << key;
  }
}

}  // namespace
}  // namespace stator::http
