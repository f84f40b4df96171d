#include "control/http/event_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stator::http {
namespace {

using testing::HasSubstr;

std::string request(std::string_view query, std::string_view last = {}) {
  auto read = changes_request(query, last);
  return read.ok() ? read.take() : "refused: " + std::string(read.error().sentence());
}

TEST(EventSourceTest, ReadsAQuery) {
  EXPECT_EQ(request(""), "{}");
  EXPECT_EQ(request("collection=users&from_lsn=7"), R"({"collection":"users","from_lsn":7})");
  EXPECT_EQ(request("values=0&all_collections=true&"),
            R"({"all_collections":true,"values":false})");
  EXPECT_EQ(request("collection=a%20b%2Bc+d%22%e2%82%ac"), R"({"collection":"a b+c d\"€"})");
  EXPECT_EQ(request("c%6Fllection=x"), R"({"collection":"x"})");
}

TEST(EventSourceTest, GoesOnBehindWhatWasSeen) {
  EXPECT_EQ(request("from_lsn=7", "41"), R"({"from_lsn":42})") << "it has come farther since";
  EXPECT_EQ(request("", "0"), R"({"from_lsn":1})");
}

TEST(EventSourceTest, RefusesWhatItDoesNotKnow) {
  for (const char* query :
       {"from_lsn=", "from_lsn=-1", "from_lsn=1x", "from_lsn=99999999999999999999", "values=yes",
        "colection=a", "collection=%4", "collection=%zz", "collection=%ff", "%ff=1", "=1", "a"}) {
    EXPECT_THAT(request(query), HasSubstr("refused: ")) << query;
  }
  for (const char* last : {"abc", "1 ", "-1", "18446744073709551615", "18446744073709551616"}) {
    EXPECT_THAT(request("", last), HasSubstr("Last-Event-ID")) << last;
  }
}

TEST(EventSourceTest, FindsWhatIsSeenWithAnEvent) {
  bridge::Task part;
  const auto add = [&](std::string_view event) {
    part.payload.append(event);
    part.frame_ends.push_back(static_cast<std::uint32_t>(part.payload.size()));
  };
  add(R"({"event":"subscribed","from_lsn":43})");
  add(R"({"event":"put","lsn":43,"time_ms":1,"value":{"lsn":99}})");
  add(R"({"event":"gap","from":44,"to":1180})");
  add(R"({"event":"other"})");
  add("1");
  EXPECT_EQ(seen_with(part, 0), Lsn{42}) << "coming back before the first event loses none";
  EXPECT_EQ(seen_with(part, 1), Lsn{43});
  EXPECT_EQ(seen_with(part, 2), Lsn{1180});
  EXPECT_EQ(seen_with(part, 3), Lsn{});
  EXPECT_EQ(seen_with(part, 4), Lsn{});
  EXPECT_EQ(seen_with(part, 5), Lsn{});
}

}  // namespace
}  // namespace stator::http
