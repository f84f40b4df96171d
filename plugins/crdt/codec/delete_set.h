// Sets of element ids as ranges per client, and state vectors.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "codec/id_hash.h"
#include "codec/update.h"

namespace stator::crdt {

// Descending clients: the order of the wire.
using DeleteSet = std::map<std::uint64_t, std::vector<ClockRange>, std::greater<>>;

// Sorts and joins ranges that touch or overlap.
void normalize(std::vector<ClockRange>& ranges);
void add_deletes(const Update& update, DeleteSet& out);
// The ranges must be normalized.
void write_delete_set(ByteWriter& out, const DeleteSet& set);

// Client id -> first clock that is not known. A clock may exceed what a document can hold.
using StateVector = std::unordered_map<std::uint64_t, std::uint64_t, IdHash>;

// nullptr, or a sentence about what is wrong with the untrusted bytes.
const char* decode_state_vector(std::string_view bytes, StateVector& out);

}  // namespace stator::crdt
