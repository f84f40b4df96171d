#include "base/base64.h"

#include <gtest/gtest.h>

#include <random>

namespace stator {
namespace {

std::string decode(const std::string& text, bool& ok) {
  std::string out(base64_decoded_bytes(text), '\0');
  ok = base64_decode(text, out.data());
  return out;
}

TEST(Base64Test, KnowsTheVectorsOfRfc4648) {
  const std::pair<const char*, const char*> kVectors[] = {
      {"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foob", "Zm9vYg=="},
      {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, encoded] : kVectors) {
    EXPECT_EQ(base64_encode(plain), encoded);
    bool ok = false;
    EXPECT_EQ(decode(encoded, ok), plain);
    EXPECT_TRUE(ok);
  }
}

TEST(Base64Test, RefusesWhatIsNotStrict) {
  for (const char* text : {"Z", "Zg", "Zg=", "Z===", "====", "Zh==", "Zm9=", "Zm9v=", "Zm9v\n",
                           "Zm-v", "Zm_v", "=Zm9", "Zg==Zg==", " Zg=="}) {
    bool ok = true;
    decode(text, ok);
    EXPECT_FALSE(ok) << text;
  }
}

// Every 6-bit number at every place of a step, and every length of the rest.
TEST(Base64Test, LongInputReadsLikeTheTextbookForm) {
  static constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::mt19937 random(11);
  for (std::size_t size = 0; size < 200; ++size) {
    std::string bytes(size, '\0');
    for (char& c : bytes) c = static_cast<char>(random());
    std::string expected;
    for (std::size_t bit = 0; bit < size * 8; bit += 6) {
      unsigned six = 0;
      for (std::size_t i = bit; i < bit + 6; ++i) {
        const unsigned byte = i / 8 < size ? static_cast<unsigned char>(bytes[i / 8]) : 0;
        six = six << 1 | (byte >> (7 - i % 8) & 1);
      }
      expected += kAlphabet[six];
    }
    while (expected.size() % 4 != 0) expected += '=';
    ASSERT_EQ(base64_encode(bytes), expected) << size;
  }
}

TEST(Base64Test, RoundTripsRandomBytes) {
  std::mt19937 random(7);
  for (int round = 0; round < 300; ++round) {
    std::string bytes(random() % 200, '\0');
    for (char& c : bytes) c = static_cast<char>(random());
    bool ok = false;
    EXPECT_EQ(decode(base64_encode(bytes), ok), bytes);
    EXPECT_TRUE(ok);
  }
}

}  // namespace
}  // namespace stator
