// The power goes while the real server works on a real file system: what had reached the block
// device at one moment is all there is afterwards. And a real file system that fills up.
//
// The disk here keeps what it was given, flushed or not: that a flush is asked for is what
// faulty_calls_test.cc and the file layer of the unit tests look at.
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>
#include <unistd.h>

#include <gtest/gtest.h>

#include "support/client.h"
#include "support/json_client.h"
#include "support/loop_disk.h"
#include "support/places.h"
#include "support/sanitizer.h"
#include "support/seeds.h"
#include "support/server_process.h"
#include "support/workload.h"

namespace stator::test {
namespace {

using nlohmann::json;

class PowerCutTest : public testing::Test {
 protected:
  void SetUp() override {
    if (const std::string reason = LoopDisk::why_not(); !reason.empty()) GTEST_SKIP() << reason;
    disk_ = std::make_unique<LoopDisk>(dir_.path(), 256);
  }
  // Small segments, so that trimmed ones are used again. No history: in some hundred rounds it
  // would fill the disk, which has a test of its own.
  ServerProcess::Options options(std::uint32_t lanes) const {
    return {disk_->mount_point(), lanes,
            "[server]\nmemtable_mib = 1\nlog_segment_mib = 1\n[changes]\nretain_mib = 0\n", "dev"};
  }
  // The server works until enough is answered; then the power goes.
  void work_and_cut(ServerProcess& server, Workload& workload, std::size_t enough) {
    workload.run(server.port());
    while (workload.answered() < enough && server.is_alive()) std::this_thread::yield();
    server.freeze();
    disk_->take_image();
    workload.cut();
    server.kill();
    workload.join();
    disk_->lose_power();
  }
  // Fills the disk until less than twice `bytes` are free.
  void fill_but_for(off_t bytes) const {
    const std::string path = disk_->mount_point() + "/filler";
    const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    off_t end = 0;
    while (posix_fallocate(file, end, bytes) == 0) end += bytes;
    ASSERT_EQ(ftruncate(file, end - bytes), 0);
    close(file);
  }
  ServerProcess::Options options_with_memtable(int mib, std::uint32_t lanes) const {
    return {disk_->mount_point(), lanes,
            "[server]\nmemtable_mib = " + std::to_string(mib) +
                "\nlog_segment_mib = 4\n[changes]\nretain_mib = 0\n",
            "dev"};
  }
  // Together several of the smallest memtables, and a small part of the largest.
  static constexpr int kDocuments = 60;
  static void put_documents(Client& client) {
    for (int i = 0; i < kDocuments; ++i) {
      must(client, {{"op", "point_put"},
                    {"document_id", "d" + std::to_string(i)},
                    {"data", {{"i", i}, {"f", std::string(200'000, 'f')}}}});
    }
  }
  TempDir dir_{TempDir::kFast};
  std::unique_ptr<LoopDisk> disk_;
};

// Is this a power cut at all? What was not synced must be gone, what was synced must be there.
TEST_F(PowerCutTest, ForgetsWhatWasNotSynced) {
  const std::string unsynced = disk_->mount_point() + "/unsynced";
  const std::string synced = disk_->mount_point() + "/synced";
  std::ofstream(unsynced) << "data" << std::flush;
  const int fd = open(synced.c_str(), O_WRONLY | O_CREAT, 0600);
  ASSERT_EQ(write(fd, "data", 4), 4);
  ASSERT_EQ(fsync(fd), 0);
  ASSERT_EQ(write(fd, " and more", 9), 9);
  close(fd);
  disk_->take_image();
  disk_->lose_power();
  EXPECT_EQ(std::filesystem::file_size(synced), 4u);
  EXPECT_TRUE(!std::filesystem::exists(unsynced) || std::filesystem::file_size(unsynced) == 0);
}

// Plain and encrypted.
class PowerCutLoadTest : public PowerCutTest, public testing::WithParamInterface<bool> {};

TEST_P(PowerCutLoadTest, NothingAcknowledgedIsLost) {
  const unsigned seed = number_of("STATOR_SEED", 1);
  const unsigned rounds = number_of("STATOR_ROUNDS", kSanitized ? 5 : 25);
  std::mt19937 random(seed);
  SCOPED_TRACE("STATOR_SEED=" + std::to_string(seed));
  Workload workload(seed);
  ServerProcess::Options with = options(2);
  if (GetParam()) with.config += encryption_config(dir_.path());  // the keys are on another disk
  ServerProcess server(with);
  ASSERT_TRUE(server.start()) << server.errors();
  for (unsigned round = 0; round < rounds; ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    work_and_cut(server, workload, 1 + random() % 250);
    ASSERT_FALSE(HasFatalFailure());
    ASSERT_TRUE(server.start()) << "exit code " << server.exit_code() << ": " << server.errors();
    ASSERT_EQ(workload.verify(server.port()), "");
  }
  EXPECT_EQ(server.stop(), 0);
}

INSTANTIATE_TEST_SUITE_P(Logs, PowerCutLoadTest, testing::Bool(), [](const auto& param) {
  return std::string(param.param ? "Encrypted" : "Plain");
});

// The same with syncs that do nothing: if this loses nothing, the test above proves nothing.
TEST_F(PowerCutTest, WithoutSyncItLosesWrites) {
  if (kSanitized) GTEST_SKIP() << "a sanitizer wants to stand before a preloaded library";
  unsigned lost = 0;
  constexpr unsigned kRounds = 3;
  for (unsigned round = 0; round < kRounds; ++round) {
    Workload workload(round);
    ServerProcess::Options unsafe = options(1);
    unsafe.data_dir += "/" + std::to_string(round);
    std::filesystem::create_directory(unsafe.data_dir);
    disk_->sync();
    ServerProcess server(unsafe);
    server.set_environment({"LD_PRELOAD=" + in_build("tests/libfaulty_calls.so"),
                            "STATOR_CALLS_BELOW=" + unsafe.data_dir + "/data",
                            "STATOR_CALLS=nosync:0"});
    ASSERT_TRUE(server.start()) << server.errors();
    work_and_cut(server, workload, 200);
    server.set_environment({});
    lost += !server.start() || !workload.verify(server.port()).empty() ? 1u : 0u;
  }
  EXPECT_EQ(lost, kRounds);
}

TEST_F(PowerCutTest, AFullDiskRefusesWritesServesReadsAndHeals) {
  const std::string ballast = disk_->mount_point() + "/ballast";
  ASSERT_EQ(std::system(("fallocate -l 190M " + ballast).c_str()), 0);
  ServerProcess server(options(1));
  ASSERT_TRUE(server.start()) << server.errors();
  Client client(server.port());
  const auto ask = [&](json request) {
    request["payload_format"] = "json";
    return json::parse(client.ask(request.dump()));
  };
  const auto put = [&](int i) {
    // The write that meets the full disk waits for its deadline: it may still become durable.
    return ask({{"op", "point_put"},
                {"deadline_ms", 500},
                {"document_id", "d" + std::to_string(i)},
                {"data", {{"i", i}, {"f", std::string(200'000, 'f')}}}});
  };
  int acknowledged = 0;
  json answer = put(0);
  for (; answer["status"] == "ok" && acknowledged < 2000; answer = put(acknowledged))
    ++acknowledged;
  ASSERT_TRUE(answer["error_code"] == "disk_full" || answer["error_code"] == "deadline_exceeded")
      << answer;
  while (answer["error_code"] != "disk_full") answer = put(acknowledged);
  EXPECT_GT(acknowledged, 10);
  EXPECT_EQ(ask({{"op", "server_stats"}})["payload"]["log"], "disk_full");
  EXPECT_EQ(ask({{"op", "point_get"}, {"document_id", "d0"}})["payload"]["i"], 0);
  std::filesystem::remove(ballast);
  while (answer["status"] != "ok") answer = put(acknowledged);
  EXPECT_EQ(ask({{"op", "server_stats"}})["payload"]["log"], "ok");
  server.kill();
  ASSERT_TRUE(server.start()) << server.errors();
  Client reader(server.port());
  for (int i = 0; i <= acknowledged; ++i) {
    const json got = json::parse(reader.ask(json{
        {"op", "point_get"},
        {"document_id", "d" + std::to_string(i)},
        {"payload_format", "json"}}.dump()));
    ASSERT_EQ(got["payload"]["i"], i) << got;
  }
}

// The checkpoint begins to write and does not come to its end; the log has files to spare.
TEST_F(PowerCutTest, ACheckpointHasTheRoomOfHistoryWhereTheDiskIsFull) {
  ServerProcess server(
      {disk_->mount_point(), 1,
       "[server]\nmemtable_mib = 64\nlog_segment_mib = 4\n[changes]\nretain_mib = 10000\n", "dev"});
  ASSERT_TRUE(server.start()) << server.errors();
  Client client(server.port());
  const auto ask = [&](const json& request) { return json::parse(client.ask(request.dump())); };
  const auto put = [&](const std::string& document) {
    return ask({{"op", "point_put"},
                {"document_id", document},
                {"data", {{"f", std::string(200'000, 'f')}}}});
  };
  for (int i = 0; i < 100; ++i) ASSERT_EQ(put("d0")["status"], "ok");
  ASSERT_EQ(ask({{"op", "checkpoint"}})["status"], "ok");
  for (int i = 1; i < 10; ++i) ASSERT_EQ(put("d" + std::to_string(i))["status"], "ok");
  fill_but_for(64 * 1024);
  const json first = ask({{"op", "checkpoint"}});
  if (first["status"] != "ok") {
    EXPECT_EQ(first["error_code"], "disk_full") << first;
  }
  json answer = first;
  for (int i = 0; i < 100 && answer["status"] != "ok"; ++i) answer = ask({{"op", "checkpoint"}});
  EXPECT_EQ(answer["status"], "ok") << answer << server.errors();
}

// Its replay fills a memtable, and there is no room to write it down: the server starts as it would
// run, with what it has in memory, and heals as it would.
TEST_F(PowerCutTest, AStartOnAFullDiskHasEverythingAndHeals) {
  {
    ServerProcess server(options_with_memtable(64, 1));
    ASSERT_TRUE(server.start()) << server.errors();
    Client client(server.port());
    put_documents(client);
    server.kill();
  }
  fill_but_for(64 * 1024);
  ServerProcess server(options_with_memtable(1, 1));
  ASSERT_TRUE(server.start()) << server.errors();
  Client client(server.port());
  const json full = must(client, {{"op", "server_stats"}});
  EXPECT_EQ(full["lanes"][0]["checkpoint_failing"], true) << full;
  EXPECT_EQ(full["ready"], false) << full;
  for (int i = 0; i < kDocuments; ++i) {
    const std::string id = "d" + std::to_string(i);
    EXPECT_EQ(must(client, {{"op", "point_get"}, {"document_id", id}})["i"], i);
  }
  std::filesystem::remove(disk_->mount_point() + "/filler");
  must(client, {{"op", "checkpoint"}});
  const json healed = must(client, {{"op", "server_stats"}});
  EXPECT_EQ(healed["lanes"][0]["checkpoint_failing"], false) << healed;
  EXPECT_EQ(healed["ready"], true) << healed;
}

// Nobody asks for it a second time, and the lane that failed is not the one that is asked.
TEST_F(PowerCutTest, AnOwedCheckpointIsMadeWhenThereIsRoom) {
  ServerProcess server(options_with_memtable(64, 2));
  ASSERT_TRUE(server.start()) << server.errors();
  Client client(server.port());
  put_documents(client);
  fill_but_for(64 * 1024);
  EXPECT_EQ(ask(client, {{"op", "checkpoint"}})["error_code"], "disk_full");
  std::filesystem::remove(disk_->mount_point() + "/filler");
  json stats = must(client, {{"op", "server_stats"}});
  for (int asked = 0; stats["ready"] != true; ++asked) {
    ASSERT_LT(asked, 200'000) << stats;
    stats = must(client, {{"op", "server_stats"}});
  }
  EXPECT_GT(stats["lanes"][0]["applied_lsn"], 1);
  EXPECT_GT(stats["lanes"][1]["applied_lsn"], 1);
}

// Twice as much is written as the disk has room for, to few documents, with all history kept as
// long as there is room: nobody is refused.
TEST_F(PowerCutTest, AFullDiskLetsHistoryGoBeforeItRefusesWrites) {
  ASSERT_EQ(std::system(("fallocate -l 170M " + disk_->mount_point() + "/ballast").c_str()), 0);
  ServerProcess server({disk_->mount_point(), 1,
                        "[server]\nmemtable_mib = 1\nlog_segment_mib = 4\n[changes]\nretain_mib = 10000\n",
                        "dev"});
  ASSERT_TRUE(server.start()) << server.errors();
  Client client(server.port());
  for (int i = 0; i < 700; ++i) {
    const json answer = json::parse(client.ask(json{
        {"op", "point_put"},
        {"document_id", "d" + std::to_string(i % 4)},
        {"data", {{"i", i}, {"f", std::string(200'000, 'f')}}}}.dump()));
    ASSERT_EQ(answer["status"], "ok") << i << " " << answer;
  }
  const json stats = json::parse(client.ask(R"({"op":"server_stats","payload_format":"json"})"));
  EXPECT_GT(stats["payload"]["oldest_lsn"], 100);
  EXPECT_NE(server.errors().find("history before LSN"), std::string::npos);
}

}  // namespace
}  // namespace stator::test
