// A lane's requests for backups, with a worker whose store is copied when the test says so.
#include "server/lane_backups.h"

#include <condition_variable>
#include <mutex>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "stator/args.hpp"

#include "base/limits.h"
#include "server/restore.h"
#include "unit/kernel/io/temp_directory.h"
#include "wal/local_log.h"

namespace stator::server {
namespace {

using bridge::Task;
using testing::HasSubstr;

// A lock that the test holds while a copy must not end, and a bell for answers.
class Gate {
 public:
  void open() { set(true); }
  void close() { set(false); }
  void wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return is_open_; });
  }
  bool is_open() {
    const std::lock_guard lock(mutex_);
    return is_open_;
  }

 private:
  void set(bool is_open) {
    const std::lock_guard lock(mutex_);
    is_open_ = is_open;
    changed_.notify_all();
  }
  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_open_ = false;
};

class SlowStore final : public store::Store {
 public:
  Lsn applied() const override { return Lsn{0}; }
  void begin_turn() override {}
  void end_turn() override {}
  bool get(ByteView, store::Entry&) override { return false; }
  void fetch(std::span<const ByteView>, std::span<store::Entry>) override {}
  std::uint64_t prefetch(ByteView) const override { return 0; }
  void prefetch_value(std::uint64_t) const override {}
  std::unique_ptr<store::Walk> walk(const store::WalkOptions&) override { return nullptr; }
  std::unique_ptr<store::Snapshot> snapshot() override { return nullptr; }
  void put(ByteView, VShardId, ByteView) override {}
  void overwrite(ByteView, VShardId, ByteView) override {}
  void erase(ByteView) override {}
  bool wants_checkpoint() const override { return false; }
  bool start_checkpoint(Lsn) override { return false; }
  Status finish_checkpoint() override { return ok_status(); }
  bool checkpoint_running() const override { return false; }
  Status wait_checkpoint() override { return ok_status(); }
  std::size_t memtable_bytes() const override { return 0; }
  void forget_memory() override {}
  Status copy(const std::function<Status(ByteView)>& sink) override {
    begun.open();
    may_end.wait();
    return sink(content);
  }
  std::string content = "a store";
  Gate begun;
  Gate may_end;
};

class LaneBackupsTest : public testing::Test {
 protected:
  LaneBackupsTest() {
    STATOR_ASSERT(files_.make_directory(directory_.file("wal")).ok());
    STATOR_ASSERT(io::write_file_durably(files_, directory_.file("LAYOUT"), "{}").ok());
    log_ = wal::open_local_log(files_, {directory_.file("wal"), kWalSegmentBytes, 1}).take();
    wal::BatchBuilder batch;
    STATOR_ASSERT(batch.add({EngineNumber{1}, 1, TenantId{1}, VShardId{1}, "c", "p"}).ok());
    STATOR_ASSERT(log_->append(batch, 1).ok());
    log_->close();
    trims_ = std::make_unique<TrimGate>(*log_, std::vector<Lsn>{Lsn{0}});
  }
  void make_worker(const std::string& root) {
    BackupSources sources;
    sources.files = &files_;
    sources.root = root;
    sources.data_dir = directory_.path();
    sources.stores = {&store_};
    sources.log = log_.get();
    sources.trims = trims_.get();
    sources.clock = &system_clock();
    worker_ = std::make_unique<BackupWorker>(sources, 1, [this](LaneId) { answered_.open(); });
    lane_ = std::make_unique<LaneBackups>(LaneId{0}, *worker_);
  }
  void SetUp() override { make_worker(directory_.file("backups")); }
  // Two STR arguments, of which the second is absent.
  Task* request(const std::string& name) {
    Task* task = pool_.take();
    task->deadline_ns = 1000;
    const std::size_t values = sizeof(stator_arg_block);
    const std::size_t text = values + 2 * sizeof(stator_value);
    task->args.extend(text + name.size(), 64);
    auto* block = reinterpret_cast<stator_arg_block*>(task->args.data());
    *block = {sizeof(stator_arg_block), static_cast<std::uint32_t>(task->args.size()), 2, 1, 0, 1};
    reinterpret_cast<stator_value*>(task->args.data() + values)->slice = {
        static_cast<std::uint32_t>(text), static_cast<std::uint32_t>(name.size())};
    std::memcpy(task->args.data() + text, name.data(), name.size());
    return task;
  }
  std::vector<Task*> collect(std::uint64_t now_ns) {
    std::vector<Task*> done;
    lane_->collect(now_ns, done);
    return done;
  }

  io::FileSystem& files_ = io::posix_file_system();
  io::TempDirectory directory_;
  std::unique_ptr<wal::Log> log_;
  std::unique_ptr<TrimGate> trims_;
  SlowStore store_;
  Gate answered_;
  bridge::TaskPool pool_;
  std::unique_ptr<BackupWorker> worker_;
  std::unique_ptr<LaneBackups> lane_;
};

