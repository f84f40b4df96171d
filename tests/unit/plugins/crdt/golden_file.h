// Reads the golden cases: small JSON trees, base64, and where the files are.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "stator/json_reader.hpp"

#include "codec/json_text.h"
#include "support/places.h"

namespace stator::crdt::golden {

inline std::string from_base64(std::string_view text) {
  std::string out;
  unsigned group = 0;
  unsigned bits = 0;
  for (const char c : text) {
    unsigned digit = 0;
    if (c >= 'A' && c <= 'Z') {
      digit = static_cast<unsigned>(c - 'A');
    } else if (c >= 'a' && c <= 'z') {
      digit = static_cast<unsigned>(c - 'a') + 26;
    } else if (c >= '0' && c <= '9') {
      digit = static_cast<unsigned>(c - '0') + 52;
    } else if (c == '+' || c == '/') {
      digit = c == '+' ? 62 : 63;
    } else {
      break;
    }
    group = group << 6 | digit;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      out.push_back(static_cast<char>(group >> bits & 0xFF));
    }
  }
  return out;
}

inline std::string to_base64(std::string_view bytes) {
  static constexpr char kDigits[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  unsigned group = 0;
  unsigned bits = 0;
  for (const char c : bytes) {
    group = group << 8 | static_cast<unsigned char>(c);
    for (bits += 8; bits >= 6;) out.push_back(kDigits[group >> (bits -= 6) & 63]);
  }
  if (bits > 0) out.push_back(kDigits[group << (6 - bits) & 63]);
  while (out.size() % 4 != 0) out.push_back('=');
  return out;
}

// A JSON value. Members of objects are sorted by key, numbers compare by value.
struct Tree {
  json::Kind kind = json::Kind::kNull;
  std::string text;  // of a string; token of a number; true or false
  std::vector<Tree> elements;
  std::map<std::string, Tree> members;

  const Tree& operator[](const std::string& key) const {
    static const Tree kNothing;
    const auto found = members.find(key);
    return found == members.end() ? kNothing : found->second;
  }
  bool is_null() const { return kind == json::Kind::kNull; }
  friend bool operator==(const Tree& a, const Tree& b) {
    if (a.kind != b.kind) return false;
    if (a.kind == json::Kind::kNumber && a.text != b.text) {
      return std::strtod(a.text.c_str(), nullptr) == std::strtod(b.text.c_str(), nullptr);
    }
    return a.text == b.text && a.elements == b.elements && a.members == b.members;
  }
};

inline Tree read_tree(json::Reader& reader) {
  Tree out;
  out.kind = reader.peek();
  json::RawString raw;
  std::string_view token;
  bool flag = false;
  switch (out.kind) {
    case json::Kind::kObject:
      for (reader.enter_object(); reader.next_key(raw);) {
        std::string key = json::unescape(raw);
        out.members[key] = read_tree(reader);
      }
      break;
    case json::Kind::kArray:
      for (reader.enter_array(); reader.next_element();) out.elements.push_back(read_tree(reader));
      break;
    case json::Kind::kString:
      if (reader.string(raw)) out.text = json::unescape(raw);
      break;
    case json::Kind::kNumber:
      if (reader.number(token)) out.text = token;
      break;
    case json::Kind::kBool:
      if (reader.boolean(flag)) out.text = flag ? "true" : "false";
      break;
    default:
      reader.null();
  }
  return out;
}

// Throws std::runtime_error for what is not JSON.
inline Tree parse_tree(std::string_view text) {
  const std::string repaired = repaired_json(text);
  json::Reader reader(repaired);
  Tree out = read_tree(reader);
  if (!reader.at_end()) throw std::runtime_error("not JSON: " + std::string(text.substr(0, 200)));
  return out;
}

// What crdt_read makes of a value that a golden file tags; nothing for undefined.
inline std::optional<Tree> untagged(const Tree& value) {
  Tree out = value;
  if (value.kind == json::Kind::kArray) {
    for (Tree& element : out.elements) element = untagged(element).value_or(Tree{});
    return out;
  }
  if (value.kind != json::Kind::kObject) return out;
  if (value.members.contains("$")) {
    const std::string& tag = value["$"].text;
    if (tag == "undefined") return std::nullopt;
    if (tag == "type") return untagged(value["v"]);
    out = Tree{};
    if (tag == "doc") {
      out.kind = json::Kind::kObject;
      out.members["guid"] = value["guid"];
    } else if (tag == "bytes") {
      out.kind = json::Kind::kString;
      out.text = value["v"].text;
    } else {
      out.kind = json::Kind::kNumber;  // bigint, -0
      out.text = value["v"].text == "-0" ? "0" : value["v"].text;
    }
    return out;
  }
  out.members.clear();
  for (const auto& [key, member] : value.members) {
    if (auto plain = untagged(member)) out.members[key] = std::move(*plain);
  }
  return out;
}

inline std::filesystem::path source_folder() { return test::in_tests("unit/plugins/crdt"); }

// A file of the shared test data: in $STATOR_TEST_DATA, or in a shared/data above the working
// directory or above the sources. Empty if there is none.
inline std::filesystem::path find_data(const std::string& name) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  if (const char* folder = std::getenv("STATOR_TEST_DATA")) {
    const fs::path file = fs::path(folder) / name;
    return fs::exists(file, ignored) ? file : fs::path();
  }
  for (fs::path start : {fs::current_path(ignored), source_folder()}) {
    for (; start.has_relative_path(); start = start.parent_path()) {
      const fs::path file = start / "shared" / "data" / name;
      if (fs::exists(file, ignored)) return file;
    }
  }
  return {};
}

inline std::string read_file(const std::filesystem::path& file) {
  if (file.extension() != ".gz") {
    std::ifstream in(file, std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
  }
  std::string out;
  FILE* pipe = popen(("gzip -dc '" + file.string() + "'").c_str(), "r");
  if (pipe == nullptr) return out;
  char chunk[1 << 16];
  while (const std::size_t bytes = fread(chunk, 1, sizeof chunk, pipe)) out.append(chunk, bytes);
  pclose(pipe);
  return out;
}

struct Case {
  long number = 0;
  std::vector<std::string> updates;
  std::vector<std::size_t> shuffled;
  std::string v1;
  std::string state_vector;
  std::string remote_state_vector;
  std::string diff_v1;
  long dropped = -1;
  std::string state_vector_without_dropped;
  Tree expect;
};

inline Case read_case(std::string_view line) {
  const Tree tree = parse_tree(line);
  Case out;
  out.number = std::stol(tree["case"].text);
  for (const Tree& update : tree["updates"].elements) {
    out.updates.push_back(from_base64(update.text));
  }
  for (const Tree& index : tree["shuffled"].elements) {
    out.shuffled.push_back(std::stoul(index.text));
  }
  out.v1 = from_base64(tree["v1"].text);
  out.state_vector = from_base64(tree["stateVector"].text);
  out.remote_state_vector = from_base64(tree["remoteSV"].text);
  out.diff_v1 = from_base64(tree["diffV1"].text);
  out.dropped = std::stol(tree["missingOne"]["dropped"].text);
  out.state_vector_without_dropped = from_base64(tree["missingOne"]["stateVector"].text);
  out.expect = tree["expect"];
  return out;
}

inline std::vector<Case> read_cases(const std::filesystem::path& file) {
  std::vector<Case> out;
  std::istringstream lines(read_file(file));
  for (std::string line; std::getline(lines, line);) out.push_back(read_case(line));
  return out;
}

}  // namespace stator::crdt::golden
