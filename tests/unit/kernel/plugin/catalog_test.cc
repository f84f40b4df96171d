#include "plugin/catalog.h"

#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "stator/declare.hpp"

namespace stator::plugin {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr stator_arg kKey[] = {make_arg(STATOR_ARG_STR, "key", "", {.flags = STATOR_ARG_REQUIRED | STATOR_ARG_ROUTING_KEY})};
constexpr const char* kNeeds[] = {"far_away", nullptr};

stator_op good_op() {
  return make_op({.op_class = STATOR_OP_READ, .permission = STATOR_PERM_READ,
                  .placement = STATOR_PLACE_DOCUMENT, .name = "toy_get", .doc = "", .result = "",
                  .example = "{}", .args = kKey, .requires_ops = kNeeds});
}

stator_op op_row;
const stator_op* ops[] = {&op_row};
stator_engine_v1 engine;

const stator_engine_v1* entry(const stator_kernel_hello*) { return &engine; }

class CatalogTest : public testing::Test {
 protected:
  CatalogTest() {
    op_row = good_op();
    engine = {};
    engine.struct_size = sizeof engine;
    engine.abi_major = STATOR_ABI_MAJOR;
    engine.op_count = 1;
    engine.id = "toy";
    engine.version = "1";
    engine.ops = ops;
    engine.open = [](const stator_open*, stator_instance**, char*, std::uint64_t) { return stator_status{0}; };
    engine.close = [](stator_instance*) {};
    engine.read = [](const stator_instance*, const stator_request*) { return stator_status{0}; };
    engine.apply = [](stator_instance*, const stator_record*) { return stator_status{0}; };
  }
  std::string add(Catalog& catalog, const std::string& path = "toy.so") {
    LibraryFile library;
    library.path = path;
    library.manifest = {noted_id_, noted_version_, STATOR_ABI_MAJOR, engine.abi_minor};
    auto status = catalog.add(&entry, {}, library);
    return status.ok() ? "" : status.error().sentence();
  }
  std::string noted_id_ = "toy";
  std::string noted_version_ = "1";
};

TEST_F(CatalogTest, ANoteThatSaysSomethingElseThanTheDescriptorIsRefused) {
  Catalog catalog;
  noted_version_ = "2";
  EXPECT_EQ(add(catalog),
            "toy.so: its note says version 2, its descriptor 1; make STATOR_ENGINE_NOTE and the "
            "description say the same");
  noted_version_ = "1";
  noted_id_ = "other";
  EXPECT_THAT(add(catalog), HasSubstr("its note says id other, its descriptor toy"));
  EXPECT_TRUE(catalog.engines().empty());
}

TEST_F(CatalogTest, FindsOpsByEveryName) {
  Catalog catalog;
  ASSERT_EQ(add(catalog), "");
  EXPECT_NE(catalog.find("toy_get"), nullptr);
  EXPECT_NE(catalog.find("toy.toy_get"), nullptr);
  EXPECT_EQ(catalog.find("toy"), nullptr);
}

TEST_F(CatalogTest, AMissingRequiredOpIsNoted) {
  Catalog catalog;
  ASSERT_EQ(add(catalog), "");
  catalog.seal();
  EXPECT_EQ(catalog.ops()[0].missing, "far_away");
}

TEST_F(CatalogTest, RefusalsSayWhatIsWrongAndRegisterNothing) {
  const auto refused = [&](const std::string& what) {
    Catalog catalog;
    EXPECT_THAT(add(catalog), HasSubstr(what));
    EXPECT_TRUE(catalog.engines().empty());
    EXPECT_TRUE(catalog.ops().empty());
  };
  engine.abi_major = 2;
  refused("needs contract version 2.0");
  engine.abi_major = STATOR_ABI_MAJOR;
  engine.abi_minor = 99;
  refused("1.99");
  engine.abi_minor = 0;
  engine.id = "Bad Id";
  refused("[a-z0-9_]");
  engine.id = "toy";
  engine.apply = nullptr;
  refused("apply");
}

TEST_F(CatalogTest, EveryBrokenRowIsRefused) {
  const auto refused = [&](const std::string& what) {
    Catalog catalog;
    EXPECT_THAT(add(catalog), HasSubstr(what));
  };
  op_row.placement = 9;
  refused("placement");
  op_row = good_op();
  op_row.arg_count = 0;
  refused("routing key");
  op_row = good_op();
  op_row.key_space = 256;
  refused("key_space");
  op_row = good_op();
  op_row.placement = STATOR_PLACE_COLLECTION;
  op_row.key_space = 1;
  refused("key_space");
  op_row = good_op();
  op_row.op_class = STATOR_OP_WRITE;
  refused("no function for its class");
  op_row = good_op();
  op_row.permission = 3;
  refused("permission");
  op_row = good_op();
  op_row.placement = STATOR_PLACE_ALL;
  refused("merge");
  op_row = good_op();
  constexpr stator_arg kShared[] = {make_arg(STATOR_ARG_STR, "collection", "", {})};
  op_row.args = kShared;
  refused("belongs to every request");
  constexpr stator_arg kDeepText[] = {make_arg(STATOR_ARG_STR, "deep", "", {.flags = STATOR_ARG_DEPTH})};
  op_row.args = kDeepText;
  refused("a depth is a number");
}

TEST_F(CatalogTest, ACursorIsATextOfAReadAndBringsTheArgumentStream) {
  const auto text = [](const char* name, std::uint32_t flags) {
    return make_arg(STATOR_ARG_STR, name, "", {.flags = flags});
  };
  std::vector<stator_arg> args;
  const auto refused = [&](const std::string& what) {
    op_row = good_op();
    op_row.placement = STATOR_PLACE_COLLECTION;
    op_row.args = args.data();
    op_row.arg_count = static_cast<std::uint32_t>(args.size());
    Catalog catalog;
    EXPECT_THAT(add(catalog), HasSubstr(what));
  };
  args = {make_arg(STATOR_ARG_U64, "from", "", {.flags = STATOR_ARG_CURSOR})};
  refused("toy_get.from: a cursor is a string that may be absent");
  args = {text("from", STATOR_ARG_CURSOR | STATOR_ARG_REQUIRED)};
  refused("a cursor is a string that may be absent");
  args = {text("from", STATOR_ARG_CURSOR), text("to", STATOR_ARG_CURSOR)};
  refused("another argument is a cursor");
  args = {text("from", STATOR_ARG_CURSOR), text("stream", 0)};
  refused("the kernel gives every op with a cursor this argument");
  args = {text("from", STATOR_ARG_CURSOR)};
  std::vector<std::string> names;
  for (int i = 0; i < 63; ++i) names.push_back("a" + std::to_string(i));
  for (const std::string& name : names) args.push_back(text(name.c_str(), 0));
  refused("at most 63 arguments");
  engine.prepare = engine.read;
  args = {text("from", STATOR_ARG_CURSOR)};
  op_row = good_op();
  op_row.placement = STATOR_PLACE_COLLECTION;
  op_row.args = args.data();
  op_row.arg_count = 1;
  op_row.op_class = STATOR_OP_WRITE;
  Catalog catalog;
  EXPECT_THAT(add(catalog), HasSubstr("a cursor of an op that writes"));
  op_row.op_class = STATOR_OP_READ;
  ASSERT_EQ(add(catalog), "");
  const stator_op& row = *catalog.find("toy_get")->row;
  ASSERT_EQ(row.arg_count, 2u);
  EXPECT_STREQ(row.args[1].name, "stream");
  EXPECT_EQ(row.args[1].type, std::uint32_t{STATOR_ARG_BOOL});
  EXPECT_EQ(op_row.arg_count, 1u) << "the engine's own row is as it was";
}

// Pointers that lead nowhere, counts without end, what is no JSON: nothing of it may end the
// server.
TEST_F(CatalogTest, AnythingInADescriptorIsRefusedWithASentence) {
  const auto refused = [&](const std::string& what) {
    Catalog catalog;
    EXPECT_THAT(add(catalog), AllOf(HasSubstr("toy.so: engine 'toy': "), HasSubstr(what)));
    EXPECT_TRUE(catalog.engines().empty());
    op_row = good_op();
  };
  engine.op_count = UINT32_MAX;
  refused("it has 4294967295 ops, and may have 1024");
  const stator_op* rows[] = {&op_row, nullptr};
  engine.ops = rows;
  engine.op_count = 2;
  refused("row 1 of its ops is NULL");
  engine.ops = ops;
  engine.op_count = 1;
  engine.config_key_count = 3;
  refused("it has 3 config_keys, and they are NULL");
  engine.config_key_count = UINT64_MAX;
  refused("config_keys, and may have 256");
  const stator_config_key key = {sizeof key, 0, nullptr, ""};
  engine.config_keys = &key;
  engine.config_key_count = 1;
  refused("a key of its configuration has no valid name");
  engine.config_key_count = 0;
  engine.derived_space_count = 1;
  refused("it has 1 derived_spaces, and they are NULL");
  engine.derived_space_count = 0;
  op_row.args = nullptr;
  refused("toy_get: its arguments are NULL");
  op_row.example = R"({"op":"toy_get"} and more)";
  refused("toy_get: its example is no JSON");
}

TEST_F(CatalogTest, AnythingInAnArgumentIsRefusedWithASentence) {
  stator_arg args[] = {kKey[0], make_arg(STATOR_ARG_STR, "more", "", {})};
  const auto refused = [&](const stator_arg& second, const std::string& what) {
    args[1] = second;
    op_row = good_op();
    op_row.args = args;
    op_row.arg_count = 2;
    Catalog catalog;
    EXPECT_THAT(add(catalog), HasSubstr("toy.so: engine 'toy': toy_get." + what));
  };
  refused(kKey[0], "key: another argument has its name, or its alias");
  stator_arg arg = make_arg(STATOR_ARG_STR, "more", "", {});
  arg.alias = "key";
  refused(arg, "more: another argument has its name, or its alias");
  arg.alias = "no name";
  refused(arg, "more: its alias is no valid name");
  arg.alias = "collection";
  refused(arg, "more: this field belongs to every request");
  arg = make_arg(STATOR_ARG_STR, "more", "", {.default_json = "\"a\" \"b\""});
  refused(arg, "more: its default is no JSON");
  arg = make_arg(STATOR_ARG_F64, "more", "", {});
  arg.min = arg.max = std::numeric_limits<double>::quiet_NaN();
  refused(arg, "more: its least value is above its greatest");
  const char* const choices[] = {"a", nullptr};
  arg = make_arg(STATOR_ARG_ENUM, "more", "", {});
  arg.choices = choices;
  arg.choice_count = 2;
  refused(arg, "more: one of its choices is NULL");
}

TEST_F(CatalogTest, AnAliasIsAWireNameLikeAnother) {
  Catalog catalog;
  const char* aliases[] = {"other.toy_get", nullptr};
  op_row.aliases = aliases;
  EXPECT_THAT(add(catalog), HasSubstr("toy_get: an alias is no valid name"));
  aliases[0] = "toy_get";
  EXPECT_THAT(add(catalog), HasSubstr("engine 'toy' has two ops named 'toy_get'"));
}

// Numbers of a later contract.
TEST_F(CatalogTest, WhatIsNotKnownIsRefusedWithTheRemedy) {
  const auto refused = [&](const std::string& what) {
    Catalog catalog;
    EXPECT_THAT(add(catalog),
                HasSubstr(what + ", which contract 1." + std::to_string(STATOR_ABI_MINOR) +
                          " does not know: take a newer server"));
    op_row = good_op();
  };
  op_row.placement = 9;
  refused("toy_get: a placement 9");
  op_row.op_class = 3;
  refused("toy_get: a class 3");
  op_row.cost = 4;
  refused("toy_get: a cost 4");
  op_row.flags = 1u << 15;
  refused("toy_get: a flag 1 << 15");
  stator_arg arg = kKey[0];
  op_row.args = &arg;
  arg.type = 12;
  refused("toy_get.key: a type 12");
  op_row.args = &arg;
  arg = kKey[0];
  arg.flags |= 1u << 7;
  refused("toy_get.key: a flag 1 << 7");
}

TEST_F(CatalogTest, AHintThatIsNotKnownIsPassedOver) {
  op_row.flags = STATOR_FLAG_HINTS;
  stator_arg arg = kKey[0];
  arg.flags |= STATOR_FLAG_HINTS & ~std::uint32_t{STATOR_ARG_CURSOR};
  op_row.args = &arg;
  Catalog catalog;
  EXPECT_EQ(add(catalog), "");
}

TEST_F(CatalogTest, AnArrayWhoseElementsLieAskewIsRefused) {
  struct alignas(8) OddArg {
    stator_arg known;
    char later[8];
  };
  static OddArg args[2] = {{kKey[0], {}}, {kKey[0], {}}};
  for (OddArg& arg : args) arg.known.struct_size = sizeof(stator_arg) + 4;
  op_row.args = &args[0].known;
  op_row.arg_count = 2;
  Catalog catalog;
  EXPECT_THAT(add(catalog),
              HasSubstr("toy.so: op 'toy_get': stator_arg has a struct_size of " +
                        std::to_string(sizeof(stator_arg) + 4) + ", which is no multiple of 8"));
}

TEST_F(CatalogTest, OneNameHasOneOwner) {
  Catalog catalog;
  ASSERT_EQ(add(catalog), "");
  EXPECT_THAT(add(catalog, "copy.so"), HasSubstr("already brought by toy.so"));
  engine.id = "other";
  noted_id_ = "other";
  EXPECT_THAT(add(catalog, "other.so"), HasSubstr("already served by engine 'toy'"));
}

TEST_F(CatalogTest, AStructThatIsShorterThanTheFirstContractsIsRefused) {
  engine.struct_size = offsetof(stator_engine_v1, merge);
  Catalog catalog;
  EXPECT_THAT(add(catalog), HasSubstr("toy.so: stator_engine_v1 has a struct_size of "));
  engine.struct_size = sizeof engine;
  op_row.struct_size = 0;
  EXPECT_THAT(add(catalog), HasSubstr("toy.so: op '0': stator_op has a struct_size of 0, and "));
}

// As an engine's that was built with a later SDK and does without what that brought.
TEST_F(CatalogTest, ArgumentsLieAsFarApartAsTheySay) {
  struct LaterArg {
    stator_arg known;
    std::uint64_t later;
  };
  static LaterArg args[2];
  args[0] = {kKey[0], 0};
  args[1] = {kKey[0], 0};
  args[1].known.name = "second";
  args[1].known.flags = 0;
  for (LaterArg& arg : args) arg.known.struct_size = sizeof(LaterArg);
  op_row.args = &args[0].known;
  op_row.arg_count = 2;
  Catalog catalog;
  ASSERT_EQ(add(catalog), "");
  EXPECT_STREQ(catalog.ops()[0].row->args[1].name, "second");
  args[1].later = 1;
  Catalog another;
  EXPECT_THAT(add(another),
              HasSubstr("toy.so: op 'toy_get': stator_arg has a struct_size of " +
                        std::to_string(sizeof(LaterArg)) + ", and uses what is behind"));
}

TEST_F(CatalogTest, FieldsOfRowsAreCopiedToo) {
  static stator_arg field = kKey[0];
  stator_arg rows = make_arg(STATOR_ARG_ROWS, "rows", "", {.flags = STATOR_ARG_REQUIRED});
  rows.fields = &field;
  rows.field_count = 1;
  op_row.args = &rows;
  op_row.placement = STATOR_PLACE_ROWS;
  engine.merge = [](const stator_instance*, const stator_request*, const stator_bytes*,
                    std::uint64_t) { return stator_status{0}; };
  Catalog catalog;
  ASSERT_EQ(add(catalog), "");
  EXPECT_NE(catalog.ops()[0].row->args[0].fields, &field);
  EXPECT_STREQ(catalog.ops()[0].row->args[0].fields[0].name, field.name);
}

}  // namespace
}  // namespace stator::plugin
