#include "data/core/vshard_snapshot.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/crc32c.h"
#include "base/limits.h"
#include "base/thread_role.h"
#include "data/core/kernel_record.h"

namespace stator::core {
namespace {

constexpr std::uint32_t kMagic = 0x48535653;  // "SVSH"
constexpr std::uint16_t kFormat = 2;
constexpr std::size_t kHeaderBytes = 64;
constexpr std::size_t kAtCrc = 60;

// A chunk: kind, bytes of the body, its CRC32C, the CRC32C of these twelve bytes; then the body.
constexpr std::size_t kChunkHeaderBytes = 16;
constexpr std::uint32_t kDictionary = 1;
constexpr std::uint32_t kEntries = 2;
constexpr std::uint32_t kEnd = 3;
// At which a chunk of entries is complete; one with a large value is larger.
constexpr std::size_t kChunkBytes = 1024u * 1024;
constexpr std::size_t kChunkBytesMax = kChunkBytes + kRecordBytesMax + 1024;
// Keys that are taken out of the store before they are erased: a walk does not outlive a write.
constexpr std::size_t kEraseGroup = 4096;

Error corrupted(std::uint64_t offset, const std::string& why) {
  return Error(ErrorCode::kCorrupted,
               "vShard snapshot, offset " + std::to_string(offset) + ": " + why);
}

std::string header_of(const SnapshotHead& head) {
  std::string header;
  append_little(header, kMagic);
  append_little(header, kFormat);
  append_little(header, std::uint16_t{0});
  append_little(header, head.vshard.value());
  append_little(header, std::uint32_t{0});
  append_little(header, head.lsn.value());
  append_little(header, head.placement);
  header.resize(kAtCrc);
  append_little(header, crc32c(header));
  return header;
}

Result<SnapshotHead> read_header(ByteView header) {
  if (header.size() < kHeaderBytes) return corrupted(0, "the header is cut");
  const char* at = header.data();
  if (load_little<std::uint32_t>(at) != kMagic) return corrupted(0, "wrong magic");
  if (load_little<std::uint32_t>(at + kAtCrc) != crc32c(header.substr(0, kAtCrc))) {
    return corrupted(0, "the header fails its checksum");
  }
  const auto format = load_little<std::uint16_t>(at + 4);
  if (format != kFormat) {
    return Error(ErrorCode::kUnsupported, "vShard snapshot format " + std::to_string(format) +
                                              " is not known to this version (" +
                                              std::to_string(kFormat) + ")");
  }
  const SnapshotHead head{.vshard = VShardId{load_little<std::uint32_t>(at + 8)},
                          .lsn = Lsn{load_little<std::uint64_t>(at + 16)},
                          .placement = load_little<std::uint64_t>(at + 24)};
  if (head.vshard.value() >= kVShards) return corrupted(0, "there is no such vShard");
  return head;
}

class Writer {
 public:
  explicit Writer(io::File& file) : file_(file) {}
  Status put(ByteView bytes) {
    STATOR_CHECK(file_.write_at(offset_, bytes));
    offset_ += bytes.size();
    return ok_status();
  }
  Status chunk(std::uint32_t kind, ByteView body) {
    std::string header;
    append_little(header, kind);
    append_little(header, static_cast<std::uint32_t>(body.size()));
    append_little(header, crc32c(body));
    append_little(header, crc32c(header));
    STATOR_CHECK(put(header));
    return put(body);
  }

 private:
  io::File& file_;
  std::uint64_t offset_ = 0;
};

class Reader {
 public:
  explicit Reader(io::File& file) : file_(file) {}
  std::uint64_t offset() const { return offset_; }

