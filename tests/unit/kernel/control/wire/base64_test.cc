#include "control/wire/base64.h"

#include <gtest/gtest.h>

#include <random>

namespace stator::wire {
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
}  // namespace stator::wire
