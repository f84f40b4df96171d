// Whatever happens to the bytes of data.mdb while no server runs: it is found when the store is
// opened, or nobody can tell the difference.
#include <cstdlib>
#include <filesystem>
#include <map>
#include <set>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/store/store.h"
#include "io/file_system.h"
#include "support/seeds.h"
#include "unit/kernel/io/temp_directory.h"

namespace stator::store {
namespace {

using testing::HasSubstr;

using Entries = std::map<std::string, std::string>;

class StoreDamageTest : public testing::Test {
 protected:
  // Two checkpoints with values of every size, replaced and erased ones: branches, overflow pages
  // and a list of free pages.
  StoreDamageTest() {
    auto store = Store::open(options()).take();
    for (int i = 0; i < 160; ++i)
      put(*store, "key" + std::to_string(i), std::string(static_cast<std::size_t>(i), 'v'));
    put(*store, "large", std::string(9000, 'L'));
    put(*store, "larger", std::string(5000, 'M'));
    checkpoint(*store, 7);
    for (int i = 0; i < 160; i += 3) {
      store->erase("key" + std::to_string(i));
      entries_.erase("key" + std::to_string(i));
    }
    put(*store, "larger", "small now");
    put(*store, "key1", "another value");
    checkpoint(*store, 9);
    store.reset();
    good_ = io::read_file(io::posix_file_system(), path()).take();
  }

  std::string directory() const { return directory_.file("lane-0"); }
  StoreOptions options() const {
    StoreOptions options;
    options.directory = directory();
    return options;
  }
  std::string path() const { return directory() + "/data.mdb"; }
  void put(Store& store, const std::string& key, const std::string& value) {
    store.put(key, VShardId{3}, value);
    entries_[key] = value;
  }
  static void checkpoint(Store& store, std::uint64_t lsn) {
    ASSERT_TRUE(store.start_checkpoint(Lsn{lsn}));
    ASSERT_TRUE(store.wait_checkpoint().ok());
  }
  void write_file(const std::string& bytes) {
    auto& files = io::posix_file_system();
    ASSERT_TRUE(files.remove(path()).ok());
    const auto file = files.create(path()).take();
    ASSERT_TRUE(file->write_at(0, bytes).ok());
  }
  // Every key by its name, and all of them in order; then a checkpoint, and all of it again.
  void expect_all(Store& store) {
    for (int round = 0; round < 2; ++round) {
      store.begin_turn();
      Entry entry;
      for (const auto& [key, value] : entries_) {
        ASSERT_TRUE(store.get(key, entry)) << key;
        ASSERT_EQ(entry.value, value);
        ASSERT_EQ(entry.vshard, VShardId{3});
      }
      Entries walked;
      const auto walk = store.walk({});
      while (walk->next(entry)) walked[std::string(entry.key)] = entry.value;
      ASSERT_EQ(walked, entries_);
      store.end_turn();
      if (round == 1) return;
      for (int i = 1; i < 160; i += 3)
        store.put("key" + std::to_string(i), VShardId{3}, entries_["key" + std::to_string(i)]);
      store.erase("large");
      checkpoint(store, 20);
      store.put("large", VShardId{3}, entries_["large"]);
      checkpoint(store, 21);
    }
  }
  // True if the damage was found.
  bool check(const std::string& bytes) {
    write_file(bytes);
    auto opened = Store::open(options());
    if (!opened.ok()) {
      const ErrorCode code = opened.error().code();
      EXPECT_TRUE(code == ErrorCode::kCorrupted || code == ErrorCode::kUnsupported)
          << opened.error().sentence();
      return true;
    }
    const std::unique_ptr<Store> store = opened.take();
    // An older snapshot is whole, and says so: the log goes on from there, or its start is refused.
    if (store->applied() == Lsn{7} || store->applied() == Lsn{}) return true;
    EXPECT_EQ(store->applied(), Lsn{9});
    expect_all(*store);
    return false;
  }

  io::TempDirectory directory_{std::filesystem::exists("/dev/shm") ? "/dev/shm" : "/tmp"};
  Entries entries_;
  std::string good_;
};

TEST_F(StoreDamageTest, UndamagedIsServed) { EXPECT_FALSE(check(good_)); }

// A bit of every second byte, in turn one of the eight, of most that are in use; STATOR_TORTURE:
// all of them.
const std::size_t kBitsApart = test::kSanitized ? 211 : 17;  // each opens a store, slow there

TEST_F(StoreDamageTest, AFlippedBitIsFoundOrHarmless) {
  const bool is_long = std::getenv("STATOR_TORTURE") != nullptr;
  std::size_t found = 0;  // of those that are no room
  std::size_t flips = 0;
  for (std::size_t bit = 0; bit < good_.size() * 8; bit += is_long ? 1 : kBitsApart) {
    // Most zeros are room that nobody reads.
    const bool is_room = good_[bit / 8] == 0 && bit / 8 % 4096 > 200;
    if (is_room && !is_long && bit % 7 != 0) continue;
    std::string bad = good_;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << bit % 8));
    found += check(bad) && !is_room ? 1u : 0u;
    flips += is_room ? 0u : 1u;
    ASSERT_FALSE(HasFatalFailure() || HasNonfatalFailure())
        << "bit " << bit << " of page " << bit / 8 / 4096;
  }
  EXPECT_GT(found, flips / 4);
}

