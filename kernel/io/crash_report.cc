// Everything that a signal handler reaches here is async-signal-safe (signal-safety(7)): static
// memory, no heap, no locks, no stdio.
#include "io/crash_report.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "base/in_flight.h"

namespace stator::io {
namespace {

constexpr std::size_t kSignalStackBytes = 64u * 1024;
constexpr std::size_t kDirectoryBytesMax = 4000;
// Calls between engines nest four deep, each perhaps with one that applies.
constexpr int kCallsDeepMax = 8;

struct Fault {
  int signal;
  const char* name;
};
constexpr std::array<Fault, 6> kFaults = {{{SIGSEGV, "SIGSEGV"},
                                           {SIGBUS, "SIGBUS"},
                                           {SIGFPE, "SIGFPE"},
                                           {SIGILL, "SIGILL"},
                                           {SIGTRAP, "SIGTRAP"},
                                           {SIGABRT, "SIGABRT"}}};
std::array<struct sigaction, kFaults.size()> g_before;
bool g_is_installed = false;
bool g_is_json = false;  // lines of the server's log
std::array<char, kDirectoryBytesMax + 1> g_directory;

// Text of a bounded size; what is more is dropped.
class Line {
 public:
  Line& add(ByteView text) {
    for (const char c : text) put(c);
    return *this;
  }
  Line& number(std::uint64_t value) {
    std::array<char, 20> digits;
    std::size_t at = digits.size();
    do digits[--at] = static_cast<char>('0' + value % 10);
    while ((value /= 10) != 0);
    return add({digits.data() + at, digits.size() - at});
  }
  Line& hex(std::uint64_t value, std::size_t digits_min = 1) {
    const auto digits = hex_digits(value);
    std::size_t skip = 0;
    while (skip < digits.size() - digits_min && digits[skip] == '0') ++skip;
    return add({digits.data() + skip, digits.size() - skip});
  }
  // As the inside of a JSON string.
  Line& escaped(ByteView text) {
    for (const char c : text) {
      const auto byte = static_cast<unsigned char>(c);
      if (c == '"' || c == '\\') put('\\');
      if (byte >= 0x20) {
        put(c);
        continue;
      }
      add("\\u").hex(byte, 4);
    }
    return *this;
  }
  Line& field(const char* name, ByteView text) {
    return add(size_ == 1 ? "\"" : ",\"").add(name).add("\":\"").escaped(text).add("\"");
  }
  Line& field(const char* name, std::uint64_t value) {
    return add(size_ == 1 ? "\"" : ",\"").add(name).add("\":").number(value);
  }
  Line& hex_field(const char* name, std::uint64_t value, std::size_t digits_min,
                  ByteView prefix = "") {
    return add(size_ == 1 ? "\"" : ",\"")
        .add(name)
        .add("\":\"")
        .add(prefix)
        .hex(value, digits_min)
        .add("\"");
  }
  ByteView view() const { return {bytes_.data(), size_}; }
  const char* c_str() {
    bytes_[std::min(size_, bytes_.size() - 1)] = '\0';
    return bytes_.data();
  }

