#include "server/key_file.h"

#include "base/limits.h"
#include "io/secret_file.h"

namespace stator::server {

Status read_key_file(const std::string& path, wal::KeyRing& keys) {
  if (path.empty()) return ok_status();
  STATOR_TRY(const std::string text, io::read_secret_file(path, kKeyFileBytesMax));
  return keys.take(text, path);
}

}  // namespace stator::server
