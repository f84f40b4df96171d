// must not compile: 'run' requires holding thread role 'lane'
// What the log's writer tells of it goes through a doorbell, and the lane looks for itself.
#include "data/core/core_loop.h"

namespace stator {

void on_durable(core::CoreLoop& core, std::vector<bridge::Task*>& tasks) {
#ifdef ALLOWED
  const ActsAs role(threads::lane);
#else
  const ActsAs role(threads::log_writer);
#endif
  core.run(tasks, tasks);
}

}  // namespace stator
