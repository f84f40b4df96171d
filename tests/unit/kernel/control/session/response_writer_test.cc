#include "control/session/response_writer.h"

#include <gtest/gtest.h>

#include "control/wire/frame.h"

namespace stator::session {
namespace {

std::string body_of(const bridge::Task& task) {
  ByteBuffer out;
  write_response(task, Lsn{42}, out);
  const wire::Frame frame = wire::next_frame(out.view(), 1u << 24);
  EXPECT_EQ(frame.state, wire::FrameState::kWhole);
  EXPECT_EQ(frame.bytes, out.size());
  return std::string(frame.body);
}

TEST(ResponseWriterTest, WritesTheFrameOfTheProtocol) {
  bridge::Task task;
  task.request_id = 7;
  task.payload.append(R"({"a":1})");
  EXPECT_EQ(body_of(task),
            R"({"request_id":7,"status":"ok","payload":"eyJhIjoxfQ==","watermark_lsn":42,"error_code":null})");
  task.payload_format = bridge::PayloadFormat::kJson;
  task.client_id = R"("x")";
  EXPECT_EQ(body_of(task),
            R"({"request_id":7,"id":"x","status":"ok","payload":{"a":1},"watermark_lsn":42,"error_code":null})");
}

TEST(ResponseWriterTest, BinaryPayloadsAreBase64InEveryFormat) {
  bridge::Task task;
  task.payload_format = bridge::PayloadFormat::kJson;
  task.payload_is_binary = true;
  task.payload.append(ByteView("\0\xff", 2));
  EXPECT_NE(body_of(task).find(R"("payload":"AP8=")"), std::string::npos);
}

TEST(ResponseWriterTest, EscapesWhateverAnErrorSays) {
  bridge::Task task;
  task.refuse(Error(ErrorCode::kBadRequest, "f\"", "say \"no\"\n\x01 \xff").with_hint("\\"));
  const std::string body = body_of(task);
  EXPECT_NE(body.find(R"("error":"say \"no\"\n\u0001 )" "\xEF\xBF\xBD" R"(")"), std::string::npos) << body;
  EXPECT_NE(body.find(R"("field":"f\"")"), std::string::npos);
  EXPECT_NE(body.find(R"("hint":"\\")"), std::string::npos);
  EXPECT_NE(body.find(R"("code":5001)"), std::string::npos);
}

TEST(ResponseWriterTest, LargePayloadsAreWhole) {
  bridge::Task task;
  const std::string text(300'000, 'x');
  task.payload.append("\"" + text + "\"");
  task.payload_format = bridge::PayloadFormat::kJson;
  EXPECT_NE(body_of(task).find(text), std::string::npos);
}

}  // namespace
}  // namespace stator::session
