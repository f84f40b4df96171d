#include "io/aes_gcm.h"

#include <algorithm>
#include <string>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include "base/assert.h"

namespace stator::io {
namespace {

unsigned char* to_bytes(char* bytes) { return reinterpret_cast<unsigned char*>(bytes); }
const unsigned char* to_bytes(ByteView bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

struct FreeContext {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_CIPHER_CTX, FreeContext>;

// The key's schedule is computed once; each call sets only the nonce.
Context context_of(const AesKey& key, int is_encrypting) {
  Context context(EVP_CIPHER_CTX_new());
  STATOR_ASSERT(context != nullptr);
  STATOR_ASSERT(EVP_CipherInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, to_bytes(key.view()),
                                  nullptr, is_encrypting) == 1);
  return context;
}

void run(EVP_CIPHER_CTX* context, ByteView nonce, ByteView associated, ByteView in, char* out) {
  STATOR_ASSERT(nonce.size() == kGcmNonceBytes && in.size() <= kGcmBytesMax);
  int written = 0;
  STATOR_ASSERT(EVP_CipherInit_ex(context, nullptr, nullptr, nullptr, to_bytes(nonce), -1) == 1);
  STATOR_ASSERT(EVP_CipherUpdate(context, nullptr, &written, to_bytes(associated),
                                 static_cast<int>(associated.size())) == 1);
  if (in.empty()) return;
  STATOR_ASSERT(EVP_CipherUpdate(context, to_bytes(out), &written, to_bytes(in),
                                 static_cast<int>(in.size())) == 1);
}

OSSL_PARAM octets(const char* name, ByteView bytes) {
  return OSSL_PARAM_construct_octet_string(name, const_cast<char*>(bytes.data()), bytes.size());
}

}  // namespace

AesKey::AesKey(ByteView bytes) {
  STATOR_ASSERT(bytes.size() == kAesKeyBytes);
  std::copy(bytes.begin(), bytes.end(), bytes_.begin());
}

AesKey::~AesKey() { OPENSSL_cleanse(bytes_.data(), bytes_.size()); }

AesKey derive_key(const AesKey& from, ByteView salt, ByteView purpose) {
  EVP_KDF* algorithm = EVP_KDF_fetch(nullptr, "HKDF", nullptr);
  EVP_KDF_CTX* context = EVP_KDF_CTX_new(algorithm);
  EVP_KDF_free(algorithm);
  STATOR_ASSERT(context != nullptr);
  std::string digest = "SHA256";
  const OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest.data(), 0),
      octets(OSSL_KDF_PARAM_KEY, from.view()), octets(OSSL_KDF_PARAM_SALT, salt),
      octets(OSSL_KDF_PARAM_INFO, purpose), OSSL_PARAM_construct_end()};
  char derived[kAesKeyBytes];
  STATOR_ASSERT(EVP_KDF_derive(context, to_bytes(derived), sizeof derived, parameters) == 1);
  EVP_KDF_CTX_free(context);
  const AesKey key(ByteView(derived, sizeof derived));
  OPENSSL_cleanse(derived, sizeof derived);
  return key;
}

struct Aes256Gcm::State {
  explicit State(const AesKey& key) : seal(context_of(key, 1)), open(context_of(key, 0)) {}
  Context seal;
  Context open;
};

Aes256Gcm::Aes256Gcm(const AesKey& key) : state_(std::make_unique<State>(key)) {}
Aes256Gcm::~Aes256Gcm() = default;
Aes256Gcm::Aes256Gcm(Aes256Gcm&& other) noexcept = default;
Aes256Gcm& Aes256Gcm::operator=(Aes256Gcm&&) noexcept = default;

void Aes256Gcm::seal(ByteView nonce, ByteView associated, ByteView plain, char* out, char* tag) {
  EVP_CIPHER_CTX* context = state_->seal.get();
  run(context, nonce, associated, plain, out);
  unsigned char none[kGcmTagBytes];  // the last call of a stream cipher writes nothing
  int written = 0;
  STATOR_ASSERT(EVP_CipherFinal_ex(context, none, &written) == 1);
  STATOR_ASSERT(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, kGcmTagBytes, tag) == 1);
}

bool Aes256Gcm::open(ByteView nonce, ByteView associated, ByteView sealed, ByteView tag,
                     char* out) {
  STATOR_ASSERT(tag.size() == kGcmTagBytes);
  EVP_CIPHER_CTX* context = state_->open.get();
  run(context, nonce, associated, sealed, out);
  STATOR_ASSERT(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, kGcmTagBytes,
                                    const_cast<char*>(tag.data())) == 1);
  unsigned char none[kGcmTagBytes];
  int written = 0;
  return EVP_CipherFinal_ex(context, none, &written) == 1;
}

}  // namespace stator::io
