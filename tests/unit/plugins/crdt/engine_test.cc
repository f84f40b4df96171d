// The ops, as a client of the server sees them.
#include <algorithm>
#include <random>

#include <gtest/gtest.h>

#include "bounds.h"
#include "fake_kernel.h"
#include "golden_file.h"
#include "update_builder.h"

namespace stator::crdt {
namespace {

using golden::from_base64;
using golden::parse_tree;
using golden::to_base64;
using golden::Tree;
using testkit::Answer;
using testkit::FakeKernel;

constexpr const char* kPolicy =
    R"({"unique":"RenameSuffix","foreign_key":{"CascadeDefer":{"ttl_secs":9,"max_retries":2}},)"
    R"("not_null":"LastWriterWins","check":{"Custom":{"webhook_url":"https://example.org/x",)"
    R"("timeout_secs":5}},"strict_consistency":true})";

class CrdtEngineTest : public ::testing::Test {
 protected:
  Answer put(std::string_view id, std::string_view update, std::string_view more = "") {
    return kernel_.call("crdt_apply", R"({"document_id":")" + std::string(id) + R"(","delta":")" +
                                          to_base64(update) + "\"" + std::string(more) + "}");
  }
  Answer read(std::string_view id, std::string_view more = "") {
    return kernel_.call("crdt_read",
                        R"({"document_id":")" + std::string(id) + "\"" + std::string(more) + "}");
  }
  std::string json(std::string_view id) { return read(id).payload; }
  Answer alter(std::string_view policy, std::string_view collection = "default") {
    return kernel_.call("alter_collection_policy", R"({"policy":)" + std::string(policy) + "}",
                        collection);
  }

  FakeKernel kernel_{&stator_engine_entry_v1, {.lanes = 3}};
};

TEST_F(CrdtEngineTest, ReadsWhatWasApplied) {
  const Answer answer = put("d", text_update(7, "t", "hé😀"));
  ASSERT_EQ(answer.status, STATOR_OK) << answer.detail;
  const Tree result = parse_tree(answer.payload);
  EXPECT_EQ(result["applied"].text, "true");
  EXPECT_EQ(result["pending"].text, "false");
  EXPECT_EQ(result["lsn"].text, std::to_string(kernel_.last_lsn()));
  EXPECT_EQ(json("d"), R"({"t":"hé😀"})");
}

TEST_F(CrdtEngineTest, AnswersNotFoundForAMissingDocument) {
  const Answer answer = read("nothing");
  EXPECT_EQ(answer.status, STATOR_E_NOT_FOUND);
  EXPECT_EQ(answer.field, "document_id");
}

TEST_F(CrdtEngineTest, KeepsDocumentsCollectionsAndTenantsApart) {
  put("d", text_update(1, "t", "one"));
  const std::string other =
      R"({"document_id":"d","delta":")" + to_base64(text_update(1, "t", "two")) + "\"}";
  ASSERT_EQ(kernel_.call("crdt_apply", other, "elsewhere").status, STATOR_OK);
  EXPECT_EQ(json("d"), R"({"t":"one"})");
  EXPECT_EQ(kernel_.call("crdt_read", R"({"document_id":"d"})", "elsewhere").payload,
            R"({"t":"two"})");
  EXPECT_EQ(kernel_.call("crdt_read", R"({"document_id":"d"})", "default", 2).status,
            STATOR_E_NOT_FOUND);
  EXPECT_EQ(read("d2").status, STATOR_E_NOT_FOUND);
}

TEST_F(CrdtEngineTest, AppliesAMutationOnceAlsoAfterARestart) {
  const std::string mutation = R"(,"peer_id":4,"mutation_id":18446744073709551615)";
  EXPECT_EQ(parse_tree(put("d", text_update(1, "t", "a"), mutation).payload)["applied"].text,
            "true");
  const std::uint64_t lsn = kernel_.last_lsn();
  for (int i = 0; i < 2; ++i) {
    const Answer repeat = put("d", text_update(2, "t", "b"), mutation);
    ASSERT_EQ(repeat.status, STATOR_OK);
    EXPECT_EQ(repeat.payload, R"({"applied":false,"lsn":0})");
    EXPECT_EQ(kernel_.last_lsn(), lsn);
    EXPECT_EQ(json("d"), R"({"t":"a"})");
    kernel_.restart();
  }
  // Another peer, another document: other scopes.
  EXPECT_EQ(
      parse_tree(
          put("d", text_update(2, "t", "b"), R"(,"peer_id":5,"mutation_id":1)").payload)["applied"]
          .text,
      "true");
  EXPECT_EQ(parse_tree(put("e", text_update(2, "t", "b"), mutation).payload)["applied"].text,
            "true");
}

