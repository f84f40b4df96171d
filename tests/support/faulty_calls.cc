// A library to be preloaded into the real server: the system calls that change files below one
// directory can fail, be half done, come late, or be the last ones before a power cut. So what goes
// past the seam io/file_system.h, LMDB, meets the same faults as the log.
//
//   STATOR_CALLS_BELOW=DIR    the files that are meant
//   STATOR_CALLS_COUNT=FILE   gets the number of calls so far, as text
//   STATOR_CALLS=FAULT:N      at the N-th call; of all calls with N = 0:
//     error    EIO, nothing done              full     ENOSPC, nothing done
//     short    half of a write is done        late     10 ms later than it should be
//     cut      the process ends by SIGKILL in the middle of it; of what was written and not synced
//     each
//              4 KiB page is there or not, by a coin (STATOR_CALLS_SEED)
//     nosync   (N = 0) syncs do nothing, and no file is opened with O_DSYNC or O_DIRECT
//   STATOR_CALLS_SWITCH=FILE  the fault (N = 0) is on while this file exists
#include <algorithm>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <dlfcn.h>
#include <fcntl.h>
#include <mutex>
#include <random>
#include <string>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>
#include <vector>

namespace {

constexpr std::size_t kPage = 4096;

enum class Fault { kNone, kError, kFull, kShort, kLate, kCut, kNoSync };

// A page as it was when it was last synced.
struct Page {
  std::string path;
  off_t offset = 0;
  std::string before;  // shorter than a page: the file ended there
};

std::string setting(const char* name) {
  const char* given = std::getenv(name);
  return given == nullptr ? "" : given;
}

template <class Function>
Function* next(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

std::string path_of(int fd) {
  char name[PATH_MAX];
  const std::string link = "/proc/self/fd/" + std::to_string(fd);
  const ssize_t size = readlink(link.c_str(), name, sizeof name);
  return size < 0 ? "" : std::string(name, static_cast<std::size_t>(size));
}

class Faults {
 public:
  static Faults& get() {
    static auto* const kFaults = new Faults;  // never destroyed: calls come until the very end
    return *kFaults;
  }

  bool is_meant(const std::string& path) const {
    return !below_.empty() && path.starts_with(below_);
  }
  bool is_without_sync() const { return fault_ == Fault::kNoSync; }

  // The fault of this call; what the calls have in common is done here.
  Fault at() {
    ++calls_;
    if (!count_.empty()) tell();
    if (fault_ == Fault::kNone || fault_ == Fault::kNoSync) return Fault::kNone;
    const bool is_on =
        nth_ == 0 ? switch_.empty() || access(switch_.c_str(), F_OK) == 0 : calls_ == nth_;
    if (!is_on) return Fault::kNone;
    if (fault_ == Fault::kLate) {
      const timespec pause{0, 10'000'000};
      clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, nullptr);
    }
    return fault_;
  }

  // Remembers what a write replaces, until the file is synced.
  void keep(int fd, const std::string& path, off_t offset, std::size_t size) {
    if (fault_ != Fault::kCut) return;
    const off_t begin = offset / static_cast<off_t>(kPage) * static_cast<off_t>(kPage);
    for (off_t at = begin; at < offset + static_cast<off_t>(size);
         at += static_cast<off_t>(kPage)) {
      if (is_kept(path, at)) continue;
      std::string before(kPage, '\0');
      // Through a descriptor of its own: the file's may be for direct writes alone.
      const int own = next<int(const char*, int, ...)>("open")(path.c_str(), O_RDONLY | O_CLOEXEC);
      const ssize_t got = own < 0 ? 0 : pread(own, before.data(), kPage, at);
      if (own >= 0) close(own);
      before.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
      pages_.push_back({path, at, before});
    }
    is_durable_ = (fcntl(fd, F_GETFL) & O_DSYNC) == O_DSYNC;
  }
  // The write that was kept last is through. With O_DSYNC its own pages, and no others, are synced.
  void written(const std::string& path, off_t offset, std::size_t size) {
    if (!is_durable_) return;
    std::erase_if(pages_, [&](const Page& page) {
      return page.path == path && page.offset + static_cast<off_t>(kPage) > offset &&
             page.offset < offset + static_cast<off_t>(size);
    });
  }
  void synced(const std::string& path) {
    std::erase_if(pages_, [&](const Page& page) { return page.path == path; });
  }

  [[noreturn]] void cut() {
    for (const Page& page : pages_) {
      if (coin_() % 2 == 0) put_back(page);
    }
    kill(getpid(), SIGKILL);
    for (;;) pause();
  }

  std::mutex mutex;

 private:
  Faults()
      : below_(setting("STATOR_CALLS_BELOW")),
        count_(setting("STATOR_CALLS_COUNT")),
        switch_(setting("STATOR_CALLS_SWITCH")) {
    const std::string fault = setting("STATOR_CALLS");
    const std::size_t colon = fault.find(':');
    if (colon == std::string::npos) return;
    static constexpr const char* kNames[] = {"", "error", "full", "short", "late", "cut", "nosync"};
    for (int i = 1; i <= static_cast<int>(Fault::kNoSync); ++i) {
      if (fault.substr(0, colon) == kNames[i]) fault_ = static_cast<Fault>(i);
    }
    nth_ = std::strtoull(fault.c_str() + colon + 1, nullptr, 10);
    coin_.seed(static_cast<unsigned>(
        nth_ + std::strtoull(setting("STATOR_CALLS_SEED").c_str(), nullptr, 10)));
  }

  void tell() const {
    const int fd = next<int(const char*, int, ...)>("open")(count_.c_str(),
                                                            O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    const std::string text = std::to_string(calls_) + "\n";
    if (next<ssize_t(int, const void*, size_t, off_t)>("pwrite")(fd, text.data(), text.size(), 0) <
        0)
      std::abort();
    close(fd);
  }
  bool is_kept(const std::string& path, off_t offset) const {
    for (const Page& page : pages_) {
      if (page.offset == offset && page.path == path) return true;
    }
    return false;
  }
  static void put_back(const Page& page) {
    const int fd =
        next<int(const char*, int, ...)>("open")(page.path.c_str(), O_WRONLY | O_CLOEXEC);
    if (fd < 0) return;
    const std::string& before = page.before;
    if (next<ssize_t(int, const void*, size_t, off_t)>("pwrite")(fd, before.data(), before.size(),
                                                                 page.offset) < 0) {
      std::abort();
    }
    struct stat about {};
    const off_t end = page.offset + static_cast<off_t>(before.size());
    // Pages behind it are new too and may be there: a hole reads as zeros.
    if (before.size() < kPage && fstat(fd, &about) == 0) {
      const std::string zeros(kPage - before.size(), '\0');
      const off_t last = std::min<off_t>(about.st_size, page.offset + static_cast<off_t>(kPage));
      if (last > end && next<ssize_t(int, const void*, size_t, off_t)>("pwrite")(
                            fd, zeros.data(), static_cast<std::size_t>(last - end), end) < 0) {
        std::abort();
      }
    }
    close(fd);
  }

  const std::string below_;
  const std::string count_;
  const std::string switch_;
  Fault fault_ = Fault::kNone;
  unsigned long long nth_ = 0;
  unsigned long long calls_ = 0;
  std::mt19937 coin_;
  std::vector<Page> pages_;
  bool is_durable_ = false;  // the write that was kept last is synced when it is through
};

// A call that is done as a whole or not at all. `Do` carries it out.
template <class Do>
auto whole(const std::string& path, Do carry_out) -> decltype(carry_out()) {
  Faults& faults = Faults::get();
  if (!faults.is_meant(path)) return carry_out();
  const std::lock_guard lock(faults.mutex);
  switch (faults.at()) {
    case Fault::kError:
    case Fault::kShort:
      errno = EIO;
      return -1;
    case Fault::kFull:
      errno = ENOSPC;
      return -1;
    case Fault::kCut:
      faults.cut();
    default:
      return carry_out();
  }
}

int sync_with(const char* name, int fd) {
  Faults& faults = Faults::get();
  const std::string path = path_of(fd);
  if (faults.is_meant(path) && faults.is_without_sync()) return 0;
  return whole(path, [&] {
    const int result = next<int(int)>(name)(fd);
    if (result == 0) Faults::get().synced(path);
    return result;
  });
}

// `Do(size)` writes the first `size` bytes.
template <class Do>
ssize_t write_with(int fd, off_t offset, std::size_t size, Do carry_out) {
  Faults& faults = Faults::get();
  const std::string path = path_of(fd);
  if (!faults.is_meant(path)) return carry_out(size);
  const std::lock_guard lock(faults.mutex);
  const Fault fault = faults.at();
  if (fault == Fault::kError || fault == Fault::kFull) {
    errno = fault == Fault::kError ? EIO : ENOSPC;
    return -1;
  }
  faults.keep(fd, path, offset, size);
  const std::size_t half = size / 2 / 512 * 512;
  if (fault == Fault::kShort) return half == 0 ? (errno = EIO, -1) : carry_out(half);
  if (fault == Fault::kCut) {
    carry_out(size);
    faults.cut();
  }
  const ssize_t written = carry_out(size);
  faults.written(path, offset, size);
  return written;
}

int open_with(const char* name, const char* path, int flags, mode_t mode) {
  Faults& faults = Faults::get();
  const auto carry_out = [&] {
    const int kept =
        faults.is_meant(path) && faults.is_without_sync() ? flags & ~(O_DSYNC | O_DIRECT) : flags;
    return next<int(const char*, int, ...)>(name)(path, kept, mode);
  };
  return (flags & O_CREAT) == 0 ? carry_out() : whole(path, carry_out);
}

std::vector<iovec> first_of(const iovec* parts, int count, std::size_t size) {
  std::vector<iovec> some(parts, parts + count);
  std::size_t left = size;
  for (iovec& part : some) {
    part.iov_len = std::min(part.iov_len, left);
    left -= part.iov_len;
  }
  return some;
}

std::size_t size_of(const iovec* parts, int count) {
  std::size_t size = 0;
  for (int i = 0; i < count; ++i) size += parts[i].iov_len;
  return size;
}

}  // namespace

extern "C" {

int open(const char* path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(more, mode_t) : 0;
  va_end(more);
  return open_with("open", path, flags, mode);
}
int open64(const char* path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(more, mode_t) : 0;
  va_end(more);
  return open_with("open64", path, flags, mode);
}
ssize_t pwrite(int fd, const void* bytes, size_t size, off_t offset) {
  return write_with(fd, offset, size, [&](std::size_t some) {
    return next<ssize_t(int, const void*, size_t, off_t)>("pwrite")(fd, bytes, some, offset);
  });
}
ssize_t pwrite64(int fd, const void* bytes, size_t size, off64_t offset) {
  return pwrite(fd, bytes, size, offset);
}
ssize_t writev(int fd, const iovec* parts, int count) {
  return write_with(fd, lseek(fd, 0, SEEK_CUR), size_of(parts, count), [&](std::size_t some) {
    const std::vector<iovec> first = first_of(parts, count, some);
    return next<ssize_t(int, const iovec*, int)>("writev")(fd, first.data(), count);
  });
}
ssize_t pwritev(int fd, const iovec* parts, int count, off_t offset) {
  return write_with(fd, offset, size_of(parts, count), [&](std::size_t some) {
    const std::vector<iovec> first = first_of(parts, count, some);
    return next<ssize_t(int, const iovec*, int, off_t)>("pwritev")(fd, first.data(), count, offset);
  });
}
int fsync(int fd) { return sync_with("fsync", fd); }
int fdatasync(int fd) { return sync_with("fdatasync", fd); }
// It makes nothing durable, but what fails here the sync behind it does not tell.
int sync_file_range(int fd, off64_t offset, off64_t bytes, unsigned flags) {
  const std::string path = path_of(fd);
  if (Faults::get().is_meant(path) && Faults::get().is_without_sync()) return 0;
  return whole(path, [&] {
    return next<int(int, off64_t, off64_t, unsigned)>("sync_file_range")(fd, offset, bytes, flags);
  });
}
int rename(const char* from, const char* to) {
  return whole(to, [&] { return next<int(const char*, const char*)>("rename")(from, to); });
}
int unlink(const char* path) {
  return whole(path, [&] { return next<int(const char*)>("unlink")(path); });
}
int mkdir(const char* path, mode_t mode) {
  return whole(path, [&] { return next<int(const char*, mode_t)>("mkdir")(path, mode); });
}
int ftruncate(int fd, off_t size) {
  return whole(path_of(fd), [&] { return next<int(int, off_t)>("ftruncate")(fd, size); });
}
int ftruncate64(int fd, off64_t size) { return ftruncate(fd, size); }
// The error is the result here.
int posix_fallocate(int fd, off_t offset, off_t size) {
  const int result = whole(path_of(fd), [&] {
    return next<int(int, off_t, off_t)>("posix_fallocate")(fd, offset, size);
  });
  return result < 0 ? errno : result;
}
int posix_fallocate64(int fd, off64_t offset, off64_t size) {
  return posix_fallocate(fd, offset, size);
}
}
