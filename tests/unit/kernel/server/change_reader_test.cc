// Changes out of a log that the test commits and trims.
#include "server/change_reader.h"

#include <condition_variable>
#include <cstring>
#include <mutex>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "stator/declare.hpp"

#include "base/limits.h"
#include "support/played_engine.h"
#include "wal/sim_log.h"

namespace stator::server {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr std::uint32_t kPut = 1;      // payload: the value, of the key "k"
constexpr std::uint32_t kStrange = 2;  // that the engine does not know
constexpr std::uint32_t kBinary = 3;

void write_value(stator_sink& value, std::string_view bytes) {
  char* to = value.reserve(&value, bytes.size());
  std::memcpy(to, bytes.data(), bytes.size());
  value.commit(&value, bytes.size());
}

// An engine of nothing but this.
stator_status describe_change(std::uint32_t type, stator_bytes payload, stator_change* change,
                              stator_sink* value) {
  if (type == kStrange) return STATOR_E_INTERNAL;
  const std::string_view text(reinterpret_cast<const char*>(payload.data), payload.size);
  change->kind = "put";
  change->key = {text.data(), 1};
  change->value_is_binary = type == kBinary ? 1 : 0;
  if (value == nullptr) return STATOR_OK;
  if (type == kBinary) {
    write_value(*value, text);
    return STATOR_OK;
  }
  if (text.size() > kPayloadBytesMax / 2) {
    EXPECT_EQ(value->reserve(value, kPayloadBytesMax), nullptr);
    return STATOR_E_FAN_OUT_EXCEEDED;
  }
  write_value(*value, '"' + std::string(text) + '"');
  return STATOR_OK;
}

const stator_engine_v1* entry(const stator_kernel_hello*) {
  static constexpr stator_op kRow = make_op({.op_class = STATOR_OP_READ,
                                             .permission = STATOR_PERM_READ,
                                             .placement = STATOR_PLACE_ANY,
                                             .name = "nothing",
                                             .doc = "",
                                             .result = "",
                                             .example = "{}"});
  static const stator_op* const kRows[] = {&kRow};
  static const stator_engine_v1 kEngine = [] {
    stator_engine_v1 engine = test::played_engine("telling", kRows);
    engine.describe_change = &describe_change;
    return engine;
  }();
  return &kEngine;
}

const void* no_service(const char*) { return nullptr; }

constexpr TenantId kTenant{3};
constexpr ChangeTicket kTicket{LaneId{1}, 5};

class ChangeReaderTest : public testing::Test {
 protected:
  ChangeReaderTest() {
    const stator_kernel_hello hello{sizeof hello, STATOR_ABI_MAJOR, STATOR_ABI_MINOR, 0,
                                    "",           &no_service};
    STATOR_ASSERT(catalog_.add_builtin(&entry, hello).ok());
    catalog_.engines()[0]->number = EngineNumber{2};
    const std::map<std::string, EngineNumber> numbers = {{"telling", EngineNumber{2}},
                                                         {"gone", EngineNumber{4}}};
    reader_ =
        std::make_unique<ChangeReader>(log_, ChangeWriter(catalog_, numbers), 2, [this](LaneId) {
          const std::lock_guard lock(mutex_);
          ++told_;
          changed_.notify_all();
        });
    log_.set_listener([this] { reader_->on_durable(); });
  }

  struct Written {
    std::string payload = "x";
    std::uint32_t type = kPut;
    TenantId tenant = kTenant;
    VShardId vshard{1};
    EngineNumber engine{2};
    std::string collection = "c";
  };
  void append(const std::vector<Written>& records) {
    wal::BatchBuilder batch;
    for (const Written& one : records) {
      STATOR_ASSERT(
          batch.add({one.engine, one.type, one.tenant, one.vshard, one.collection, one.payload})
              .ok());
    }
    STATOR_ASSERT(log_.append(batch, 1234).ok());
  }
  void write(const std::vector<Written>& records) {
    append(records);
    log_.commit();
  }
  void open(Lsn from, const std::string& collection = "c", bool has_values = true) {
    ASSERT_TRUE(reader_->open(kTicket, {kTenant, collection, has_values, from}).ok());
  }
  // Asks, and waits for what comes.
  ChangePart next() {
    reader_->more(kTicket);
    return wait();
  }
  ChangePart wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return told_ > taken_; });
    ++taken_;
    lock.unlock();
    auto parts = reader_->take(kTicket.lane);
    EXPECT_EQ(parts.size(), 1u);
    EXPECT_EQ(parts.at(0).number, kTicket.number);
    return std::move(parts.at(0));
  }
  static std::vector<std::string> events(const ChangePart& part) {
    std::vector<std::string> out;
    std::size_t begin = 0;
    for (const std::uint32_t end : part.ends) {
      out.emplace_back(part.events.view().substr(begin, end - begin));
      begin = end;
    }
    return out;
  }

  wal::SimLog log_;
  plugin::Catalog catalog_;
  std::mutex mutex_;
  std::condition_variable changed_;
  int told_ = 0;
  int taken_ = 0;
  std::unique_ptr<ChangeReader> reader_;
};

TEST_F(ChangeReaderTest, ShowsWhatIsDurableAndWaitsForMore) {
  write({{"one"}});
  append({{"two"}});
  open(Lsn{1});
  const ChangePart first = next();
  EXPECT_THAT(
      events(first),
      ElementsAre(
          R"({"event":"put","lsn":1,"time_ms":1234,"collection":"c","engine":"telling","key":"o","value":"one"})"));
  EXPECT_EQ(first.next, Lsn{2});
  reader_->more(kTicket);
  log_.commit();
  EXPECT_THAT(events(wait()), ElementsAre(HasSubstr(R"("lsn":2)")));
}

