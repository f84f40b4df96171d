// stator.pause/1: where ops that take long let others pass.
#include "data/host/call_context.h"

namespace stator::host {
namespace {

int look(stator_call* call) { return call->host->pauser->look() ? 1 : 0; }

}  // namespace

const stator_pause_service& pause_service() {
  static const stator_pause_service kService = {sizeof kService, 0, &look};
  return kService;
}

}  // namespace stator::host
