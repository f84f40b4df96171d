// What cost_probe.cc counts in a server under test, and holds up. In a file that both map.
#pragma once

#include <atomic>
#include <cstdint>
#include <fcntl.h>
#include <string>
#include <sys/mman.h>
#include <unistd.h>

namespace stator::test {

struct CostCounters {
  std::atomic<std::uint64_t> allocations;
  std::atomic<std::uint64_t> receives;
  std::atomic<std::uint64_t> sends;
  std::atomic<std::uint64_t> waits;
  std::atomic<std::uint64_t> writes;      // of files
  std::atomic<std::uint64_t> pieces;      // of files that were written back; of all threads
  std::atomic<std::uint64_t> held_lane;   // while it is N + 1 lane N does not send
  std::atomic<std::uint64_t> held_sends;  // that have begun to wait
};

// Makes that file, for the server's STATOR_COST_PROBE. Null: it could not. Of the process, for
// ever.
inline CostCounters* make_counters(const std::string& path) {
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  const bool has_room = ftruncate(fd, sizeof(CostCounters)) == 0;
  void* place = mmap(nullptr, sizeof(CostCounters), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  return has_room && place != MAP_FAILED ? static_cast<CostCounters*>(place) : nullptr;
}

}  // namespace stator::test
