// Preloaded into a server under test: counts what its lanes ask of the heap and of the system. The
// counters lie in the file that STATOR_COST_PROBE names, so that the test reads them at any time.
#include "support/cost_probe.h"

#include <cstdlib>
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <string>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

extern "C" {
// The C library's own, so that counting them needs no symbol lookup.
void* __libc_malloc(std::size_t bytes);
void* __libc_calloc(std::size_t count, std::size_t bytes);
void* __libc_realloc(void* place, std::size_t bytes);
void* __libc_memalign(std::size_t align, std::size_t bytes);
}

namespace {

using stator::test::CostCounters;

CostCounters unused;
CostCounters* counters = &unused;
// Set by the first socket call: lanes are the threads that own sockets.
thread_local bool is_lane [[gnu::tls_model("initial-exec")]] = false;

void count(std::atomic<std::uint64_t>& what) {
  if (is_lane) what.fetch_add(1, std::memory_order_relaxed);
}

bool is_held(const char* thread) {
  const std::uint64_t lane = counters->held_lane.load();
  return lane > 0 && thread == "lane-" + std::to_string(lane - 1);
}

// A lane whose sends take long.
void hold_up() {
  if (counters->held_lane.load(std::memory_order_relaxed) == 0) return;
  char thread[16];
  if (pthread_getname_np(pthread_self(), thread, sizeof thread) != 0 || !is_held(thread)) return;
  ++counters->held_sends;
  while (is_held(thread)) sched_yield();
}

template <class Function>
Function* next(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

[[gnu::constructor]] void map_counters() {
  const char* path = std::getenv("STATOR_COST_PROBE");
  if (path == nullptr) return;
  const int fd = open(path, O_RDWR);
  void* place = mmap(nullptr, sizeof(CostCounters), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  if (place != MAP_FAILED) counters = static_cast<CostCounters*>(place);
}

}  // namespace

extern "C" {

void* malloc(std::size_t bytes) {
  count(counters->allocations);
  return __libc_malloc(bytes);
}
void* calloc(std::size_t number, std::size_t bytes) {
  count(counters->allocations);
  return __libc_calloc(number, bytes);
}
void* realloc(void* place, std::size_t bytes) {
  count(counters->allocations);
  return __libc_realloc(place, bytes);
}
void* aligned_alloc(std::size_t align, std::size_t bytes) {
  count(counters->allocations);
  return __libc_memalign(align, bytes);
}

ssize_t recv(int fd, void* to, std::size_t bytes, int flags) {
  static const auto real = next<decltype(recv)>("recv");
  is_lane = true;
  count(counters->receives);
  return real(fd, to, bytes, flags);
}
ssize_t send(int fd, const void* from, std::size_t bytes, int flags) {
  static const auto real = next<decltype(send)>("send");
  count(counters->sends);
  hold_up();
  return real(fd, from, bytes, flags);
}
ssize_t pwrite(int fd, const void* from, std::size_t bytes, off_t offset) {
  static const auto real = next<decltype(pwrite)>("pwrite");
  count(counters->writes);
  return real(fd, from, bytes, offset);
}
int sync_file_range(int fd, off64_t offset, off64_t bytes, unsigned flags) {
  static const auto real = next<decltype(sync_file_range)>("sync_file_range");
  ++counters->pieces;
  return real(fd, offset, bytes, flags);
}
int epoll_wait(int fd, epoll_event* events, int count_max, int timeout) {
  static const auto real = next<decltype(epoll_wait)>("epoll_wait");
  count(counters->waits);
  return real(fd, events, count_max, timeout);
}

}  // extern "C"
