#include "io/file_system.h"

namespace stator::io {
namespace {

std::string directory_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

Status write_new_file(FileSystem& files, const std::string& path, ByteView bytes) {
  STATOR_TRY(const std::unique_ptr<File> file, files.create(path));
  STATOR_CHECK(file->write_at(0, bytes));
  return file->sync();
}

}  // namespace

Status File::read_into(std::uint64_t offset, std::size_t size, ByteBuffer& to) {
  STATOR_TRY(const std::string bytes, read_at(offset, size));
  to.append(bytes);
  return ok_status();
}

Status write_file_durably(FileSystem& files, const std::string& path, ByteView bytes) {
  const std::string aside = path + ".new";
  STATOR_CHECK(files.remove(aside));  // left by a crash
  Status written = write_new_file(files, aside, bytes);
  if (written.ok()) written = files.rename(aside, path);
  if (!written.ok()) {
    // The first error is the one to tell; what is left aside is removed by the next attempt.
    static_cast<void>(files.remove(aside).ok());
    return written;
  }
  return files.sync_directory(directory_of(path));
}

Result<std::string> read_file(FileSystem& files, const std::string& path) {
  STATOR_TRY(const std::unique_ptr<File> file, files.open_to_read(path));
  STATOR_TRY(const std::uint64_t size, file->size());
  return file->read_at(0, size);
}

}  // namespace stator::io
