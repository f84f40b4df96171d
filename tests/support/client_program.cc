#include "support/client_program.h"

#include <csignal>
#include <fcntl.h>
#include <fstream>
#include <iterator>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/places.h"

namespace stator::test {

std::string content(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

ClientProgram::ClientProgram(const std::string& directory, std::uint16_t port,
                             const std::vector<std::string>& words, const std::string& in)
    : directory_(directory) {
  std::vector<std::string> all = {in_build("bin/stator"), "--host",
                                  "127.0.0.1:" + std::to_string(port)};
  all.insert(all.end(), words.begin(), words.end());
  pid_ = fork();
  if (pid_ != 0) return;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  dup2(open(in.c_str(), O_RDONLY), STDIN_FILENO);
  dup2(open((directory + "/out").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644), STDOUT_FILENO);
  dup2(open((directory + "/err").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644), STDERR_FILENO);
  std::vector<char*> argv;
  for (std::string& word : all) argv.push_back(word.data());
  argv.push_back(nullptr);
  execv(argv[0], argv.data());
  _exit(127);
}

ClientProgram::~ClientProgram() {
  if (pid_ <= 0) return;
  kill();
  wait();
}

void ClientProgram::kill() const { ::kill(pid_, SIGKILL); }

int ClientProgram::wait() {
  int status = 0;
  rusage usage = {};
  wait4(pid_, &status, 0, &usage);
  pid_ = -1;
  peak_kib_ = usage.ru_maxrss;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

bool ClientProgram::is_alive() const {
  siginfo_t info = {};
  waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT);
  return info.si_pid == 0;
}

}  // namespace stator::test
