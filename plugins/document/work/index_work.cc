#include "work/index_work.h"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "index/index_entries.h"
#include "ops/write_document.h"
#include "storage.h"
#include "work/build_range.h"

namespace stator::document {
namespace {

// What applies a step is not in the slice: some 5 us a document and index.
constexpr std::uint32_t kStepDocumentsMax = 64;
constexpr std::size_t kStepBytesMax = 256 * 1024;
// Two cursors each, beside those of the sweep: a call has 16.
constexpr std::size_t kDroppingMax = 3;

class Step {
 public:
  Step(const Work& work, const IndexDefinition& index, Records& records)
      : work_(work), index_(index), records_(records) {}

  Status build(Reply& reply) {
    const Kv kv = work_.kv();
    Cursor cursor = kv.scan(Space::kDocuments, {.lower = index_.built_up_to});
    std::size_t bytes = 0;
    std::string to;
    bool has_next = cursor.next();
    for (; has_next && documents_ < kStepDocumentsMax && bytes < kStepBytesMax;
         has_next = cursor.next()) {
      if (documents_ > 0 && work_.interrupted()) break;
      bytes += cursor.value().size();
      ++documents_;
      if (!index_.is_unique()) continue;
      const Value root = open_document(cursor.value()).root;
      const Status status = claim_existing(index_, cursor.key(), root, records_, reply);
      if (status != STATOR_OK) return status;
    }
    if (has_next) to = cursor.key();
    records_.add(work_.vshard(), RecordType::kIndexBuild,
                 build_record({index_.name, documents_, index_.built_up_to, to}));
    return STATOR_OK;
  }

 private:
  const Work& work_;
  const IndexDefinition& index_;
  Records& records_;
  std::uint32_t documents_ = 0;
};

// A lane without vShards has no documents.
bool is_built(const Work& work, const IndexDefinition& index) {
  return index.is_built || work.vshard() == STATOR_VSHARD_EVERY;
}

// What the turn before was refused for, if that was this index.
bool find_failure(const Work& work, const IndexDefinition& index, IndexState& state) {
  if (work.refusal_field() != index.name) return false;
  state = work.refusal() == STATOR_E_UNIQUE_VIOLATION ? IndexState::kDuplicate : IndexState::kUnfit;
  return work.refusal() == STATOR_E_UNIQUE_VIOLATION ||
         work.refusal() == STATOR_E_REJECTED_CONSTRAINT;
}

Status tell_all(const Work& work, const IndexDefinition& index, IndexState state,
                std::string_view reason) {
  work.everywhere(state_record({static_cast<std::uint8_t>(state), index.name, reason}));
  return STATOR_OK;
}

}  // namespace

std::string state_record(const StateChange& change) {
  std::string record = {static_cast<char>(change.state), static_cast<char>(change.name.size())};
  return record.append(change.name).append(change.reason);
}

StateChange read_state_record(std::string_view payload) {
  const std::size_t size = payload.size() < 2 ? 0 : static_cast<std::uint8_t>(payload[1]);
  if (payload.size() < 2 + size) throw std::runtime_error("a record of an index's state is cut");
  return {static_cast<std::uint8_t>(payload[0]), payload.substr(2, size), payload.substr(2 + size)};
}

// Steps come first: what all lanes must agree on may take them some seconds.
Status work_on_indexes(const DocumentEngine& engine, const Work& work, Records& records,
                       Reply& reply) {
  const IndexDefinitions& indexes = engine.indexes().of(work.tenant(), work.collection());
  const auto find_if = [&](auto&& is_it) {
    const auto found = std::find_if(indexes.begin(), indexes.end(), is_it);
    return found == indexes.end() ? nullptr : &*found;
  };
  const auto is_building = [](const IndexDefinition& index) {
    return index.state == IndexState::kBuilding;
  };
  IndexState failure{};
  const auto* failed = find_if([&](const IndexDefinition& index) {
    return is_building(index) && find_failure(work, index, failure);
  });
  if (failed != nullptr) return tell_all(work, *failed, failure, work.refusal_sentence());
  const auto* open = find_if(
      [&](const IndexDefinition& index) { return is_building(index) && !is_built(work, index); });
  if (open != nullptr) {
    work.wake();
    return Step(work, *open, records).build(reply);
  }
  const auto is_dropping = [](const IndexDefinition& index) {
    return index.state == IndexState::kDropping;
  };
  std::size_t looked_at = 0;
  const auto* full = find_if([&](const IndexDefinition& index) {
    return is_dropping(index) && ++looked_at <= kDroppingMax && has_entries(work.kv(), index);
  });
  if (full != nullptr) {
    records.add(work.vshard(), RecordType::kIndexErase, full->name);
    work.wake();
    return STATOR_OK;
  }
  if (const auto* built = find_if(is_building)) {
    return tell_all(work, *built, IndexState::kReady, {});
  }
  if (const auto* empty = find_if(is_dropping)) {
    work.everywhere(state_record({kGoneState, empty->name, {}}));
  }
  return STATOR_OK;
}

Status change_state(const DocumentEngine& engine, const Work& work, Records& records,
                    Reply& reply) {
  const StateChange change = read_state_record(work.note());
  const IndexDefinition* index =
      engine.indexes().find(work.tenant(), work.collection(), change.name);
  const bool is_gone = change.state == kGoneState;
  const IndexState from = is_gone ? IndexState::kDropping : IndexState::kBuilding;
  if (index == nullptr || index->state != from) return STATOR_OK;  // dropped meanwhile
  const bool is_ready = change.state == static_cast<std::uint8_t>(IndexState::kReady);
  if (is_ready && !is_built(work, *index)) {
    return reply.fail(STATOR_E_CONFLICT_RETRY, nullptr, "a lane has documents to index");
  }
  if (is_gone && has_entries(work.kv(), *index)) {
    return reply.fail(STATOR_E_CONFLICT_RETRY, nullptr, "a lane has entries to erase");
  }
  records.add(STATOR_VSHARD_EVERY, RecordType::kIndexState, work.note());
  return STATOR_OK;
}

}  // namespace stator::document
