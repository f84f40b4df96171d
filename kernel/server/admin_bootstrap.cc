#include "server/admin_bootstrap.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

#include "base/bytes.h"
#include "base/log.h"
#include "control/auth/secrets.h"
#include "io/file_system.h"
#include "stator/json_reader.hpp"
#include "stator/json_writer.hpp"

namespace stator::server {
namespace {

Error lost() { return Error(ErrorCode::kInternal, "the kernel's own connection was lost"); }

// One request and its answer over the blocking socket.
Result<std::string> ask(int socket, std::string_view body) {
  std::string frame(4, '\0');
  store_big32(frame.data(), static_cast<std::uint32_t>(body.size()));
  frame.append(body);
  if (write(socket, frame.data(), frame.size()) != static_cast<ssize_t>(frame.size())) return lost();
  const auto read_whole = [&](std::size_t bytes) {
    std::string out(bytes, '\0');
    for (std::size_t at = 0; at < bytes;) {
      const ssize_t got = read(socket, out.data() + at, bytes - at);
      if (got <= 0) return std::string();
      at += static_cast<std::size_t>(got);
    }
    return out;
  };
  const std::string prefix = read_whole(4);
  if (prefix.empty()) return lost();
  std::string answer = read_whole(load_big32(prefix.data()));
  if (answer.empty()) return lost();
  if (answer.find(R"("status":"ok")") == std::string::npos) {
    return Error(ErrorCode::kInternal, "the first user could not be made: " + answer);
  }
  return answer;
}

Result<std::string> given_password() {
  if (const char* path = std::getenv("STATOR_ADMIN_PASSWORD_FILE")) {
    STATOR_TRY(std::string text, io::read_file(io::posix_file_system(), path));
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
    return text;
  }
  const char* text = std::getenv("STATOR_ADMIN_PASSWORD");
  return std::string(text == nullptr ? "" : text);
}

Status write_secret(const std::string& path, std::string_view secret) {
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, S_IRUSR | S_IWUSR);
  const std::string line = std::string(secret) + "\n";
  const bool is_written = fd >= 0 && fchmod(fd, S_IRUSR | S_IWUSR) == 0 &&
                          write(fd, line.data(), line.size()) == static_cast<ssize_t>(line.size()) &&
                          fsync(fd) == 0;
  if (fd >= 0) close(fd);
  if (is_written) return ok_status();
  return Error(ErrorCode::kStorage, "cannot write " + path);
}

}  // namespace

Status bootstrap_admin(int socket, const std::string& data_dir) {
  STATOR_TRY(const std::string users, ask(socket, R"({"op":"user_list","payload_format":"json"})"));
  if (users.find(R"("users":[])") == std::string::npos) return ok_status();
  STATOR_TRY(std::string password, given_password());
  if (password.empty()) {
    password = auth::random_password();
    const std::string path = data_dir + "/admin-password";
    STATOR_CHECK(write_secret(path, password));
    log::info("first start with authentication: the password of user 'admin' is in " + path);
  }
  json::StringOut body;
  json::Writer(body)
      .begin_object()
      .field("op", std::string_view("user_create"))
      .field("username", std::string_view("admin"))
      .field("password", std::string_view(password))
      .field("role", std::string_view("superuser"))
      .end_object();
  auto made = ask(socket, body.view());
  if (!made.ok()) return std::move(made.error());
  return ok_status();
}

}  // namespace stator::server