TEST_F(CrdtEngineTest, RemembersMutationsThatComeOutOfOrder) {
  for (const char* id : {"5", "3", "4", "0", "900"}) {
    put("d", text_update(1, "t", "a"), std::string(R"(,"mutation_id":)") + id);
  }
  for (const char* id : {"0", "3", "4", "5", "900"}) {
    EXPECT_EQ(put("d", text_update(1, "t", "a"), std::string(R"(,"mutation_id":)") + id).payload,
              R"({"applied":false,"lsn":0})")
        << id;
  }
  EXPECT_NE(put("d", text_update(1, "t", "a"), R"(,"mutation_id":6)").payload,
            R"({"applied":false,"lsn":0})");
}

TEST_F(CrdtEngineTest, RefusesWhatIsNoUpdateAndChangesNothing) {
  put("d", text_update(1, "t", "abc"));
  const auto before = kernel_.dump();
  const std::string good = text_update(2, "t", "x");
  for (std::size_t size = 1; size < good.size(); ++size) {
    const Answer answer = put("d", good.substr(0, size));
    EXPECT_EQ(answer.status, STATOR_E_BAD_REQUEST) << size;
    EXPECT_EQ(answer.field, "delta");
  }
  EXPECT_EQ(put("d", good + "x").status, STATOR_E_BAD_REQUEST);
  EXPECT_EQ(put("d", good + "x").field, "delta");
  EXPECT_EQ(kernel_.call("crdt_apply", R"({"document_id":"d","delta":"A"})").field, "delta");
  EXPECT_EQ(kernel_.call("crdt_apply", R"({"document_id":"d"})").status, STATOR_E_BAD_REQUEST);
  EXPECT_EQ(kernel_.dump(), before);
  EXPECT_EQ(json("d"), R"({"t":"abc"})");
}

TEST_F(CrdtEngineTest, NamesMoveContentAsUnsupported) {
  const Answer answer = put("d", UpdateBuilder().section(1, 1, 0).in_root(11, "a").u8(0).take());
  EXPECT_EQ(answer.status, STATOR_E_UNSUPPORTED);
  EXPECT_EQ(answer.field, "delta");
  EXPECT_NE(answer.detail.find("move"), std::string::npos);
}

TEST_F(CrdtEngineTest, RefusesClocksBeyondTheBudget) {
  const Answer answer = put("d", UpdateBuilder().section(1, 1, kClockMax).u8(0).uint(5).take());
  EXPECT_EQ(answer.status, STATOR_E_REJECTED_PREVALIDATION);
  EXPECT_EQ(answer.field, "delta");
  EXPECT_EQ(read("d").status, STATOR_E_NOT_FOUND);
}

TEST_F(CrdtEngineTest, RefusesMoreWaitingThanTheBudget) {
  const std::string large(std::size_t{3} << 20, 'x');
  const auto behind_nothing = [&](std::uint64_t client) {
    return UpdateBuilder().section(1, client, 0).behind(4, 99, 0).text(large).take();
  };
  const Answer first = put("d", behind_nothing(1));
  ASSERT_EQ(first.status, STATOR_OK) << first.detail;
  EXPECT_EQ(parse_tree(first.payload)["pending"].text, "true");
  EXPECT_EQ(put("d", behind_nothing(2)).status, STATOR_E_REJECTED_PREVALIDATION);
  EXPECT_EQ(put("d", text_update(3, "t", large)).status, STATOR_OK);
}

TEST_F(CrdtEngineTest, KeepsWhatWaitsAcrossARestart) {
  const std::string second = UpdateBuilder().section(1, 5, 0).behind(4, 1, 2).text("!").take();
  ASSERT_EQ(parse_tree(put("d", second).payload)["pending"].text, "true");
  EXPECT_EQ(json("d"), "{}");
  kernel_.restart();
  EXPECT_NE(read("d", R"(,"format":"update")").payload.find('!'), std::string::npos);
  put("d", text_update(1, "t", "abc"));
  EXPECT_EQ(json("d"), R"({"t":"abc!"})");
}

TEST_F(CrdtEngineTest, AnswersUpdateAndStateVectorAsBytes) {
  put("d", text_update(300, "t", "abc"));
  const Answer update = read("d", R"(,"format":"update")");
  EXPECT_TRUE(update.is_binary);
  EXPECT_EQ(update.payload, text_update(300, "t", "abc"));
  const Answer vector = read("d", R"(,"format":"state_vector")");
  EXPECT_TRUE(vector.is_binary);
  EXPECT_EQ(vector.payload, std::string("\x01\xAC\x02\x03"));
  const std::string since = to_base64(std::string("\x01\xAC\x02\x02"));
  const Answer diff = read("d", R"(,"format":"update","since":")" + since + "\"");
  EXPECT_EQ(diff.payload, UpdateBuilder().section(1, 300, 2).behind(4, 300, 1).text("c").take());
}

