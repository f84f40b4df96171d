#include "answer.h"

#include <cstdio>

#include "stator/json_reader.hpp"

#include "failure.h"
#include "json_value.h"

namespace stator::client {
namespace {

// The value of a string member, or its text as it stands (null: empty).
std::string text_of(std::string_view raw) {
  json::Reader reader(raw);
  json::RawString string;
  if (reader.peek() == json::Kind::kString && reader.string(string)) return json::unescape(string);
  return raw == "null" ? std::string() : std::string(raw);
}

void set_member(Answer& answer, std::string_view name, std::string_view raw) {
  if (name == "request_id") {
    static_cast<void>(json::to_integer(raw, answer.request_id));
  } else if (name == "status") {
    answer.status = text_of(raw);
  } else if (name == "payload") {
    answer.payload = compact_json(raw);
  } else if (name == "error_code") {
    answer.error_code = text_of(raw);
  } else if (name == "error") {
    answer.error = text_of(raw);
  } else if (name == "field") {
    answer.field = text_of(raw);
  } else if (name == "hint") {
    answer.hint = text_of(raw);
  } else if (name == "retryable") {
    answer.is_retryable = raw == "true";
  } else if (name == "retry_after_ms") {
    static_cast<void>(json::to_integer(raw, answer.retry_after_ms));
  }
}

}  // namespace

Answer read_answer(std::string_view frame) {
  Answer answer;
  json::Reader reader(frame);
  json::RawString key;
  for (reader.enter_object(); reader.next_key(key);) {
    std::string_view raw;
    if (!reader.skip(raw)) break;
    set_member(answer, json::unescape(key), raw);
  }
  if (!reader.at_end() || answer.status.empty()) {
    throw Failure(kExitConnection,
                  "the server sent a frame that is no answer; is it a stator server?");
  }
  return answer;
}

std::string Answer::sentence() const {
  std::string out = error_code.empty() ? "error" : error_code;
  if (!error.empty()) out += ": " + error;
  if (!field.empty() && error.find("'" + field + "'") == std::string::npos) {
    out += " (field '" + field + "')";
  }
  if (!hint.empty()) out += "; " + hint;
  return printable(out);
}

std::string printable(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    // C1 controls are U+0080..U+009F: C2 80..9F in UTF-8.
    const bool is_c1 =
        c == 0xC2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xA0;
    if (c >= 0x20 && c != 0x7f && !is_c1) {
      out += static_cast<char>(c);
      continue;
    }
    if (c == '\n' || c == '\t') {
      out += c == '\n' ? "\\n" : "\\t";
      continue;
    }
    const unsigned code = is_c1 ? static_cast<unsigned char>(text[++i]) : c;
    char escape[8];
    std::snprintf(escape, sizeof escape, "\\u%04x", code);
    out += escape;
  }
  return out;
}

}  // namespace stator::client
