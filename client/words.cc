#include "words.h"

#include "stator/json_reader.hpp"

#include "failure.h"

namespace stator::client {
namespace {

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

class Splitter {
 public:
  explicit Splitter(std::string_view line) : line_(line) {}

  std::vector<std::string> split() {
    std::vector<std::string> words;
    for (skip_space(); at_ < line_.size(); skip_space()) words.push_back(word());
    return words;
  }

 private:
  void skip_space() {
    while (at_ < line_.size() && is_space(line_[at_])) ++at_;
  }
  std::string word() {
    std::string out;
    while (at_ < line_.size() && !is_space(line_[at_])) {
      const char c = line_[at_];
      // A value may begin a word, or stand behind the = of --name=value.
      const bool may_be_json = out.empty() || out.back() == '=';
      if ((c == '{' || c == '[') && may_be_json && json(out)) continue;
      ++at_;
      if (c == '\'') {
        quoted(out, c, false);
      } else if (c == '"') {
        quoted(out, c, true);
      } else if (c == '\\' && at_ < line_.size()) {
        out += line_[at_++];
      } else {
        out += c;
      }
    }
    return out;
  }
  void quoted(std::string& out, char quote, bool escapes) {
    for (; at_ < line_.size(); ++at_) {
      const char c = line_[at_];
      const char next = at_ + 1 < line_.size() ? line_[at_ + 1] : '\0';
      if (c == quote) {
        ++at_;
        return;
      }
      if (escapes && c == '\\' && (next == '"' || next == '\\')) {
        out += next;
        ++at_;
      } else {
        out += c;
      }
    }
    throw Failure(kExitUsage, std::string("a quote ") + quote + " has no end");
  }
  // Takes one JSON value as it stands; false if there is none.
  bool json(std::string& out) {
    json::Reader reader(line_.substr(at_));
    std::string_view raw;
    if (!reader.skip(raw)) return false;
    out += raw;
    at_ += raw.size();
    return true;
  }

  std::string_view line_;
  std::size_t at_ = 0;
};

}  // namespace

std::vector<std::string> split_words(std::string_view line) { return Splitter(line).split(); }

}  // namespace stator::client
