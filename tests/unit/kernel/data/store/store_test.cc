#include "data/store/store.h"

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <optional>
#include <sys/resource.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <lmdb.h>

#include "io/file_system.h"
#include "unit/kernel/io/temp_directory.h"

namespace stator::store {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr VShardId kShard{5};

StoreOptions options_of(const std::string& directory) {
  StoreOptions options;
  options.directory = directory;
  return options;
}

class StoreTest : public testing::Test {
 protected:
  StoreTest() { open(); }

  void open(std::uint64_t map_bytes = 0) {
    store_.reset();
    store_ = Store::open({.directory = directory_.file("lane-0"),
                          .map_bytes = map_bytes,
                          .memtable_bytes = 256 * 1024,
                          .on_checkpoint = [this] { ++ended_; }})
                 .take();
  }
  void checkpoint(std::uint64_t up_to) {
    ASSERT_TRUE(store_->start_checkpoint(Lsn{up_to}));
    ASSERT_TRUE(store_->wait_checkpoint().ok());
  }
  std::optional<std::string> get(ByteView key) {
    Entry entry;
    if (!store_->get(key, entry)) return std::nullopt;
    EXPECT_EQ(entry.key, key);
    EXPECT_EQ(entry.vshard, kShard);
    return std::string(entry.value);
  }
  void put(ByteView key, ByteView value) { store_->put(key, kShard, value); }
  std::vector<std::string> walk(const WalkOptions& options = {}) {
    std::vector<std::string> found;
    const auto walk = store_->walk(options);
    Entry entry;
    while (walk->next(entry))
      found.push_back(std::string(entry.key) + "=" + std::string(entry.value));
    EXPECT_FALSE(walk->next(entry));
    return found;
  }

