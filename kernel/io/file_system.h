// The seam to the disk. Kernel code opens files only here, so that tests can put a faulty disk
// underneath. POSIX implementation in posix_file_system.cc; every error is kStorage or kDiskFull
// with the path and the system's reason.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/byte_buffer.h"
#include "base/bytes.h"
#include "base/result.h"

namespace stator::io {

class File {
 public:
  virtual ~File() = default;
  // All of `bytes` at `offset`, or an error.
  virtual Status write_at(std::uint64_t offset, ByteView bytes) = 0;
  // Up to `size` bytes; fewer only at the end of the file.
  virtual Result<std::string> read_at(std::uint64_t offset, std::size_t size) = 0;
  // The same behind the end of `to`.
  virtual Status read_into(std::uint64_t offset, std::size_t size, ByteBuffer& to);
  // All of it will be read soon: the system may fetch it meanwhile. Nothing is promised.
  virtual void will_read() {}
  // What was written survives a power cut when this returns ok.
  virtual Status sync() = 0;
  virtual Result<std::uint64_t> size() = 0;
  virtual Status truncate(std::uint64_t size) = 0;
  // Reserves space so that later writes inside it cannot run out of disk.
  virtual Status allocate(std::uint64_t size) = 0;
};

// Unit of durable writes: offset, size and address in memory of each are multiples of it.
inline constexpr std::size_t kBlockBytes = 4096;

class FileSystem {
 public:
  virtual ~FileSystem() = default;
  virtual Result<std::unique_ptr<File>> open(const std::string& path) = 0;    // must exist
  // The same for reading alone: what lies on a read-only medium can be read.
  virtual Result<std::unique_ptr<File>> open_to_read(const std::string& path) { return open(path); }
  // Must exist. Its write_at() takes whole blocks, and what it wrote survives a power cut when it
  // returns ok: one system call, past the page cache where the file system lets us.
  virtual Result<std::unique_ptr<File>> open_durable(const std::string& path) = 0;
  virtual Result<std::unique_ptr<File>> create(const std::string& path) = 0;  // must not exist
  virtual Result<std::vector<std::string>> list(const std::string& directory) = 0;  // names, sorted
  virtual Result<bool> exists(const std::string& path) = 0;
  virtual Status make_directory(const std::string& path) = 0;  // ok if it exists; with parents; durable
  virtual Status remove(const std::string& path) = 0;          // file or whole directory
  virtual Status rename(const std::string& from, const std::string& to) = 0;
  virtual Status sync_directory(const std::string& path) = 0;
  // Exclusive lock of a directory against a second process, held until the result is destroyed.
  // Error kBusy: "… is in use by process PID".
  virtual Result<std::unique_ptr<File>> lock(const std::string& path) = 0;
};

FileSystem& posix_file_system();

// All of `bytes` as file `path`, replaced atomically and durably (write aside, sync, rename, sync
// the directory).
Status write_file_durably(FileSystem& files, const std::string& path, ByteView bytes);
Result<std::string> read_file(FileSystem& files, const std::string& path);

}  // namespace stator::io
