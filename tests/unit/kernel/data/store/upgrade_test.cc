// Stores of formats 1 and 2, whose keys were longer, are written anew at their first start.
#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include <gtest/gtest.h>
#include <lmdb.h>

#include "data/store/store.h"
#include "data/store/stored_key.h"
#include "io/file_system.h"
#include "unit/kernel/io/temp_directory.h"

namespace stator::store {
namespace {

constexpr std::size_t kMany = 100'100;  // more than one transaction of an upgrade

class UpgradeTest : public testing::Test {
 protected:
  void open() {
    store_.reset();
    StoreOptions options;
    options.directory = directory();
    options.group_of = &tenant_of;
    options.on_size_change = [this](std::uint32_t tenant, std::int64_t bytes) {
      sizes_[tenant] += bytes;
    };
    sizes_.clear();
    auto opened = Store::open(options);
    ASSERT_TRUE(opened.ok()) << opened.error().sentence();
    store_ = opened.take();
  }
  std::string directory() const { return directory_.file("lane-0"); }
  // An entry as formats 1 and 2 have it, and as it is to be found.
  void put(const StoredKey& parts, const std::string& value) {
    std::string old;
    append_long_key(old, parts);
    store_->put(old, VShardId{7}, value);
    char room[kPrefixBytesMax + kCollectionBytesMax];
    std::string key(room, write_prefix(room, parts.engine, parts.tenant, parts.collection));
    key.push_back(static_cast<char>(parts.space));
    key.append(parts.key);
    bytes_[parts.tenant.value()] += static_cast<std::int64_t>(key.size() + 2 + value.size());
    expected_[key] = value;
  }
  void fill(std::size_t count) {
    open();
    for (const std::uint32_t tenant : {0u, 1u, 300u}) {
      for (const char* collection : {"", "default", "a", "zebra"}) {
        for (const unsigned engine : {0u, 1u, 5u}) {
          const StoredKey parts{EngineNumber{static_cast<std::uint16_t>(engine)}, TenantId{tenant},
                                collection, 1, "key"};
          put(parts, collection + std::to_string(tenant));
        }
      }
    }
    for (std::size_t i = 0; i < count; ++i) {
      const std::string key = std::to_string(1'000'000 + i);
      put({EngineNumber{1}, TenantId{1}, i % 2 == 0 ? "default" : "users", 2, key}, key);
    }
    put({EngineNumber{1}, TenantId{1}, "default", 3, "large"}, std::string(9000, 'L'));
    ASSERT_TRUE(store_->start_checkpoint(Lsn{17}));
    ASSERT_TRUE(store_->wait_checkpoint().ok());
    store_.reset();
  }
  // As the version that wrote it left it.
  void say_format(std::uint32_t format) {
    MDB_env* env = nullptr;
    ASSERT_EQ(mdb_env_create(&env), 0);
    ASSERT_EQ(mdb_env_set_maxdbs(env, 2), 0);
    ASSERT_EQ(mdb_env_open(env, directory().c_str(), 0, 0600), 0);
    MDB_txn* txn = nullptr;
    MDB_dbi meta = 0;
    ASSERT_EQ(mdb_txn_begin(env, nullptr, 0, &txn), 0);
    ASSERT_EQ(mdb_dbi_open(txn, "meta", 0, &meta), 0);
    MDB_val name{6, const_cast<char*>("format")};
    MDB_val value{sizeof format, &format};
    ASSERT_EQ(mdb_put(txn, meta, &name, &value, 0), 0);
    MDB_val digest{6, const_cast<char*>("digest")};
    ASSERT_EQ(format == 1 ? mdb_del(txn, meta, &digest, nullptr) : 0, 0);
    ASSERT_EQ(mdb_txn_commit(txn), 0);
    mdb_env_close(env);
  }
  void expect_all() {
    EXPECT_EQ(store_->applied(), Lsn{17});
    std::map<std::string, std::string> found;
    store_->begin_turn();
    {
      const auto walk = store_->walk({});
      for (Entry entry; walk->next(entry);) {
        EXPECT_EQ(entry.vshard, VShardId{7});
        found[std::string(entry.key)] = entry.value;
      }
    }
    store_->end_turn();
    EXPECT_EQ(found, expected_);
    EXPECT_EQ(sizes_, bytes_) << "measured anew";
    EXPECT_FALSE(std::filesystem::exists(directory() + "/new"));
  }

  io::TempDirectory directory_;
  std::unique_ptr<Store> store_;
  std::map<std::string, std::string> expected_;
  std::map<std::uint32_t, std::int64_t> sizes_;
  std::map<std::uint32_t, std::int64_t> bytes_;
};

TEST_F(UpgradeTest, OfFormatTwoGetsShortKeysAndStaysSo) {
  fill(kMany);
  say_format(2);
  const auto before = std::filesystem::file_size(directory() + "/data.mdb");
  open();
  expect_all();
  EXPECT_LT(std::filesystem::file_size(directory() + "/data.mdb"), before);
  open();
  expect_all();
}

TEST_F(UpgradeTest, OfFormatOneWhichHasNoDigest) {
  fill(10);
  say_format(1);
  open();
  expect_all();
  open();
  expect_all();
}

TEST_F(UpgradeTest, OneThatWasBrokenOffIsBegunAgain) {
  fill(10);
  say_format(2);
  auto& files = io::posix_file_system();
  ASSERT_TRUE(files.make_directory(directory() + "/new").ok());
  ASSERT_TRUE(io::write_file_durably(files, directory() + "/new/data.mdb", "half").ok());
  open();
  expect_all();
}

TEST_F(UpgradeTest, KeysOfNoKnownFormAreRefusedAndNothingIsChanged) {
  open();
  store_->put("odd", VShardId{7}, "x");
  ASSERT_TRUE(store_->start_checkpoint(Lsn{1}));
  ASSERT_TRUE(store_->wait_checkpoint().ok());
  store_.reset();
  say_format(2);
  auto& files = io::posix_file_system();
  const std::string before = io::read_file(files, directory() + "/data.mdb").take();
  StoreOptions options;
  options.directory = directory();
  auto opened = Store::open(options);
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().code(), ErrorCode::kCorrupted);
  EXPECT_EQ(io::read_file(files, directory() + "/data.mdb").take(), before);
}

}  // namespace
}  // namespace stator::store
