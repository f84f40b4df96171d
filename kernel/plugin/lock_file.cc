#include "plugin/lock_file.h"

#include <algorithm>
#include <vector>

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

}  // namespace

Result<LockFile> parse_lock(std::string_view text, const std::string& path) {
  LockFile lock{path, {}};
  const auto wrong = [&](std::size_t line, const std::string& what) {
    return Error(ErrorCode::kBadRequest, path + ":" + std::to_string(line) + ": " + what);
  };
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::vector<std::string> words = words_of(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (words.empty()) continue;
    if (words.size() != 3 || !is_sha256(words[2])) {
      return wrong(number, "a line is ID VERSION SHA256, the hash as 64 digits of 0-9 and a-f");
    }
    if (!lock.entries.emplace(words[0], LockEntry{words[1], words[2]}).second) {
      return wrong(number, "engine '" + words[0] + "' stands in it twice");
    }
  }
  return lock;
}

std::string lock_text(const LockFile& lock) {
  std::string text = "# ID VERSION SHA256, made by `statord plugin lock`\n";
  for (const auto& [id, entry] : lock.entries)
    text += id + " " + entry.version + " " + entry.sha256 + "\n";
  return text;
}

}  // namespace stator::plugin
