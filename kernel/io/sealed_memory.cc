#include "io/sealed_memory.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <system_error>
#include <unistd.h>

namespace stator::io {
namespace {

// Since Linux 6.3 a system may be set to make files in memory not executable unless this is asked
// for; older systems do not know the flag.
constexpr unsigned kExecutable = 0x0010U;  // MFD_EXEC

int make_file(const std::string& name) {
  const int descriptor = memfd_create(name.c_str(), MFD_CLOEXEC | MFD_ALLOW_SEALING | kExecutable);
  if (descriptor >= 0 || errno != EINVAL) return descriptor;
  return memfd_create(name.c_str(), MFD_CLOEXEC | MFD_ALLOW_SEALING);
}

bool fill(int descriptor, ByteView bytes) {
  if (ftruncate(descriptor, static_cast<off_t>(bytes.size())) != 0) return false;
  if (bytes.empty()) return true;
  // Memory is taken here, where it can fail; writing into a hole of the file would be a signal.
  if (fallocate(descriptor, 0, 0, static_cast<off_t>(bytes.size())) != 0) return false;
  void* memory = mmap(nullptr, bytes.size(), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
  if (memory == MAP_FAILED) return false;
  std::memcpy(memory, bytes.data(), bytes.size());
  return munmap(memory, bytes.size()) == 0;
}

}  // namespace

Result<std::string> seal_in_memory(const std::string& name, ByteView bytes) {
  const int descriptor = make_file(name);
  constexpr int kSeals = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL;
  if (descriptor < 0 || !fill(descriptor, bytes) || fcntl(descriptor, F_ADD_SEALS, kSeals) != 0) {
    const int reason = errno;
    if (descriptor >= 0) close(descriptor);
    return Error(ErrorCode::kStorage, "no sealed file in memory for " + name + ": " +
                                          std::generic_category().message(reason));
  }
  // Not /proc/self: debuggers and symbolizers are other processes.
  return "/proc/" + std::to_string(getpid()) + "/fd/" + std::to_string(descriptor);
}

}  // namespace stator::io
