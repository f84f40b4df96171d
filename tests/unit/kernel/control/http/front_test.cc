#include "control/http/front.h"

#include <gtest/gtest.h>

namespace stator::http {
namespace {

const session::StatsSources kNoStats;

Front front(bool is_trusting, std::vector<std::string> hosts = {},
            std::vector<std::string> origins = {}) {
  return Front({is_trusting, std::move(hosts), std::move(origins)}, kNoStats);
}

TEST(FrontTest, InTrustModeOnlyNamesThatNobodyElseCanHaveAreOurs) {
  const Front dev = front(true);
  for (const char* host : {"localhost", "localhost:6480", "LocalHost:1", "127.0.0.1:6480",
                           "127.1.2.3", "[::1]:6480", "[::1]"}) {
    EXPECT_TRUE(dev.allows_host(host)) << host;
  }
  for (const char* host : {"", "evil.example", "evil.example:6480", "localhost.evil.example",
                           "127.0.0.1.evil.example:6480", "localhost:6480.evil.example", "10.0.0.1",
                           "[::2]", "127.evil", "evil.localhost"}) {
    EXPECT_FALSE(dev.allows_host(host)) << host;
  }
}

TEST(FrontTest, NamesOfTheConfigurationAreOurs) {
  const Front named = front(true, {"db.lan"});
  EXPECT_TRUE(named.allows_host("db.lan:6480"));
  EXPECT_TRUE(named.allows_host("DB.LAN"));
  EXPECT_FALSE(named.allows_host("x.db.lan"));
  EXPECT_TRUE(front(false).allows_host("anything.example"))
      << "who must log in may call us as they like";
  EXPECT_FALSE(front(false, {"db.lan"}).allows_host("anything.example"));
}

TEST(FrontTest, OtherOriginsComeInOnlyWhereTheConfigurationNamesThem) {
  const Front closed = front(true);
  EXPECT_TRUE(closed.allows_origin("http://localhost:6480", "localhost:6480"));
  EXPECT_TRUE(closed.allows_origin("https://localhost:6480", "localhost:6480"));
  for (const char* origin : {"null", "http://localhost:3000", "http://localhost",
                             "https://evil.example", "http://localhost:6480.evil.example"}) {
    EXPECT_FALSE(closed.allows_origin(origin, "localhost:6480")) << origin;
  }
  const Front open = front(true, {}, {"https://app.example", "http://localhost:3000"});
  EXPECT_TRUE(open.allows_origin("https://app.example", "localhost:6480"));
  EXPECT_TRUE(open.allows_origin("http://localhost:3000", "localhost:6480"));
  EXPECT_FALSE(open.allows_origin("http://app.example", "localhost:6480"));
  EXPECT_TRUE(front(true, {}, {"*"}).allows_origin("null", "localhost:6480"));
}

}  // namespace
}  // namespace stator::http
