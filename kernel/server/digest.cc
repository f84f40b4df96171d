#include "server/digest.h"

#include "stator/json_writer.hpp"

#include "base/thread_role.h"
#include "data/core/state_digest.h"

namespace stator::server {

Result<std::string> digest(const StandingServer& server) {
  // What every lane keeps each erases for itself.
  if (is_dropping(server)) return drop_goes_on();
  core::Digests sums;
  core::Digests every;
  bool is_first = true;
  const auto add = [&](core::CoreLoop& core) STATOR_ON(lane) -> Status {
    core::LaneDigests lane = core::digests_of(core.store(), core.catalog());
    for (const auto& [engine, sum] : lane.owned) sums[engine].add(sum);
    if (!is_first && lane.every != every) {
      return Error(ErrorCode::kCorrupted, "the lanes disagree on what every lane keeps");
    }
    every = std::move(lane.every);
    is_first = false;
    return ok_status();
  };
  STATOR_CHECK(server.on_each_lane(add));
  for (const auto& [engine, sum] : every) sums[engine].add(sum);
  json::StringOut out;
  json::Writer json(out);
  json.begin_object().field("lsn", server.log->durable().value()).key("engines").begin_object();
  for (const auto& [engine, sum] : sums) {
    json.key(engine)
        .begin_object()
        .field("entries", sum.entries)
        .field("digest", std::string_view(sum.hex()))
        .end_object();
  }
  json.end_object().end_object();
  return std::string(out.view());
}

}  // namespace stator::server
