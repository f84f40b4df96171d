// The first user of a server with authentication: without one nobody could ever log in.
#pragma once

#include <string>

#include "base/result.h"

namespace stator::server {

// Through `socket`, a connection with the kernel's rights: if no user exists, creates the superuser
// "admin" with the password of STATOR_ADMIN_PASSWORD (or of the file that
// STATOR_ADMIN_PASSWORD_FILE names), or else a random one that is written to
// DATA_DIR/admin-password (mode 0600). Blocks until answered.
Status bootstrap_admin(int socket, const std::string& data_dir);

// Through the same kind of connection: gives the user another password, the one of the file or,
// where there is none, a random one. Returns the path of the file that holds it: `password_file`,
// or DATA_DIR/reset-password (mode 0600). A missing user "admin" is made anew, as a superuser.
struct PasswordReset {
  std::string data_dir;
  std::string username;
  std::string password_file;  // empty: a random password
};
Result<std::string> reset_password(int socket, const PasswordReset& reset);

}  // namespace stator::server
