#include "support/server_process.h"

#include <algorithm>
#include <cstdlib>
#include <exception>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <signal.h>
#include <stdexcept>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "support/places.h"

namespace stator::test {
namespace {

std::string program() {
  const char* given = std::getenv("STATORD");
  return given == nullptr ? in_build("bin/statord") : std::string(given);
}

[[noreturn]] void become(const std::vector<std::string>& words, int out, int errors,
                         const std::vector<std::string>& environment = {}) {
  // ThreadSanitizer's own report of a crash waits for ever for that of a race in another thread.
  setenv("TSAN_OPTIONS",
         "handle_segv=0:handle_abort=0:handle_sigill=0:handle_sigfpe=0:handle_sigbus=0", 0);
  for (const std::string& line : environment) putenv(const_cast<char*>(line.c_str()));
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  setenv("STATOR_ADMIN_PASSWORD", "test-password", 1);
  dup2(out, STDOUT_FILENO);
  dup2(errors, STDERR_FILENO);
  std::vector<char*> argv;
  for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  execv(argv[0], argv.data());
  _exit(127);
}

// In memory: what a server says of a full or a lost disk must not be written there.
int open_errors() {
  const int fd = memfd_create("stderr", MFD_CLOEXEC);
  if (fd < 0) throw std::runtime_error("memfd_create");
  return fd;
}

std::string content_of(int fd) {
  std::string text(static_cast<std::size_t>(lseek(fd, 0, SEEK_END)), '\0');
  text.resize(static_cast<std::size_t>(std::max<ssize_t>(pread(fd, text.data(), text.size(), 0), 0)));
  return text;
}

}  // namespace

ServerProcess::ServerProcess(Options options) : options_(std::move(options)), errors_(open_errors()) {}

ServerProcess::~ServerProcess() {
  if (is_running()) kill();
  if (testing::Test::HasFailure() || std::uncaught_exceptions() > 0) {
    const std::string said = errors();
    constexpr std::size_t kBytes = 8000;
    std::cerr << "what the server said:\n"
              << said.substr(said.size() - std::min(said.size(), kBytes));
  }
  close(errors_);
}

bool ServerProcess::start() {
  std::vector<std::string> words = {program(), options_.command, "--data-dir", options_.data_dir + "/data",
                                    "--lanes", std::to_string(options_.lanes)};
  // `http_listen` alone leaves the usual port, which another test may have.
  if (("\n" + options_.config).find("\nlisten") == std::string::npos) {
    words.insert(words.end(), {"--listen", "127.0.0.1:0"});
  }
  if (!options_.config.empty()) {
    std::ofstream(options_.data_dir + "/stator.toml") << options_.config;
    words.insert(words.end(), {"--config", options_.data_dir + "/stator.toml"});
  }
  words.insert(words.end(), options_.arguments.begin(), options_.arguments.end());
  int out[2];
  if (pipe2(out, O_CLOEXEC) != 0) throw std::runtime_error("pipe");
  pid_ = fork();
  if (pid_ == 0 && options_.files != 0) {
    const rlimit files = {options_.files, options_.files};
    setrlimit(RLIMIT_NOFILE, &files);
  }
  if (pid_ == 0) become(words, out[1], errors_, options_.environment);
  close(out[1]);
  ready_line_.clear();
  char c = 0;
  while (read(out[0], &c, 1) == 1 && c != '\n') ready_line_.push_back(c);
  close(out[0]);
  const auto ready = nlohmann::json::parse(ready_line_, nullptr, false);
  if (!ready.is_object() || ready.value("event", "") != "ready") {
    wait();
    return false;
  }
  const auto port_of = [&](const char* key) {
    const std::string listen = ready.value(key, "");
    return static_cast<std::uint16_t>(
        listen.empty() ? 0 : std::stoi(listen.substr(listen.rfind(':') + 1)));
  };
  port_ = port_of("listen");
  tls_port_ = port_of("tls_listen");
  http_port_ = port_of("http_listen");
  https_port_ = port_of("https_listen");
  return true;
}

int ServerProcess::stop() {
  ::kill(pid_, SIGTERM);
  wait();
  return exit_code_;
}

int ServerProcess::await_end() {
  wait();
  return exit_code_;
}

void ServerProcess::kill() {
  ::kill(pid_, SIGKILL);
  wait();
}

bool ServerProcess::is_alive() const {
  siginfo_t about{};
  return waitid(P_PID, static_cast<id_t>(pid_), &about, WEXITED | WNOHANG | WNOWAIT) == 0 && about.si_pid == 0;
}

void ServerProcess::freeze() const {
  ::kill(pid_, SIGSTOP);
  // A thread that runs on another core stops a moment later: wait until all of them stand.
  siginfo_t ignored{};
  waitid(P_PID, static_cast<id_t>(pid_), &ignored, WSTOPPED | WEXITED | WNOWAIT);
}

void ServerProcess::wait() {
  int status = 0;
  waitpid(pid_, &status, 0);
  exit_code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  pid_ = -1;
}

std::string ServerProcess::errors() const { return content_of(errors_); }

std::string test_key(unsigned number) {
  std::string key;
  while (key.size() < 64) key += "c0ffee0" + std::to_string(number);
  return key;
}

std::string encryption_config(const std::string& directory, unsigned active) {
  const std::string path = directory + "/keys";
  const std::string aside = path + ".new";
  std::ofstream file(aside);
  file << "active " << (active == 0 ? "none" : std::to_string(active)) << "\n";
  for (const unsigned number : {1u, 2u, 3u}) file << number << " " << test_key(number) << "\n";
  file.close();
  std::filesystem::permissions(aside, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  std::filesystem::rename(aside, path);  // a server may be reading it
  return "[encryption]\nkey_file = \"" + path + "\"\n";
}

CommandResult run_statord(const std::vector<std::string>& arguments) {
  std::vector<std::string> words = {program()};
  words.insert(words.end(), arguments.begin(), arguments.end());
  const int errors = open_errors();
  int out[2];
  if (pipe2(out, O_CLOEXEC) != 0) throw std::runtime_error("pipe");
  const pid_t pid = fork();
  if (pid == 0) become(words, out[1], errors);
  close(out[1]);
  CommandResult answer;
  char bytes[4096];
  for (ssize_t got = 0; (got = read(out[0], bytes, sizeof bytes)) > 0;) {
    answer.out.append(bytes, static_cast<std::size_t>(got));
  }
  close(out[0]);
  int status = 0;
  waitpid(pid, &status, 0);
  answer.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  answer.errors = content_of(errors);
  close(errors);
  return answer;
}

TempDir::TempDir(Place place) {
  const std::filesystem::path memory = "/dev/shm";
  const bool is_in_memory = place == kFast && std::filesystem::exists(memory);
  const auto parent = is_in_memory ? memory : std::filesystem::temp_directory_path();
  std::string pattern = (parent / "stator-test-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp");
  path_ = pattern;
}

TempDir::~TempDir() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace stator::test
