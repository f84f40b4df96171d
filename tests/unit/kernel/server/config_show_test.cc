#include "server/config_show.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stator::server {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(ConfigShowTest, SaysWhatWasSetAndTheDefaults) {
  Config config;
  auto status = parse_config(R"(
engines = ["document"]
[server]
lanes = 2
tls_listen = "0.0.0.0:1"
[auth]
mode = "password"
[auth.jwt]
keys = "k"
issuer = "i"
audience = "a"
[tls]
certificate = "c"
key = "k"
client_ca = "ca"
client_certificates = "optional"
[ops]
point_get = "document"
[engine.vector]
threads = 3
)",
                             "f", config);
  ASSERT_TRUE(status.ok()) << status.error().sentence();
  const std::string shown = show(config);
  for (const char* part :
       {R"("engines":["document"])", R"("listen":"127.0.0.1:6433")", R"("tls_listen":"0.0.0.0:1")",
        R"("lanes":2)", R"("peer_timeout_s":90)",
        R"("auth":{"mode":"password","certificate_users":false)",
        R"("jwt":{"keys":"k","issuer":"i","audience":"a","user_claim":"sub"})",
        R"("client_certificates":"optional")", R"("retain_mib":256)", R"("file_kib":16384)",
        R"("ops":{"point_get":"document"})", R"("engine":{"vector":{"threads":3}})"}) {
    EXPECT_THAT(shown, HasSubstr(part));
  }
  EXPECT_THAT(shown, Not(HasSubstr("memory_limit_mib")));
}

}  // namespace
}  // namespace stator::server
