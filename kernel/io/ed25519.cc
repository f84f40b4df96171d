#include "io/ed25519.h"

#include <limits>
#include <memory>

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

namespace stator::io {
namespace {

constexpr std::size_t kPublicKeyBytes = 32;
constexpr std::size_t kSignatureBytes = 64;

struct FreeKey {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
struct FreeContext {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
struct FreeBio {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
using Key = std::unique_ptr<EVP_PKEY, FreeKey>;
using Context = std::unique_ptr<EVP_MD_CTX, FreeContext>;

// Nobody is asked for a passphrase.
int no_passphrase(char*, int, int, void*) { return 0; }

const unsigned char* raw(ByteView bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

template <class Read>
Key read_pem(ByteView pem, const Read& read) {
  if (pem.size() > std::size_t{std::numeric_limits<int>::max()}) return nullptr;
  const std::unique_ptr<BIO, FreeBio> bio(
      BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  Key key(bio == nullptr ? nullptr : read(bio.get(), nullptr, &no_passphrase, nullptr));
  if (key == nullptr || EVP_PKEY_get_id(key.get()) != EVP_PKEY_ED25519) return nullptr;
  return key;
}

std::string public_part(const EVP_PKEY* key) {
  std::string bytes(kPublicKeyBytes, '\0');
  std::size_t size = bytes.size();
  const bool is_read =
      EVP_PKEY_get_raw_public_key(key, reinterpret_cast<unsigned char*>(bytes.data()), &size) == 1;
  return is_read && size == kPublicKeyBytes ? bytes : "";
}

}  // namespace

Result<std::string> ed25519_public_key(ByteView pem) {
  const Key key = read_pem(pem, PEM_read_bio_PUBKEY);
  std::string bytes = key == nullptr ? "" : public_part(key.get());
  if (bytes.empty()) {
    return Error(ErrorCode::kBadRequest,
                 "is no public key of Ed25519 in PEM (-----BEGIN PUBLIC KEY)");
  }
  return bytes;
}

Result<Ed25519Signature> ed25519_sign(ByteView pem, ByteView message) {
  const Key key = read_pem(pem, PEM_read_bio_PrivateKey);
  if (key == nullptr) {
    return Error(
        ErrorCode::kBadRequest,
        "is no private key of Ed25519 in PEM (-----BEGIN PRIVATE KEY) without a passphrase");
  }
  const Context context(EVP_MD_CTX_new());
  std::string signature(kSignatureBytes, '\0');
  std::size_t size = signature.size();
  const bool is_signed =
      context != nullptr &&
      EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1 &&
      EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                     raw(message), message.size()) == 1;
  if (!is_signed || size != kSignatureBytes) {
    return Error(ErrorCode::kCrypto, "cannot be used to sign");
  }
  return Ed25519Signature{public_part(key.get()), std::move(signature)};
}

bool ed25519_verify(ByteView public_key, ByteView signature, ByteView message) {
  const Key key(
      EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, raw(public_key), public_key.size()));
  const Context context(EVP_MD_CTX_new());
  return key != nullptr && context != nullptr &&
         EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1 &&
         EVP_DigestVerify(context.get(), raw(signature), signature.size(), raw(message),
                          message.size()) == 1;
}

}  // namespace stator::io
