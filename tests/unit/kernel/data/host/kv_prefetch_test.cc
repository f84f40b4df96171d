// kv.prefetch changes no answer: of keys that are there, that are not, that were written since,
// that are no keys; and shows nothing of another tenant.
#include <array>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "data/host/call_context.h"
#include "support/played_engine.h"
#include "unit/kernel/io/temp_directory.h"

namespace stator::host {
namespace {

constexpr std::uint8_t kSpace = 3;

stator_bytes bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

class KvPrefetchTest : public testing::Test {
 protected:
  KvPrefetchTest() {
    store_ = store::Store::open({directory_.file("lane-0"), 1 << 26, 0, {}}).take();
    host_.store = store_.get();
    engine_.number = EngineNumber{1};
  }
  void begin(Phase phase, std::uint32_t tenant = 1) {
    call_.begin(host_, phase, engine_, TenantId{tenant}, "things");
  }
  void put(std::string_view key, std::string_view value, std::uint32_t tenant = 1) {
    begin(Phase::kApply, tenant);
    kv_service().put(&call_, kSpace, 1, bytes(key), bytes(value));
    call_.end();
  }
  void prefetch(const std::vector<std::string_view>& keys) {
    std::vector<stator_bytes> raw;
    for (const std::string_view key : keys) raw.push_back(bytes(key));
    kv_service().prefetch(&call_, kSpace, raw.data(), raw.size());
  }
  std::string get(std::string_view key, std::uint8_t space = kSpace) {
    stator_bytes value{};
    if (kv_service().get(&call_, space, bytes(key), &value) == 0) return "absent";
    return {reinterpret_cast<const char*>(value.data), value.size};
  }
  void checkpoint() {
    ASSERT_TRUE(store_->start_checkpoint(Lsn{++lsn_}));
    ASSERT_TRUE(store_->wait_checkpoint().ok());
  }

  io::TempDirectory directory_;
  std::unique_ptr<store::Store> store_;
  LaneHost host_;
  plugin::Engine engine_;
  stator_call call_;
  std::uint64_t lsn_ = 0;
};

TEST_F(KvPrefetchTest, GetTakesWhatWasFetched) {
  put("a", "1");
  checkpoint();
  put("b", "2");
  begin(Phase::kRead);
  prefetch({"a", "absent", "b"});
  EXPECT_EQ(call_.fetched_count, 3u);
  EXPECT_EQ(get("a"), "1");
  EXPECT_EQ(call_.fetched_at, 1u) << "from what was fetched";
  EXPECT_EQ(get("absent"), "absent");
  EXPECT_EQ(get("b"), "2");
  EXPECT_EQ(call_.fetched_at, 3u);
  EXPECT_EQ(get("a"), "1") << "asked for again";
  call_.end();
}

TEST_F(KvPrefetchTest, KeysMayBeLeftOutAndMayBeNone) {
  put("a", "1");
  put("b", "2");
  begin(Phase::kRead);
  const std::string huge(STATOR_KV_KEY_BYTES_MAX + 1, 'k');
  prefetch({"", huge, "a", "b"});
  EXPECT_EQ(get("b"), "2");
  EXPECT_EQ(get("a"), "1");
  EXPECT_EQ(get(huge), "absent");
  prefetch({});
  EXPECT_EQ(get("a"), "1");
  prefetch(std::vector<std::string_view>(1000, "b"));
  EXPECT_EQ(get("b"), "2");
  EXPECT_EQ(get("b", kSpace + 1), "absent") << "another space";
  call_.end();
}

TEST_F(KvPrefetchTest, AWriteIsSeenBehindIt) {
  put("a", "1");
  put("b", "2");
  checkpoint();
  begin(Phase::kApply);
  prefetch({"a", "b"});
  kv_service().put(&call_, kSpace, 1, bytes("a"), bytes("new"));
  EXPECT_EQ(get("a"), "new");
  prefetch({"a", "b"});
  kv_service().erase(&call_, kSpace, bytes("b"));
  EXPECT_EQ(get("b"), "absent");
  call_.end();
}

TEST_F(KvPrefetchTest, TheNextCallSeesItsOwnTenantAlone) {
  put("a", "of one");
  put("a", "of two", 2);
  checkpoint();
  begin(Phase::kRead);
  prefetch({"a"});
  call_.end();
  begin(Phase::kRead, 2);
  EXPECT_EQ(call_.fetched_count, 0u);
  EXPECT_EQ(get("a"), "of two");
  prefetch({"a"});
  EXPECT_EQ(get("a"), "of two");
  call_.end();
  begin(Phase::kRead, 3);
  prefetch({"a"});
  EXPECT_EQ(get("a"), "absent");
  call_.end();
}

TEST_F(KvPrefetchTest, APausedReadSeesItsSnapshot) {
  put("a", "old");
  checkpoint();
  const auto snapshot = store_->snapshot();
  put("a", "new");
  call_.snapshot = snapshot.get();
  begin(Phase::kRead);
  prefetch({"a"});
  EXPECT_EQ(get("a"), "old");
  call_.end();
  call_.snapshot = nullptr;
}

}  // namespace
}  // namespace stator::host
