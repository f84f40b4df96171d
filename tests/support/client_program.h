// `stator`, the program, in a process of its own.
#pragma once

#include <cstdint>
#include <string>
#include <sys/types.h>
#include <vector>

namespace stator::test {

// All bytes of a file; none where it cannot be read.
std::string content(const std::string& path);

class ClientProgram {
 public:
  // Its output goes to DIRECTORY/out and DIRECTORY/err.
  ClientProgram(const std::string& directory, std::uint16_t port,
                const std::vector<std::string>& words, const std::string& in = "/dev/null");
  ~ClientProgram();
  ClientProgram(const ClientProgram&) = delete;
  ClientProgram& operator=(const ClientProgram&) = delete;

  void kill() const;
  // The exit code; 128 + 9 where it was killed.
  int wait();
  bool is_alive() const;
  std::string out() const { return content(directory_ + "/out"); }
  std::string errors() const { return content(directory_ + "/err"); }
  long peak_kib() const { return peak_kib_; }

 private:
  std::string directory_;
  pid_t pid_ = -1;
  long peak_kib_ = 0;
};

}  // namespace stator::test
