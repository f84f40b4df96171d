// Row policies on CRDT documents: the row is the JSON value. A hidden document is missing to who
// reads; an update is judged by the document before it and by what it makes of it.
#include <string>

#include <gtest/gtest.h>

#include "bounds.h"
#include "fake_kernel.h"
#include "golden_file.h"
#include "update_builder.h"

namespace stator::crdt {
namespace {

using golden::to_base64;
using testkit::Answer;

constexpr const char* kAnnas = R"({"meta.owner":"anna"})";

// One value of the map root "meta", by a client that has written nothing else.
std::string owner_update(std::uint64_t client, std::string_view owner) {
  return UpdateBuilder()
      .section(1, client, 0)
      .in_root(8 | 0x20, "meta")
      .text("owner")
      .uint(1)
      .u8(119)
      .text(owner)
      .take();
}
// Replaces what owner_update(of) wrote.
std::string new_owner_update(std::uint64_t client, std::uint64_t of, std::string_view owner) {
  return UpdateBuilder().section(1, client, 0).behind(8, of, 0).uint(1).u8(119).text(owner).take();
}

class CrdtRowPolicyTest : public ::testing::Test {
 protected:
  Answer put(std::string_view id, std::string_view update, std::string_view more = "") {
    return kernel_.call("crdt_apply", R"({"document_id":")" + std::string(id) + R"(","delta":")" +
                                          to_base64(update) + "\"" + std::string(more) + "}");
  }
  Answer read(std::string_view id, std::string_view more = "") {
    return kernel_.call("crdt_read",
                        R"({"document_id":")" + std::string(id) + "\"" + std::string(more) + "}");
  }
  std::string text_of(const Answer& answer) {
    return std::to_string(answer.status) + answer.field + answer.detail + answer.payload;
  }
  void bind() { kernel_.bind_rows(kAnnas, kAnnas); }
  void make(std::string_view id, std::string_view owner) {
    ASSERT_EQ(put(id, owner_update(1, owner)).status, STATOR_OK);
    ASSERT_EQ(put(id, text_update(2, "t", "words")).status, STATOR_OK);
  }

  testkit::FakeKernel kernel_{&stator_engine_entry_v1, {.lanes = 3}};
};

TEST_F(CrdtRowPolicyTest, AHiddenDocumentIsMissingInEveryFormat) {
  make("hers", "anna");
  make("his", "bert");
  bind();
  EXPECT_EQ(read("hers").payload, R"({"meta":{"owner":"anna"},"t":"words"})");
  for (const char* more : {"", R"(,"format":"update")", R"(,"format":"state_vector")"}) {
    EXPECT_EQ(read("hers", more).status, STATOR_OK);
    EXPECT_EQ(text_of(read("his", more)), text_of(read("none", more))) << more;
    EXPECT_EQ(read("his", more).status, STATOR_E_NOT_FOUND);
  }
}

TEST_F(CrdtRowPolicyTest, AnUpdateIsJudgedByTheDocumentBeforeAndAfter) {
  make("hers", "anna");
  make("his", "bert");
  const auto before = kernel_.dump();
  bind();
  // Before: whatever the update is, even one that says nothing new, or that is none.
  for (const std::string& update : {text_update(3, "t", "more"), owner_update(1, "bert"),
                                    new_owner_update(3, 1, "anna"), std::string("no update")}) {
    EXPECT_EQ(put("his", update).status, STATOR_E_REJECTED_AUTHZ);
  }
  // After: given away, by a new value, by removing it, and by another root of that name.
  EXPECT_EQ(put("hers", new_owner_update(3, 1, "bert")).status, STATOR_E_REJECTED_AUTHZ);
  EXPECT_EQ(put("hers", UpdateBuilder().deletes(1, 0, 1).take()).status, STATOR_E_REJECTED_AUTHZ);
  EXPECT_EQ(put("hers", text_update(3, "meta", "text")).status, STATOR_E_REJECTED_AUTHZ);
  EXPECT_EQ(put("new", owner_update(1, "bert")).status, STATOR_E_REJECTED_AUTHZ);
  EXPECT_EQ(put("new", text_update(1, "t", "x")).status, STATOR_E_REJECTED_AUTHZ);
  EXPECT_EQ(kernel_.dump(), before);

  EXPECT_EQ(put("hers", text_update(3, "more", "text")).status, STATOR_OK);
  EXPECT_EQ(put("new", owner_update(1, "anna")).status, STATOR_OK);
  EXPECT_EQ(read("hers").payload, R"({"meta":{"owner":"anna"},"t":"words","more":"text"})");
  EXPECT_EQ(read("new").payload, R"({"meta":{"owner":"anna"}})");
}

