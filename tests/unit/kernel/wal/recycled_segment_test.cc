// Readers of segments whose files become others under their eyes: no moment shows them a record of
// another life of the file, or lets them take one for damage.
#include <atomic>
#include <functional>
#include <optional>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/thread.h"
#include "unit/kernel/io/temp_directory.h"
#include "unit/kernel/wal/log_fixture.h"
#include "wal/local_log_reader.h"

namespace stator::wal {
namespace {

constexpr std::size_t kBlock = io::kBlockBytes;
constexpr std::uint64_t kOfASegment = 31;  // commits of a block each
constexpr std::size_t kSegment = (1 + kOfASegment) * kBlock;

std::string payload_of(std::uint64_t lsn) { return std::to_string(lsn) + std::string(3000, 'p'); }

// Runs something before the n-th call of a reader.
class Interrupted final : public io::FileSystem {
 public:
  explicit Interrupted(io::FileSystem& files) : files_(files) {}
  void before_call(std::uint64_t nth, std::function<void()> what) {
    left_ = nth;
    what_ = std::move(what);
  }
  bool was_reached() const { return left_ == 0; }

  Result<std::unique_ptr<io::File>> open_to_read(const std::string& path) override {
    count();
    STATOR_TRY(std::unique_ptr<io::File> file, files_.open_to_read(path));
    return std::unique_ptr<io::File>(std::make_unique<File>(*this, std::move(file)));
  }
  Result<std::vector<std::string>> list(const std::string& directory) override {
    count();
    return files_.list(directory);
  }
  Result<bool> exists(const std::string& path) override {
    count();
    return files_.exists(path);
  }

  // A reader has no business with these.
  Result<std::unique_ptr<io::File>> open(const std::string&) override { return unexpected(); }
  Result<std::unique_ptr<io::File>> open_durable(const std::string&) override {
    return unexpected();
  }
  Result<std::unique_ptr<io::File>> create(const std::string&) override { return unexpected(); }
  Result<std::unique_ptr<io::File>> lock(const std::string&) override { return unexpected(); }
  Status make_directory(const std::string&) override { return unexpected(); }
  Status remove(const std::string&) override { return unexpected(); }
  Status rename(const std::string&, const std::string&) override { return unexpected(); }
  Status sync_directory(const std::string&) override { return unexpected(); }

 private:
  class File final : public io::File {
   public:
    File(Interrupted& owner, std::unique_ptr<io::File> file)
        : owner_(owner), file_(std::move(file)) {}
    Result<std::string> read_at(std::uint64_t offset, std::size_t size) override {
      owner_.count();
      return file_->read_at(offset, size);
    }
    Result<std::uint64_t> size() override { return file_->size(); }
    Status write_at(std::uint64_t, ByteView) override { return unexpected(); }
    Status sync() override { return unexpected(); }
    Status truncate(std::uint64_t) override { return unexpected(); }
    Status allocate(std::uint64_t) override { return unexpected(); }

   private:
    Interrupted& owner_;
    std::unique_ptr<io::File> file_;
  };
  static Error unexpected() { return Error(ErrorCode::kInternal, "a reader writes"); }
  void count() {
    if (left_ != 0 && --left_ == 0) what_();
  }

  io::FileSystem& files_;
  std::uint64_t left_ = 0;
  std::function<void()> what_;
};

// Plain and encrypted.
class RecycledSegmentTest : public testing::TestWithParam<bool> {
 protected:
  RecycledSegmentTest() {
    if (GetParam()) activate(keys_, 1);
    log_ = open_small_log(files_, kSegment, 1, &keys_).take();
    waiter_.emplace(*log_);
  }
  void write_segments(std::uint64_t count) {
    for (std::uint64_t i = 0; i < count * kOfASegment; ++i) {
      BatchBuilder batch = batch_of({payload_of(log_->last().value() + 1)});
      ASSERT_TRUE(waiter_->wait_durable(log_->append(batch, 1).value()));
    }
  }
  // Every segment but the last becomes another one, with commits at the same places.
  void recycle() {
    const Lsn oldest = log_->parts().back().first;
    log_->trim(oldest);
    write_segments(2);
    ASSERT_EQ(log_->oldest(), oldest);
    tail_.durable.store(log_->durable().value());
  }
  // Reads on; every record is the one that its LSN says. The LSN behind the last.
  Lsn read_on(LocalLogReader& reader) {
    for (;;) {
      auto step = reader.next();
      if (!step.ok()) {
        ADD_FAILURE() << step.error().sentence();
        return reader.position();
      }
      if (step.value() != LogReader::Step::kBatch) return reader.position();
      RecordView record;
      Lsn lsn;
      while (reader.batch().next(record, lsn)) EXPECT_EQ(record.payload, payload_of(lsn.value()));
    }
  }

