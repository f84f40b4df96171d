// One CRDT document: a Yjs Y.Doc without observers, undo and awareness.
//
// It holds the items (Store) and what cannot be put in yet: structs and deletes that wait for
// updates still to come. Nothing that was applied is lost or counted twice, in whatever order and
// however often updates come; of two ways to write one element, the one that can go in first
// counts.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "codec/delete_set.h"
#include "codec/update.h"
#include "doc/store.h"
#include "doc/waiting_deletes.h"
#include "doc/waiting_structs.h"

namespace stator::crdt {

class Document {
 public:
  struct Options {
    // yjs 13 removes redundant formatting marks after remote changes, as new deletes. Off: the
    // server writes nothing that no user wrote.
    bool formatting_cleanup = false;
  };

  Document() = default;
  explicit Document(Options options) : options_(options) {}
  Document(Document&&) = default;
  Document& operator=(Document&&) = default;
  Document(const Document&) = delete;  // parts of it point into others
  Document& operator=(const Document&) = delete;

  // Never fails: what decode_update has passed can be applied.
  void apply(const Update& update);

  // Everything, or what lies beyond `since`, as an update; what waits is part of it.
  std::string encode_state() const { return encode_state({}); }
  std::string encode_state(const StateVector& since) const;
  std::string encode_state_vector() const;

  // Something that the update needs is neither in the document nor in the update itself.
  bool would_wait(const Update& update) const;

  const Store& store() const { return store_; }
  void note_seen(std::string_view root, std::uint8_t seen) { store_.note_seen(root, seen); }
  bool has_pending() const { return !waiting_.empty() || !waiting_deletes_.empty(); }
  std::size_t pending_bytes() const { return waiting_.bytes() + waiting_deletes_.bytes(); }
  // Structs and deleted ranges that wait.
  std::size_t pending_parts() const { return waiting_.parts() + waiting_deletes_.parts(); }
  // What was looked at of it so far: what tests count.
  std::uint64_t pending_steps() const { return waiting_.steps() + waiting_deletes_.steps(); }
  std::size_t memory_bytes() const { return store_.memory_bytes() + pending_bytes(); }

 private:
  // Returns the clients that moved on, and some that did not.
  std::vector<std::uint64_t> apply_structs(const Update& update);
  void apply_deletes(const Update& update);
  std::string encode_known(const StateVector& since) const;

  Options options_;
  Store store_;
  WaitingStructs waiting_;
  WaitingDeletes waiting_deletes_;
};

}  // namespace stator::crdt
