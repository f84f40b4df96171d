#include "scaffold.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "failure.h"

namespace stator::client {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

std::string read(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// In a folder of its own, with two small templates.
class ScaffoldTest : public testing::Test {
 protected:
  ScaffoldTest() {
    std::string name = (fs::temp_directory_path() / "stator-scaffold-XXXXXX").string();
    folder_ = mkdtemp(name.data());
    fs::current_path(folder_);
    fs::create_directories("templates/every");
    fs::create_directories("templates/c");
    std::ofstream("templates/every/README.md") << "counter";
    std::ofstream("templates/c/counter.c") << "struct CounterEngine; counter_add counter_counter";
  }
  ~ScaffoldTest() override {
    fs::current_path(before_);
    fs::remove_all(folder_);
  }
  std::string make(const std::string& name, const std::string& language = "c") {
    return new_plugin(std::vector<std::string>{"plugin", "new", name, "--lang", language,
                                               "--templates", "templates"});
  }
  std::string refused(const std::vector<std::string>& words) {
    try {
      new_plugin(words);
    } catch (const Failure& failure) {
      EXPECT_EQ(failure.exit_code(), kExitUsage);
      return failure.what();
    }
    return "";
  }

 private:
  fs::path before_ = fs::current_path();
  fs::path folder_;
};

TEST_F(ScaffoldTest, CopiesTheTemplateUnderTheNewName) {
  EXPECT_THAT(make("page_views"), HasSubstr("cd page_views"));
  EXPECT_EQ(read("page_views/README.md"), "page_views");
  EXPECT_EQ(read("page_views/page_views.c"),
            "struct PageViewsEngine; page_views_add page_views_page_views");
}

TEST_F(ScaffoldTest, ANameThatHoldsTheOldOneEnds) {
  make("counter_counter");
  EXPECT_EQ(read("counter_counter/README.md"), "counter_counter");
}

TEST_F(ScaffoldTest, RefusesNamesThatCannotBe) {
  const auto refused_name = [&](const std::string& name) {
    return refused({"plugin", "new", name, "--templates", "templates"});
  };
  for (const char* name :
       {"Upper", "9lives", "../up", "", "a-b", "a123456789012345678901234567890123"}) {
    EXPECT_THAT(refused_name(name), HasSubstr("1 to 32 of [a-z0-9_]")) << name;
  }
  for (const char* name : {"test", "install", "stator_sdk"})
    EXPECT_THAT(refused_name(name), HasSubstr("taken")) << name;
}

TEST_F(ScaffoldTest, NothingIsOverwritten) {
  make("mine");
  std::ofstream("mine/README.md") << "my own words";
  EXPECT_THAT(refused({"plugin", "new", "mine", "--lang", "c", "--templates", "templates"}),
              HasSubstr("there already"));
  EXPECT_EQ(read("mine/README.md"), "my own words");
}

TEST_F(ScaffoldTest, SaysWhatIsMissing) {
  EXPECT_THAT(refused({"plugin"}), HasSubstr("usage: stator plugin new"));
  EXPECT_THAT(refused({"plugin", "new", "x", "--lang"}), HasSubstr("usage"));
  EXPECT_THAT(refused({"plugin", "old", "x"}), HasSubstr("usage"));
  EXPECT_THAT(refused({"plugin", "new", "x", "--lang", "cobol"}), HasSubstr("cpp, c and rust"));
  EXPECT_THAT(refused({"plugin", "new", "x", "--templates", "nowhere"}), HasSubstr("no template"));
  EXPECT_FALSE(fs::exists("x"));
}

}  // namespace
}  // namespace stator::client