TEST_F(CrdtEngineTest, RefusesABadStateVector) {
  put("d", text_update(1, "t", "abc"));
  EXPECT_EQ(read("d", R"(,"format":"update","since":"AQ==")").field, "since");
  EXPECT_EQ(read("d", R"(,"format":"update","since":"AAA=")").status, STATOR_E_BAD_REQUEST);
  EXPECT_EQ(read("d", R"(,"since":"AA==")").field, "since");
  EXPECT_EQ(read("d", R"(,"format":"pdf")").field, "format");
}

TEST_F(CrdtEngineTest, RemembersTheKindOfARootThatBecameEmpty) {
  put("d", text_update(1, "t", "abc"));
  put("d", UpdateBuilder().section(1, 2, 0).in_root(8, "a").uint(1).u8(120).take());
  put("d", UpdateBuilder().deletes(1, 0, 3).take());
  put("d", UpdateBuilder().deletes(2, 0, 1).take());
  for (int i = 0; i < 100; ++i) put("d", UpdateBuilder().take());  // makes the engine fold
  kernel_.restart();
  EXPECT_EQ(json("d"), R"({"t":"","a":[]})");
}

std::string canonical(const Answer& answer) {
  return answer.status == STATOR_OK ? answer.payload : std::to_string(answer.status);
}

// All that a client can see of the document.
std::vector<std::string> sight(FakeKernel& kernel, const std::string& id) {
  const std::string head = R"({"document_id":")" + id + "\"";
  return {canonical(kernel.call("crdt_read", head + "}")),
          canonical(kernel.call("crdt_read", head + R"(,"format":"update"})")),
          canonical(kernel.call("crdt_read", head + R"(,"format":"state_vector"})"))};
}

TEST(CrdtDurabilityTest, ReplayAndRestartMakeTheSameDocuments) {
  const auto cases = golden::read_cases(golden::source_folder() / "golden" / "unicode.jsonl");
  ASSERT_FALSE(cases.empty());
  // One document at a time in the cache: what is stored must not depend on what is in memory.
  FakeKernel kernel(&stator_engine_entry_v1,
                    {.lanes = 2, .config_json = R"({"cache_documents_max":1})"});
  std::size_t longest = 0;
  for (const golden::Case& golden : cases) longest = std::max(longest, golden.updates.size());
  for (std::size_t i = 0; i < longest; ++i) {
    for (const golden::Case& golden : cases) {
      if (i >= golden.updates.size()) continue;
      const std::string args = R"({"document_id":"c)" + std::to_string(golden.number) +
                               R"(","mutation_id":)" + std::to_string(i * 2) + R"(,"delta":")" +
                               to_base64(golden.updates[golden.shuffled[i]]) + "\"}";
      ASSERT_EQ(kernel.call("crdt_apply", args).status, STATOR_OK);
      if (i % 7 == 0) kernel.call("crdt_read", R"({"document_id":"c41"})");
    }
  }
  std::vector<std::vector<std::string>> before;
  for (const auto& golden : cases)
    before.push_back(sight(kernel, "c" + std::to_string(golden.number)));
  const auto store = kernel.dump();
  kernel.restart();
  EXPECT_EQ(kernel.dump(), store);
  for (std::size_t i = 0; i < cases.size(); ++i) {
    EXPECT_EQ(sight(kernel, "c" + std::to_string(cases[i].number)), before[i]);
  }
  kernel.replay();
  EXPECT_EQ(kernel.dump(), store);
  for (std::size_t i = 0; i < cases.size(); ++i) {
    EXPECT_EQ(sight(kernel, "c" + std::to_string(cases[i].number)), before[i]);
    EXPECT_EQ(before[i][2], cases[i].state_vector);
  }
}

