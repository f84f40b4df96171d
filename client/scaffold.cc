#include "scaffold.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string_view>
#include <system_error>
#include <vector>

#include "failure.h"

namespace stator::client {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kTemplateName = "counter";
constexpr std::string_view kTemplateType = "Counter";
constexpr std::array<std::string_view, 3> kLanguages = {"cpp", "c", "rust"};
constexpr std::string_view kUsage =
    "usage: stator plugin new NAME [--lang cpp|c|rust] [--templates FOLDER]";
// Names that CMake keeps for targets of its own.
constexpr std::array<std::string_view, 8> kTaken = {
    "all", "clean", "help", "install", "package", "test", "edit_cache", "rebuild_cache"};

struct Wanted {
  std::string name;
  std::string language = "cpp";
  fs::path templates;
};

void check_name(const std::string& name) {
  const auto is_allowed = [](unsigned char c) {
    return std::islower(c) != 0 || std::isdigit(c) != 0 || c == '_';
  };
  if (name.empty() || name.size() > 32 || std::islower(static_cast<unsigned char>(name[0])) == 0 ||
      !std::all_of(name.begin(), name.end(), is_allowed)) {
    throw Failure(kExitUsage,
                  "'" + name + "' cannot be an engine's id: 1 to 32 of [a-z0-9_], a letter first");
  }
  if (name.starts_with("stator") || std::find(kTaken.begin(), kTaken.end(), name) != kTaken.end()) {
    throw Failure(kExitUsage, "'" + name + "' is taken by the build: choose another name");
  }
}

Wanted read_words(std::span<const std::string> words) {
  Wanted wanted;
  std::vector<std::string> names;
  for (std::size_t i = 1; i < words.size(); ++i) {
    const bool is_option = words[i] == "--lang" || words[i] == "--templates";
    if (!is_option) {
      names.push_back(words[i]);
      continue;
    }
    if (i + 1 == words.size()) throw Failure(kExitUsage, std::string(kUsage));
    if (words[i] == "--lang") wanted.language = words[i + 1];
    if (words[i] == "--templates") wanted.templates = words[i + 1];
    ++i;
  }
  if (names.size() != 2 || names[0] != "new" || names[1].starts_with('-')) {
    throw Failure(kExitUsage, std::string(kUsage));
  }
  wanted.name = names[1];
  check_name(wanted.name);
  if (std::find(kLanguages.begin(), kLanguages.end(), wanted.language) == kLanguages.end()) {
    throw Failure(kExitUsage, "--lang is '" + wanted.language + "'; there are cpp, c and rust");
  }
  return wanted;
}

// Beside the program first: a client and an SDK of one installation belong together.
fs::path find_templates() {
  std::error_code unreadable;
  const fs::path program = fs::read_symlink("/proc/self/exe", unreadable);
  const fs::path beside = program.parent_path().parent_path() / "share";
  for (const fs::path& share : {beside, fs::path("/usr/local/share"), fs::path("/usr/share")}) {
    fs::path templates = share / "stator-sdk/templates";
    if (fs::is_directory(templates, unreadable)) return templates;
  }
  throw Failure(
      kExitUsage,
      "the templates are not installed (looked in " + (beside / "stator-sdk").string() +
          ", /usr/local/share and /usr/share): install stator-sdk, or say --templates FOLDER");
}

// counter_log -> CounterLog.
std::string type_name(std::string_view name) {
  std::string type;
  bool is_first = true;
  for (const char c : name) {
    if (c != '_')
      type += is_first ? static_cast<char>(std::toupper(static_cast<unsigned char>(c))) : c;
    is_first = c == '_';
  }
  return type;
}

void replace_all(std::string& text, std::string_view what, const std::string& with) {
  for (std::size_t at = text.find(what); at != std::string::npos;
       at = text.find(what, at + with.size())) {
    text.replace(at, what.size(), with);
  }
}

// The files of one template folder into `into`, under the new name.
void copy_renamed(const fs::path& from, const fs::path& into, const std::string& name) {
  const auto renamed = [&](std::string text) {
    replace_all(text, kTemplateName, name);
    replace_all(text, kTemplateType, type_name(name));
    return text;
  };
  for (const auto& entry : fs::directory_iterator(from)) {
    std::ifstream source(entry.path(), std::ios::binary);
    const std::string text((std::istreambuf_iterator<char>(source)), {});
    std::ofstream copy(into / renamed(entry.path().filename().string()), std::ios::binary);
    copy << renamed(text);
    if (!source || !copy.flush()) {
      throw Failure(kExitUsage, "cannot copy " + entry.path().string() + " into " + into.string());
    }
  }
}

}  // namespace

std::string new_plugin(std::span<const std::string> words) {
  const Wanted wanted = read_words(words);
  const fs::path templates = wanted.templates.empty() ? find_templates() : wanted.templates;
  const fs::path into = wanted.name;
  try {
    if (!fs::is_directory(templates / wanted.language) || !fs::is_directory(templates / "every")) {
      throw Failure(kExitUsage,
                    templates.string() + " holds no template for '" + wanted.language + "'");
    }
    if (fs::exists(into) || !fs::create_directory(into)) {
      throw Failure(kExitUsage, "'" + wanted.name + "' is there already");
    }
    copy_renamed(templates / "every", into, wanted.name);
    copy_renamed(templates / wanted.language, into, wanted.name);
  } catch (const fs::filesystem_error& fault) {
    throw Failure(kExitUsage, fault.what());
  }
  return "Made " + wanted.name + "/. Next:\n  cd " + wanted.name +
         "\n  cmake -B build && cmake --build build && ctest --test-dir build\n"
         "  statord dev --engine-path build/engines\n";
}

}  // namespace stator::client
