// stator.log/1: an engine's lines in the server's log, with its id in front.
#include <string>

#include "base/log.h"
#include "data/host/call_context.h"

namespace stator::host {
namespace {

void write(stator_call* call, int level, stator_str message) {
  const auto clamped = level < 0 ? log::Level::kDebug
                                 : level > STATOR_LOG_ERROR ? log::Level::kError
                                                            : static_cast<log::Level>(level);
  log::write(clamped, "engine " + call->engine->id + ": " +
                          std::string(message.data, static_cast<std::size_t>(message.size)));
}

}  // namespace

const stator_log_service& log_service() {
  static const stator_log_service kService = {sizeof kService, 0, &write};
  return kService;
}

}  // namespace stator::host
