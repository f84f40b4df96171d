// Signatures by Ed25519 (RFC 8032), with keys in PEM as `openssl genpkey -algorithm ed25519` makes
// them.
#pragma once

#include <string>

#include "base/bytes.h"
#include "base/result.h"

namespace stator::io {

// The 32 bytes of a public key. Error kBadRequest, without a path: it is no PEM of such a key.
Result<std::string> ed25519_public_key(ByteView pem);

struct Ed25519Signature {
  std::string public_key;  // of the key that signed, 32 bytes
  std::string bytes;       // 64
};
// `pem`: a private key, without a passphrase. The same error.
Result<Ed25519Signature> ed25519_sign(ByteView pem, ByteView message);

// Whether the owner of the private key has signed exactly this. Any bytes may be asked about.
bool ed25519_verify(ByteView public_key, ByteView signature, ByteView message);

}  // namespace stator::io
