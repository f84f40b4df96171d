#include "plugin/lock_file.h"

#include <algorithm>
#include <charconv>
#include <system_error>
#include <utility>
#include <vector>

#include "base/base64.h"
#include "io/ed25519.h"

namespace stator::plugin {
namespace {

std::vector<std::string> words_of(std::string_view line) {
  std::vector<std::string> words;
  line = line.substr(0, line.find('#'));
  while (true) {
    const std::size_t begin = line.find_first_not_of(" \t\r");
    if (begin == std::string_view::npos) return words;
    line.remove_prefix(begin);
    const std::size_t end = std::min(line.find_first_of(" \t\r"), line.size());
    words.emplace_back(line.substr(0, end));
    line.remove_prefix(end);
  }
}

bool is_sha256(std::string_view text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

constexpr std::string_view kConformance = "conformance=";

bool read_entry(const std::vector<std::string>& words, LockEntry& entry) {
  if (words.size() < 3 || words.size() > 4 || !is_sha256(words[2])) return false;
  entry.version = words[1];
  entry.sha256 = words[2];
  if (words.size() == 3) return true;
  if (!words[3].starts_with(kConformance)) return false;
  const char* begin = words[3].data() + kConformance.size();
  const char* end = words[3].data() + words[3].size();
  const auto [at, fault] = std::from_chars(begin, end, entry.conformance);
  return fault == std::errc() && at == end && entry.conformance != 0;
}

constexpr std::string_view kSignature = "signature";
constexpr std::string_view kAlgorithm = "ed25519";
constexpr std::size_t kPublicKeyBytes = 32;
constexpr std::size_t kSignatureBytes = 64;

// What is signed is not to be taken for anything else that a key of somebody signs.
std::string message_of(std::string_view text) {
  return std::string("stator plugins.lock 1\n").append(text);
}

// Empty: it is not so many bytes.
std::string decoded(std::string_view text, std::size_t bytes) {
  if (text.size() != base64_encoded_bytes(bytes)) return "";
  std::string out(base64_decoded_bytes(text), '\0');
  return base64_decode(text, out.data()) && out.size() == bytes ? out : "";
}

bool is_signature(const std::vector<std::string>& words) {
  return words.size() == 4 && words[0] == kSignature;
}

bool add_signature(const std::vector<std::string>& words, LockFile& lock) {
  LockSignature signature{decoded(words[2], kPublicKeyBytes), decoded(words[3], kSignatureBytes)};
  const bool is_whole = !signature.public_key.empty() && !signature.bytes.empty();
  lock.signatures.push_back(std::move(signature));
  return is_whole && words[1] == kAlgorithm;
}

std::string names_of(const std::vector<TrustedKey>& keys) {
  std::string names;
  for (const TrustedKey& key : keys) {
    names += (names.empty() ? "" : ", ") + key_name(key.public_key) + " (" + key.path + ")";
  }
  return names;
}

}  // namespace

Result<LockFile> parse_lock(std::string_view text, const std::string& path) {
  LockFile lock{path, {}};
  const std::string_view all = text;
  lock.signed_text = all;
  const auto wrong = [&](std::size_t line, const std::string& what) {
    return Error(ErrorCode::kBadRequest, path + ":" + std::to_string(line) + ": " + what);
  };
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::vector<std::string> words = words_of(text.substr(0, end));
    const std::size_t begin = all.size() - text.size();
    text.remove_prefix(std::min(end + 1, text.size()));
    if (words.empty()) continue;
    if (is_signature(words)) {
      if (lock.signatures.empty()) lock.signed_text = all.substr(0, begin);
      if (add_signature(words, lock)) continue;
      return wrong(number, "a signature is `signature ed25519 KEY SIGNATURE`, both in base64");
    }
    if (!lock.signatures.empty())
      return wrong(number, "only signatures may stand behind a signature");
    LockEntry entry;
    if (!read_entry(words, entry)) {
      return wrong(number,
                   "a line is ID VERSION SHA256 [conformance=LEVEL], the hash as 64 digits of 0-9 "
                   "and a-f, the level from 1");
    }
    if (!lock.entries.emplace(words[0], std::move(entry)).second) {
      return wrong(number, "engine '" + words[0] + "' stands in it twice");
    }
  }
  return lock;
}

std::string lock_text(const LockFile& lock) {
  std::string text = "# ID VERSION SHA256, made by `statord plugin lock`\n";
  for (const auto& [id, entry] : lock.entries) {
    text.append(id).append(" ").append(entry.version).append(" ").append(entry.sha256);
    if (entry.conformance != 0)
      text.append(" ").append(kConformance).append(std::to_string(entry.conformance));
    text += "\n";
  }
  return text;
}

std::string key_name(const std::string& public_key) { return base64_encode(public_key); }

Result<std::string> sign_lock(std::string text, std::string_view pem) {
  STATOR_TRY(const LockFile lock, parse_lock(text, "the lock"));
  STATOR_TRY(const io::Ed25519Signature made, io::ed25519_sign(pem, message_of(lock.signed_text)));
  text.append(kSignature).append(" ").append(kAlgorithm).append(" ");
  return text.append(key_name(made.public_key)).append(" ").append(base64_encode(made.bytes)) +
         "\n";
}

Status check_signature(const LockFile& lock, const std::vector<TrustedKey>& keys) {
  if (keys.empty()) return ok_status();
  const std::string remedy = "; if it is meant, sign it with `statord plugin lock --key FILE`";
  const auto refuse = [&](const std::string& what) {
    return Error(ErrorCode::kEngineMissing, lock.path + " " + what + remedy);
  };
  if (lock.signatures.empty()) {
    return refuse("has no signature, and plugins_keys trusts " + names_of(keys));
  }
  std::string signers;
  const TrustedKey* broken = nullptr;
  for (const LockSignature& signature : lock.signatures) {
    signers += (signers.empty() ? "" : ", ") + key_name(signature.public_key);
    for (const TrustedKey& key : keys) {
      if (key.public_key != signature.public_key) continue;
      if (io::ed25519_verify(key.public_key, signature.bytes, message_of(lock.signed_text))) {
        return ok_status();
      }
      broken = &key;
    }
  }
  if (broken != nullptr) {
    return refuse("was changed after " + key_name(broken->public_key) + " (" + broken->path +
                  ") signed it: the signature is of another content");
  }
  return refuse("is signed by " + signers + ", and plugins_keys trusts " + names_of(keys));
}

}  // namespace stator::plugin
