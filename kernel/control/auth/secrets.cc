#include "control/auth/secrets.h"

#include <argon2.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <array>
#include <span>

#include "io/random.h"

namespace stator::auth {
namespace {

constexpr std::uint32_t kPasses = 2;
constexpr std::uint32_t kMemoryKib = 19 * 1024;
constexpr std::uint32_t kLanes = 1;
constexpr std::size_t kSaltBytes = 16;
constexpr std::size_t kHashBytes = 32;
constexpr std::string_view kTokenPrefix = "stk_";
constexpr std::size_t kKeyIdBytes = 16;
constexpr std::size_t kSecretBytes = 43;

std::string random_text(std::size_t characters, std::string_view alphabet) {
  std::string out;
  // Rejection keeps every character equally likely.
  const std::size_t fair = 256 / alphabet.size() * alphabet.size();
  while (out.size() < characters) {
    std::array<std::uint8_t, 64> raw{};
    io::fill_random(raw);
    for (const std::uint8_t byte : raw) {
      if (byte < fair && out.size() < characters) out.push_back(alphabet[byte % alphabet.size()]);
    }
  }
  return out;
}

constexpr std::string_view kHex = "0123456789abcdef";
constexpr std::string_view kUrlSafe =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-.";

}  // namespace

Result<std::string> hash_password(std::string_view password) {
  std::array<std::uint8_t, kSaltBytes> salt{};
  io::fill_random(salt);
  std::array<char, 256> encoded{};
  const int code = argon2id_hash_encoded(kPasses, kMemoryKib, kLanes, password.data(), password.size(),
                                         salt.data(), salt.size(), kHashBytes, encoded.data(),
                                         encoded.size());
  if (code != ARGON2_OK) return Error(ErrorCode::kCrypto, argon2_error_message(code));
  return std::string(encoded.data());
}

bool verify_password(std::string_view password, const std::string& hash) {
  return argon2id_verify(hash.c_str(), password.data(), password.size()) == ARGON2_OK;
}

const std::string& nobodys_hash() {
  static const std::string kHash = hash_password(random_text(32, kUrlSafe)).take();
  return kHash;
}

ApiKey make_api_key() {
  return {random_text(kKeyIdBytes, kHex), random_text(kSecretBytes, kUrlSafe)};
}

std::string format_token(const ApiKey& key) {
  return std::string(kTokenPrefix) + key.key_id + "_" + key.secret;
}

bool parse_token(std::string_view token, ApiKey& key) {
  if (token.substr(0, kTokenPrefix.size()) != kTokenPrefix) return false;
  token.remove_prefix(kTokenPrefix.size());
  if (token.size() != kKeyIdBytes + 1 + kSecretBytes || token[kKeyIdBytes] != '_') return false;
  key.key_id = token.substr(0, kKeyIdBytes);
  key.secret = token.substr(kKeyIdBytes + 1);
  return true;
}

std::string sha256_hex(std::string_view text) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
  std::string out;
  for (const unsigned char byte : digest) {
    out.push_back(kHex[byte >> 4]);
    out.push_back(kHex[byte & 15]);
  }
  return out;
}

bool equal_in_constant_time(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::string random_password() { return random_text(24, kUrlSafe); }

}  // namespace stator::auth
