// Names that several engines have (ADR 50): which entry they mean, and what is refused.
#include "control/ops/op_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "stator/declare.hpp"

#include "support/played_engine.h"

namespace stator::ops {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* kAliases[] = {"fetch", nullptr};
constexpr stator_op row(const char* name, std::uint32_t flags,
                        const char* const* aliases = nullptr) {
  return make_op({.op_class = STATOR_OP_READ,
                  .permission = STATOR_PERM_READ,
                  .placement = STATOR_PLACE_ANY,
                  .name = name,
                  .doc = "",
                  .result = "",
                  .example = "{}",
                  .aliases = aliases,
                  .flags = flags});
}
constexpr stator_op kGetAnywhere = row("get", 0, kAliases);
constexpr stator_op kGetOwn = row("get", STATOR_OP_OWN_COLLECTIONS, kAliases);
constexpr stator_op kListOwn = row("list", STATOR_OP_OWN_COLLECTIONS);
constexpr stator_op kPing = row("ping", STATOR_OP_OWN_COLLECTIONS);
constexpr const stator_op* kOne[] = {&kGetAnywhere};
constexpr const stator_op* kTwo[] = {&kGetOwn, &kListOwn};
constexpr const stator_op* kKernels[] = {&kPing};
constexpr stator_op kSessionRows[] = {row("ping", 0)};

const stator_engine_v1* one(const stator_kernel_hello*) {
  static const stator_engine_v1 engine = test::played_engine("one", kOne);
  return &engine;
}
const stator_engine_v1* two(const stator_kernel_hello*) {
  static const stator_engine_v1 engine = test::played_engine("two", kTwo);
  return &engine;
}
const stator_engine_v1* three(const stator_kernel_hello*) {
  static const stator_engine_v1 engine = test::played_engine("three", kOne);
  return &engine;
}
const stator_engine_v1* kernels(const stator_kernel_hello*) {
  static const stator_engine_v1 engine = test::played_engine("kernels", kKernels);
  return &engine;
}

class OpTableTest : public testing::Test {
 protected:
  std::string add(stator_engine_entry entry, const char* id) {
    auto added = catalog_.add(entry, {}, test::library_of(id));
    return added.ok() ? "" : added.error().sentence();
  }
  // The canonical name of what `name` means there.
  static std::string meant(const OpTable& table, std::string_view name, std::string_view engine) {
    const OpEntry* entry = table.find(name);
    if (entry == nullptr) return "unknown";
    if (entry->choice != nullptr) entry = entry->choice->in_collection_of(engine);
    if (entry == nullptr) return "not here";
    return table.catalog().engine_of(*entry->op).id + "." + entry->row->name;
  }
  plugin::Catalog catalog_;
};

TEST_F(OpTableTest, ACollectionsEngineSaysWhichOpASharedNameMeans) {
  for (const bool is_first : {true, false}) {
    catalog_ = {};
    EXPECT_EQ(is_first ? add(&one, "one") : add(&two, "two"), "");
    EXPECT_EQ(is_first ? add(&two, "two") : add(&one, "one"), "");
    const OpTable table = OpTable::build(catalog_, kSessionRows).take();
    for (const char* name : {"get", "fetch"}) {
      EXPECT_EQ(meant(table, name, ""), "one.get");
      EXPECT_EQ(meant(table, name, "one"), "one.get");
      EXPECT_EQ(meant(table, name, "two"), "two.get");
      EXPECT_EQ(meant(table, name, "another"), "one.get");
    }
    EXPECT_EQ(meant(table, "one.get", "two"), "one.get");
    EXPECT_EQ(meant(table, "two.get", ""), "two.get");
    EXPECT_EQ(meant(table, "list", "two"), "two.list");
    EXPECT_EQ(meant(table, "list", "one"), "not here")
        << "its name is meant for collections of two";
  }
}

TEST_F(OpTableTest, ANameOfOneEngineIsLookedUpOnce) {
  ASSERT_EQ(add(&one, "one"), "");
  const OpTable table = OpTable::build(catalog_, {}).take();
  EXPECT_EQ(table.find("get")->choice, nullptr);
  EXPECT_EQ(table.find("get"), table.find("one.get"));
}

TEST_F(OpTableTest, EveryOpHasALabelThatReachesItInEveryCollection) {
  ASSERT_EQ(add(&one, "one"), "");
  ASSERT_EQ(add(&two, "two"), "");
  const OpTable table = OpTable::build(catalog_, kSessionRows).take();
  std::vector<std::string> labels;
  for (const OpEntry& entry : table.entries()) {
    labels.push_back(entry.label);
    const OpEntry* found = table.find(entry.label);
    ASSERT_NE(found, nullptr) << entry.label;
    if (found->choice != nullptr) found = found->choice->in_collection_of("");
    EXPECT_EQ(found, &entry) << entry.label;
  }
  EXPECT_THAT(labels, ElementsAre("get", "two.get", "two.list", "ping"));
  EXPECT_THAT(table.find("two.get")->own_names, ElementsAre("fetch", "get"));
  EXPECT_TRUE(table.find("one.get")->own_names.empty());
}

TEST_F(OpTableTest, CallsOfEnginesMeanOneOpEverywhere) {
  ASSERT_EQ(add(&two, "two"), "");
  ASSERT_EQ(add(&one, "one"), "");
  EXPECT_EQ(catalog_.find("get"), catalog_.find("one.get"));
  EXPECT_NE(catalog_.find("two.get"), catalog_.find("one.get"));
  EXPECT_EQ(catalog_.find("list"), nullptr);
}

TEST_F(OpTableTest, TwoThatWantANameEverywhereNeedAPin) {
  ASSERT_EQ(add(&one, "one"), "");
  EXPECT_THAT(
      add(&three, "three"),
      HasSubstr("op 'get' of engine 'three' is already served by engine 'one'; say whose it "
                "is where a collection belongs to neither: [ops] get = \"one\""));
  catalog_ = {};
  catalog_.pin("get", "three");
  ASSERT_EQ(add(&one, "one"), "");
  EXPECT_THAT(add(&three, "three"), HasSubstr("op 'fetch' of engine 'three'"))
      << "each name for itself";
  catalog_ = {};
  catalog_.pin("get", "three");
  catalog_.pin("fetch", "one");
  ASSERT_EQ(add(&one, "one"), "");
  ASSERT_EQ(add(&three, "three"), "");
  const OpTable table = OpTable::build(catalog_, {}).take();
  EXPECT_EQ(meant(table, "get", ""), "three.get");
  EXPECT_EQ(meant(table, "get", "one"), "one.get");
  EXPECT_EQ(meant(table, "fetch", ""), "one.get");
  EXPECT_EQ(table.find("one.get")->label, "one.get");
}

TEST_F(OpTableTest, APinGivesANameToOneThatDidNotWantItEverywhere) {
  catalog_.pin("get", "two");
  ASSERT_EQ(add(&one, "one"), "");
  EXPECT_THAT(add(&two, "two"), "");
  const OpTable table = OpTable::build(catalog_, {}).take();
  EXPECT_EQ(meant(table, "get", ""), "two.get");
  EXPECT_EQ(meant(table, "get", "one"), "one.get");
}

TEST_F(OpTableTest, ANameOfTheKernelIsNobodyElses) {
  ASSERT_EQ(add(&kernels, "kernels"), "");
  auto table = OpTable::build(catalog_, kSessionRows);
  ASSERT_FALSE(table.ok());
  EXPECT_EQ(table.error().sentence(), "op 'ping' is reserved for the kernel");
  catalog_ = {};
  ASSERT_TRUE(catalog_.add_builtin(&one, {}).ok());
  EXPECT_THAT(add(&two, "two"),
              HasSubstr("op 'get' of engine 'two' is already served by engine 'one'"));
}

TEST_F(OpTableTest, WhereANameMeansNothingTheRefusalSaysWhereItDoes) {
  ASSERT_EQ(add(&two, "two"), "");
  OpTable table = OpTable::build(catalog_, {}).take();
  const Error error = table.not_here("get", *table.find("get")->choice, "c");
  EXPECT_EQ(error.code(), ErrorCode::kUnknownOp);
  EXPECT_EQ(error.sentence(),
            "op 'get' is there in collections of engine 'two' only, and collection 'c' is none");
  EXPECT_THAT(error.hint(), HasSubstr("'two.get' reaches the op anywhere"));
  table.add_disabled("get", "one");
  EXPECT_EQ(table.not_here("get", *table.find("get")->choice, "c").code(),
            ErrorCode::kEngineDisabled);
}

}  // namespace
}  // namespace stator::ops
