#include "bridge/lane_mesh.h"

namespace stator::bridge {

LaneMesh::LaneMesh(std::uint32_t lanes, std::size_t answer_bytes) : lanes_(lanes) {
  for (std::uint32_t i = 0; i < lanes; ++i) doorbells_.push_back(std::make_unique<Doorbell>());
  for (std::uint32_t pair = 0; pair < lanes * lanes; ++pair) {
    const bool is_own = pair / lanes == pair % lanes;
    const std::size_t slots = is_own ? 1 : kRingSlots;
    requests_.push_back(std::make_unique<SpscRing>(slots));
    answers_.push_back(std::make_unique<SpscRing>(slots));
    answers_away_.push_back(std::make_unique<AnswersAway>(answer_bytes / lanes));
  }
}

bool LaneMesh::has_work(LaneId lane) const {
  for (std::uint32_t peer = 0; peer < lanes_; ++peer) {
    const std::size_t pair = at(LaneId{peer}, lane);
    if (!requests_[pair]->empty() || !answers_[pair]->empty()) return true;
  }
  return false;
}

}  // namespace stator::bridge