  io::FaultyFileSystem files_;
  KeyRing keys_;
  std::unique_ptr<Log> log_;
  std::optional<LogWaiter> waiter_;
  LogTail tail_{0};
};

TEST_P(RecycledSegmentTest, AtNoMomentShowsAReaderWhatItIsNot) {
  write_segments(3);
  std::size_t trimmed = 0;
  std::uint64_t calls = 0;
  for (bool is_reached = true; is_reached && !HasFailure();) {
    tail_.durable.store(log_->durable().value());
    Interrupted files(files_);
    LocalLogReader reader(files, kDirectory, &keys_, log_->oldest(), tail_);
    files.before_call(++calls, [this] { recycle(); });
    const Lsn end = read_on(reader);
    is_reached = files.was_reached();
    trimmed += end.value() <= tail_.durable.load() ? 1u : 0u;
    EXPECT_TRUE(is_reached || end.value() == tail_.durable.load() + 1);
    write_segments(1);
  }
  EXPECT_GT(calls, 8u);
  EXPECT_GT(trimmed, 4u) << "no reader was overtaken";
  EXPECT_EQ(files_.content(std::string(kDirectory) + "/" + segment_name(log_->parts().back().first))
                .size(),
            kSegment);
}

INSTANTIATE_TEST_SUITE_P(Logs, RecycledSegmentTest, testing::Bool(), [](const auto& param) {
  return std::string(param.param ? "Encrypted" : "Plain");
});

// On the real file system, with a trim behind each few commits: the reader is now in front, now
// overtaken.
TEST(RecycledSegmentLiveTest, AReaderBesideAWriterAndATrimmer) {
  constexpr std::uint64_t kRecords = 3000;
  const io::TempDirectory directory;
  KeyRing keys;
  activate(keys, 1);
  const auto log = open_local_log(io::posix_file_system(), {.directory = directory.path() + "/wal",
                                                            .segment_bytes = kSegment,
                                                            .keys = &keys})
                       .take();
  std::atomic<bool> is_done{false};
  std::uint64_t seen = 0;
  io::Thread reading("reader", [&] {
    auto reader = log->reader(Lsn{1});
    while (!is_done.load() || reader->position() <= log->durable()) {
      auto step = reader->next();
      if (!step.ok()) {
        ADD_FAILURE() << step.error().sentence();
        return;
      }
      if (step.value() == LogReader::Step::kTrimmed) reader = log->reader(log->oldest());
      if (step.value() == LogReader::Step::kEnd) std::this_thread::yield();
      if (step.value() != LogReader::Step::kBatch) continue;
      RecordView record;
      Lsn lsn;
      while (reader->batch().next(record, lsn)) {
        EXPECT_EQ(record.payload, payload_of(lsn.value()));
        ++seen;
      }
    }
  });
  for (std::uint64_t i = 1; i <= kRecords; ++i) {
    BatchBuilder batch = batch_of({payload_of(i)});
    ASSERT_TRUE(log->append(batch, 1).ok());
    if (i % 3 == 0) log->commit_here();
    if (i % 40 == 0) log->trim(log->durable());
  }
  log->close();
  is_done.store(true);
  reading.join();
  EXPECT_GT(seen, 0u);
}

}  // namespace
}  // namespace stator::wal
