// A document in stator.kv: an image (the whole state as one update, and what roots have held) and
// the updates that came since. See keys.h for the keys.
//
// What is stored is a function of the updates alone, in their order: never of what a cache holds.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "stator/engine.hpp"

#include "doc/document.h"
#include "storage/document_head.h"

namespace stator::crdt {

// False if no such document is stored.
bool read_head(const Kv& kv, std::string_view document_id, DocumentHead& head);

// The document as stored. Throws std::runtime_error where the stored bytes are damaged.
Document load_document(const Kv& kv, std::string_view document_id, const DocumentHead& head);

// Puts one update behind the image; true when the tail should be folded now.
bool append_update(KvWriter& kv, std::uint32_t vshard, std::string_view document_id,
                   std::string_view update);

// Makes image and tail one new image; returns the document as a later load_document would.
Document fold_tail(KvWriter& kv, std::uint32_t vshard, std::string_view document_id);

}  // namespace stator::crdt