TEST_F(LaneBackupsTest, IsAnsweredWhenTheBackupIsComplete) {
  Task* task = request("a");
  ASSERT_TRUE(lane_->submit(task).ok());
  store_.begun.wait();
  EXPECT_TRUE(collect(1).empty());
  EXPECT_TRUE(worker_->facts().is_running);
  EXPECT_EQ(lane_->next_deadline_ns(), 1000u);
  store_.may_end.open();
  answered_.wait();
  EXPECT_EQ(collect(2), std::vector<Task*>{task});
  EXPECT_EQ(task->code, ErrorCode::kOk) << task->error_sentence;
  EXPECT_THAT(std::string(task->payload.view()), HasSubstr(R"({"name":"a","lsn":1,)"));
  EXPECT_EQ(lane_->next_deadline_ns(), 0u);
  EXPECT_FALSE(worker_->facts().is_running);
  EXPECT_EQ(worker_->facts().last_name, "a");
  EXPECT_EQ(worker_->facts().last_lsn, Lsn{1});
}

TEST_F(LaneBackupsTest, OneAtATime) {
  ASSERT_TRUE(lane_->submit(request("a")).ok());
  Task* second = request("b");
  Status refused = lane_->submit(second);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), ErrorCode::kBusy);
  EXPECT_GT(refused.error().retry_after_ms(), 0u);
  EXPECT_EQ(lane_->check(*second).error().code(), ErrorCode::kBusy);
  store_.may_end.open();
}

TEST_F(LaneBackupsTest, TheDeadlineEndsTheWaitingAndNotTheBackup) {
  Task* task = request("a");
  ASSERT_TRUE(lane_->submit(task).ok());
  store_.begun.wait();
  EXPECT_EQ(collect(1000), std::vector<Task*>{task});
  EXPECT_EQ(task->code, ErrorCode::kDeadlineExceeded);
  store_.may_end.open();
  answered_.wait();
  EXPECT_TRUE(collect(1001).empty()) << "nobody waits for it any more";
  EXPECT_TRUE(files_.exists(directory_.file("backups/a/MANIFEST")).value());
}

TEST_F(LaneBackupsTest, AStopEndsItAndLeavesNothing) {
  Task* task = request("a");
  ASSERT_TRUE(lane_->submit(task).ok());
  store_.begun.wait();
  worker_->stop();
  store_.may_end.open();
  answered_.wait();
  EXPECT_EQ(collect(1), std::vector<Task*>{task});
  EXPECT_EQ(task->code, ErrorCode::kBusy);
  EXPECT_GT(task->retry_after_ms, 0u);
  EXPECT_EQ(worker_->facts().last_error, "busy");
  EXPECT_EQ(files_.list(directory_.file("backups")).value(), std::vector<std::string>{".lock"});
  EXPECT_FALSE(lane_->submit(request("b")).ok());
}

// Also while it waits for its client, which is not told that it cancelled it.
TEST_F(LaneBackupsTest, AStopEndsAStreamAsBusy) {
  store_.content.resize(2 * kBackupAheadBytes);
  BackupStream* stream = worker_->begin_stream(LaneId{0}, "a", "").value();
  stream->ask();
  store_.may_end.open();
  answered_.wait();  // a part is there, and nobody takes it
  worker_->stop();
  while (worker_->facts().is_running) std::this_thread::yield();
  EXPECT_EQ(worker_->facts().last_error, "busy");
  worker_->release(stream);
}

// The one that ended before is let go of while the next one, which nobody wants any more, runs.
TEST_F(LaneBackupsTest, AStreamThatWasReleasedIsToldOfNothing) {
  store_.may_end.open();
  BackupStream* first = worker_->begin_stream(LaneId{0}, "a", "").value();
  answered_.wait();
  for (Gate* gate : {&answered_, &store_.may_end, &store_.begun}) gate->close();
  BackupStream* second = worker_->begin_stream(LaneId{0}, "b", "").value();
  store_.begun.wait();
  worker_->release(second);
  worker_->release(first);
  store_.may_end.open();
  while (worker_->facts().is_running) std::this_thread::yield();
  EXPECT_EQ(worker_->facts().last_error, "cancelled");
  EXPECT_FALSE(answered_.is_open());
}

TEST_F(LaneBackupsTest, WithoutAPlaceItIsRefused) {
  make_worker("");
  Status refused = lane_->check(*request("a"));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), ErrorCode::kUnsupported);
  EXPECT_THAT(refused.error().hint(), HasSubstr("[backup] directory"));
}

}  // namespace
}  // namespace stator::server
