// Sends tasks to the lanes that own their data, and brings the answers home.
//
// An op placed by document, by collection or anywhere goes to one lane. An op for all lanes, or
// for the lanes that own its rows, is split into children; when the last child is answered, the
// parent goes to the home lane's core once more, to be merged.
//
// Thread: the lane's (one dispatcher per lane).
#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "base/limits.h"
#include "base/result.h"
#include "base/thread_role.h"
#include "bridge/core_link.h"
#include "bridge/lane_mesh.h"
#include "bridge/task.h"
#include "bridge/vshard_map.h"

namespace stator::dispatch {

enum class Placement : std::uint8_t { kDocument, kCollection, kAll, kRows, kAny };

// How a task's arguments decide where it goes.
struct Route {
  Placement placement = Placement::kAny;
  std::size_t routing_arg = 0;  // kDocument: the argument; kRows: the field of a row
  std::size_t rows_arg = 0;     // kRows
  bool is_together = false;     // kAll: while all lanes stand still, STATOR_OP_TOGETHER
  bool is_read = false;         // nothing is lost when it is refused for want of room
};

// What is said of a lane that is stuck.
Error lane_stuck();

class Dispatcher {
 public:
  Dispatcher(LaneId home, bridge::LaneMesh& mesh, const bridge::VShardMap& vshards,
             bridge::CoreLink& link, bridge::TaskPool& pool);

  // Takes the task over; its answer comes out of collect(). Error (the task stays the caller's):
  // kBusy when a lane it needs has as many requests of this lane open as its priority may have
  // there, kLaneStuck.
  Status dispatch(bridge::Task* task, const Route& route) STATOR_ON(lane);

  // Where an item of a batch goes. Error kBadRequest (field `op`): it concerns more than one document
  // or collection.
  Status place(bridge::Task* item, const Route& route) STATOR_ON(lane);
  // Takes a batch over whose items were placed; its answer comes out of collect(). Atomic: all of its
  // items, or none, see docs/adr/0013; otherwise each for itself. Error as dispatch().
  Status dispatch_batch(bridge::Task* batch) STATOR_ON(lane);

  // Takes a turn of background work of the home lane (CoreOp::kWork) over; it comes out of
  // collect(), with whatever it needed of other lanes done. Never refused, and not answered by
  // another task where a lane is stuck.
  void dispatch_work(bridge::Task* work) STATOR_ON(lane);

  // A task that dispatch() or dispatch_batch() took is no longer wanted: it ends as soon as whoever
  // holds it looks, and comes out of collect() as ever. What was executed already stays so.
  void cancel(bridge::Task* task) STATOR_ON(lane);

  // The same, and what comes of it is dropped. Another task, which is the caller's, is for the
  // answer.
  bridge::Task* replace(bridge::Task* task) STATOR_ON(lane);

  // Takes in what other lanes sent: requests go to the core, answers are kept for collect().
  void receive() STATOR_ON(lane);
  // After the core ran: sends answers of foreign tasks home and collects our own that are complete
  // into `done`. May submit merges to the core.
  void collect(std::vector<bridge::Task*>& done) STATOR_ON(lane);
  // Hands over what dispatch() and collect() gathered, one batch per lane, and rings doorbells.
  void flush() STATOR_ON(lane);
  // Everything that was dispatched has come back.
  bool is_idle() const;

  // ---- lanes that do not answer (dispatch_stuck.cc) --------------------------------------------
  // Until it is said to be well again nothing is sent to `lane`. What waits there for an answer is
  // answered with kLaneStuck by other tasks, which are appended to `done`; the tasks themselves are
  // cancelled, and dropped when they come back.
  void set_stuck(LaneId lane, std::vector<bridge::Task*>& done) STATOR_ON(lane);
  void set_well(LaneId lane) STATOR_ON(lane) { is_stuck_[lane.value()] = false; }
  bool has_stuck() const;

  // A ring to another lane, or this lane's own queue, is so full that less should be taken in.
  bool is_pressed() const;
  // How many requests wait at the home lane.
  void set_home_queue(std::size_t requests) { home_queue_ = requests; }
  bool is_home_pressed() const { return home_queue_ + link_.submitted.size() >= kRingPressed; }

  // What parts of answers that wait here for others may hold; as much as one request can have on
  // all lanes in any case.
  void set_part_bytes(std::size_t most) {
    part_bytes_max_ = std::max(most, mesh_.lanes() * kPayloadBytesMax);
  }

  // Requests that were not taken, since start.
  struct Refusals {
    std::uint64_t low = 0;    // of background priority, at a pressed lane
    std::uint64_t busy = 0;   // of another, at a full one
    std::uint64_t stuck = 0;  // at a stuck one, with those that were answered by set_stuck()
  };
  const Refusals& refusals() const { return refusals_; }

