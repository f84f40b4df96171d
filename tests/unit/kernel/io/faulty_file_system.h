// A disk in memory that can fail, fill up and lose power, for tests.
//
// What was written is seen at once and survives crash() only when it was synced. Of the rest each
// 512-byte sector survives or not by the throw of a seeded coin; so do names that were made or
// removed without sync_directory(). Any thread.
#pragma once

#include <algorithm>
#include <array>
#include <condition_variable>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <vector>

#include "io/file_system.h"

namespace stator::io {

// Every call of the seam, file_system.h: each one is a point at which it can fail or wait. The test
// FaultyFileSystemTest.KnowsEveryCallOfTheSeam reads the header, so that none is forgotten.
enum class Point {
  kWriteAt,
  kReadAt,
  kWillRead,
  kSync,
  kSize,
  kTruncate,
  kAllocate,
  kOpen,
  kOpenToRead,
  kOpenDurable,
  kCreate,
  kList,
  kExists,
  kMakeDirectory,
  kRemove,
  kRename,
  kSyncDirectory,
  kLock,
};
struct PointInfo {
  Point point;
  const char* name;
};
inline constexpr std::array kPoints = {
    PointInfo{Point::kWriteAt, "write_at"},
    PointInfo{Point::kReadAt, "read_at"},
    PointInfo{Point::kWillRead, "will_read"},
    PointInfo{Point::kSync, "sync"},
    PointInfo{Point::kSize, "size"},
    PointInfo{Point::kTruncate, "truncate"},
    PointInfo{Point::kAllocate, "allocate"},
    PointInfo{Point::kOpen, "open"},
    PointInfo{Point::kOpenToRead, "open_to_read"},
    PointInfo{Point::kOpenDurable, "open_durable"},
    PointInfo{Point::kCreate, "create"},
    PointInfo{Point::kList, "list"},
    PointInfo{Point::kExists, "exists"},
    PointInfo{Point::kMakeDirectory, "make_directory"},
    PointInfo{Point::kRemove, "remove"},
    PointInfo{Point::kRename, "rename"},
    PointInfo{Point::kSyncDirectory, "sync_directory"},
    PointInfo{Point::kLock, "lock"},
};

class FaultyFileSystem final : public FileSystem {
 public:
  // The n-th call from now on, whichever it is, does nothing and has this error.
  void fail_call(std::uint64_t nth, ErrorCode code) {
    const std::lock_guard lock(gate_);
    failing_call_ = calls_ + nth;
    failing_code_ = code;
  }
  // The n-th call from now on waits for release(); so do those that come meanwhile.
  void hold_call(std::uint64_t nth) {
    const std::lock_guard lock(gate_);
    held_call_ = calls_ + nth;
  }
  bool is_holding() const {
    const std::lock_guard lock(gate_);
    return calls_ >= held_call_;
  }
  void release() {
    const std::lock_guard lock(gate_);
    held_call_ = kNever;
    released_.notify_all();
  }
  std::uint64_t calls() const {
    const std::lock_guard lock(gate_);
    return calls_;
  }
  std::uint64_t calls(Point point) const {
    const std::lock_guard lock(gate_);
    return calls_of_[static_cast<std::size_t>(point)];
  }

  // The power goes with the n-th change from now on (1 = the next): it and all after it fail.
  void lose_power_at(std::uint64_t change) {
    const std::lock_guard lock(mutex_);
    power_left_ = change - 1;
  }
  // The n-th write / sync from now on fails with this error, half done; those after it work.
  void fail_write(std::uint64_t nth, ErrorCode code) {
    const std::lock_guard lock(mutex_);
    write_fault_ = {nth, code};
  }
  void fail_sync(std::uint64_t nth, ErrorCode code) {
    const std::lock_guard lock(mutex_);
    sync_fault_ = {nth, code};
  }
  // Bytes that all files together may have; beyond it kDiskFull.
  void set_space(std::uint64_t bytes) {
    const std::lock_guard lock(mutex_);
    space_ = bytes;
  }
  std::uint64_t used() const {
    const std::lock_guard lock(mutex_);
    return used_locked();
  }
  std::uint64_t changes() const {
    const std::lock_guard lock(mutex_);
    return changes_;
  }
  std::uint64_t syncs() const {
    const std::lock_guard lock(mutex_);
    return syncs_;
  }

