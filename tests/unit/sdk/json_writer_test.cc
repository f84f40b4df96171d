#include "stator/json_writer.hpp"

#include <cmath>
#include <limits>
#include <string>

#include <gtest/gtest.h>

#include "stator/json_reader.hpp"

namespace stator::json {
namespace {

std::string written(std::string_view text) {
  StringOut out;
  Writer(out).string(text);
  return out.take();
}

template <class T>
std::string number_text(T value) {
  StringOut out;
  Writer(out).number(value);
  return out.take();
}

constexpr const char* kReplaced = "\"\xEF\xBF\xBD\"";

TEST(JsonWriterTest, SetsCommasBetweenMembers) {
  StringOut out;
  Writer writer(out);
  writer.begin_object().field("a", 1).key("b").begin_array();
  writer.number(1).string("x").begin_object().end_object().null().boolean(true).end_array();
  writer.field("c", "y").field("d", false).key("e").raw("[1]").end_object();
  EXPECT_EQ(out.take(), R"({"a":1,"b":[1,"x",{},null,true],"c":"y","d":false,"e":[1]})");
}

// Plain text is copied by words that overlap: every size, no byte behind it, and every byte that is
// not plain at every place.
TEST(JsonWriterTest, CopiesPlainTextOfEverySize) {
  for (std::size_t size = 0; size <= 70; ++size) {
    std::string text;
    for (std::size_t i = 0; i < size; ++i) text.push_back(static_cast<char>('A' + i % 26));
    std::string to(size + 2, '.');
    ASSERT_TRUE(copy_plain(text.data(), size, to.data() + 1));
    ASSERT_EQ(to, "." + text + ".") << size;
    for (std::size_t at = 0; at < size; ++at) {
      for (int byte = 0; byte < 256; ++byte) {
        std::string changed = text;
        changed[at] = static_cast<char>(byte);
        const bool is_plain = byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\';
        std::string copied(size, '.');
        ASSERT_EQ(copy_plain(changed.data(), size, copied.data()), is_plain) << size << ' ' << byte;
        if (is_plain) {
          ASSERT_EQ(copied, changed);
        }
      }
    }
  }
}

TEST(JsonWriterTest, ABufferThatIsEmptiedIsWrittenAnew) {
  StringOut out;
  out.clear();
  EXPECT_EQ(out.view(), "");
  Writer(out).string(std::string(500, 'x'));
  out.clear();
  EXPECT_EQ(out.view(), "");
  Writer(out).string("short");
  EXPECT_EQ(out.view(), "\"short\"");
  EXPECT_EQ(out.take(), "\"short\"");
}

// The stretch between special bytes is passed 16 bytes a step: each special byte at each place of a
// step, read back.
TEST(JsonWriterTest, EscapesAtEveryPlaceOfALongString) {
  for (std::size_t size = 1; size <= 50; ++size) {
    for (std::size_t at = 0; at < size; ++at) {
      for (const std::string_view special : {"\"", "\\", "\n", "\x01", "\x1f", "\x7f", " ", "\xC3\xA4"}) {
        std::string text(size, 'x');
        text.replace(at, 1, special);
        const std::string json = written(text);
        Reader reader(json);
        RawString raw;
        ASSERT_TRUE(reader.string(raw)) << json;
        ASSERT_TRUE(reader.at_end()) << json;
        ASSERT_EQ(unescape(raw), text);
      }
      std::string broken = "\"" + std::string(size, 'x') + "\"";
      broken[1 + at] = '\x1f';
      Reader reader(broken);
      RawString raw;
      ASSERT_FALSE(reader.string(raw));
      ASSERT_EQ(reader.offset(), 1 + at);
    }
  }
}

TEST(JsonWriterTest, EscapesWhatJsonMustEscape) {
  EXPECT_EQ(written("a\"b\\c/\n\r\t"), R"("a\"b\\c/\n\r\t")");
  EXPECT_EQ(written(std::string("\0\x01\x1f\x7f", 4)), "\"\\u0000\\u0001\\u001f\x7f\"");
  EXPECT_EQ(written("\b\f"), R"("\u0008\u000c")");
}

TEST(JsonWriterTest, KeepsValidUtf8) {
  for (const char* text : {"\xC3\xA9", "\xE2\x82\xAC", "\xED\x9F\xBF", "\xEE\x80\x80",
                           "\xF0\x9F\x98\x80", "\xF4\x8F\xBF\xBF"}) {
    EXPECT_EQ(written(text), std::string("\"") + text + "\"");
  }
}

TEST(JsonWriterTest, ReplacesInvalidUtf8) {
  EXPECT_EQ(written("\xFF"), kReplaced);
  EXPECT_EQ(written("\x80"), kReplaced);
  EXPECT_EQ(written("\xC3"), kReplaced);
  EXPECT_EQ(written("a\xC3"
                    "b"),
            "\"a\xEF\xBF\xBD"
            "b\"");
  const std::string twice = "\"\xEF\xBF\xBD\xEF\xBF\xBD\"";
  EXPECT_EQ(written("\xC0\x80"), twice);  // overlong NUL
  EXPECT_EQ(written("\xC1\xBF"), twice);  // overlong
  const std::string thrice = "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"";
  EXPECT_EQ(written("\xE0\x80\x80"), thrice);  // overlong
  EXPECT_EQ(written("\xED\xA0\x80"), thrice);  // surrogate
  const std::string four = "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"";
  EXPECT_EQ(written("\xF0\x80\x80\x80"), four);  // overlong
  EXPECT_EQ(written("\xF4\x90\x80\x80"), four);  // above U+10FFFF
  EXPECT_EQ(written("\xF5\x80\x80\x80"), four);
}

TEST(JsonWriterTest, WritesAnyBytesSoThatTheReaderAcceptsThem) {
  std::string bytes;
  for (int first = 0; first < 256; ++first) {
    for (int second = 0; second < 256; second += 5) {
      bytes += static_cast<char>(first);
      bytes += static_cast<char>(second);
    }
  }
  const std::string text = written(bytes);
  Reader reader(text);
  std::string_view raw;
  EXPECT_TRUE(reader.skip(raw));
  EXPECT_TRUE(reader.at_end());
  for (std::size_t i = 0; i < text.size();) {
    const auto* at = reinterpret_cast<const unsigned char*>(text.data()) + i;
    const std::size_t length = detail::utf8_length(at, text.size() - i);
    ASSERT_NE(length, 0u) << "invalid UTF-8 at " << i;
    i += length;
  }
}

TEST(JsonWriterTest, WritesNumbersThatReadBackTheSame) {
  EXPECT_EQ(number_text(std::numeric_limits<std::uint64_t>::max()), "18446744073709551615");
  EXPECT_EQ(number_text(std::numeric_limits<std::int64_t>::min()), "-9223372036854775808");
  EXPECT_EQ(number_text(0.1), "0.1");
  EXPECT_EQ(number_text(0.1f), "0.1");
  for (const double value : {1.0 / 3, 1e300, 5e-324, -0.0, 123456789012345678.0}) {
    double back = 1;
    ASSERT_TRUE(to_double(number_text(value), back));
    EXPECT_EQ(back, value);
    EXPECT_EQ(std::signbit(back), std::signbit(value));
  }
}

TEST(JsonWriterTest, WritesNullForNumbersThatJsonDoesNotHave) {
  EXPECT_EQ(number_text(std::numeric_limits<double>::infinity()), "null");
  EXPECT_EQ(number_text(std::nan("")), "null");
}

TEST(JsonWriterTest, DropsEverythingAfterTheRoomIsDenied) {
  char room[8];
  Out out;
  out.cursor = room;
  out.limit = room + sizeof room;
  out.grow = [](Out&, std::size_t) { return false; };
  Writer writer(out);
  writer.begin_array().string("0123456789").string("a").end_array();
  EXPECT_TRUE(out.failed);
  EXPECT_LE(out.cursor, room + sizeof room);
}

TEST(JsonWriterTest, GivesItsTextAwayAndBeginsAnew) {
  StringOut out;
  Writer(out).number(1);
  EXPECT_EQ(out.view(), "1");
  EXPECT_EQ(out.take(), "1");
  EXPECT_EQ(out.view(), "");
  Writer(out).string("b");
  EXPECT_EQ(out.take(), "\"b\"");
}

}  // namespace
}  // namespace stator::json
