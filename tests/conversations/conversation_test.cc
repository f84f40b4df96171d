// Every conversation in every configuration, against the built server.
#include "support/conversation.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "support/places.h"

namespace stator::test {
namespace {

struct Config {
  const char* name;
  ConversationOptions options;
};

const Config kConfigs[] = {
    {"one_lane", {1, false}},
    {"two_lanes", {2, false}},
    {"restart_after_every_frame", {1, true}},
    {"two_lanes_restart_after_every_frame", {2, true}},
    {"tls", {1, false, true}},
    {"encrypted_restart_after_every_frame", {.restart_after_every_frame = true, .is_encrypted = true}},
    {"websocket", {.is_websocket = true}},
};

struct Case {
  Config config;
  std::string path;
};

// The name says it all; the bytes of the struct (its default form) change from run to run.
void PrintTo(const Case& parameter, std::ostream* out) { *out << parameter.config.name; }

// What is about the bytes of frames says nothing of messages.
bool is_about_frames(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str().find("! raw") != std::string::npos ||
         text.str().find("\n+ ") != std::string::npos ||
         text.str().find("frame_too_large") != std::string::npos;
}

std::vector<Case> all_cases() {
  std::vector<std::string> paths;
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(in_tests("conversations"))) {
    if (entry.path().extension() == ".conv") paths.push_back(entry.path().string());
  }
  std::sort(paths.begin(), paths.end());
  std::vector<Case> cases;
  for (const Config& config : kConfigs) {
    for (const std::string& path : paths) {
      if (!config.options.is_websocket || !is_about_frames(path)) cases.push_back({config, path});
    }
  }
  return cases;
}

std::string name_of(const testing::TestParamInfo<Case>& info) {
  const std::filesystem::path path(info.param.path);
  std::string name = std::string(info.param.config.name) + "_" +
                     path.parent_path().filename().string() + "_" + path.stem().string();
  std::replace_if(name.begin(), name.end(), [](char c) { return std::isalnum(c) == 0; }, '_');
  return name;
}

class ConversationTest : public testing::TestWithParam<Case> {};

TEST_P(ConversationTest, GoesAsWritten) {
  EXPECT_EQ(run_conversation(GetParam().path, GetParam().config.options), "");
}

INSTANTIATE_TEST_SUITE_P(All, ConversationTest, testing::ValuesIn(all_cases()), name_of);

}  // namespace
}  // namespace stator::test
