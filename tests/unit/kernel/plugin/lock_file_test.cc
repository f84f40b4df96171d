#include "plugin/lock_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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
  EXPECT_TRUE(check_lock(library, lock).ok());
  lock.entries["one"].sha256 = kOther;
  EXPECT_EQ(check_lock(library, lock).error().sentence(),
            "cannot load engine library /x/one.so: its sha256 is " + kHash + ", /etc/plugins.lock allows " + kOther +
                "; if it is meant, write the lock anew with `statord plugin lock`");
  lock.entries["one"] = {"0.9", kHash};
  EXPECT_THAT(check_lock(library, lock).error().sentence(), HasSubstr("it is version 1.0.0, /etc/plugins.lock allows 0.9"));
  lock.entries.clear();
  EXPECT_THAT(check_lock(library, lock).error().sentence(), HasSubstr("engine 'one' does not stand in"));
}

TEST(ManifestTest, IsReadAsAWholeOrNotAtAll) {
  const Manifest good = parse_manifest(R"({"id":"a","version":"1.0.0-rc1","abi_major":1,"abi_minor":0,"more":[]})").take();
  EXPECT_EQ(good.id, "a");
  EXPECT_EQ(good.version, "1.0.0-rc1");
  for (const char* bad :
       {"", "{}", "[]", R"({"id":"a"})", R"({"id":1,"version":"1","abi_major":1,"abi_minor":0})",
        R"({"id":"a","version":"1","abi_major":-1,"abi_minor":0})", R"({"id":"a","version":"1","abi_major":1,"abi_minor":0}x)",
        R"({"id":"a b","version":"1","abi_major":1,"abi_minor":0})", R"({"id":"a","version":"1 2","abi_major":1,"abi_minor":0})",
        R"({"id":"","version":"1","abi_major":1,"abi_minor":0})", R"({"id":"a","version":"1","abi_major":4294967296,"abi_minor":0})"}) {
    EXPECT_FALSE(parse_manifest(bad).ok()) << bad;
  }
}

}  // namespace
}  // namespace stator::plugin
