#include "server/config_environment.h"

#include <algorithm>
#include <cctype>
#include <unistd.h>

#include "stator/json_writer.hpp"

namespace stator::server {
namespace {

constexpr std::string_view kPrefix = "STATOR_";
constexpr std::string_view kBetween = "__";

// "STATOR_AUTH__JWT__KEYS" -> "auth.jwt.keys"; empty: it is no setting.
std::string key_of(std::string_view variable) {
  if (!variable.starts_with(kPrefix)) return {};
  variable.remove_prefix(kPrefix.size());
  if (variable.find(kBetween) == std::string_view::npos) return {};
  std::string key;
  while (!variable.empty()) {
    const bool is_between = variable.starts_with(kBetween);
    key +=
        is_between ? '.' : static_cast<char>(std::tolower(static_cast<unsigned char>(variable[0])));
    variable.remove_prefix(is_between ? kBetween.size() : 1);
  }
  return key;
}

std::string quoted(std::string_view value) {
  json::StringOut out;
  json::write_string(out, value);
  return out.take();
}

Status read_one(const std::string& variable, const std::string& key, const std::string& value,
                Config& config) {
  if (key.starts_with("engine.")) {
    return Error(ErrorCode::kBadRequest,
                 variable + ": settings of engines stand in the file alone");
  }
  // More than one line would be more than one setting.
  const bool is_toml = value.find('\n') == std::string::npos && is_toml_value(value);
  Status status = parse_config(key + " = " + (is_toml ? value : quoted(value)), variable, config);
  if (status.ok()) return status;
  // There are no lines.
  std::string sentence = status.error().sentence();
  const std::string place = variable + ":1: ";
  if (sentence.starts_with(place)) sentence = variable + ": " + sentence.substr(place.size());
  return Error(ErrorCode::kBadRequest, sentence);
}

}  // namespace

Status read_environment(const std::vector<std::string>& variables, Config& config) {
  for (const std::string& line : variables) {
    const std::size_t end = std::min(line.find('='), line.size());
    const std::string variable = line.substr(0, end);
    const std::string key = key_of(variable);
    if (key.empty()) continue;
    STATOR_CHECK(read_one(variable, key, line.substr(std::min(end + 1, line.size())), config));
  }
  return ok_status();
}

std::vector<std::string> environment() {
  std::vector<std::string> variables;
  for (char** at = environ; at != nullptr && *at != nullptr; ++at) variables.emplace_back(*at);
  return variables;
}

}  // namespace stator::server
