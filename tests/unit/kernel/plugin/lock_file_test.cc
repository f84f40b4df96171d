#include "plugin/lock_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/ed25519.h"
#include "plugin/conformance.h"
#include "plugin/library_file.h"

namespace stator::plugin {
namespace {

using testing::HasSubstr;

const std::string kHash(64, 'a');
const std::string kOther(64, 'b');

TEST(LockFileTest, ReadsWhatItWrites) {
  LockFile lock{"plugins.lock", {{"one", {"1.0.0", kHash}}, {"two", {"2", kOther}}}};
  const LockFile again = parse_lock(lock_text(lock), "plugins.lock").take();
  ASSERT_EQ(again.entries.size(), 2u);
  EXPECT_EQ(again.entries.at("two").version, "2");
  EXPECT_EQ(again.entries.at("one").sha256, kHash);
}

TEST(LockFileTest, ALineMaySayWhatTheLibraryHasPassed) {
  const LockFile lock = parse_lock("one 1 " + kHash + " conformance=3\n", "l").take();
  EXPECT_EQ(lock.entries.at("one").conformance, 3u);
  EXPECT_EQ(parse_lock(lock_text(lock), "l").take().entries.at("one").conformance, 3u);
  for (const char* bad : {"conformance=", "conformance=0", "conformance=-1", "conformance=1x",
                          "conformance=4294967296", "1", "conformance=1 2"}) {
    EXPECT_THAT(parse_lock("one 1 " + kHash + " " + bad, "l").error().sentence(),
                HasSubstr("l:1: a line is ID VERSION SHA256 [conformance=LEVEL]"));
  }
  LibraryFile library;
  library.path = "/x/one.so";
  library.manifest = {"one", "1", 1, 0};
  library.sha256 = kHash;
  EXPECT_TRUE(check_lock(library, lock, 3).ok());
  EXPECT_EQ(
      check_lock(library, lock, 4).error().sentence(),
      "cannot load engine library /x/one.so: l says conformance 3, plugins_min_conformance is "
      "4; let it pass `stator-plugin-check /x/one.so --conformance FILE`, and write the lock "
      "anew with `statord plugin lock --conformance FILE`");
}

TEST(ConformanceTest, IsReadAsAWholeOrNotAtAll) {
  const Conformance made =
      parse_conformance(R"({"level":2,"engine":"a","sha256":"ab","checks":{"a":"passed"}})").take();
  EXPECT_EQ(made.level, 2u);
  EXPECT_EQ(made.sha256, "ab");
  for (const char* bad : {"", "{}", R"({"level":1})", R"({"sha256":"ab"})", "[]",
                          R"({"level":-1,"sha256":"ab"})", R"({"level":"1","sha256":"ab"})",
                          R"({"level":1,"sha256":7})", R"({"level":1,"sha256":"ab"}x)"}) {
    EXPECT_FALSE(parse_conformance(bad).ok()) << bad;
  }
}

TEST(LockFileTest, NamesTheLineThatIsWrong) {
  const auto fault = [](const std::string& text) { return parse_lock(text, "l").error().sentence(); };
  EXPECT_THAT(fault("# fine\n\none 1 " + kHash + "\none 1\n"), HasSubstr("l:4: a line is ID VERSION SHA256"));
  EXPECT_THAT(fault("one 1 " + std::string(64, 'A')), HasSubstr("l:1:"));
  EXPECT_THAT(fault("one 1 " + kHash + "\none 2 " + kOther + "\n"), HasSubstr("l:2: engine 'one' stands in it twice"));
}

TEST(LockFileTest, RefusalsHaveBothValuesAndTheRemedy) {
  LibraryFile library;
  library.path = "/x/one.so";
  library.manifest = {"one", "1.0.0", 1, 0};
  library.sha256 = kHash;
  LockFile lock{"/etc/plugins.lock", {{"one", {"1.0.0", kHash}}}};
  EXPECT_TRUE(check_lock(library, lock, 0).ok());
  lock.entries["one"].sha256 = kOther;
  EXPECT_EQ(check_lock(library, lock, 0).error().sentence(),
            "cannot load engine library /x/one.so: its sha256 is " + kHash +
                ", /etc/plugins.lock allows " + kOther +
                "; if it is meant, write the lock anew with `statord plugin lock`");
  lock.entries["one"] = {"0.9", kHash};
  EXPECT_THAT(check_lock(library, lock, 0).error().sentence(),
              HasSubstr("it is version 1.0.0, /etc/plugins.lock allows 0.9"));
  lock.entries.clear();
  EXPECT_THAT(check_lock(library, lock, 0).error().sentence(),
              HasSubstr("engine 'one' does not stand in"));
}

TEST(ManifestTest, IsReadAsAWholeOrNotAtAll) {
  Manifest good;
  ASSERT_EQ(library::parse_manifest(
                R"({"id":"a","version":"1.0.0-rc1","abi_major":1,"abi_minor":0,"more":[]})", good),
            "");
  EXPECT_EQ(good.id, "a");
  EXPECT_EQ(good.version, "1.0.0-rc1");
  for (const char* bad :
       {"", "{}", "[]", R"({"id":"a"})", R"({"id":1,"version":"1","abi_major":1,"abi_minor":0})",
        R"({"id":"a","version":"1","abi_major":-1,"abi_minor":0})", R"({"id":"a","version":"1","abi_major":1,"abi_minor":0}x)",
        R"({"id":"a b","version":"1","abi_major":1,"abi_minor":0})", R"({"id":"a","version":"1 2","abi_major":1,"abi_minor":0})",
        R"({"id":"","version":"1","abi_major":1,"abi_minor":0})", R"({"id":"a","version":"1","abi_major":4294967296,"abi_minor":0})"}) {
    Manifest manifest;
    EXPECT_NE(library::parse_manifest(bad, manifest), "") << bad;
  }
}

// Made by `openssl genpkey -algorithm ed25519` and `openssl pkey -pubout`.
constexpr const char* kPrivate =
    "-----BEGIN PRIVATE KEY-----\n"
    "MC4CAQAwBQYDK2VwBCIEIE9G1cMhCZgI9MV43ceqcATOyTSeRHYoUbzJvGicjvVt\n"
    "-----END PRIVATE KEY-----\n";
constexpr const char* kPublic =
    "-----BEGIN PUBLIC KEY-----\n"
    "MCowBQYDK2VwAyEAZSMCizXXB8CrYq5fIfcocouHQk/8DfmLYRxF2zi2CCo=\n"
    "-----END PUBLIC KEY-----\n";
constexpr const char* kOtherPrivate =
    "-----BEGIN PRIVATE KEY-----\n"
    "MC4CAQAwBQYDK2VwBCIEIMbNa0P+YfDPQ2VFcZySMltQVSqXkE4i15liB1cw6bQ2\n"
    "-----END PRIVATE KEY-----\n";
constexpr const char* kOtherPublic =
    "-----BEGIN PUBLIC KEY-----\n"
    "MCowBQYDK2VwAyEA3oGwiH+JJszWHdx/5tSkEmx77wVOitEXf9+zm+/6ZUw=\n"
    "-----END PUBLIC KEY-----\n";

class SignedLockTest : public testing::Test {
 protected:
  const std::string text_ = lock_text({"l", {{"one", {"1.0.0", kHash}}}});
  const TrustedKey key_{"key.pub", io::ed25519_public_key(kPublic).take()};
  const TrustedKey other_{"other.pub", io::ed25519_public_key(kOtherPublic).take()};
  static Status check(const std::string& text, const std::vector<TrustedKey>& keys) {
    auto lock = parse_lock(text, "l");
    if (!lock.ok()) return std::move(lock.error());
    return check_signature(lock.value(), keys);
  }
};

TEST_F(SignedLockTest, OneOfTheTrustedKeysMustHaveSignedIt) {
  const std::string text = sign_lock(text_, kPrivate).take();
  EXPECT_TRUE(check(text, {}).ok());
  EXPECT_TRUE(check(text_, {}).ok());
  EXPECT_TRUE(check(text, {key_}).ok());
  EXPECT_TRUE(check(text, {other_, key_}).ok());
  EXPECT_EQ(check(text, {other_}).error().sentence(),
            "l is signed by " + key_name(key_.public_key) + ", and plugins_keys trusts " +
                key_name(other_.public_key) +
                " (other.pub); if it is meant, sign it with `statord plugin lock --key FILE`");
  EXPECT_THAT(check(text_, {key_}).error().sentence(),
              HasSubstr("has no signature, and plugins_keys trusts " + key_name(key_.public_key)));
}

// While keys change: the old servers trust the first, the new ones the second.
TEST_F(SignedLockTest, TwoKeysMaySignIt) {
  const std::string text = sign_lock(sign_lock(text_, kPrivate).take(), kOtherPrivate).take();
  EXPECT_TRUE(check(text, {key_}).ok());
  EXPECT_TRUE(check(text, {other_}).ok());
  EXPECT_EQ(parse_lock(text, "l").value().entries.size(), 1u);
}

TEST_F(SignedLockTest, NoBitOfItCanChange) {
  const std::string text = sign_lock(text_, kPrivate).take();
  for (std::size_t i = 0; i + 1 < text.size(); ++i) {  // its last byte ends the line
    for (const char bit : {'\x01', '\x20', '\x40'}) {
      std::string changed = text;
      changed[i] = static_cast<char>(changed[i] ^ bit);
      EXPECT_FALSE(check(changed, {key_}).ok()) << i;
    }
  }
  EXPECT_FALSE(check(text + "two 1 " + kOther + "\n", {key_}).ok());
  EXPECT_FALSE(check("two 1 " + kOther + "\n" + text, {key_}).ok());
  EXPECT_THAT(check("# two\n" + text, {key_}).error().sentence(), HasSubstr("was changed after"));
}

TEST_F(SignedLockTest, ASignatureOfAnotherLockIsNone) {
  const std::string mine = sign_lock(text_, kPrivate).take();
  const std::string theirs = sign_lock(lock_text({"l", {{"one", {"2", kOther}}}}), kPrivate).take();
  const std::string signature = theirs.substr(theirs.find("signature"));
  EXPECT_FALSE(check(text_ + signature, {key_}).ok());
  EXPECT_TRUE(check(mine, {key_}).ok());
}

TEST_F(SignedLockTest, OnlyKeysOfThisKindAreTaken) {
  EXPECT_FALSE(io::ed25519_public_key(kPrivate).ok());
  EXPECT_FALSE(io::ed25519_public_key("").ok());
  EXPECT_THAT(sign_lock(text_, kPublic).error().sentence(),
              HasSubstr("is no private key of Ed25519"));
}

}  // namespace
}  // namespace stator::plugin
