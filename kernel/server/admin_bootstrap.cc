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

// One request over the blocking socket, and its answer, whatever that says.
Result<std::string> talk(int socket, std::string_view body) {
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
  return answer;
}

bool is_ok(const std::string& answer) {
  return answer.find(R"("status":"ok")") != std::string::npos;
}

// The same, where anything but ok is an error.
Result<std::string> ask(int socket, std::string_view body) {
  STATOR_TRY(std::string answer, talk(socket, body));
  if (!is_ok(answer)) return Error(ErrorCode::kInternal, "the user could not be stored: " + answer);
  return answer;
}

Result<std::string> read_secret(const std::string& path) {
  STATOR_TRY(std::string text, io::read_file(io::posix_file_system(), path));
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  return text;
}

std::string superuser_request(std::string_view username, std::string_view password) {
  json::StringOut body;
  json::Writer(body)
      .begin_object()
      .field("op", std::string_view("user_create"))
      .field("username", username)
      .field("password", password)
      .field("role", std::string_view("superuser"))
      .end_object();
  return body.take();
}

Result<std::string> given_password() {
  if (const char* path = std::getenv("STATOR_ADMIN_PASSWORD_FILE")) return read_secret(path);
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
  auto made = ask(socket, superuser_request("admin", password));
  if (!made.ok()) return std::move(made.error());
  return ok_status();
}

Result<std::string> reset_password(int socket, const PasswordReset& reset) {
  std::string path = reset.password_file;
  std::string password;
  if (path.empty()) {
    path = reset.data_dir + "/reset-password";
    password = auth::random_password();
    STATOR_CHECK(write_secret(path, password));
  } else {
    STATOR_TRY(password, read_secret(path));
  }
  json::StringOut body;
  json::Writer(body)
      .begin_object()
      .field("op", std::string_view("user_set_password"))
      .field("username", std::string_view(reset.username))
      .field("password", std::string_view(password))
      .end_object();
  STATOR_TRY(std::string answer, talk(socket, body.view()));
  const bool is_absent = answer.find(R"("error_code":"not_found")") != std::string::npos;
  if (is_absent && reset.username == "admin") {
    STATOR_TRY(answer, talk(socket, superuser_request(reset.username, password)));
  }
  if (is_ok(answer)) return path;
  return Error(ErrorCode::kInternal, "the password was not reset: " + answer);
}

}  // namespace stator::server
