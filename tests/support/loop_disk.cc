#include "support/loop_disk.h"

#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <stdexcept>
#include <sys/mount.h>
#include <unistd.h>

namespace stator::test {
namespace {

bool succeeds(const std::string& command) {
  return std::system(("{ " + command + "; } >/dev/null 2>&1").c_str()) == 0;
}

void run(const std::string& command) {
  if (!succeeds(command)) throw std::runtime_error("failed: " + command);
}

}  // namespace

std::string LoopDisk::why_not() {
  if (geteuid() != 0) return "mounting a loop device needs root";
  if (!succeeds("command -v mkfs.ext4 && command -v losetup"))
    return "mkfs.ext4 or losetup is not installed";
  if (!succeeds("losetup --find")) return "there is no loop device";
  return {};
}

LoopDisk::LoopDisk(std::string directory, unsigned mib) : directory_(std::move(directory)) {
  std::filesystem::create_directories(mount_point());
  run("truncate -s " + std::to_string(mib) + "M " + image());
  run("mkfs.ext4 -q -F -E lazy_itable_init=0,lazy_journal_init=0 " + image());
  mount();
}

LoopDisk::~LoopDisk() {
  if (is_mounted_) succeeds("umount " + mount_point());
}

void LoopDisk::mount() {
  run("mount -o loop " + image() + " " + mount_point());
  is_mounted_ = true;
}

void LoopDisk::unmount() {
  run("umount " + mount_point());
  is_mounted_ = false;
}

void LoopDisk::sync() {
  const int fd = open(mount_point().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool is_synced = fd >= 0 && syncfs(fd) == 0;
  if (fd >= 0) close(fd);
  if (!is_synced) throw std::runtime_error("cannot sync " + mount_point());
}

// The kernel may write in the background while the copy is made: it is one of one moment when
// nothing changed from its beginning until it was compared.
void LoopDisk::take_image() {
  constexpr int kAttempts = 20;
  for (int i = 0; i < kAttempts; ++i) {
    run("cp --sparse=always " + image() + " " + kept());
    if (succeeds("cmp -s " + image() + " " + kept())) return;
  }
  throw std::runtime_error("the disk never was quiet");
}

void LoopDisk::lose_power() {
  unmount();  // writes what was lost to the old disk
  std::filesystem::rename(kept(), image());
  mount();
}

}  // namespace stator::test
