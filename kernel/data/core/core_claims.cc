// Claims: keys that one owner may have, each on the lane of its own vShard (docs/adr/0032). A
// request whose claims are all of this lane is checked and written here; otherwise nothing of it is
// written, the dispatcher of its home leads a round over the lanes concerned (core_batch.cc), and
// what its connection sent behind it waits.
#include <algorithm>
#include <tuple>

#include "base/assert.h"
#include "data/core/core_loop.h"

namespace stator::core {

using bridge::Claim;
using bridge::ClaimCursor;
using bridge::Task;
using bridge::TaskKind;

namespace {

auto key_of(const Claim& claim) {
  return std::tuple(claim.engine, claim.tenant, claim.collection, claim.space, claim.key);
}

std::string stored_key(const Claim& claim) {
  char raw[kStoreKeyBytesMax];
  std::string key(raw, store::write_prefix(raw, claim.engine, claim.tenant, claim.collection));
  key.push_back(static_cast<char>(claim.space));
  return key.append(claim.key);
}

Error violation(const Claim& claim, ByteView other, bool is_batch) {
  std::string field(claim.field);
  std::string sentence(claim.sentence);
  if (claim.names_owners) sentence.append(": ").append(other).append(", ").append(claim.owner);
  if (is_batch) {
    const std::string place = "ops[" + std::to_string(claim.item) + "]";
    field = field.empty() ? place : place + "." + field;
    sentence = place + ": " + sentence;
  }
  return Error(ErrorCode::kUniqueViolation, field, sentence);
}

}  // namespace

bool CoreLoop::wants_round(const Task& task, bool is_shared) const {
  if (options_.lane_count == 1) return false;
  // The parts of a split request are checked together, so that its outcome does not depend on how
  // the documents lie.
  if (is_shared) return true;
  ClaimCursor claims(task.claims.view());
  for (Claim claim; claims.next(claim);) {
    if (!is_mine(claim.vshard)) return true;
  }
  return false;
}

void CoreLoop::ask_for_round(Task& task) {
  task.wants_round = true;
  task.payload.clear();
  task.lsn_at.clear();
  task.answer_after = Lsn{};
  in_rounds_.push_back({&task, task.origin, task.connection, task.connection_generation,
                        task.request_id, task.item});
}

Status CoreLoop::check_claims(std::span<const ByteView> lists, bool is_batch) const {
  std::vector<Claim> mine;
  for (const ByteView list : lists) {
    ClaimCursor claims(list);
    for (Claim claim; claims.next(claim);) {
      if (is_mine(claim.vshard)) mine.push_back(claim);
    }
  }
  std::stable_sort(mine.begin(), mine.end(),
                   [](const Claim& a, const Claim& b) { return key_of(a) < key_of(b); });
  for (auto from = mine.begin(); from != mine.end();) {
    const auto to =
        std::find_if(from, mine.end(), [&](const Claim& c) { return key_of(c) != key_of(*from); });
    STATOR_CHECK(check_key({from, to}, is_batch));
    from = to;
  }
  return ok_status();
}

// What counts is who has the key when all of them are done.
Status CoreLoop::check_key(std::span<const Claim> claims, bool is_batch) const {
  const Claim* taker = nullptr;
  for (const Claim& claim : claims) {
    if (claim.is_free) continue;
    if (taker != nullptr && taker->owner != claim.owner)
      return violation(claim, taker->owner, is_batch);
    taker = &claim;
  }
  store::Entry held;
  if (taker == nullptr || !host_.own_store().get(stored_key(*taker), held)) return ok_status();
  const bool is_freed = std::any_of(claims.begin(), claims.end(), [&](const Claim& claim) {
    return claim.is_free && claim.owner == held.value;
  });
  if (is_freed || held.value == taker->owner) return ok_status();
  return violation(*taker, held.value, is_batch);
}

// The lists are read by all lanes at once; nobody writes them until all have answered.
void CoreLoop::check_batch(Task& part) {
  std::vector<ByteView> lists;
  for (const Task* other : part.parent->children) lists.push_back(other->claims.view());
  if (auto checked = check_claims(lists, !part.parent->is_round); !checked.ok()) {
    part.seen = last_applied_;
    part.refuse(checked.error());
  }
}

// Only behind earlier requests: two of one connection that waited for each other would begin again
// until their deadline.
bool CoreLoop::is_behind_round(const Task& task) const {
  const bool may_wait = task.kind == TaskKind::kExecute || task.kind == TaskKind::kBatch ||
                        task.kind == TaskKind::kBatchPrepare;
  if (task.connection == bridge::kNoConnection || !may_wait) return false;
  return std::any_of(in_rounds_.begin(), in_rounds_.end(), [&](const InRound& ahead) {
    return ahead.connection == task.connection &&
           ahead.connection_generation == task.connection_generation &&
           ahead.origin == task.origin &&
           std::tie(ahead.request_id, ahead.item) < std::tie(task.request_id, task.item);
  });
}

void CoreLoop::end_round(const Task& part) {
  const auto is_done = [&](const InRound& ahead) {
    return ahead.task == part.parent ||
           std::find(part.items.begin(), part.items.end(), ahead.task) != part.items.end();
  };
  std::erase_if(in_rounds_, is_done);
  // They are older than anything their connections have in the queue.
  for (std::size_t i = behind_rounds_.size(); i-- > 0;) {
    if (is_behind_round(*behind_rounds_[i])) continue;
    ready_.push_front(behind_rounds_[i]);
    behind_rounds_.erase(behind_rounds_.begin() + static_cast<std::ptrdiff_t>(i));
  }
}

}  // namespace stator::core