  // For each will_read() so far: how many reads there had been before it.
  std::vector<std::uint64_t> fetched_after() const {
    const std::lock_guard lock(gate_);
    return fetched_after_;
  }

  // The content as it is seen now, to look at and to damage. The file must exist.
  std::string content(const std::string& path) const {
    const std::lock_guard lock(mutex_);
    return inodes_[names_.at(path)]->seen;
  }
  void set_content(const std::string& path, std::string bytes) {
    const std::lock_guard lock(mutex_);
    Inode& inode = *inodes_[names_.at(path)];
    inode.seen = std::move(bytes);
    inode.durable = inode.seen;
  }

  // What a restart finds, with the power back; files that are still open are dead, faults to come
  // are forgotten.
  void crash(std::uint32_t seed) {
    fail_call(kNever / 2, ErrorCode::kOk);
    release();
    const std::lock_guard lock(mutex_);
    std::mt19937 coin(seed);
    Names survivors;
    for (const Names* names : {&names_, &durable_names_}) {
      for (const auto& [path, inode] : *names) {
        const bool is_sure = names_.contains(path) && durable_names_.contains(path);
        if (is_sure || coin() % 2 == 0) survivors.emplace(path, inode);
      }
    }
    names_ = durable_names_ = survivors;
    for (const auto& inode : inodes_) lose_sectors(*inode, coin);
    ++epoch_;
    power_left_ = std::numeric_limits<std::uint64_t>::max();
    is_dark_ = false;
  }

  Result<std::unique_ptr<File>> open(const std::string& path) override {
    STATOR_CHECK(pass(Point::kOpen));
    const std::lock_guard lock(mutex_);
    const auto found = names_.find(path);
    if (found == names_.end()) return Error(ErrorCode::kStorage, "open " + path + ": none");
    return handle(found->second, false);
  }
  Result<std::unique_ptr<File>> open_durable(const std::string& path) override {
    STATOR_CHECK(pass(Point::kOpenDurable));
    const std::lock_guard lock(mutex_);
    const auto found = names_.find(path);
    if (found == names_.end()) return Error(ErrorCode::kStorage, "open " + path + ": none");
    return handle(found->second, true);
  }
  Result<std::unique_ptr<File>> create(const std::string& path) override {
    STATOR_CHECK(pass(Point::kCreate));
    const std::lock_guard lock(mutex_);
    STATOR_CHECK(change());
    if (names_.contains(path)) return Error(ErrorCode::kStorage, "create " + path + ": exists");
    names_[path] = inodes_.size();
    inodes_.push_back(std::make_unique<Inode>());
    return handle(inodes_.size() - 1, false);
  }
  Result<std::vector<std::string>> list(const std::string& directory) override {
    STATOR_CHECK(pass(Point::kList));
    const std::lock_guard lock(mutex_);
    std::vector<std::string> names;
    for (const auto& [path, inode] : names_) {
      if (is_in(path, directory)) names.push_back(path.substr(directory.size() + 1));
    }
    return names;
  }
  Result<bool> exists(const std::string& path) override {
    STATOR_CHECK(pass(Point::kExists));
    const std::lock_guard lock(mutex_);
    return names_.contains(path);
  }
  Result<std::unique_ptr<File>> open_to_read(const std::string& path) override {
    STATOR_CHECK(pass(Point::kOpenToRead));
    const std::lock_guard lock(mutex_);
    const auto found = names_.find(path);
    if (found == names_.end()) return Error(ErrorCode::kStorage, "open " + path + ": none");
    return handle(found->second, false);
  }
  Status make_directory(const std::string&) override { return pass(Point::kMakeDirectory); }
  Status remove(const std::string& path) override {
    STATOR_CHECK(pass(Point::kRemove));
    const std::lock_guard lock(mutex_);
    STATOR_CHECK(change());
    names_.erase(path);
    return ok_status();
  }
  Status rename(const std::string& from, const std::string& to) override {
    STATOR_CHECK(pass(Point::kRename));
    const std::lock_guard lock(mutex_);
    STATOR_CHECK(change());
    const auto found = names_.find(from);
    if (found == names_.end()) return Error(ErrorCode::kStorage, "rename " + from + ": none");
    names_[to] = found->second;
    names_.erase(from);
    return ok_status();
  }
  Status sync_directory(const std::string& directory) override {
    STATOR_CHECK(pass(Point::kSyncDirectory));
    const std::lock_guard lock(mutex_);
    STATOR_CHECK(change());
    std::erase_if(durable_names_, [&](const auto& name) { return is_in(name.first, directory); });
    for (const auto& [path, inode] : names_) {
      if (is_in(path, directory)) durable_names_[path] = inode;
    }
    return ok_status();
  }
  Result<std::unique_ptr<File>> lock(const std::string& path) override {
    STATOR_CHECK(pass(Point::kLock));
    return Error(ErrorCode::kStorage, "lock " + path + ": not simulated");
  }