  Result<std::string> take(std::size_t bytes) {
    STATOR_TRY(std::string taken, file_.read_at(offset_, bytes));
    if (taken.size() < bytes) return corrupted(offset_, "the file is cut");
    offset_ += bytes;
    return taken;
  }
  Result<std::pair<std::uint32_t, std::string>> chunk() {
    const std::uint64_t begin = offset_;
    STATOR_TRY(const std::string header, take(kChunkHeaderBytes));
    const char* at = header.data();
    if (load_little<std::uint32_t>(at + 12) != crc32c(ByteView(header).substr(0, 12))) {
      return corrupted(begin, "the header of a chunk fails its checksum");
    }
    const std::size_t bytes = load_little<std::uint32_t>(at + 4);
    if (bytes > kChunkBytesMax) return corrupted(begin, "a chunk is too large");
    STATOR_TRY(std::string body, take(bytes));
    if (load_little<std::uint32_t>(at + 8) != crc32c(body)) {
      return corrupted(begin, "a chunk fails its checksum");
    }
    return std::pair(load_little<std::uint32_t>(at), std::move(body));
  }
  Result<bool> is_at_end() {
    STATOR_TRY(const std::string more, file_.read_at(offset_, 1));
    return more.empty();
  }

 private:
  io::File& file_;
  std::uint64_t offset_ = 0;
};

std::map<std::string, EngineNumber> dictionary_of(store::Store& store) STATOR_ON(lane) {
  std::map<std::string, EngineNumber> engines;
  store.begin_turn();
  each_engine_number(store,
                     [&](EngineNumber number, ByteView id) { engines[std::string(id)] = number; });
  store.end_turn();
  return engines;
}

// visit(entry) in key order, in one turn.
Status each_entry(store::Store& store, VShardId vshard, const EntrySink& visit) STATOR_ON(lane) {
  Status status;
  store.begin_turn();
  {
    const auto walk = store.walk({});
    for (store::Entry entry; status.ok() && walk->next(entry);) {
      if (entry.vshard == vshard) status = visit(entry);
    }
  }
  store.end_turn();
  return status;
}

bool take_entry(ByteView& rest, VShardId vshard, store::Entry& entry) {
  if (rest.size() < 6) return false;
  const std::size_t key = load_little<std::uint16_t>(rest.data());
  const std::size_t value = load_little<std::uint32_t>(rest.data() + 2);
  if (key == 0 || key > kStoreKeyBytesMax || rest.size() - 6 < key + value) return false;
  entry = {.key = rest.substr(6, key), .value = rest.substr(6 + key, value), .vshard = vshard};
  rest.remove_prefix(6 + key + value);
  return true;
}

bool take_engine(ByteView& rest, SnapshotFacts& facts) {
  if (rest.size() < 3) return false;
  const std::size_t id = static_cast<std::uint8_t>(rest[2]);
  if (rest.size() - 3 < id) return false;
  facts.engines[std::string(rest.substr(3, id))] =
      EngineNumber{load_little<std::uint16_t>(rest.data())};
  rest.remove_prefix(3 + id);
  return true;
}

std::string end_of(const Digest& sum) {
  std::string body;
  append_little(body, sum.entries);
  append_little(body, sum.low);
  append_little(body, sum.high);
  return body;
}

// Everything in the memtable belongs to the base as it is, so a checkpoint does not move its LSN.
Status checkpoint(store::Store& store) STATOR_ON(lane) {
  if (!store.start_checkpoint(store.applied())) {
    return Error(ErrorCode::kStorage, "a checkpoint is running");
  }
  return store.wait_checkpoint();
}

}  // namespace

std::uint64_t placement_check(const HashKey& key) { return keyed_hash(key, "placement"); }

Result<SnapshotFacts> write_snapshot(store::Store& store, const SnapshotHead& head,
                                     io::File& file) {
  SnapshotFacts facts{.head = head, .engines = dictionary_of(store), .sum = {}};
  Writer out(file);
  STATOR_CHECK(out.put(header_of(head)));
  std::string body;
  for (const auto& [id, number] : facts.engines) {
    append_little(body, number.value());
    body.push_back(static_cast<char>(id.size()));
    body += id;
  }
  STATOR_CHECK(out.chunk(kDictionary, body));
  body.clear();
  const auto write = [&](const store::Entry& entry) -> Status {
    facts.sum.add(entry);
    append_little(body, static_cast<std::uint16_t>(entry.key.size()));
    append_little(body, static_cast<std::uint32_t>(entry.value.size()));
    body.append(entry.key);
    body.append(entry.value);
    if (body.size() < kChunkBytes) return ok_status();
    STATOR_CHECK(out.chunk(kEntries, body));
    body.clear();
    return ok_status();
  };
  STATOR_CHECK(each_entry(store, head.vshard, write));
  if (!body.empty()) STATOR_CHECK(out.chunk(kEntries, body));
  STATOR_CHECK(out.chunk(kEnd, end_of(facts.sum)));
  STATOR_CHECK(file.sync());
  return facts;
}

Result<SnapshotFacts> read_snapshot(io::File& file, const EntrySink& sink) {
  Reader in(file);
  STATOR_TRY(const std::string header, in.take(kHeaderBytes));
  SnapshotFacts facts;
  STATOR_TRY(facts.head, read_header(header));
  for (;;) {
    const std::uint64_t begin = in.offset();
    STATOR_TRY(const auto chunk, in.chunk());
    ByteView rest = chunk.second;
    if (chunk.first == kEnd) {
      if (rest != end_of(facts.sum)) return corrupted(begin, "the sum over all entries is wrong");
      STATOR_TRY(const bool is_end, in.is_at_end());
      if (!is_end) return corrupted(in.offset(), "something follows the end");
      return facts;
    }
    if (chunk.first != kDictionary && chunk.first != kEntries) {
      return corrupted(begin, "a chunk of unknown kind");
    }
    while (!rest.empty()) {
      store::Entry entry;
      const bool is_good = chunk.first == kDictionary ? take_engine(rest, facts)
                                                      : take_entry(rest, facts.head.vshard, entry);
      if (!is_good) return corrupted(begin, "the lengths of an entry are wrong");
      if (chunk.first == kDictionary) continue;
      facts.sum.add(entry);
      if (sink) STATOR_CHECK(sink(entry));
    }
  }
}

Result<SnapshotFacts> load_snapshot(store::Store& store, std::uint64_t placement, io::File& file) {
  STATOR_TRY(SnapshotFacts facts, read_snapshot(file, {}));
  if (facts.head.placement != placement) {
    return Error(ErrorCode::kRejectedConstraint,
                 "the vShard snapshot is of another hash key: its keys lie in other vShards here");
  }
  const auto engines = dictionary_of(store);
  for (const auto& [id, number] : facts.engines) {
    const auto found = engines.find(id);
    if (found != engines.end() && found->second == number) continue;
    return Error(ErrorCode::kRejectedConstraint,
                 "the engine '" + id + "' of the vShard snapshot has another number here");
  }
  STATOR_CHECK(erase_vshard(store, facts.head.vshard));
  const auto sink = [&](const store::Entry& entry) STATOR_ON(lane) -> Status {
    store.put(entry.key, entry.vshard, entry.value);
    return store.wants_checkpoint() ? checkpoint(store) : ok_status();
  };
  auto loaded = read_snapshot(file, sink);
  if (loaded.ok()) STATOR_CHECK(checkpoint(store));
  return loaded;
}

Status erase_vshard(store::Store& store, VShardId vshard) {
  std::vector<std::string> keys;
  do {
    keys.clear();
    Status walked = each_entry(store, vshard, [&](const store::Entry& entry) -> Status {
      keys.emplace_back(entry.key);
      if (keys.size() < kEraseGroup) return ok_status();
      return Error(ErrorCode::kCancelled, "enough for now");
    });
    if (!walked.ok() && walked.error().code() != ErrorCode::kCancelled) return walked;
    for (const std::string& key : keys) store.erase(key);
    if (!keys.empty()) STATOR_CHECK(checkpoint(store));
  } while (!keys.empty());
  return ok_status();
}

Digest sum_of_vshard(store::Store& store, VShardId vshard) {
  Digest sum;
  const Status walked = each_entry(store, vshard, [&](const store::Entry& entry) {
    sum.add(entry);
    return ok_status();
  });
  STATOR_ASSERT(walked.ok());
  return sum;
}

}  // namespace stator::core
