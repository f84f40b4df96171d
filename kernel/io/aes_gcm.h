// AES-256-GCM (NIST SP 800-38D), and HKDF with SHA-256 (RFC 5869) to derive keys for it.
#pragma once

#include <array>
#include <cstddef>
#include <memory>

#include "base/bytes.h"

namespace stator::io {

inline constexpr std::size_t kAesKeyBytes = 32;
inline constexpr std::size_t kGcmNonceBytes = 12;
inline constexpr std::size_t kGcmTagBytes = 16;
// One call takes at most this much: the library counts in int.
inline constexpr std::size_t kGcmBytesMax = std::size_t{1} << 30;

// A secret: zeroed when it goes.
class AesKey {
 public:
  AesKey() = default;
  explicit AesKey(ByteView bytes);  // kAesKeyBytes
  AesKey(const AesKey&) = default;
  AesKey& operator=(const AesKey&) = default;
  ~AesKey();
  ByteView view() const { return {bytes_.data(), bytes_.size()}; }
  friend bool operator==(const AesKey&, const AesKey&) = default;

 private:
  std::array<char, kAesKeyBytes> bytes_{};
};

// Different salts or purposes give keys that say nothing of each other or of `from`.
AesKey derive_key(const AesKey& from, ByteView salt, ByteView purpose);

// One thread. Whoever seals never gives the same nonce twice under one key: that is the whole
// security of GCM.
class Aes256Gcm {
 public:
  explicit Aes256Gcm(const AesKey& key);
  ~Aes256Gcm();
  Aes256Gcm(Aes256Gcm&& other) noexcept;
  Aes256Gcm& operator=(Aes256Gcm&&) noexcept;

  // Writes plain.size() bytes to `out` and kGcmTagBytes to `tag`, which vouches for both `plain`
  // and `associated`.
  void seal(ByteView nonce, ByteView associated, ByteView plain, char* out, char* tag);
  // Writes sealed.size() bytes to `out`; they may be used if it returns true.
  [[nodiscard]] bool open(ByteView nonce, ByteView associated, ByteView sealed, ByteView tag,
                          char* out);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace stator::io