 private:
  static constexpr std::size_t kSector = 512;
  struct Inode {
    std::string seen;
    std::string durable;
  };
  struct Fault {
    std::uint64_t countdown = 0;  // 0: none
    ErrorCode code = ErrorCode::kOk;
    // Counts a call; its error, if it is the one.
    ErrorCode hit() { return countdown > 0 && --countdown == 0 ? code : ErrorCode::kOk; }
  };
  using Names = std::map<std::string, std::size_t>;  // path -> inode

  class Handle final : public File {
   public:
    Handle(FaultyFileSystem& files, Inode& inode, std::uint64_t epoch, bool is_durable)
        : files_(files), inode_(inode), epoch_(epoch), is_durable_(is_durable) {}
    Status write_at(std::uint64_t offset, ByteView bytes) override {
      STATOR_CHECK(files_.pass(Point::kWriteAt));
      const std::lock_guard lock(files_.mutex_);
      STATOR_CHECK(alive());
      if (!is_durable_) return files_.write(inode_, offset, bytes);
      const auto address = reinterpret_cast<std::uintptr_t>(bytes.data());
      STATOR_ASSERT((offset | bytes.size() | address) % kBlockBytes == 0);
      return files_.write_durably(inode_, offset, bytes);
    }
    Result<std::string> read_at(std::uint64_t offset, std::size_t size) override {
      STATOR_CHECK(files_.pass(Point::kReadAt));
      const std::lock_guard lock(files_.mutex_);
      if (offset >= inode_.seen.size()) return std::string();
      return inode_.seen.substr(offset, size);
    }
    void will_read() override {
      if (!files_.pass(Point::kWillRead).ok()) return;
      const std::lock_guard lock(files_.gate_);
      files_.fetched_after_.push_back(files_.calls_of_[static_cast<std::size_t>(Point::kReadAt)]);
    }
    Status sync() override {
      STATOR_CHECK(files_.pass(Point::kSync));
      const std::lock_guard lock(files_.mutex_);
      STATOR_CHECK(alive());
      return files_.sync(inode_);
    }
    Result<std::uint64_t> size() override {
      STATOR_CHECK(files_.pass(Point::kSize));
      const std::lock_guard lock(files_.mutex_);
      return std::uint64_t{inode_.seen.size()};
    }
    Status truncate(std::uint64_t size) override {
      STATOR_CHECK(files_.pass(Point::kTruncate));
      const std::lock_guard lock(files_.mutex_);
      STATOR_CHECK(alive());
      STATOR_CHECK(files_.change());
      inode_.seen.resize(size);
      return ok_status();
    }
    Status allocate(std::uint64_t size) override {
      STATOR_CHECK(files_.pass(Point::kAllocate));
      const std::lock_guard lock(files_.mutex_);
      STATOR_CHECK(alive());
      STATOR_CHECK(files_.change());
      STATOR_CHECK(files_.check_space(inode_, size));
      inode_.seen.resize(std::max<std::size_t>(inode_.seen.size(), size));
      return ok_status();
    }

   private:
    Status alive() const {
      if (epoch_ == files_.epoch_) return ok_status();
      return Error(ErrorCode::kStorage, "the file was open when the power went");
    }
    FaultyFileSystem& files_;
    Inode& inode_;
    const std::uint64_t epoch_;
    const bool is_durable_;
  };

