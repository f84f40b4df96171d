// The keys that the log is encrypted with, by number, and which of them new segments take.
//
// The text of a key file, a line each: "active N" or "active none", "N KEY" (N from 1, KEY 64
// hexadecimal digits), empty, or a comment that begins with '#'.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"
#include "io/aes_gcm.h"

namespace stator::wal {

using KeyId = Id<struct KeyTag, std::uint32_t>;

// Any thread. Keys are added and never changed or taken away, so that what was sealed can be read
// as long as the ring lives.
class KeyRing {
 public:
  // Adds the keys of a key file's text and takes its active one; `path` is for messages, which
  // never hold a key. Errors: kBadRequest with path and line; nothing is changed then.
  Status take(ByteView text, const std::string& path);

  std::optional<io::AesKey> find(KeyId id) const;
  // Nothing: new segments are plain.
  std::optional<KeyId> active() const {
    const std::uint32_t number = active_.load(std::memory_order_acquire);
    return number == 0 ? std::nullopt : std::optional(KeyId{number});
  }
  // Of the key file; empty before the first take().
  std::string path() const;

 private:
  std::atomic<std::uint32_t> active_{0};  // asked before each commit; 0: none

  mutable std::mutex mutex_;  // guards what follows
  std::map<KeyId, io::AesKey> keys_;
  std::string path_;
};

// Of a ring that may be null.
inline std::optional<KeyId> active_key(const KeyRing* keys) {
  return keys == nullptr ? std::nullopt : keys->active();
}

}  // namespace stator::wal