TEST_F(CrdtRowPolicyTest, WhatIsJudgedIsWhatIsStored) {
  make("d", "anna");
  for (std::uint64_t i = 0; i < 2 * kTailUpdatesMin; ++i) {  // image and tail
    ASSERT_EQ(put("d", text_update(10 + i, "r" + std::to_string(i % 7), "x")).status, STATOR_OK);
  }
  kernel_.restart();
  bind();
  EXPECT_EQ(put("d", new_owner_update(3, 1, "bert")).status, STATOR_E_REJECTED_AUTHZ);
  EXPECT_EQ(put("d", text_update(3, "t", "x")).status, STATOR_OK);
  kernel_.unbind_rows();
  ASSERT_EQ(put("d", new_owner_update(4, 1, "bert")).status, STATOR_OK);
  bind();
  EXPECT_EQ(put("d", text_update(5, "t", "x")).status, STATOR_E_REJECTED_AUTHZ);
  EXPECT_EQ(read("d").status, STATOR_E_NOT_FOUND);
}

// What waits would come in with somebody's later update, when nobody asks about it.
TEST_F(CrdtRowPolicyTest, NothingMayWaitForOtherUpdates) {
  make("d", "anna");
  bind();
  const Answer refused = put("d", new_owner_update(3, 9, "bert"));  // client 9 is not known
  EXPECT_EQ(refused.status, STATOR_E_REJECTED_AUTHZ);
  EXPECT_EQ(refused.field, "delta");
  EXPECT_EQ(put("d", UpdateBuilder().deletes(9, 0, 1).take()).status, STATOR_E_REJECTED_AUTHZ);
  // What waits already counts when an update brings it in.
  kernel_.unbind_rows();
  ASSERT_EQ(
      put("d", UpdateBuilder().section(1, 4, 1).behind(8, 1, 0).uint(1).u8(119).text("bert").take())
          .status,
      STATOR_OK);
  bind();
  EXPECT_EQ(put("d", text_update(4, "t", "x")).status, STATOR_E_REJECTED_AUTHZ);
  EXPECT_EQ(put("d", text_update(5, "t", "x")).status, STATOR_OK);
}

TEST_F(CrdtRowPolicyTest, ARepeatTellsNothingOfAHiddenDocument) {
  make("hers", "anna");
  ASSERT_EQ(put("his", owner_update(1, "bert"), R"(,"mutation_id":7)").status, STATOR_OK);
  ASSERT_EQ(put("hers", text_update(3, "t", "x"), R"(,"mutation_id":7)").status, STATOR_OK);
  bind();
  EXPECT_EQ(put("his", owner_update(1, "bert"), R"(,"mutation_id":7)").status,
            STATOR_E_REJECTED_AUTHZ);
  EXPECT_EQ(put("hers", text_update(3, "t", "x"), R"(,"mutation_id":7)").payload,
            R"({"applied":false,"lsn":0})");
}

// A document that is no row cannot be asked about: nobody who is bound sees it, and nobody makes
// one.
TEST_F(CrdtRowPolicyTest, ADocumentThatIsTooLongToAskAboutIsHidden) {
  make("d", "anna");
  const std::string long_text(kRowBytesMax - 100, 'x');
  bind();
  ASSERT_EQ(put("d", text_update(3, "t", long_text)).status, STATOR_OK);
  const Answer refused = put("d", text_update(4, "t", std::string(200, 'y')));
  EXPECT_EQ(refused.status, STATOR_E_REJECTED_AUTHZ);
  EXPECT_EQ(refused.field, "delta");
  EXPECT_EQ(read("d").status, STATOR_OK);
  kernel_.unbind_rows();
  ASSERT_EQ(put("d", text_update(4, "t", std::string(200, 'y'))).status, STATOR_OK);
  bind();
  EXPECT_EQ(read("d").status, STATOR_E_NOT_FOUND);
  EXPECT_EQ(put("d", text_update(5, "t", "z")).status, STATOR_E_REJECTED_AUTHZ);
}

}  // namespace
}  // namespace stator::crdt