  // Counts a call, waits if it is to wait, and fails if it is to fail. Before mutex_ is taken.
  Status pass(Point point) {
    std::unique_lock lock(gate_);
    const std::uint64_t call = ++calls_;
    ++calls_of_[static_cast<std::size_t>(point)];
    released_.wait(lock, [&] { return call < held_call_; });
    if (call != failing_call_) return ok_status();
    return Error(failing_code_,
                 std::string("the fault at ") + kPoints[static_cast<std::size_t>(point)].name);
  }
  static bool is_in(const std::string& path, const std::string& directory) {
    return path.rfind('/') == directory.size() && path.starts_with(directory);
  }
  std::unique_ptr<File> handle(std::size_t inode, bool is_durable) {
    return std::make_unique<Handle>(*this, *inodes_[inode], epoch_, is_durable);
  }
  // Counts a change; an error when the power is gone.
  Status change() {
    ++changes_;
    if (power_left_ == 0) return Error(ErrorCode::kStorage, "the power is gone");
    --power_left_;
    return ok_status();
  }
  std::uint64_t used_locked() const {
    std::uint64_t used = 0;
    for (const auto& [path, inode] : names_) used += inodes_[inode]->seen.size();
    return used;
  }
  Status check_space(const Inode& inode, std::uint64_t size) const {
    const std::uint64_t more = size > inode.seen.size() ? size - inode.seen.size() : 0;
    if (more == 0 || used_locked() + more <= space_) return ok_status();
    return Error(ErrorCode::kDiskFull, "no space");
  }
  // A write that fails has done half; so has the one with which the power goes.
  Status write(Inode& inode, std::uint64_t offset, ByteView bytes) {
    const bool is_dead = power_left_ == 0;
    Status status = change();
    if (is_dead && is_dark_) return status;
    is_dark_ = is_dead;
    const ErrorCode fault = write_fault_.hit();
    if (status.ok() && fault != ErrorCode::kOk) status = Error(fault, "the write failed");
    if (status.ok()) {
      STATOR_CHECK(check_space(inode, offset + bytes.size()));
    } else {
      bytes = bytes.substr(0, bytes.size() / 2);
    }
    inode.seen.resize(std::max<std::size_t>(inode.seen.size(), offset + bytes.size()));
    std::copy(bytes.begin(), bytes.end(), inode.seen.begin() + static_cast<std::ptrdiff_t>(offset));
    return status;
  }
  Status write_durably(Inode& inode, std::uint64_t offset, ByteView bytes) {
    STATOR_CHECK(write(inode, offset, bytes));
    ++syncs_;
    const ErrorCode fault = sync_fault_.hit();
    if (fault != ErrorCode::kOk) return Error(fault, "the sync failed");
    inode.durable.resize(
        std::max(inode.durable.size(), static_cast<std::size_t>(offset) + bytes.size()));
    inode.durable.replace(offset, bytes.size(), bytes);
    return ok_status();
  }
  Status sync(Inode& inode) {
    STATOR_CHECK(change());
    ++syncs_;
    const ErrorCode fault = sync_fault_.hit();
    if (fault != ErrorCode::kOk) return Error(fault, "the sync failed");
    inode.durable = inode.seen;
    return ok_status();
  }
  static void lose_sectors(Inode& inode, std::mt19937& coin) {
    if (coin() % 2 == 0) inode.seen.resize(inode.durable.size());
    inode.durable.resize(inode.seen.size());
    for (std::size_t at = 0; at < inode.seen.size(); at += kSector) {
      if (coin() % 2 != 0) continue;
      const std::size_t size = std::min(kSector, inode.seen.size() - at);
      inode.seen.replace(at, size, inode.durable, at, size);
    }
    inode.durable = inode.seen;
  }

  static constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();
  mutable std::mutex gate_;  // guards what follows; taken before mutex_, never with it
  std::condition_variable released_;
  std::uint64_t calls_ = 0;
  std::array<std::uint64_t, kPoints.size()> calls_of_{};
  std::vector<std::uint64_t> fetched_after_;
  std::uint64_t failing_call_ = kNever;
  std::uint64_t held_call_ = kNever;
  ErrorCode failing_code_ = ErrorCode::kOk;

  mutable std::mutex mutex_;  // guards what follows
  std::vector<std::unique_ptr<Inode>> inodes_;
  Names names_;
  Names durable_names_;
  std::uint64_t epoch_ = 0;  // crashes so far
  std::uint64_t changes_ = 0;
  std::uint64_t syncs_ = 0;
  std::uint64_t power_left_ = std::numeric_limits<std::uint64_t>::max();
  bool is_dark_ = false;  // the half-done write at the loss of power has happened
  std::uint64_t space_ = std::numeric_limits<std::uint64_t>::max();
  Fault write_fault_;
  Fault sync_fault_;
};

}  // namespace stator::io
