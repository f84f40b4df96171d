// A real statord in a process of its own, for tests. It dies with the test program.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace stator::test {

class ServerProcess {
 public:
  struct Options {
    std::string data_dir;
    std::uint32_t lanes = 1;
    std::string config;  // TOML text; empty = none
    std::string command = "dev";
    std::vector<std::string> arguments = {};    // further ones
    std::vector<std::string> environment = {};  // NAME=VALUE
    std::size_t files = 0;                      // it may open so many (ulimit -n); 0: as we may
  };
  explicit ServerProcess(Options options);
  ~ServerProcess();
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  // Starts and waits for the ready line. False: it ended instead; see exit_code() and errors().
  bool start();
  // SIGTERM and wait; the exit code.
  int stop();
  // Waits until it ends by itself; the exit code.
  int await_end();
  // SIGKILL and wait.
  void kill();
  bool is_running() const { return pid_ > 0; }
  // It did not end by itself.
  bool is_alive() const;
  // SIGSTOP: it does nothing more, but for what the system does for it.
  void freeze() const;
  pid_t pid() const { return pid_; }

  void set_lanes(std::uint32_t lanes) { options_.lanes = lanes; }
  void set_config(std::string config) { options_.config = std::move(config); }
  void set_environment(std::vector<std::string> environment) { options_.environment = std::move(environment); }
  void set_arguments(std::vector<std::string> arguments) { options_.arguments = std::move(arguments); }
  std::uint16_t port() const { return port_; }
  std::uint16_t tls_port() const { return tls_port_; }  // 0: none
  std::uint16_t http_port() const { return http_port_; }    // 0: none
  std::uint16_t https_port() const { return https_port_; }  // 0: none
  const std::string& ready_line() const { return ready_line_; }
  int exit_code() const { return exit_code_; }
  std::string errors() const;

 private:
  void wait();
  Options options_;
  int errors_;  // file in memory
  pid_t pid_ = -1;
  std::uint16_t port_ = 0;
  std::uint16_t tls_port_ = 0;
  std::uint16_t http_port_ = 0;
  std::uint16_t https_port_ = 0;
  int exit_code_ = -1;
  std::string ready_line_;
};

// Writes DIRECTORY/keys, a key file with keys 1..3 of which `active` is used (0: none), and gives the
// section of the configuration that names it. The keys in hexadecimal: test_key().
std::string encryption_config(const std::string& directory, unsigned active = 1);
std::string test_key(unsigned number);

// Runs a command of statord that ends by itself.
struct CommandResult {
  int exit_code = -1;
  std::string out;
  std::string errors;
};
CommandResult run_statord(const std::vector<std::string>& arguments);

// A fresh directory below the system's temporary one, removed at the end.
class TempDir {
 public:
  enum Place { kDisk, kFast };  // kFast: in memory, where there is such a place
  explicit TempDir(Place place = kDisk);
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace stator::test
