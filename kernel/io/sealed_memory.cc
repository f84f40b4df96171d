#include "io/sealed_memory.h"

#include <cerrno>
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
  for (std::size_t done = 0; done < bytes.size();) {
    const ssize_t wrote = write(descriptor, bytes.data() + done, bytes.size() - done);
    if (wrote < 0 && errno != EINTR) return false;
    if (wrote > 0) done += static_cast<std::size_t>(wrote);
  }
  return true;
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
