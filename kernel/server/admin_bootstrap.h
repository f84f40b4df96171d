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

}  // namespace stator::server
