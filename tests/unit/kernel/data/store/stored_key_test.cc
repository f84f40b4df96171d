// Keys of the base: each form is read back, and their order is that of what they say.
#include "data/store/stored_key.h"

#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace stator::store {
namespace {

std::string key_of(std::uint16_t engine, std::uint32_t tenant, const std::string& collection,
                   std::uint8_t space = 1, const std::string& key = "k") {
  char room[kPrefixBytesMax + kCollectionBytesMax];
  std::string out(room, write_prefix(room, EngineNumber{engine}, TenantId{tenant}, collection));
  out.push_back(static_cast<char>(space));
  return out + key;
}

TEST(StoredKeyTest, IsShortForWhatMostKeysHave) {
  EXPECT_EQ(key_of(2, 1, "default"), std::string("\2\1\xff\1k", 5));
  EXPECT_EQ(key_of(2, 1, "users"), std::string("\2\1\5users\1k"));
  EXPECT_EQ(key_of(0, 0, ""), std::string("\0\0\0\1k", 5));
  EXPECT_EQ(key_of(239, 240, "c"), std::string("\xef\xf0\xf0\1c\1k", 7));
  EXPECT_EQ(key_of(0x1234, 0xffffffff, "c"), std::string("\xf1\x12\x34\xf3\xff\xff\xff\xff\1c\1k"));
}

TEST(StoredKeyTest, IsReadBackInEveryForm) {
  for (const unsigned number : {0u, 1u, 239u, 240u, 255u, 256u, 65'535u}) {
    const auto engine = static_cast<std::uint16_t>(number);
    for (const std::uint32_t tenant : {0u, 1u, 239u, 240u, 65'536u, 1u << 24, ~0u}) {
      for (const std::string& collection :
           {std::string(), std::string("default"), std::string("defaulu"), std::string(128, 'x')}) {
        const std::string key = key_of(engine, tenant, collection, 255, std::string("\0\xff", 2));
        StoredKey parts;
        ASSERT_TRUE(split_key(key, parts));
        EXPECT_EQ(parts.engine, EngineNumber{engine});
        EXPECT_EQ(parts.tenant, TenantId{tenant});
        EXPECT_EQ(parts.collection, collection);
        EXPECT_EQ(parts.space, 255);
        EXPECT_EQ(parts.key, std::string("\0\xff", 2));
        EXPECT_EQ(tenant_of(key), tenant);
        std::string old;
        append_long_key(old, parts);
        StoredKey again;
        ASSERT_TRUE(split_long_key(old, again));
        EXPECT_EQ(key_of(engine, tenant, std::string(again.collection), again.space,
                         std::string(again.key)),
                  key);
      }
    }
  }
}

TEST(StoredKeyTest, ATenantsKeysLieTogetherInTheOrderOfNumbers) {
  std::vector<std::string> owners;
  for (const unsigned number : {1u, 239u, 240u, 256u, 65'535u}) {
    const auto engine = static_cast<std::uint16_t>(number);
    for (const std::uint32_t tenant : {0u, 1u, 239u, 240u, 255u, 256u, 65'535u, 65'536u, ~0u}) {
      char room[kPrefixBytesMax];
      owners.emplace_back(room, write_owner(room, EngineNumber{engine}, TenantId{tenant}));
      EXPECT_TRUE(owners.back().starts_with(engine_prefix(EngineNumber{engine})));
      EXPECT_TRUE(key_of(engine, tenant, "default").starts_with(owners.back()));
    }
  }
  EXPECT_TRUE(std::is_sorted(owners.begin(), owners.end()));
  for (std::size_t i = 1; i < owners.size(); ++i)
    EXPECT_FALSE(owners[i].starts_with(owners[i - 1])) << i;
}

TEST(StoredKeyTest, WhatIsNoneIsNotReadAsOne) {
  StoredKey parts;
  const std::string good = key_of(300, 70'000, "users", 1, "");
  EXPECT_TRUE(split_key(good, parts));
  for (std::size_t size = 0; size < good.size(); ++size)
    EXPECT_FALSE(split_key(ByteView(good).substr(0, size), parts)) << size;
  EXPECT_FALSE(split_key(std::string("\xf4\1\1\1\1\1\1\1\1", 9), parts)) << "of five bytes";
  EXPECT_FALSE(split_key(std::string("\xf2\1\1\1\1\1\1\1\1", 9), parts)) << "no engine has it";
  EXPECT_FALSE(split_key(std::string("\1\1\x81") + std::string(200, 'x'), parts)) << "129 bytes";
  EXPECT_EQ(tenant_of(""), 0u);
  EXPECT_FALSE(split_long_key("short", parts));
  EXPECT_FALSE(split_long_key(std::string("\0\1\0\0\0\1\5user", 11), parts));
}

}  // namespace
}  // namespace stator::store
