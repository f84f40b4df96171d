// What stands around a session: an op table, a lane that carries nothing out, and streams that a
// test plays.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "bridge/core_link.h"
#include "bridge/lane_mesh.h"
#include "control/auth/policy_book.h"
#include "control/dispatch/dispatcher.h"
#include "control/ops/op_table.h"
#include "control/session/session_host.h"
#include "control/session/session_ops.h"
#include "support/played_engine.h"

namespace stator::test {

// Keeps which tasks asked for their next part.
class PlayedDesk final : public session::StreamDesk {
 public:
  Status check(const bridge::Task&) const override { return ok_status(); }
  Status open(bridge::Task& task) override {
    task.stream = ++opened;
    task.stream_next = Lsn{7};
    give(task, {"first"});
    return ok_status();
  }
  void more(bridge::Task& task) override { asked.push_back(&task); }
  void close(bridge::Task& task) override {
    ++closed;
    std::erase(asked, &task);
  }
  static void give(bridge::Task& task, const std::vector<std::string>& parts) {
    task.is_partial = true;
    for (const std::string& part : parts) {
      task.payload.append('"' + part + '"');
      task.frame_ends.push_back(static_cast<std::uint32_t>(task.payload.size()));
    }
  }
  std::uint64_t opened = 0;
  std::uint64_t closed = 0;
  std::vector<bridge::Task*> asked;
};

// Fixtures of sessions derive from it. Everything durable ends with LSN 9.
class PlayedSession : public testing::Test {
 protected:
  // `engine`: played_engine(id); null: the op table has the session's own ops alone.
  explicit PlayedSession(stator_engine_entry engine = nullptr, const char* id = "played",
                         std::uint32_t lanes = 1)
      : catalog_(catalog_of(engine, id)),
        mesh_{lanes},
        map_{{1, 2}, bridge::VShardMap::even(lanes)} {
    host_.table = &table_;
    host_.dispatcher = &dispatcher_;
    host_.pool = &pool_;
    host_.policy = &policy_;
    host_.changes = &desk_;
    host_.watermark = [] { return Lsn{9}; };
  }

  auth::PolicyBook policy_;
  const plugin::Catalog catalog_;
  const ops::OpTable table_ = ops::OpTable::build(catalog_, session::session_rows()).take();
  bridge::LaneMesh mesh_;
  bridge::VShardMap map_;
  bridge::CoreLink link_;
  bridge::TaskPool pool_;
  dispatch::Dispatcher dispatcher_{LaneId{0}, mesh_, map_, link_, pool_};
  PlayedDesk desk_;
  session::SessionHost host_;

 private:
  static plugin::Catalog catalog_of(stator_engine_entry engine, const char* id) {
    plugin::Catalog catalog;
    if (engine != nullptr) {
      EXPECT_TRUE(catalog.add(engine, {}, library_of(id)).ok());
    }
    catalog.seal();
    return catalog;
  }
};

}  // namespace stator::test
