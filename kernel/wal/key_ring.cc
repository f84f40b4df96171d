#include "wal/key_ring.h"

#include <charconv>
#include <utility>

namespace stator::wal {
namespace {

constexpr ByteView kActive = "active";
constexpr ByteView kBlanks = " \t\r";

ByteView trimmed(ByteView text) {
  const std::size_t begin = text.find_first_not_of(kBlanks);
  if (begin == ByteView::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

std::optional<KeyId> key_id(ByteView word) {
  std::uint32_t number = 0;
  const char* end = word.data() + word.size();
  const auto [stop, reason] = std::from_chars(word.data(), end, number);
  if (reason != std::errc() || stop != end || number == 0) return std::nullopt;
  return KeyId{number};
}

std::optional<io::AesKey> key_of(ByteView hex) {
  if (hex.size() != 2 * io::kAesKeyBytes) return std::nullopt;
  char bytes[io::kAesKeyBytes];
  for (std::size_t i = 0; i < io::kAesKeyBytes; ++i) {
    unsigned value = 0;
    const char* end = hex.data() + 2 * i + 2;
    const auto [stop, reason] = std::from_chars(hex.data() + 2 * i, end, value, 16);
    if (reason != std::errc() || stop != end) return std::nullopt;
    bytes[i] = static_cast<char>(value);
  }
  return io::AesKey(ByteView(bytes, sizeof bytes));
}

class KeyFile {
 public:
  explicit KeyFile(const std::string& path) : path_(path) {}

  Status read(ByteView text) {
    while (!text.empty()) {
      ++line_;
      const std::size_t end = std::min(text.find('\n'), text.size());
      const ByteView line = trimmed(text.substr(0, end));
      text.remove_prefix(std::min(end + 1, text.size()));
      if (!line.empty() && line[0] != '#') STATOR_CHECK(take_line(line));
    }
    if (!has_active_) {
      return Error(ErrorCode::kBadRequest,
                   path_ + ": no line 'active N' (or 'active none') says which key is used");
    }
    if (active && !keys.contains(*active)) {
      return Error(ErrorCode::kBadRequest,
                   path_ + ": the active key " + std::to_string(active->value()) + " is not there");
    }
    return ok_status();
  }

  std::map<KeyId, io::AesKey> keys;
  std::optional<KeyId> active;

 private:
  Error wrong(const std::string& what) const {
    return Error(ErrorCode::kBadRequest, path_ + ":" + std::to_string(line_) + ": " + what);
  }

  Status take_line(ByteView line) {
    const std::size_t blank = std::min(line.find_first_of(kBlanks), line.size());
    const ByteView word = line.substr(0, blank);
    const ByteView rest = trimmed(line.substr(blank));
    if (word == kActive) return take_active(rest);
    const auto id = key_id(word);
    if (!id) return wrong("a line begins with 'active', the number of a key, or '#'");
    auto key = key_of(rest);
    if (!key) return wrong("a key is 64 hexadecimal digits");
    if (!keys.emplace(*id, *key).second) {
      return wrong("key " + std::to_string(id->value()) + " is there twice");
    }
    return ok_status();
  }

  Status take_active(ByteView word) {
    if (has_active_) return wrong("'active' is there twice");
    has_active_ = true;
    if (word == "none") return ok_status();
    active = key_id(word);
    return active ? ok_status() : Status(wrong("'active' names the number of a key, or none"));
  }

  const std::string& path_;
  bool has_active_ = false;
  std::size_t line_ = 0;
};

}  // namespace

Status KeyRing::take(ByteView text, const std::string& path) {
  KeyFile file(path);
  STATOR_CHECK(file.read(text));
  const std::lock_guard lock(mutex_);
  for (const auto& [id, key] : file.keys) {
    const auto known = keys_.find(id);
    if (known == keys_.end() || known->second == key) continue;
    return Error(ErrorCode::kBadRequest, path + ": key " + std::to_string(id.value()) +
                                             " is another one than before; give a new key a new "
                                             "number");
  }
  keys_.merge(file.keys);
  active_.store(file.active ? file.active->value() : 0, std::memory_order_release);
  path_ = path;
  return ok_status();
}

std::optional<io::AesKey> KeyRing::find(KeyId id) const {
  const std::lock_guard lock(mutex_);
  const auto found = keys_.find(id);
  return found == keys_.end() ? std::nullopt : std::optional(found->second);
}

std::string KeyRing::path() const {
  const std::lock_guard lock(mutex_);
  return path_;
}

}  // namespace stator::wal