// What says which pages may be written: LMDB believes it, and asserts what follows from it.
TEST_F(StoreDamageTest, AFlippedBitOfTheListsOfFreePagesIsFoundOrHarmless) {
  const auto word = [&](std::size_t at) { return load_little<std::uint64_t>(good_.data() + at); };
  constexpr std::size_t kPage = 4096;
  constexpr std::size_t kTransaction = 16 + 128;  // in a meta page
  constexpr std::size_t kFreeRoot = 16 + 24 + 40;
  const std::size_t meta = word(kTransaction) < word(kPage + kTransaction) ? kPage : 0;
  const std::size_t page = word(meta + kFreeRoot) * kPage;
  const std::size_t nodes = page + load_little<std::uint16_t>(good_.data() + page + 14);
  ASSERT_LT(page, nodes);
  ASSERT_LT(nodes, page + kPage - 100) << "there are some";
  for (std::size_t bit = nodes * 8; bit < (page + kPage) * 8; bit += test::kSanitized ? 13 : 1) {
    std::string bad = good_;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << bit % 8));
    check(bad);
    ASSERT_FALSE(HasFailure()) << "bit " << bit - page * 8 << " of the page";
  }
}

// A file may end in free pages, which nobody misses: check() looks at all that is served.
TEST_F(StoreDamageTest, ATruncatedFileIsFound) {
  constexpr std::size_t kFreePagesAtTheEnd = 4;
  for (std::size_t size = 1; size < good_.size(); size += size < 9000 ? 97 : 509) {
    ASSERT_TRUE(check(good_.substr(0, size)) || size > good_.size() - kFreePagesAtTheEnd * 4096)
        << size;
    ASSERT_FALSE(HasFailure()) << size;
  }
}

// A disk that wrote one page to another's place, or never wrote it.
TEST_F(StoreDamageTest, AMisplacedOrLostPageIsFoundOrHarmless) {
  const std::size_t pages = good_.size() / 4096;
  for (std::size_t page = 0; page < pages; ++page) {
    for (std::size_t other = 0; other <= pages; ++other) {
      std::string bad = good_;
      bad.replace(page * 4096, 4096,
                  other == pages ? std::string(4096, '\0') : good_.substr(other * 4096, 4096));
      check(bad);
      ASSERT_FALSE(HasFailure()) << "page " << page << " holds page " << other;
    }
  }
}

// Where the newest list of free pages has its numbers, from the first to the last; the layout is
// that of LMDB 0.9 (mdb.c: MDB_meta, MDB_page, MDB_node).
std::vector<std::size_t> free_numbers(const std::string& file) {
  constexpr std::size_t kPage = 4096;
  constexpr std::size_t kHeader = 16;
  const auto at = [&]<class T>(std::size_t offset, T) { return load_little<T>(&file[offset]); };
  const auto transaction = [&](std::size_t page) {
    return at(page * kPage + kHeader + 128, std::uint64_t{});
  };
  const std::size_t meta = transaction(1) > transaction(0) ? kPage : 0;
  const std::size_t leaf = at(meta + kHeader + 64, std::uint64_t{}) * kPage;  // one is enough here
  std::vector<std::size_t> found;
  const std::size_t nodes = (at(leaf + 12, std::uint16_t{}) - kHeader) / 2;
  for (std::size_t i = 0; i < nodes; ++i) {
    const std::size_t list =
        leaf + at(leaf + kHeader + 2 * i, std::uint16_t{}) + 8 + 8;  // node, key
    for (std::size_t k = 1; k <= at(list, std::uint64_t{}); ++k) found.push_back(list + 8 * k);
  }
  return found;
}

// The next checkpoint would write over it.
TEST_F(StoreDamageTest, APageInUseThatIsSaidToBeFreeIsFound) {
  const std::vector<std::size_t> numbers = free_numbers(good_);
  ASSERT_FALSE(numbers.empty());
  std::set<std::uint64_t> free;
  for (const std::size_t at : numbers) free.insert(load_little<std::uint64_t>(&good_[at]));
  for (const std::size_t at : numbers) {
    for (std::uint64_t page = 2; page < good_.size() / 4096; ++page) {
      if (free.contains(page)) continue;
      std::string bad = good_;
      store_little(&bad[at], page);
      EXPECT_TRUE(check(bad)) << "page " << page << " at " << at;
    }
  }
}

TEST_F(StoreDamageTest, ARefusalNamesTheFileAndThePageAndChangesNothing) {
  // Pages that are in use and those that are not.
  std::string bad = good_;
  const std::string value = "another value";
  for (std::size_t at = bad.find(value); at != std::string::npos; at = bad.find(value, at + 1))
    bad[at] = 'A';
  write_file(bad);
  auto opened = Store::open(options());
  ASSERT_FALSE(opened.ok());
  EXPECT_THAT(opened.error().sentence(), HasSubstr(directory() + " is damaged: its entries"));
  bad = good_;
  for (std::size_t page = 2 * 4096; page < bad.size(); page += 4096) bad[page] ^= 1;
  write_file(bad);
  opened = Store::open(options());
  ASSERT_FALSE(opened.ok());
  EXPECT_THAT(opened.error().sentence(), HasSubstr(path() + " is damaged: page "));
  EXPECT_EQ(io::read_file(io::posix_file_system(), path()).value(), bad);
}

}  // namespace
}  // namespace stator::store