TEST(CrdtDurabilityTest, FoldsTheTailIntoTheImage) {
  FakeKernel kernel(&stator_engine_entry_v1);
  std::string expected;
  for (std::uint64_t i = 0; i < 300; ++i) {
    UpdateBuilder update;
    update.section(1, 1, i);
    if (i == 0) {
      update.in_root(4, "t");
    } else {
      update.behind(4, 1, i - 1);
    }
    expected.push_back(static_cast<char>('a' + i % 26));
    const std::string bytes = update.text(expected.substr(i)).take();
    ASSERT_EQ(
        kernel.call("crdt_apply", R"({"document_id":"d","delta":")" + to_base64(bytes) + "\"}")
            .status,
        STATOR_OK);
  }
  EXPECT_LT(kernel.dump().size(), 70u);
  const auto store = kernel.dump();
  kernel.restart();
  EXPECT_EQ(kernel.call("crdt_read", R"({"document_id":"d"})").payload,
            R"({"t":")" + expected + "\"}");
  kernel.replay();
  EXPECT_EQ(kernel.dump(), store);
}

TEST(CrdtDurabilityTest, CutsALargeImageIntoChunks) {
  FakeKernel kernel(&stator_engine_entry_v1);
  const std::string large(std::size_t{3} << 20, 'x');
  for (std::uint64_t client = 1; client <= 3; ++client) {
    ASSERT_EQ(kernel
                  .call("crdt_apply", R"({"document_id":"d","delta":")" +
                                          to_base64(text_update(client, "t", large)) + "\"}")
                  .status,
              STATOR_OK);
  }
  kernel.restart();
  const std::string all = kernel.call("crdt_read", R"({"document_id":"d"})").payload;
  EXPECT_EQ(all.size(), 3 * large.size() + std::string(R"({"t":""})").size());
}

TEST(CrdtDurabilityTest, RefusesAWrongConfigKeyByName) {
  for (const char* config : {R"({"cache_bytes_max":0})", R"({"cache_bytes_max":"1"})"}) {
    try {
      const FakeKernel kernel(&stator_engine_entry_v1, {.config_json = config});
      ADD_FAILURE() << "opened with " << config;
    } catch (const std::exception& fault) {
      EXPECT_NE(std::string(fault.what()).find("cache_bytes_max"), std::string::npos);
    }
  }
}

TEST_F(CrdtEngineTest, StoresAPolicyAndReadsItBack) {
  const Answer answer = alter(kPolicy);
  ASSERT_EQ(answer.status, STATOR_OK) << answer.detail;
  EXPECT_EQ(answer.payload, R"({"enforced":false,"note":"stored and readable; enforcement is not )"
                            R"(part of this version"})");
  kernel_.restart();
  for (int i = 0; i < 4; ++i) {  // the lanes take turns
    Tree policy = parse_tree(kernel_.call("get_collection_policy", "{}").payload);
    EXPECT_EQ(policy["default"].text, "false");
    policy.members.erase("default");
    EXPECT_EQ(policy, parse_tree(kPolicy));
  }
  const auto store = kernel_.dump();
  kernel_.replay();
  EXPECT_EQ(kernel_.dump(), store);
}

TEST_F(CrdtEngineTest, AnswersThePresetWhereNoPolicyWasSet) {
  alter(kPolicy, "other");
  EXPECT_EQ(kernel_.call("get_collection_policy", "{}").payload,
            R"({"unique":"RenameSuffix","foreign_key":{"CascadeDefer":{"max_retries":3,)"
            R"("ttl_secs":300}},"not_null":"LastWriterWins","check":"EscalateToDlq",)"
            R"("strict_consistency":false,"default":true})");
}

TEST_F(CrdtEngineTest, RefusesABadPolicyAndNamesTheKey) {
  const Answer answer = alter(R"({"unique":"First"})");
  EXPECT_EQ(answer.status, STATOR_E_BAD_REQUEST);
  EXPECT_EQ(answer.field, "policy");
  EXPECT_NE(answer.detail.find("unique"), std::string::npos);
  EXPECT_NE(kernel_.call("get_collection_policy", "{}").payload.find(R"("default":true)"),
            std::string::npos);
}

TEST_F(CrdtEngineTest, OfADroppedTenantNothingIsLeft) {
  put("d", text_update(7, "t", "kept"));
  const auto kept = kernel_.dump();
  for (int i = 0; i < 50; ++i) {
    const std::string args = R"({"document_id":"d)" + std::to_string(i) + R"(","delta":")" +
                             to_base64(text_update(7, "t", "x")) + "\"}";
    ASSERT_EQ(kernel_.call("crdt_apply", args, "default", 12).status, STATOR_OK);
  }
  kernel_.drop_tenant(12);
  EXPECT_EQ(kernel_.dump(), kept);
  EXPECT_EQ(kernel_.call("crdt_read", R"({"document_id":"d1"})", "default", 12).status,
            STATOR_E_NOT_FOUND);
  EXPECT_EQ(json("d"), R"({"t":"kept"})");
}

}  // namespace
}  // namespace stator::crdt
