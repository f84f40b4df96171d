#include "control/auth/scram.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <optional>

#include "base/assert.h"
#include "base/base64.h"
#include "base/limits.h"
#include "control/auth/secrets.h"
#include "io/random.h"

namespace stator::auth {
namespace {

constexpr std::size_t kSaltBytes = 16;
constexpr std::size_t kNonceBytesMax = 256;

using Digest = std::array<unsigned char, SHA256_DIGEST_LENGTH>;

const unsigned char* raw(std::string_view bytes) { return reinterpret_cast<const unsigned char*>(bytes.data()); }
std::string_view view(const Digest& digest) { return {reinterpret_cast<const char*>(digest.data()), digest.size()}; }

Digest hmac(std::string_view key, std::string_view text) {
  Digest out{};
  unsigned int size = 0;
  STATOR_ASSERT(HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), raw(text), text.size(), out.data(),
                     &size) != nullptr);
  return out;
}

Digest sha256(std::string_view text) {
  Digest out{};
  SHA256(raw(text), text.size(), out.data());
  return out;
}

std::string random_bytes(std::size_t count) {
  std::string out(count, '\0');
  io::fill_random({reinterpret_cast<std::uint8_t*>(out.data()), out.size()});
  return out;
}

std::optional<std::string> decode_base64(std::string_view text) {
  std::string out(base64_decoded_bytes(text), '\0');
  if (!base64_decode(text, out.data())) return std::nullopt;
  return out;
}

// "=2C" is a comma and "=3D" an equals sign in a user name; nothing else may follow '='.
bool decode_name(std::string_view text, std::string& out) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '=') {
      out.push_back(text[i]);
      continue;
    }
    const std::string_view code = text.substr(i, 3);
    if (code != "=2C" && code != "=3D") return false;
    out.push_back(code == "=2C" ? ',' : '=');
    i += 2;
  }
  return !out.empty() && out.size() <= kUsernameBytesMax;
}

// Takes "NAME=value" from the front of a list with commas.
bool take_attribute(std::string_view& text, char name, std::string_view& value) {
  if (text.size() < 2 || text[0] != name || text[1] != '=') return false;
  const std::size_t end = std::min(text.find(','), text.size());
  value = text.substr(2, end - 2);
  text.remove_prefix(std::min(end + 1, text.size()));
  return true;
}

Error malformed(const char* what) {
  return Error(ErrorCode::kBadRequest, "data", std::string("not a SCRAM message: ") + what);
}

}  // namespace

system::Scram make_scram(std::string_view password, std::string_view salt, std::uint32_t iterations) {
  Digest salted{};
  STATOR_ASSERT(PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()), raw(salt),
                                  static_cast<int>(salt.size()), static_cast<int>(iterations), EVP_sha256(),
                                  static_cast<int>(salted.size()), salted.data()) == 1);
  const Digest client_key = hmac(view(salted), "Client Key");
  return {iterations, base64_encode(salt), base64_encode(view(sha256(view(client_key)))),
          base64_encode(view(hmac(view(salted), "Server Key")))};
}

system::Scram make_scram(std::string_view password) {
  return make_scram(password, random_bytes(kSaltBytes), kScramIterations);
}

system::Scram nobodys_scram(std::string_view username) {
  static const std::string kSecret = random_bytes(SHA256_DIGEST_LENGTH);
  const Digest salt = hmac(kSecret, username);
  return {kScramIterations, base64_encode(view(salt).substr(0, kSaltBytes)),
          base64_encode(random_bytes(SHA256_DIGEST_LENGTH)), base64_encode(random_bytes(SHA256_DIGEST_LENGTH))};
}

Status ScramExchange::begin(std::string_view client_first, std::string_view given_user) {
  // gs2-header: no channel binding, or one that the client has and believes we do not.
  if (client_first.substr(0, 2) != "n," && client_first.substr(0, 2) != "y,") {
    return malformed("channel binding is not offered");
  }
  const std::size_t header_end = client_first.find(',', 2);
  if (header_end != 2) return malformed("an authorization identity is not supported");
  gs2_header_ = client_first.substr(0, header_end + 1);
  client_first_bare_ = client_first.substr(header_end + 1);
  std::string_view rest = client_first_bare_;
  std::string_view name;
  std::string_view nonce;
  if (!take_attribute(rest, 'n', name) || !take_attribute(rest, 'r', nonce)) return malformed("n=USER,r=NONCE is due");
  if (name.empty()) username_ = given_user;
  if (username_.empty() && !decode_name(name, username_)) return malformed("a user name is 1 to 64 bytes, with =2C and =3D");
  if (nonce.empty() || nonce.size() > kNonceBytesMax) return malformed("a nonce has 1 to 256 bytes");
  client_nonce_ = nonce;
  return ok_status();
}

std::string ScramExchange::challenge(const system::Scram& scram, std::string nonce) {
  scram_ = scram;
  if (nonce.empty()) nonce = base64_encode(random_bytes(18));
  nonce_ = client_nonce_ + nonce;
  server_first_ = "r=" + nonce_ + ",s=" + scram.salt + ",i=" + std::to_string(scram.iterations);
  return server_first_;
}

Result<std::string> ScramExchange::finish(std::string_view client_final) const {
  std::string_view rest = client_final;
  std::string_view binding;
  std::string_view nonce;
  std::string_view proof_text;
  if (!take_attribute(rest, 'c', binding) || !take_attribute(rest, 'r', nonce)) return malformed("c=…,r=…,p=… is due");
  const std::size_t proof_at = client_final.rfind(",p=");
  if (proof_at == std::string_view::npos) return malformed("no proof");
  std::string_view last = client_final.substr(proof_at + 1);
  if (!take_attribute(last, 'p', proof_text)) return malformed("no proof");
  if (binding != base64_encode(gs2_header_) || nonce != nonce_) {
    return Error(ErrorCode::kUnauthenticated, "wrong credentials");
  }
  const auto proof = decode_base64(proof_text);
  const auto stored_key = decode_base64(scram_.stored_key);
  const auto server_key = decode_base64(scram_.server_key);
  if (!proof || proof->size() != SHA256_DIGEST_LENGTH) return malformed("a proof has 32 bytes, in base64");
  STATOR_ASSERT(stored_key.has_value() && server_key.has_value());
  const std::string auth_message =
      client_first_bare_ + "," + server_first_ + "," + std::string(client_final.substr(0, proof_at));
  const Digest signature = hmac(*stored_key, auth_message);
  Digest client_key{};
  for (std::size_t i = 0; i < client_key.size(); ++i) {
    client_key[i] = static_cast<unsigned char>(static_cast<unsigned char>((*proof)[i]) ^ signature[i]);
  }
  if (!equal_in_constant_time(view(sha256(view(client_key))), *stored_key)) {
    return Error(ErrorCode::kUnauthenticated, "wrong credentials");
  }
  return "v=" + base64_encode(view(hmac(*server_key, auth_message)));
}

}  // namespace stator::auth
