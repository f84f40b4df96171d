// An ext4 file system in a file, mounted through a loop device: a disk whose power a test can cut.
// Needs root and loop devices; why_not() says what is missing.
#pragma once

#include <string>

namespace stator::test {

class LoopDisk {
 public:
  // Empty, or the reason why there can be none on this machine.
  static std::string why_not();

  // Makes the file system in `directory` and mounts it at mount_point(). Throws.
  LoopDisk(std::string directory, unsigned mib);
  ~LoopDisk();
  LoopDisk(const LoopDisk&) = delete;
  LoopDisk& operator=(const LoopDisk&) = delete;

  std::string mount_point() const { return directory_ + "/disk"; }
  // All that was written to it reaches it. Not sync(2): that is for all disks of the machine,
  // others' too, which a test that runs beside this one may want to forget something.
  void sync();
  // What had reached the disk at one moment becomes the disk: dirty pages of the file system and
  // all it keeps in memory are lost, its journal is replayed. In two steps, between which the test
  // kills whoever has files open there: take_image() keeps what the disk holds now (nobody may
  // write to the file system meanwhile but the kernel itself), lose_power() mounts it.
  void take_image();
  void lose_power();

 private:
  void mount();
  void unmount();
  std::string image() const { return directory_ + "/image"; }
  std::string kept() const { return directory_ + "/kept"; }
  const std::string directory_;
  bool is_mounted_ = false;
};

}  // namespace stator::test
