#include "server/config_environment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stator::server {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string fault_of(const std::string& variable) {
  Config config;
  auto status = read_environment({variable}, config);
  return status.ok() ? "" : status.error().sentence();
}

TEST(ConfigEnvironmentTest, SaysWhatTheFileWouldAndGoesBeforeIt) {
  Config config;
  ASSERT_TRUE(parse_config("[server]\nlanes = 2\nlisten = \"127.0.0.1:1\"\n", "f", config).ok());
  auto status = read_environment(
      {"STATOR_SERVER__LANES=3", "STATOR_AUTH__MODE=password",
       "STATOR_AUTH__JWT__ISSUER=https://login.example", "STATOR_AUTH__CERTIFICATE_USERS=true",
       "STATOR_SERVER__DATA_DIR=/tmp/a = \"b\"", R"(STATOR_HTTP__ALLOWED_HOSTS=["a", "b"])",
       "STATOR_OPS__POINT_GET=document"},
      config);
  ASSERT_TRUE(status.ok()) << status.error().sentence();
  EXPECT_EQ(config.lanes, 3u);
  EXPECT_EQ(config.listen, "127.0.0.1:1");
  EXPECT_EQ(config.auth_mode, auth::Mode::kPassword);
  EXPECT_TRUE(config.auth_is_set);
  EXPECT_EQ(config.jwt.issuer, "https://login.example");
  EXPECT_TRUE(config.certificate_users);
  EXPECT_EQ(config.data_dir, "/tmp/a = \"b\"");
  EXPECT_THAT(config.http_hosts, ElementsAre("a", "b"));
  EXPECT_EQ(config.op_pins["point_get"], "document");
}

TEST(ConfigEnvironmentTest, OthersVariablesAreNotMeant) {
  EXPECT_EQ(fault_of("STATOR_HOST=x"), "");
  EXPECT_EQ(fault_of("STATOR_ADMIN_PASSWORD_FILE=/x"), "");
  EXPECT_EQ(fault_of("SERVER__LANES=0"), "");
  EXPECT_EQ(fault_of("PATH"), "");
}

TEST(ConfigEnvironmentTest, AFaultNamesTheVariable) {
  EXPECT_THAT(
      fault_of("STATOR_SERVER__LANSE=3"),
      HasSubstr("STATOR_SERVER__LANSE: unknown key 'server.lanse'; did you mean 'server.lanes'"));
  EXPECT_THAT(fault_of("STATOR_SERVER__LANES=many"),
              HasSubstr("STATOR_SERVER__LANES: 'server.lanes' must be a whole number"));
  EXPECT_THAT(fault_of("STATOR_SERVER__LANES=3\nlisten = 4"), HasSubstr("must be a whole number"));
  EXPECT_THAT(fault_of("STATOR_SERVER__=3"), HasSubstr("STATOR_SERVER__: "));
  EXPECT_THAT(fault_of("STATOR_ENGINE__VECTOR__THREADS=3"), HasSubstr("in the file alone"));
}

}  // namespace
}  // namespace stator::server