 private:
  using Lanes = std::vector<bool>;  // by number
  Status split_all(bridge::Task* parent, bool is_together);
  void finish_on_all(bridge::Task* work, std::vector<bridge::Task*>& done);
  Status split_rows(bridge::Task* parent, const Route& route);
  bridge::Task* make_child(bridge::Task* parent, LaneId lane);
  // `is_together`: see Route.
  void send_children(bridge::Task* parent, bool is_together);
  // Batches, batch_dispatch.cc.
  Status wait_first(bridge::Task* batch);
  void after_wait(bridge::Task* batch, std::vector<bridge::Task*>& done);
  Status dispatch_each(bridge::Task* batch);
  Status dispatch_wide(bridge::Task* batch, const Lanes& lanes);
  // Rounds of requests that need other lanes too (docs/adr/0032).
  void finish_in_round(bridge::Task* task);
  // False: no child wants one.
  bool finish_children_in_round(bridge::Task& parent);
  // `outcome`: if it is an error, nothing is written, and all of them are answered so.
  void start_round(std::vector<bridge::Task*> items, Status outcome = ok_status());
  void begin(bridge::Task* batch);
  void make_parts(bridge::Task* batch, const Lanes& lanes);
  void send_first(bridge::Task* batch);
  void send_part(bridge::Task* part);
  void give_back_parts(bridge::Task* batch);
  void finish_round(bridge::Task* round, std::vector<bridge::Task*>& done);
  // Those where it runs and those of what it claims.
  void add_lanes(const bridge::Task& task, Lanes& lanes) const;
  Lanes lanes_of(const bridge::Task& batch) const;
  void after_part_prepared(bridge::Task* part);
  // The lane of the key knows the request: nothing is written.
  void take_repeat(const bridge::Task& part);
  void after_prepare(bridge::Task* batch);
  void begin_again(bridge::Task* batch);
  void begin_waiting();
  void finish_part(bridge::Task* part, std::vector<bridge::Task*>& done);
  void finish_wide(bridge::Task* batch, std::vector<bridge::Task*>& done);
  void send_parts(bridge::Task* batch, bridge::TaskKind kind);
  void cancel_parts(bridge::Task* batch, bool is_again);
  void after_cancel(bridge::Task* batch, std::vector<bridge::Task*>& done);
  void after_append(bridge::Task* batch);
  void send(bridge::Task* task, LaneId lane);
  // A pressed home lane takes less from its sockets, so that alone what can wait is refused.
  Status admit(LaneId lane, bridge::Priority priority, std::size_t requests = 1) {
    if (lane == home_ && priority != bridge::Priority::kBackground) return ok_status();
    return admit_slowly(lane, priority, requests);
  }
  Status admit_slowly(LaneId lane, bridge::Priority priority, std::size_t requests);
  // Whose answer the client waits for: the items of a round are one request, or parts of one.
  static bridge::Task* client_of(bridge::Task* task) {
    if (task->is_round) task = task->items.front();
    return task->parent == nullptr ? task : task->parent;
  }
  bridge::Task* stand_in_for(const bridge::Task& task);
  void abandon(bridge::Task* root, std::vector<bridge::Task*>& done) STATOR_ON(lane);
  void abandon_waiting(LaneId lane, std::vector<bridge::Task*>& done) STATOR_ON(lane);
  void let_all_go(bridge::Task* batch);
  void let_go(bridge::Task* part);
  // An answer for the session, unless another was given already.
  void give(bridge::Task* task, std::vector<bridge::Task*>& done) {
    // That of work is waited for.
    if (task->is_abandoned && task->core_op != bridge::CoreOp::kWork) return pool_.give_back(task);
    done.push_back(task);
  }
  void finish(bridge::Task* task, std::vector<bridge::Task*>& done);
  void finish_child(bridge::Task* child, std::vector<bridge::Task*>& done);
  // Parts of an answer that wait here for the others: counted, or refused where they are too much.
  void keep_part(bridge::Task& part);
  void keep_item(bridge::Task& item);
  void forget_part(bridge::Task& part);
  // Whether a read may begin that will have parts.
  Status check_parts();

  LaneId home_;
  bridge::LaneMesh& mesh_;
  const bridge::VShardMap& vshards_;
  bridge::CoreLink& link_;
  bridge::TaskPool& pool_;
  std::vector<std::vector<bridge::Task*>> outgoing_;          // requests, by lane
  std::vector<std::vector<bridge::Task*>> outgoing_answers_;  // by lane
  std::vector<std::vector<bridge::Task*>> away_;  // our requests, by the lane that has them
  std::vector<bool> is_stuck_;                    // by lane
  std::size_t home_queue_ = 0;
  Refusals refusals_;
  std::size_t part_bytes_ = 0;  // of the parts that wait here
  std::size_t part_bytes_max_;
  std::size_t wide_batches_ = 0;  // over several lanes, that this lane leads; rounds among them
  std::deque<bridge::Task*> waiting_rounds_;  // for one of kWideBatchesMax
  std::vector<bridge::Task*> returned_;  // our tasks, answered by other lanes
  std::vector<bridge::Task*> batch_;     // buffer of receive()
};

}  // namespace stator::dispatch
