// A record of the log as the change that a subscriber sees: JSON, one event.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>

#include "base/byte_buffer.h"
#include "base/ids.h"
#include "plugin/catalog.h"
#include "wal/batch.h"

namespace stator::server {

// What one subscriber is shown.
struct ChangeQuery {
  TenantId tenant;
  std::string collection;  // empty: every one of the tenant
  bool has_values = true;
  Lsn from;
};

// Any one thread.
class ChangeWriter {
 public:
  // `numbers`: of every engine that the data directory has ever had, by id.
  ChangeWriter(const plugin::Catalog& catalog, const std::map<std::string, EngineNumber>& numbers);

  // Whether the record is a change that the query asks for: of its tenant and collection, and data,
  // not the kernel's own state and not what every lane keeps for itself.
  static bool is_shown(const wal::RecordView& record, const ChangeQuery& query);
  // Appends the event. What the engine does not describe is "changed", without a key; a value that
  // no frame could hold is left out, and the event says so.
  void write(const wal::RecordView& record, Lsn lsn, std::uint64_t time_ms, bool has_values,
             ByteBuffer& out);
  // History that is not there any more, both ends included.
  static void write_gap(Lsn from, Lsn to, ByteBuffer& out);
  // The first thing that a subscriber is told.
  static void write_subscribed(Lsn from, ByteBuffer& out);

 private:
  struct Source {
    std::string id;
    const plugin::Engine* engine = nullptr;  // null: it is not enabled
  };
  std::unordered_map<std::uint16_t, Source> sources_;
  ByteBuffer value_;  // of the record that is being written
};

}  // namespace stator::server
