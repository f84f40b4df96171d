#include "watched_engine.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <dlfcn.h>
#include <pthread.h>
#include <stdexcept>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

namespace stator::check {
namespace {

enum class Inside { kNothing, kApply, kOther };

Inside inside = Inside::kNothing;
stator_engine_entry entry = nullptr;
stator_engine_entry entry_before = nullptr;
const stator_engine_v1* original = nullptr;
const stator_kernel_hello* last_hello = nullptr;  // the fake kernel's is static
stator_engine_v1 watched;

template <class Call>
stator_status enter(Inside where, const char* name, Call&& call) {
  const Inside before = inside;
  inside = where;
  stator_status status = STATOR_OK;
  try {
    status = call();
  } catch (...) {
    broken(std::string("an exception left ") + name + "()");
  }
  inside = before;
  return status;
}

// Called by what stands below, on behalf of whoever called it.
void note_impurity(const char* what) {
  if (inside == Inside::kApply)
    broken(std::string("apply() calls ") + what + ": it would differ at the next replay");
}

}  // namespace

void broken(const std::string& sentence) {
  std::fprintf(stderr, "%s\n", sentence.c_str());
  std::fflush(stderr);
  _exit(kExitBroken);
}

namespace {

stator_engine_entry entry_of(const std::string& path) {
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (library == nullptr) throw std::runtime_error(dlerror());
  void* symbol = dlsym(library, STATOR_ENTRY_SYMBOL);
  if (symbol == nullptr) throw std::runtime_error(path + " has no symbol " STATOR_ENTRY_SYMBOL);
  stator_engine_entry found = nullptr;
  std::memcpy(&found, &symbol, sizeof found);
  return found;
}

}  // namespace

void load_engine(const std::string& path) { entry = entry_of(path); }
void load_engine_before(const std::string& path) { entry_before = entry_of(path); }
stator_engine_entry engine_before() { return entry_before; }

const stator_engine_v1* original_engine() { return original; }
const stator_engine_v1* engine_again() { return entry(last_hello); }

const stator_engine_v1* watched_entry(const stator_kernel_hello* hello) {
  last_hello = hello;
  original = entry(hello);
  if (original == nullptr) return nullptr;
  watched = {};
  std::memcpy(&watched, original, std::min<std::size_t>(original->struct_size, sizeof watched));
  watched.struct_size = sizeof watched;
  watched.open = [](const stator_open* open, stator_instance** out, char* error,
                    std::uint64_t error_size) {
    return enter(Inside::kOther, "open",
                 [&] { return original->open(open, out, error, error_size); });
  };
  if (watched.read != nullptr) {
    watched.read = [](const stator_instance* instance, const stator_request* request) {
      return enter(Inside::kOther, "read", [&] { return original->read(instance, request); });
    };
  }
  if (watched.prepare != nullptr) {
    watched.prepare = [](const stator_instance* instance, const stator_request* request) {
      return enter(Inside::kOther, "prepare", [&] { return original->prepare(instance, request); });
    };
  }
  if (watched.apply != nullptr) {
    watched.apply = [](stator_instance* instance, const stator_record* record) {
      return enter(Inside::kApply, "apply", [&] { return original->apply(instance, record); });
    };
  }
  if (watched.work != nullptr) {
    watched.work = [](const stator_instance* instance, const stator_work* work) {
      return enter(Inside::kOther, "work", [&] { return original->work(instance, work); });
    };
  }
  return &watched;
}

}  // namespace stator::check

// The program exports these, so the engine's calls come here first.
using stator::check::note_impurity;

extern "C" {

int clock_gettime(clockid_t clock, timespec* time) noexcept {
  note_impurity("clock_gettime");
  return static_cast<int>(syscall(SYS_clock_gettime, clock, time));
}

time_t time(time_t* out) noexcept {
  note_impurity("time");
  timespec now{};
  syscall(SYS_clock_gettime, CLOCK_REALTIME, &now);
  if (out != nullptr) *out = now.tv_sec;
  return now.tv_sec;
}

int gettimeofday(timeval* out, void*) noexcept {
  note_impurity("gettimeofday");
  timespec now{};
  syscall(SYS_clock_gettime, CLOCK_REALTIME, &now);
  *out = {now.tv_sec, now.tv_nsec / 1000};
  return 0;
}

ssize_t getrandom(void* to, size_t size, unsigned flags) {
  note_impurity("getrandom");
  return syscall(SYS_getrandom, to, size, flags);
}

int rand() noexcept {
  note_impurity("rand");
  static unsigned state = 1;
  return static_cast<int>((state = state * 1103515245 + 12345) >> 1);
}

long random() noexcept {
  note_impurity("random");
  return rand();
}

int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*body)(void*),
                   void* argument) noexcept {
  if (stator::check::inside != stator::check::Inside::kNothing) {
    stator::check::broken("the engine makes a thread of its own");
  }
  using Create = int (*)(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*);
  const auto real = reinterpret_cast<Create>(dlsym(RTLD_NEXT, "pthread_create"));
  return real(thread, attributes, body, argument);
}
}