  io::TempDirectory directory_;
  std::atomic<int> ended_ = 0;
  std::unique_ptr<Store> store_;
};

TEST_F(StoreTest, GivesBackWhatWasPut) {
  put("k", "v");
  put("empty", "");
  put(std::string("\0", 1), "zero");
  EXPECT_EQ(get("k"), "v");
  EXPECT_EQ(get("empty"), "");
  EXPECT_EQ(get(std::string("\0", 1)), "zero");
  EXPECT_EQ(get("absent"), std::nullopt);
  put("k", "v2");
  EXPECT_EQ(get("k"), "v2");
  store_->erase("k");
  EXPECT_EQ(get("k"), std::nullopt);
}

TEST_F(StoreTest, FindsNothingUnderKeysThatNobodyCanPut) {
  EXPECT_EQ(get(""), std::nullopt);
  EXPECT_EQ(get(std::string(512, 'k')), std::nullopt);
  put(std::string(511, 'k'), "longest");
  checkpoint(1);
  EXPECT_EQ(get(std::string(511, 'k')), "longest");
}

TEST_F(StoreTest, KeepsWhatWasCheckpointedAndForgetsTheRest) {
  put("a", "1");
  put("b", "2");
  checkpoint(7);
  EXPECT_EQ(store_->applied(), Lsn{7});
  put("b", "3");
  put("c", "4");
  store_->erase("a");
  open();
  EXPECT_EQ(store_->applied(), Lsn{7});
  EXPECT_THAT(walk(), ElementsAre("a=1", "b=2"));
}

TEST_F(StoreTest, IsEmptyAndAtLsnZeroWhenNew) {
  EXPECT_EQ(store_->applied(), Lsn{0});
  EXPECT_THAT(walk(), IsEmpty());
  EXPECT_THAT(walk({.lower = "a", .upper = "z", .reverse = true}), IsEmpty());
  open();
  EXPECT_EQ(store_->applied(), Lsn{0});
}

TEST_F(StoreTest, ErasesFromTheBaseToo) {
  for (const char* key : {"a", "b", "c"}) put(key, "1");
  checkpoint(3);
  store_->erase("b");
  store_->erase("never there");
  EXPECT_THAT(walk(), ElementsAre("a=1", "c=1"));
  checkpoint(5);
  EXPECT_THAT(walk(), ElementsAre("a=1", "c=1"));
  open();
  EXPECT_THAT(walk(), ElementsAre("a=1", "c=1"));
}

TEST_F(StoreTest, WalksThreeLayersAsOneWithBoundsAndBackwards) {
  put("a", "base");
  put("c", "base");
  put("e", "base");
  put("g", "base");
  checkpoint(1);
  put("b", "frozen");
  put("c", "frozen");
  store_->erase("e");
  ASSERT_TRUE(store_->start_checkpoint(Lsn{2}));  // nobody takes its end in: it stays frozen
  put("c", "active");
  put("e", "active");
  put("f", "active");
  store_->erase("a");
  store_->erase("b");
  EXPECT_THAT(walk(), ElementsAre("c=active", "e=active", "f=active", "g=base"));
  EXPECT_THAT(walk({.lower = {}, .upper = {}, .reverse = true}),
              ElementsAre("g=base", "f=active", "e=active", "c=active"));
  EXPECT_THAT(walk({.lower = "d", .upper = "g", .reverse = false}),
              ElementsAre("e=active", "f=active"));
  EXPECT_THAT(walk({.lower = "e", .upper = "g", .reverse = true}),
              ElementsAre("f=active", "e=active"));
  EXPECT_THAT(walk({.lower = "h", .upper = {}, .reverse = false}), IsEmpty());
  EXPECT_THAT(walk({.lower = {}, .upper = "c", .reverse = true}), IsEmpty());
  EXPECT_THAT(walk({.lower = "g", .upper = "c", .reverse = false}), IsEmpty());
  EXPECT_THAT(walk({.lower = "g", .upper = "c", .reverse = true}), IsEmpty());
  ASSERT_TRUE(store_->wait_checkpoint().ok());
  EXPECT_THAT(walk(), ElementsAre("c=active", "e=active", "f=active", "g=base"));
}

TEST_F(StoreTest, RunsOneCheckpointAtATime) {
  put("a", "1");
  ASSERT_TRUE(store_->start_checkpoint(Lsn{1}));
  EXPECT_TRUE(store_->checkpoint_running());
  EXPECT_FALSE(store_->start_checkpoint(Lsn{2}));
  EXPECT_FALSE(store_->wants_checkpoint());
  ASSERT_TRUE(store_->wait_checkpoint().ok());
  EXPECT_FALSE(store_->checkpoint_running());
  EXPECT_EQ(store_->applied(), Lsn{1});
  EXPECT_TRUE(store_->finish_checkpoint().ok());
  EXPECT_TRUE(store_->start_checkpoint(Lsn{2}));
}

TEST_F(StoreTest, ACheckpointOfNothingMovesTheAppliedLsn) {
  checkpoint(10);
  checkpoint(20);
  open();
  EXPECT_EQ(store_->applied(), Lsn{20});
}

TEST_F(StoreTest, TellsTheLaneWhenACheckpointEnded) {
  put("a", "1");
  checkpoint(1);
  store_.reset();  // joins the thread that calls
  EXPECT_EQ(ended_, 1);
}

TEST_F(StoreTest, WantsACheckpointWhenTheMemtableIsFull) {
  EXPECT_FALSE(store_->wants_checkpoint());
  for (int i = 0; i < 3000; ++i) put("key" + std::to_string(i), std::string(100, 'v'));
  EXPECT_TRUE(store_->wants_checkpoint());
  EXPECT_GE(store_->memtable_bytes(), 300'000u);
  checkpoint(3000);
  EXPECT_FALSE(store_->wants_checkpoint());
  EXPECT_LT(store_->memtable_bytes(), 100'000u);
}

TEST_F(StoreTest, WantsACheckpointWhenMuchWasWrittenOver) {
  const std::string value(1000, 'v');
  std::size_t written = 0;
  while (!store_->wants_checkpoint()) {
    store_->overwrite("key", VShardId{1}, value);
    ASSERT_LT(++written, 100'000u);
  }
  EXPECT_GT(written, 300u);  // memory alone would be full then
  EXPECT_LT(store_->memtable_bytes(), 100'000u);
  checkpoint(written);
  EXPECT_FALSE(store_->wants_checkpoint());
}

TEST_F(StoreTest, ViewsLastUntilTheEndOfTheTurn) {
  const std::string large(5000, 'L');
  put("base", large + "base");
  checkpoint(1);
  put("frozen", large + "frozen");
  store_->begin_turn();
  Entry base;
  Entry frozen;
  Entry active;
  ASSERT_TRUE(store_->get("base", base));
  ASSERT_TRUE(store_->get("frozen", frozen));
  put("active", large + "active");
  ASSERT_TRUE(store_->get("active", active));
  // Everything that could pull the ground away.
  for (const char* key : {"base", "frozen", "active"}) put(key, "new");
  store_->erase("active");
  ASSERT_TRUE(store_->start_checkpoint(Lsn{5}));
  ASSERT_TRUE(store_->wait_checkpoint().ok());
  EXPECT_EQ(store_->applied(), Lsn{5});
  EXPECT_FALSE(store_->checkpoint_running());
  for (int i = 0; i < 1000; ++i) put(std::to_string(i), large);
  EXPECT_EQ(base.value, large + "base");
  EXPECT_EQ(frozen.value, large + "frozen");
  EXPECT_EQ(active.value, large + "active");
  EXPECT_EQ(get("base"), "new");  // although the snapshot of this turn is older than the checkpoint
  EXPECT_EQ(get("active"), std::nullopt);
  store_->end_turn();
  store_->begin_turn();
  EXPECT_EQ(get("base"), "new");
  EXPECT_EQ(get("frozen"), "new");
  store_->end_turn();
}

TEST_F(StoreTest, EnlargesItsMapWhenTheBaseOutgrowsIt) {
  open(64 * 1024);
  std::uint64_t lsn = 0;
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 500; ++i) {
      put("key" + std::to_string(round * 500 + i),
          std::string(1000, static_cast<char>('a' + round)));
      ++lsn;
    }
    checkpoint(lsn);
    EXPECT_EQ(store_->applied(), Lsn{lsn});
  }
  open(64 * 1024);
  EXPECT_EQ(store_->applied(), Lsn{1500});
  EXPECT_EQ(walk().size(), 1500u);
  EXPECT_EQ(get("key1400"), std::string(1000, 'c'));
}

TEST_F(StoreTest, EnlargesItsMapOnlyBetweenTurns) {
  open(64 * 1024);
  put("held", "value");
  checkpoint(1);
  store_->begin_turn();
  Entry held;
  ASSERT_TRUE(store_->get("held", held));
  for (int i = 0; i < 2000; ++i) put("key" + std::to_string(i), std::string(1000, 'x'));
  ASSERT_TRUE(store_->start_checkpoint(Lsn{2}));
  ASSERT_TRUE(store_->wait_checkpoint().ok());
  EXPECT_TRUE(store_->checkpoint_running());
  EXPECT_EQ(held.value, "value");
  EXPECT_EQ(get("key7"), std::string(1000, 'x'));
  store_->end_turn();
  ASSERT_TRUE(store_->wait_checkpoint().ok());
  EXPECT_EQ(store_->applied(), Lsn{2});
  EXPECT_EQ(get("key1999"), std::string(1000, 'x'));
}

// A limit on file sizes makes the base's writes fail.
class FullDisk {
 public:
  FullDisk() : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit small{.rlim_cur = 32 * 1024, .rlim_max = before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &small);
  }
  ~FullDisk() {
    setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;

 private:
  rlimit before_{};
  void (*handler_)(int);
};

TEST_F(StoreTest, AFailedCheckpointLosesNothingAndIsMadeUpForByTheNext) {
  put("a", "old");
  put("gone", "x");
  checkpoint(1);
  for (int i = 0; i < 200; ++i) put("key" + std::to_string(i), std::string(1000, 'x'));
  put("a", "new");
  {
    const FullDisk full;
    for (int attempt = 0; attempt < 2; ++attempt) {
      ASSERT_TRUE(store_->start_checkpoint(Lsn{300}));
      auto status = store_->wait_checkpoint();
      ASSERT_FALSE(status.ok());
      EXPECT_EQ(status.error().code(), ErrorCode::kStorage);
      EXPECT_THAT(status.error().sentence(), HasSubstr(directory_.file("lane-0")));
      EXPECT_FALSE(store_->checkpoint_running());
      EXPECT_EQ(store_->applied(), Lsn{1});
      EXPECT_EQ(get("a"), "new");
      EXPECT_EQ(get("key199"), std::string(1000, 'x'));
    }
  }
  put("a", "newest");
  store_->erase("gone");
  store_->erase("key0");
  EXPECT_EQ(walk().size(), 200u);
  checkpoint(400);
  EXPECT_EQ(store_->applied(), Lsn{400});
  open();
  EXPECT_EQ(get("a"), "newest");
  EXPECT_EQ(get("gone"), std::nullopt);
  EXPECT_EQ(get("key0"), std::nullopt);
  EXPECT_EQ(walk().size(), 200u);
}

TEST_F(StoreTest, WaitsForARunningCheckpointWhenItIsClosed) {
  for (int i = 0; i < 2000; ++i) put("key" + std::to_string(i), "v");
  ASSERT_TRUE(store_->start_checkpoint(Lsn{2000}));
  open();
  EXPECT_EQ(store_->applied(), Lsn{2000});
  EXPECT_EQ(walk().size(), 2000u);
}

void write_meta(const std::string& directory, ByteView key, const std::string& value) {
  MDB_env* env = nullptr;
  MDB_txn* txn = nullptr;
  MDB_dbi meta = 0;
  ASSERT_EQ(mdb_env_create(&env), 0);
  ASSERT_EQ(mdb_env_set_maxdbs(env, 2), 0);
  ASSERT_EQ(mdb_env_open(env, directory.c_str(), 0, 0600), 0);
  ASSERT_EQ(mdb_txn_begin(env, nullptr, 0, &txn), 0);
  ASSERT_EQ(mdb_dbi_open(txn, "meta", MDB_CREATE, &meta), 0);
  MDB_val name{key.size(), const_cast<char*>(key.data())};
  MDB_val bytes{value.size(), const_cast<char*>(value.data())};
  ASSERT_EQ(mdb_put(txn, meta, &name, &bytes, 0), 0);
  ASSERT_EQ(mdb_txn_commit(txn), 0);
  mdb_env_close(env);
}

TEST_F(StoreTest, OfAnotherFormatIsRefused) {
  put("a", "1");
  checkpoint(1);
  store_.reset();
  const std::string directory = directory_.file("lane-0");
  write_meta(directory, "format", std::string("\4\0\0\0", 4));
  auto opened = Store::open(options_of(directory));
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().code(), ErrorCode::kUnsupported);
  EXPECT_THAT(opened.error().sentence(),
              HasSubstr(directory + " has format 4; this version knows format 1 to 3: start it "
                                    "with the statord that wrote it"));
  write_meta(directory, "format", "nonsense");
  EXPECT_EQ(Store::open(options_of(directory)).error().code(), ErrorCode::kCorrupted);
  write_meta(directory, "format", std::string("\3\0\0\0", 4));
  EXPECT_TRUE(Store::open(options_of(directory)).ok());
}

TEST_F(StoreTest, ThatIsNoDatabaseIsRefused) {
  const std::string directory = directory_.file("other");
  auto& files = io::posix_file_system();
  ASSERT_TRUE(files.make_directory(directory).ok());
  ASSERT_TRUE(
      io::write_file_durably(files, directory + "/data.mdb", std::string(20'000, 'x')).ok());
  auto opened = Store::open(options_of(directory));
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().code(), ErrorCode::kCorrupted);
  EXPECT_FALSE(Store::open(options_of("/dev/null/x")).ok());
}

TEST_F(StoreTest, ACopyIsTheBaseWithItsAppliedLsn) {
  put("a", "1");
  put("b", std::string(100'000, 'b'));
  checkpoint(7);
  put("c", "in memory only");
  std::string bytes;
  ASSERT_TRUE(store_->copy([&](ByteView piece) {
    bytes.append(piece);
    return ok_status();
  }).ok());
  io::FileSystem& files = io::posix_file_system();
  const std::string directory = directory_.file("copy");
  ASSERT_TRUE(files.make_directory(directory).ok());
  ASSERT_TRUE(io::write_file_durably(files, directory + "/data.mdb", bytes).ok());
  store_ = Store::open(options_of(directory)).take();
  EXPECT_EQ(store_->applied(), Lsn{7});
  EXPECT_THAT(walk(), ElementsAre("a=1", "b=" + std::string(100'000, 'b')));
}

TEST_F(StoreTest, ACopyEndsWithItsReadersFirstError) {
  for (int i = 0; i < 400; ++i) put("key" + std::to_string(i), std::string(10'000, 'x'));
  checkpoint(1);
  int pieces = 0;
  Status copied = store_->copy([&](ByteView) -> Status {
    ++pieces;
    return Error(ErrorCode::kDiskFull, "no room");
  });
  ASSERT_FALSE(copied.ok());
  EXPECT_EQ(copied.error().code(), ErrorCode::kDiskFull);
  EXPECT_EQ(pieces, 1);
  checkpoint(2);
}

// LMDB writes its roots through a descriptor of their own, with O_DSYNC. Makes it one for reading.
void forbid_roots() {
  for (const auto& link : std::filesystem::directory_iterator("/proc/self/fd")) {
    const std::string file = std::filesystem::read_symlink(link.path()).string();
    const int fd = std::stoi(link.path().filename());
    if (!file.ends_with("/data.mdb") || (fcntl(fd, F_GETFL) & O_DSYNC) == 0) continue;
    ASSERT_EQ(dup2(::open(file.c_str(), O_RDONLY | O_CLOEXEC), fd), fd);
  }
}

// An exit, not a crash, which would be counted against the engine that wanted to read.
TEST_F(StoreTest, WhoseRootCannotBeWrittenEndsTheProcessWhenItIsReadNext) {
  store_.reset();
  const auto read_after_a_failed_write = [&] {
    open();
    put("a", "1");
    forbid_roots();
    ASSERT_TRUE(store_->start_checkpoint(Lsn{1}));
    ASSERT_FALSE(store_->wait_checkpoint().ok());
    get("b");
  };
  EXPECT_EXIT(read_after_a_failed_write(), testing::ExitedWithCode(EXIT_FAILURE),
              "its root could not be written, so the server ends");
  open();
  EXPECT_EQ(store_->applied(), Lsn{0});
}

// The map must not move under the copy's snapshot; what did not fit is written by the next checkpoint.
TEST_F(StoreTest, ItsMapDoesNotGrowWhileItIsCopied) {
  open(64 * 1024);
  put("a", "1");
  checkpoint(1);
  for (int i = 0; i < 500; ++i) put("key" + std::to_string(i), std::string(1000, 'x'));
  Status during;
  ASSERT_TRUE(store_->copy([&](ByteView) {
    EXPECT_TRUE(store_->start_checkpoint(Lsn{2}));
    during = store_->wait_checkpoint();
    return ok_status();
  }).ok());
  ASSERT_FALSE(during.ok());
  EXPECT_EQ(during.error().code(), ErrorCode::kBusy);
  EXPECT_EQ(store_->applied(), Lsn{1});
  checkpoint(2);
  EXPECT_EQ(walk().size(), 501u);
}

}  // namespace
}  // namespace stator::store