TEST_F(ChangeReaderTest, ShowsOnlyWhatIsAskedFor) {
  write({{.payload = "of another tenant", .tenant = TenantId{4}},
         {.payload = "of the kernel", .tenant = TenantId{0}, .engine = EngineNumber{0}},
         {.payload = "of every lane", .vshard = kEveryVShard},
         {.payload = "elsewhere", .collection = "d"},
         {.payload = "mine"}});
  open(Lsn{1});
  EXPECT_THAT(events(next()), ElementsAre(HasSubstr(R"("lsn":5)")));
  reader_->close(kTicket);
  ASSERT_TRUE(reader_->open({LaneId{1}, 5}, {kTenant, "", true, Lsn{1}}).ok());
  EXPECT_THAT(events(next()),
              ElementsAre(HasSubstr(R"("value":"elsewhere")"), HasSubstr(R"("value":"mine")")));
}

TEST_F(ChangeReaderTest, WhatIsNotDescribedHasChanged) {
  write({{.type = kStrange}, {.engine = EngineNumber{4}}});
  open(Lsn{1});
  EXPECT_THAT(
      events(next()),
      ElementsAre(
          R"({"event":"changed","lsn":1,"time_ms":1234,"collection":"c","engine":"telling"})",
          R"({"event":"changed","lsn":2,"time_ms":1234,"collection":"c","engine":"gone"})"));
}

TEST_F(ChangeReaderTest, ValuesAreBytesOrJsonOrNotAskedFor) {
  write({{.payload = std::string("\0\xff", 2), .type = kBinary}, {.payload = "plain"}});
  open(Lsn{1});
  EXPECT_THAT(events(next()),
              ElementsAre(HasSubstr(R"("value":"AP8=")"), HasSubstr(R"("value":"plain")")));
  reader_->close(kTicket);
  open(Lsn{2}, "c", false);
  EXPECT_THAT(events(next()), ElementsAre(Not(HasSubstr("value"))));
}

TEST_F(ChangeReaderTest, AValueThatNoFrameHoldsIsLeftOut) {
  write({{.payload = std::string(kPayloadBytesMax, 'v')},
         {.payload = std::string(kPayloadBytesMax - 9000, 'b'), .type = kBinary}});
  open(Lsn{1});
  const auto shown = events(next());
  ASSERT_EQ(shown.size(), 2u);
  EXPECT_THAT(shown[0], HasSubstr(R"("key":"v","value_omitted":true})"));
  EXPECT_THAT(shown[1], HasSubstr(R"("key":"b","value_omitted":true})"));
}

TEST_F(ChangeReaderTest, PartsAreBoundedAndNothingIsLostBetweenThem) {
  // One batch for many parts, larger than what a reader that waits keeps.
  std::vector<Written> many;
  for (int i = 0; i < 1500; ++i) many.push_back({std::string(1000, 'p')});
  write(many);
  write({{"last"}});
  open(Lsn{1});
  std::uint64_t lsn = 0;
  while (lsn < 1501) {
    const ChangePart part = next();
    EXPECT_LE(part.events.size(), kStreamChunkBytes + 2000);
    for (const std::string& event : events(part)) {
      ASSERT_THAT(event, HasSubstr("\"lsn\":" + std::to_string(++lsn) + ","));
    }
    EXPECT_EQ(part.next, Lsn{lsn + 1});
  }
}

TEST_F(ChangeReaderTest, TrimmedHistoryIsOneGap) {
  for (int i = 0; i < 10; ++i) write({{"x"}});
  log_.trim(Lsn{8});
  open(Lsn{3});
  const auto shown = events(next());
  ASSERT_EQ(shown.size(), 4u);
  EXPECT_EQ(shown[0], R"({"event":"gap","from":3,"to":7})");
  EXPECT_THAT(shown[1], HasSubstr(R"("lsn":8)"));
}

TEST_F(ChangeReaderTest, ASlowOneMeetsTheGapLater) {
  for (int i = 0; i < 3; ++i) write({{"x"}});
  open(Lsn{1});
  EXPECT_EQ(next().ends.size(), 3u);
  for (int i = 0; i < 5; ++i) write({{"x"}});
  log_.trim(Lsn{7});
  const auto shown = events(next());
  ASSERT_EQ(shown.size(), 3u);
  EXPECT_EQ(shown[0], R"({"event":"gap","from":4,"to":6})");
}

TEST_F(ChangeReaderTest, ALongWayWithoutAnEventDoesNotKeepOthersWaiting) {
  for (int i = 0; i < 20; ++i)
    write({{.payload = std::string(1024 * 1024, 'o'), .tenant = TenantId{4}}});
  write({{"mine"}});
  open(Lsn{1});
  EXPECT_THAT(events(next()), ElementsAre(HasSubstr(R"("lsn":21)")));
}

TEST_F(ChangeReaderTest, HasALimit) {
  for (std::uint64_t i = 0; i < kSubscriptionsMax; ++i) {
    ASSERT_TRUE(reader_->open({LaneId{0}, i}, {kTenant, "c", true, Lsn{1}}).ok());
  }
  auto refused = reader_->open({LaneId{0}, kSubscriptionsMax}, {kTenant, "c", true, Lsn{1}});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), ErrorCode::kResourcesExhausted);
  EXPECT_EQ(reader_->open_count(), kSubscriptionsMax);
  reader_->close({LaneId{0}, 7});
  write({{"x"}});
  while (reader_->open_count() == kSubscriptionsMax) std::this_thread::yield();
  open(Lsn{1});
  EXPECT_EQ(next().ends.size(), 1u);
}

}  // namespace
}  // namespace stator::server
