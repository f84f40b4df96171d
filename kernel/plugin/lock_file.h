// plugins.lock: which libraries a server may load. Text, a line per library, `#` begins a comment:
//   ID VERSION SHA256 [conformance=LEVEL]
// and behind all of them, if it is signed, a line per key; what is signed is every byte before the
// first:
//   signature ed25519 KEY SIGNATURE        (base64)
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace stator::plugin {

struct LockEntry {
  std::string version;
  std::string sha256;  // 64 hexadecimal digits, lower case
  // Level of stator-plugin-check that these bytes have passed; 0: nobody says.
  std::uint32_t conformance = 0;
};

struct LockSignature {
  std::string public_key;  // 32 bytes, of who says to have signed
  std::string bytes;       // 64
};

struct LockFile {
  std::string path;                          // for messages
  std::map<std::string, LockEntry> entries;  // by engine id
  std::vector<LockSignature> signatures = {};
  std::string signed_text = {};  // what they are over
};

// Errors (kBadRequest) name path and line: another form, an id twice, anything but signatures
// behind a signature. No signature is verified.
Result<LockFile> parse_lock(std::string_view text, const std::string& path);
// Text that parse_lock() reads back, without signatures.
std::string lock_text(const LockFile& lock);

// `text` of a lock, without or with signatures, and one more: by the private key `pem`. Errors as
// of io::ed25519_sign().
Result<std::string> sign_lock(std::string text, std::string_view pem);

// A key whose signature counts.
struct TrustedKey {
  std::string path;        // for messages
  std::string public_key;  // 32 bytes
};
// For people: base64.
std::string key_name(const std::string& public_key);
// Whether one of these keys has signed what the lock says; no keys: every lock will do. The error
// (kEngineMissing) has both values and the remedy.
Status check_signature(const LockFile& lock, const std::vector<TrustedKey>& keys);

}  // namespace stator::plugin