 private:
  void put(char c) {
    if (size_ < bytes_.size() - 1) bytes_[size_++] = c;
  }
  std::array<char, 8192> bytes_{};
  std::size_t size_ = 0;
};

struct Cause {
  ByteView name;
  bool has_address = false;
  std::uintptr_t address = 0;  // that could not be used
  std::uintptr_t pc = 0;       // 0: not known
};

// The one report that is being made, by the thread `g_reporter`.
constinit std::atomic<pid_t> g_reporter{0};
constinit bool g_is_reported = false;
constinit Cause g_cause;
constinit CallFacts g_facts;
constinit CallFacts g_outer;
constinit Line g_json;
constinit Line g_sentence;
constinit Line g_path;
constinit Line g_aside;

std::uint64_t now_ms() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1000 +
         static_cast<std::uint64_t>(now.tv_nsec) / 1'000'000;
}

// What the innermost call does not know, those around it may.
void gather() {
  const InFlight* call = in_flight;
  if (call == nullptr) return;
  call->tell(g_facts);
  for (int i = 0; i < kCallsDeepMax && (call = call->outer()) != nullptr; ++i) {
    if (!g_facts.request.empty()) return;
    g_outer = CallFacts();
    call->tell(g_outer);
    if (g_facts.op.empty()) g_facts.op = g_outer.op;
    g_facts.request_op = g_outer.request_op;
    g_facts.request = g_outer.request;
  }
}

void write_all(int fd, ByteView bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

void describe(std::uint64_t time_ms, Line& json) {
  const CallFacts& facts = g_facts;
  json.add("{").field("time_ms", time_ms).field("signal", g_cause.name);
  if (g_cause.has_address) json.hex_field("address", g_cause.address, 1, "0x");
  if (g_cause.pc != 0) json.hex_field("pc", g_cause.pc, 1, "0x");
  if (g_cause.pc >= facts.code_begin && g_cause.pc < facts.code_end) {
    json.hex_field("library_offset", g_cause.pc - facts.code_begin, 1, "0x");
  }
  json.field("engine", facts.engine.view())
      .field("version", facts.version.view())
      .field("build_id", facts.build_id.view())
      .field("sha256", facts.sha256.view())
      .field("phase", facts.phase);
  if (!facts.op.empty()) json.field("op", facts.op.view());
  if (!facts.request.empty()) {
    json.field("request_op", facts.request_op.view()).field("request", facts.request.view());
  }
  if (facts.has_lane) {
    json.field("lane", facts.lane)
        .field("tenant", facts.tenant)
        .field("collection", facts.collection.view());
  }
  if (facts.lsn != 0) {
    json.field("lsn", facts.lsn)
        .field("record_type", facts.record_type)
        .hex_field("record_crc", facts.record_crc, 8);
  }
  json.add("}\n");
}

// As `g_path`; under that name it is whole and durable. False: it cannot be written.
bool write_file(ByteView json, std::uint64_t time_ms) {
  ::mkdir(g_directory.data(), 0700);
  const auto pid = static_cast<std::uint64_t>(getpid());
  g_path.add(g_directory.data()).add("/").number(time_ms).add("-").number(pid);
  g_aside = g_path;
  g_aside.add(".tmp");
  g_path.add(".json");
  constexpr int kFlags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW;
  const int fd = ::open(g_aside.c_str(), kFlags, 0600);
  if (fd < 0) return false;
  write_all(fd, json);
  const bool is_whole =
      ::lseek(fd, 0, SEEK_CUR) == static_cast<off_t>(json.size()) && ::fsync(fd) == 0;
  ::close(fd);
  if (!is_whole || ::rename(g_aside.c_str(), g_path.c_str()) != 0) return false;
  const int directory = ::open(g_directory.data(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) return true;
  ::fsync(directory);
  ::close(directory);
  return true;
}

// As the server's log would write it.
void say(ByteView sentence) {
  g_aside = Line();
  if (g_is_json) {
    g_aside.add(R"({"time_ms":)").number(now_ms());
    g_aside.add(R"(,"level":"critical","message":")").escaped(sentence).add("\"}\n");
  } else {
    g_aside.add("statord: ").add(sentence).add("\n");
  }
  write_all(STDERR_FILENO, g_aside.view());
}

void report() {
  g_sentence = g_json = g_path = Line();
  Line& text = g_sentence;
  const CallFacts& facts = g_facts;
  if (facts.engine.empty()) {
    text.add("the server died of ").add(g_cause.name).add("; no engine was running");
    return say(text.view());
  }
  text.add("engine '").add(facts.engine.view()).add("' ").add(facts.version.view());
  text.add(" crashed in ").add(facts.phase).add(": ").add(g_cause.name);
  if (g_cause.has_address) text.add(" at address 0x").hex(g_cause.address);
  if (!facts.op.empty()) text.add(", op ").add(facts.op.view());
  if (facts.has_lane) {
    text.add(", collection '").add(facts.collection.view());
    text.add("' of tenant ").number(facts.tenant);
  }
  if (facts.lsn != 0) text.add(", record at LSN ").number(facts.lsn);
  const std::uint64_t time_ms = now_ms();
  describe(time_ms, g_json);
  const bool is_written = write_file(g_json.view(), time_ms);
  text.add(is_written ? "; report: " : "; the report cannot be written: ").add(g_path.view());
  say(text.view());
}

std::uintptr_t pc_of(const void* context) {
  const auto& machine = static_cast<const ucontext_t*>(context)->uc_mcontext;
#if defined(__x86_64__)
  return static_cast<std::uintptr_t>(machine.gregs[REG_RIP]);
#elif defined(__aarch64__)
  return machine.pc;
#else
#error "where a fault happened is not known on this machine"
#endif
}

pid_t self() { return static_cast<pid_t>(syscall(SYS_gettid)); }

// Makes the calling thread the one that reports; false: it is that already. Where another thread
// is, which most often ends the process, it waits.
bool begin_report() {
  for (;;) {
    pid_t reporter = 0;
    if (g_reporter.compare_exchange_strong(reporter, self())) return true;
    if (reporter == self()) return false;
    poll(nullptr, 0, 1);
  }
}

void handle(int signal, siginfo_t* info, void* context) {
  const int errno_before = errno;
  const auto* fault = std::find_if(kFaults.begin(), kFaults.end(),
                                   [&](const Fault& f) { return f.signal == signal; });
  const bool is_sent = info->si_code <= 0;
  // Who ends the server from outside has reasons that are no engine's.
  const bool is_ours = !is_sent || info->si_pid == getpid();
  const bool is_first = is_ours && begin_report();
  if (is_first) {
    g_cause = {fault->name, !is_sent, is_sent ? 0 : reinterpret_cast<std::uintptr_t>(info->si_addr),
               pc_of(context)};
    gather();  // what the engine left may be a fault in itself: then we are here again
  }
  if (is_ours && !g_is_reported) {
    g_is_reported = true;
    report();
  }
  // What would have happened: the instruction is executed again, or the signal is sent again.
  const bool is_again = is_ours && !is_first;
  const auto& before = g_before[static_cast<std::size_t>(fault - kFaults.begin())];
  is_again ? static_cast<void>(::signal(signal, SIG_DFL))
           : static_cast<void>(sigaction(signal, &before, nullptr));
  if (is_sent || is_again) syscall(SYS_tgkill, getpid(), self(), signal);
  errno = errno_before;
}

// An engine that ends the process by exit() ends it for everybody: a crash like another.
void end_in_a_call() {
  if (in_flight != nullptr) std::abort();
}

}  // namespace

void report_crashes(const std::string& directory) {
  if (directory.size() > kDirectoryBytesMax) return;
  std::memcpy(g_directory.data(), directory.c_str(), directory.size() + 1);
  if (g_is_installed) return;
  g_is_installed = true;
  g_is_json = isatty(STDERR_FILENO) == 0;
  struct sigaction action {};
  action.sa_sigaction = handle;
  // NODEFER: a fault while we look at what the engine left must come here, not end the process.
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
  sigemptyset(&action.sa_mask);
  for (std::size_t i = 0; i < kFaults.size(); ++i) {
    sigaction(kFaults[i].signal, &action, &g_before[i]);
  }
  report_exits();
}

void report_exits() {
  std::atexit(end_in_a_call);
  std::at_quick_exit(end_in_a_call);
}

void report_failure(std::string_view what) {
  if (!g_is_installed || in_flight == nullptr || !begin_report()) return;
  g_cause = {what};
  gather();
  report();
  g_facts = CallFacts();
  g_reporter.store(0);
}

SignalStack::SignalStack() {
  stack_t now{};
  if (sigaltstack(nullptr, &now) != 0 || (now.ss_flags & SS_DISABLE) == 0) return;
  constexpr int kProtection = PROT_READ | PROT_WRITE;
  void* memory = mmap(nullptr, kSignalStackBytes, kProtection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return;
  memory_ = memory;
  stack_t ours{};
  ours.ss_sp = memory;
  ours.ss_size = kSignalStackBytes;
  sigaltstack(&ours, nullptr);
}

SignalStack::~SignalStack() {
  if (memory_ == nullptr) return;
  stack_t none{};
  none.ss_flags = SS_DISABLE;
  sigaltstack(&none, nullptr);
  munmap(memory_, kSignalStackBytes);
}

}  // namespace stator::io
