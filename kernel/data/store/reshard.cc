#include <string>
#include <utility>
#include <vector>

#include "base/limits.h"
#include "base/thread_role.h"
#include "data/store/store.h"
#include "io/file_system.h"

namespace stator::store {
namespace {

using Stores = std::vector<std::unique_ptr<Store>>;

// Of the memtables of all new lanes together.
constexpr std::size_t kMemoryBytes = 4 * kMemtableBytesMax;

Result<std::unique_ptr<Store>> open_store(const std::string& directory,
                                          std::size_t memtable_bytes) {
  StoreOptions options;
  options.directory = directory;
  options.memtable_bytes = memtable_bytes;
  return Store::open(options);
}

std::string lane_directory(const std::string& parent, std::uint32_t lane) {
  return parent + "/lane-" + std::to_string(lane);
}

// New stores; what a broken-off attempt left is none of them.
Result<Stores> create_stores(const std::string& parent, std::uint32_t lanes) {
  io::FileSystem& files = io::posix_file_system();
  Stores stores;
  for (std::uint32_t lane = 0; lane < lanes; ++lane) {
    const std::string directory = lane_directory(parent, lane);
    STATOR_TRY(const bool is_there, files.exists(directory));
    if (is_there) {
      return Error(ErrorCode::kStorage, "reshard: " + directory + " exists already");
    }
    STATOR_TRY(std::unique_ptr<Store> store, open_store(directory, kMemoryBytes / lanes));
    stores.push_back(std::move(store));
  }
  return stores;
}

Result<std::unique_ptr<Store>> open_source(const std::string& directory, Lsn up_to)
    STATOR_ON(lane) {
  STATOR_TRY(const bool is_there, io::posix_file_system().exists(directory + "/data.mdb"));
  if (!is_there) return Error(ErrorCode::kStorage, "reshard: there is no store in " + directory);
  STATOR_TRY(std::unique_ptr<Store> store, open_store(directory, 0));
  if (store->applied() != up_to) {
    return Error(ErrorCode::kStorage, "reshard: the store " + directory +
                                          " holds records up to LSN " +
                                          std::to_string(store->applied().value()) + ", not " +
                                          std::to_string(up_to.value()));
  }
  return store;
}

Status checkpoint(Store& store, Lsn up_to) STATOR_ON(lane) {
  store.start_checkpoint(up_to);
  return store.wait_checkpoint();
}

Status put(Store& store, const Entry& entry) STATOR_ON(lane) {
  store.put(entry.key, entry.vshard, entry.value);
  // Applied LSN 0 until all is there: a half-filled store never looks like a whole one.
  return store.wants_checkpoint() ? checkpoint(store, Lsn{0}) : ok_status();
}

Status distribute(Store& source, const Stores& targets,
                  const std::function<LaneId(VShardId)>& lane_of) STATOR_ON(lane) {
  source.begin_turn();
  const std::unique_ptr<Walk> walk = source.walk({});
  Entry entry;
  while (walk->next(entry)) {
    if (entry.vshard == kEveryVShard) {
      for (const auto& target : targets) STATOR_CHECK(put(*target, entry));
      continue;
    }
    const std::uint32_t lane = lane_of(entry.vshard).value();
    if (lane >= targets.size()) {
      return Error(ErrorCode::kInternal, "reshard: there is no lane " + std::to_string(lane));
    }
    STATOR_CHECK(put(*targets[lane], entry));
  }
  return ok_status();
}

}  // namespace

Status reshard(const std::string& from, std::uint32_t from_lanes, const std::string& to,
               std::uint32_t to_lanes, Lsn up_to, const std::function<LaneId(VShardId)>& lane_of) {
  const ActsAs role(threads::lane);  // none runs yet
  STATOR_TRY(const Stores targets, create_stores(to, to_lanes));
  for (std::uint32_t lane = 0; lane < from_lanes; ++lane) {
    STATOR_TRY(const std::unique_ptr<Store> source, open_source(lane_directory(from, lane), up_to));
    STATOR_CHECK(distribute(*source, targets, lane_of));
  }
  for (const auto& target : targets) STATOR_CHECK(checkpoint(*target, up_to));
  return ok_status();
}

}  // namespace stator::store
