// What work does for indexes: builds one step of an index that is built, erases some entries of one
// that is dropped, and lets all lanes change an index's state at one moment.
//
//   building   each lane indexes the documents that it has, in the order of their ids; writes keep
//   the
//              index from the beginning. When a lane is done it asks all: ready if all are.
//   failed     a claim that two documents have, or a value that cannot be claimed: all lanes at
//   once. dropping   each lane erases; when it has none left it asks all: gone if no lane has any.
//
// Notes of work for all lanes are payloads of index_state records: state u8, name (size u8, bytes),
// reason (the rest).
#pragma once

#include "stator/engine.hpp"

#include "document_engine.h"

namespace stator::document {

// State of a record that says that the index is gone.
inline constexpr std::uint8_t kGoneState = 0xff;
struct StateChange {
  std::uint8_t state;  // IndexState, or kGoneState
  std::string_view name;
  std::string_view reason;
};
std::string state_record(const StateChange& change);
// Throws std::runtime_error for bytes that no such record has.
StateChange read_state_record(std::string_view payload);

// Entries that one record of an index that is dropped erases.
inline constexpr std::size_t kErasedMax = 256;

// One step for an index of the collection that needs one, or what all lanes must do for it.
Status work_on_indexes(const DocumentEngine& engine, const Work& work, Records& records,
                       Reply& reply);
// The part of one lane in what all do.
Status change_state(const DocumentEngine& engine, const Work& work, Records& records, Reply& reply);

}  // namespace stator::document
