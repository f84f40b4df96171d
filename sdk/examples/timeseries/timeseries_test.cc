// The engine on the fake kernel, with a real series: the yearly flow of the Nile at Aswan, 1871 to
// 1970, in 10^8 cubic metres (G. W. Cobb, Biometrika 65, 1978), whose mean is 919.35.
#include <fstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fake_kernel.h"

namespace {

using stator::testkit::Answer;
using stator::testkit::FakeKernel;
using testing::HasSubstr;

class TimeseriesTest : public testing::Test {
 protected:
  std::string ask(const std::string& op, const std::string& args) {
    const Answer answer = kernel_.call(op, args);
    EXPECT_EQ(answer.status, STATOR_OK) << answer.detail;
    return answer.payload;
  }
  std::string append(const std::string& series, std::int64_t at, const std::string& value) {
    return ask("series_append", R"({"series":")" + series + R"(","points":[{"at":)" +
                                    std::to_string(at) + R"(,"value":)" + value + "}]}");
  }
  // Each year at its number: the engine does not mind what a millisecond is.
  void load_nile() {
    std::ifstream file(NILE_CSV);
    std::string points;
    std::string year;
    std::string flow;
    std::getline(file, year);
    while (std::getline(file, year, ',') && std::getline(file, flow)) {
      points += (points.empty() ? "" : ",") + (R"({"at":)" + year) + R"(,"value":)" + flow + "}";
    }
    EXPECT_EQ(ask("series_append", R"({"series":"nile","points":[)" + points + "]}"),
              R"({"appended":100,"too_old":0,"lsn":1})");
  }
  // The store is what the log makes of an empty one, and what a restart finds.
  void check_replay() {
    const auto before = kernel_.dump();
    kernel_.replay();
    EXPECT_EQ(kernel_.dump(), before);
    kernel_.restart();
    EXPECT_EQ(kernel_.dump(), before);
  }
  FakeKernel kernel_{&stator_engine_entry_v1, {.lanes = 2}};
};

TEST_F(TimeseriesTest, ARangeIsInOrderOfTimeAndHalfOpen) {
  append("s", 30, "3");
  append("s", -10, "-1.5");
  append("s", 20, "2");
  append("s", 20, "2.5");  // the same time: the newer value
  EXPECT_EQ(ask("series_range", R"({"series":"s"})"), R"({"points":[[-10,-1.5],[20,2.5],[30,3]]})");
  EXPECT_EQ(ask("series_range", R"({"series":"s","from":-10,"to":30})"),
            R"({"points":[[-10,-1.5],[20,2.5]]})");
  EXPECT_EQ(ask("series_range", R"({"series":"s","limit":1})"),
            R"({"points":[[-10,-1.5]],"next":20})");
  check_replay();
}

TEST_F(TimeseriesTest, EveryTimeFitsAndSeriesAreApart) {
  append("s", std::numeric_limits<std::int64_t>::min(), "1");
  append("s", std::numeric_limits<std::int64_t>::max(), "2");
  append("st", 0, "9");
  EXPECT_EQ(ask("series_range", R"({"series":"s"})"),
            R"({"points":[[-9223372036854775808,1],[9223372036854775807,2]]})");
  EXPECT_EQ(ask("series_downsample", R"({"series":"s","step_ms":1000,"function":"count"})"),
            R"({"buckets":[[-9223372036854775808,1],[9223372036854775000,1]]})");
}

TEST_F(TimeseriesTest, TheNileInDecades) {
  load_nile();
  EXPECT_EQ(ask("series_downsample", R"({"series":"nile","step_ms":10000})"),
            R"({"buckets":[[0,919.35]]})");
  EXPECT_THAT(ask("series_downsample", R"({"series":"nile","step_ms":10,"function":"count"})"),
              HasSubstr("[[1870,9],[1880,10],"));
  EXPECT_EQ(ask("series_downsample", R"({"series":"nile","step_ms":10000,"function":"min"})"),
            R"({"buckets":[[0,456]]})");
  EXPECT_EQ(ask("series_downsample", R"({"series":"nile","step_ms":10000,"function":"max"})"),
            R"({"buckets":[[0,1370]]})");
  EXPECT_EQ(ask("series_downsample", R"({"series":"nile","step_ms":10000,"function":"last"})"),
            R"({"buckets":[[0,740]]})");
  EXPECT_EQ(ask("series_range", R"({"series":"nile","from":1913,"to":1914})"),
            R"({"points":[[1913,456]]})");
  check_replay();
}

TEST_F(TimeseriesTest, WhatIsTooOldGoesAndStaysAway) {
  load_nile();
  ask("series_keep", R"({"series":"nile","keep_ms":9})");
  EXPECT_THAT(ask("series_range", R"({"series":"nile"})"), HasSubstr(R"({"points":[[1961,)"));
  EXPECT_EQ(append("nile", 1950, "1"), R"({"appended":0,"too_old":1,"lsn":0})");
  append("nile", 1971, "800");  // moves the border on
  EXPECT_THAT(ask("series_range", R"({"series":"nile"})"), HasSubstr(R"({"points":[[1962,)"));
  EXPECT_EQ(kernel_.dump().size(), 11u);  // ten points and the series itself
  ask("series_keep", R"({"series":"nile","keep_ms":0})");
  EXPECT_THAT(ask("series_range", R"({"series":"nile"})"), HasSubstr(R"({"points":[[1962,)"));
  check_replay();
}

TEST_F(TimeseriesTest, MoreThanOneRecordErasesIsNotSeenEither) {
  for (int part = 0; part < 3; ++part) {
    std::string points;
    for (int i = 0; i < 10'000; ++i) {
      points += (i == 0 ? "" : ",") + (R"({"at":)" + std::to_string(part * 10'000 + i)) +
                R"(,"value":1})";
    }
    ask("series_append", R"({"series":"s","points":[)" + points + "]}");
  }
  ask("series_keep", R"({"series":"s","keep_ms":1})");
  EXPECT_EQ(ask("series_range", R"({"series":"s"})"), R"({"points":[[29998,1],[29999,1]]})");
  EXPECT_EQ(kernel_.dump().size(), 20'001u);  // the settings, and two thirds of the points for now
  append("s", 30'000, "1");
  EXPECT_EQ(kernel_.dump().size(), 10'002u);
  append("s", 30'001, "1");
  EXPECT_EQ(kernel_.dump().size(), 3u);
  check_replay();
}

TEST_F(TimeseriesTest, StopsWhenItsTimeIsOver) {
  append("s", 1, "1");
  kernel_.interrupt_next();
  EXPECT_EQ(kernel_.call("series_range", R"({"series":"s"})").status, STATOR_E_DEADLINE_EXCEEDED);
}

TEST_F(TimeseriesTest, TooManyBucketsAreRefused) {
  std::string points;
  for (int i = 0; i < 10'000; ++i) points += R"({"at":)" + std::to_string(i) + R"(,"value":1},)";
  ask("series_append", R"({"series":"s","points":[)" + points.substr(0, points.size() - 1) + "]}");
  append("s", 10'000, "1");
  EXPECT_EQ(kernel_.call("series_downsample", R"({"series":"s","step_ms":1})").status,
            STATOR_E_FAN_OUT_EXCEEDED);
}

}  // namespace
