#include "watched_engine.h"

#include <algorithm>
#include <clocale>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <dlfcn.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <pthread.h>
#include <stdexcept>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
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
std::string library_path;
std::string bytes;  // of the library

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

// The function of that name behind ours.
template <class Function>
Function* next_of(Function&, const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

// Called by what stands below, on behalf of whoever called it.
void note_forbidden(const char* what, const char* why) {
  if (inside != Inside::kNothing) broken(std::string("the engine calls ") + what + ": " + why);
}

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
  // A name without a slash would be searched for elsewhere.
  const std::string file = std::filesystem::absolute(path);
  void* library = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (library == nullptr) throw std::runtime_error(dlerror());
  void* symbol = dlsym(library, STATOR_ENTRY_SYMBOL);
  if (symbol == nullptr) throw std::runtime_error(path + " has no symbol " STATOR_ENTRY_SYMBOL);
  stator_engine_entry found = nullptr;
  std::memcpy(&found, &symbol, sizeof found);
  return found;
}

}  // namespace

void set_library(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  bytes.assign(std::istreambuf_iterator<char>(file), {});
  if (!file) throw std::runtime_error("cannot read " + path);
  library_path = path;
}
const std::string& library_bytes() { return bytes; }
void load_engine() { entry = entry_of(library_path); }
stator_engine_entry original_entry() { return entry; }
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

// What belongs to the whole process, and the server runs it.
using stator::check::next_of;
using stator::check::note_forbidden;
constexpr const char* kProcess = "it is the whole server's";

void* mmap(void* at, size_t bytes, int protection, int flags, int file, off_t offset) noexcept {
  note_forbidden("mmap", "a tenant's quota of memory does not see it; take it by malloc");
  return next_of(mmap, "mmap")(at, bytes, protection, flags, file, offset);
}

void* mmap64(void* at, size_t bytes, int protection, int flags, int file, off64_t offset) noexcept {
  return mmap(at, bytes, protection, flags, file, offset);
}

int sigaction(int number, const struct sigaction* action, struct sigaction* before) noexcept {
  if (action != nullptr) note_forbidden("sigaction", kProcess);
  return next_of(sigaction, "sigaction")(number, action, before);
}

sighandler_t signal(int number, sighandler_t handler) noexcept {
  note_forbidden("signal", kProcess);
  return next_of(signal, "signal")(number, handler);
}

pid_t fork() noexcept {
  note_forbidden("fork", "the child has one thread of the server's, and its locks");
  return next_of(fork, "fork")();
}

int chdir(const char* folder) noexcept {
  note_forbidden("chdir", kProcess);
  return next_of(chdir, "chdir")(folder);
}

mode_t umask(mode_t mask) noexcept {
  note_forbidden("umask", kProcess);
  return next_of(umask, "umask")(mask);
}

char* setlocale(int category, const char* name) noexcept {
  if (name != nullptr) note_forbidden("setlocale", kProcess);
  return next_of(setlocale, "setlocale")(category, name);
}

int setenv(const char* name, const char* value, int overwrites) noexcept {
  note_forbidden("setenv", kProcess);
  return next_of(setenv, "setenv")(name, value, overwrites);
}

int putenv(char* text) noexcept {
  note_forbidden("putenv", kProcess);
  return next_of(putenv, "putenv")(text);
}

int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*body)(void*),
                   void* argument) noexcept {
  note_forbidden("pthread_create", "it makes a thread of its own; an instance belongs to one");
  return next_of(pthread_create, "pthread_create")(thread, attributes, body, argument);
}
}
