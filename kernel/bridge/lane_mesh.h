// The rings and doorbells between all lanes: for each ordered pair one ring of requests and one of
// answers. A lane has at most kRingSlots requests open at one other lane, and the ring of answers
// has as many slots, so an answer can always be delivered.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/ids.h"
#include "base/limits.h"
#include "bridge/answers_away.h"
#include "bridge/doorbell.h"
#include "bridge/spsc_ring.h"

namespace stator::bridge {

class LaneMesh {
 public:
  // `answer_bytes`: of answers on their way to one lane, from all others together.
  explicit LaneMesh(std::uint32_t lanes, std::size_t answer_bytes = kAnswerBytesAwayMax);

  std::uint32_t lanes() const { return lanes_; }
  SpscRing& requests(LaneId from, LaneId to) { return *requests_[at(from, to)]; }
  SpscRing& answers(LaneId from, LaneId to) { return *answers_[at(from, to)]; }
  AnswersAway& answers_away(LaneId from, LaneId to) { return *answers_away_[at(from, to)]; }
  Doorbell& doorbell(LaneId lane) { return *doorbells_[lane.value()]; }
  // Something has come for this lane. Its own thread.
  bool has_work(LaneId lane) const;

 private:
  std::size_t at(LaneId from, LaneId to) const {
    return std::size_t{from.value()} * lanes_ + to.value();
  }
  std::uint32_t lanes_;
  std::vector<std::unique_ptr<SpscRing>> requests_;
  std::vector<std::unique_ptr<SpscRing>> answers_;
  std::vector<std::unique_ptr<AnswersAway>> answers_away_;
  std::vector<std::unique_ptr<Doorbell>> doorbells_;
};

}  // namespace stator::bridge
