#include "server/wal_command.h"

#include <algorithm>
#include <map>

#include "stator/json_writer.hpp"

#include "base/base64.h"
#include "base/thread_role.h"
#include "data/core/kernel_record.h"
#include "data/store/store.h"
#include "server/key_file.h"
#include "server/layout.h"
#include "wal/log_check.h"
#include "wal/log_cut.h"
#include "wal/recovery.h"
#include "wal/segment_reader.h"

namespace stator::server {
namespace {

constexpr int kExitDamaged = 1;

using EngineNames = std::map<EngineNumber, std::string>;

// A data directory that no server runs on.
struct StoppedData {
  std::unique_ptr<io::File> lock;
  wal::CheckOptions options;
  EngineNames names;
};

void read_names(store::Store& store, EngineNames& names) STATOR_ON(lane) {
  store.begin_turn();
  core::each_engine_number(
      store, [&](EngineNumber number, ByteView id) { names[number] = std::string(id); });
  store.end_turn();
}

Result<StoppedData> open_stopped(const std::string& data_dir) {
  io::FileSystem& files = io::posix_file_system();
  STATOR_TRY(const bool is_there, files.exists(data_dir + "/LAYOUT"));
  if (!is_there) {
    return Error(ErrorCode::kBadRequest, "data-dir",
                 data_dir + " is no data directory: it has no LAYOUT");
  }
  StoppedData data;
  STATOR_TRY(data.lock, files.lock(data_dir + "/LOCK"));
  STATOR_TRY(const Layout layout, open_layout(files, data_dir, 0));
  const std::string stores = store_directory(data_dir, layout.generation);
  Lsn oldest{std::numeric_limits<std::uint64_t>::max() - 1};
  Lsn newest;
  const ActsAs role(threads::lane);  // none runs
  for (std::uint32_t lane = 0; lane < layout.lanes; ++lane) {
    store::StoreOptions options;
    options.directory = lane_directory(stores, lane);
    Lsn applied;
    // One that a start did not come to make holds nothing.
    STATOR_TRY(const bool is_made, files.exists(options.directory + "/data.mdb"));
    if (is_made) {
      STATOR_TRY(const auto store, store::Store::open(options));
      applied = store->applied();
      read_names(*store, data.names);
    }
    oldest = std::min(oldest, applied);
    newest = std::max(newest, applied);
  }
  data.options = {.directory = data_dir + "/wal",
                  .oldest_needed = oldest.value() + 1,
                  .newest_held = newest.value(),
                  .is_whole = false};
  STATOR_TRY(const bool has_log, files.exists(data.options.directory));
  if (!has_log) return Error(ErrorCode::kBadRequest, "data-dir", data_dir + " has no log yet");
  return data;
}

void print(std::ostream& out, json::StringOut& line) { out << line.take() << '\n'; }

// ---- inspect ------------------------------------------------------------------------------------

class Inspection {
 public:
  Inspection(const WalCommand& command, StoppedData& data, std::ostream& out)
      : command_(command), data_(data), out_(out) {}

  Status run() {
    STATOR_TRY(const auto segments,
               wal::find_segments(io::posix_file_system(), data_.options.directory));
    for (const wal::Segment& segment : segments) STATOR_CHECK(take(segment));
    return ok_status();
  }

 private:
  // What a segment holds.
  struct Content {
    std::uint64_t bytes = 0;
    std::uint64_t batches = 0;
    std::uint64_t records = 0;
    Lsn last;
    std::optional<wal::KeyId> key;
    std::string problem;
  };
  Status take(const wal::Segment& segment);
  Status read(const wal::Segment& segment, ByteView bytes, Content& content);
  void print_segment(const wal::Segment& segment, const Content& content);
  void note(const wal::RecordView& record);
  void print_record(const wal::RecordView& record, Lsn lsn, std::uint64_t time_ms);
  void print_batch(wal::BatchReader& batch);

  const WalCommand& command_;
  StoppedData& data_;
  std::ostream& out_;
};

// The dictionary grows while the log is read.
void Inspection::note(const wal::RecordView& record) {
  if (record.engine != core::kKernelEngine) return;
  if (record.type != static_cast<std::uint32_t>(core::KernelRecord::kEngineNumber)) return;
  if (const auto entry = core::decode_engine_number(record.payload))
    data_.names[entry->first] = entry->second;
}

void Inspection::print_record(const wal::RecordView& record, Lsn lsn, std::uint64_t time_ms) {
  json::StringOut line;
  json::Writer json(line);
  json.begin_object().field("lsn", lsn.value()).field("time_ms", time_ms);
  json.field("engine_number", std::uint32_t{record.engine.value()}).key("engine");
  const auto name = data_.names.find(record.engine);
  if (record.engine == core::kKernelEngine) {
    json.string("kernel");
  } else if (name != data_.names.end()) {
    json.string(name->second);
  } else {
    json.null();
  }
  json.field("type", record.type).field("tenant", record.tenant.value()).key("vshard");
  if (record.vshard == kEveryVShard) {
    json.string("every");
  } else {
    json.number(record.vshard.value());
  }
  json.field("collection", record.collection)
      .field("payload_bytes", std::uint64_t{record.payload.size()});
  if (command_.has_payloads)
    json.field("payload", std::string_view(base64_encode(record.payload)));
  json.end_object();
  print(out_, line);
}

void Inspection::print_batch(wal::BatchReader& batch) {
  wal::RecordView record;
  Lsn lsn;
  while (batch.next(record, lsn)) {
    note(record);
    const bool is_wanted = lsn.value() >= command_.from && lsn.value() <= command_.to;
    if (command_.has_records && is_wanted) print_record(record, lsn, batch.seal().time_ms);
  }
}

Status Inspection::read(const wal::Segment& segment, ByteView bytes, Content& content) {
  if (const auto header = wal::read_segment_header(bytes); header.ok()) {
    content.key = header.value().key;
  }
  auto reader = wal::SegmentReader::open(bytes, segment.path, data_.options.keys);
  if (!reader.ok()) {
    content.problem = "offset 0: " + reader.error().sentence();
    return ok_status();
  }
  wal::LogPosition position = reader.value().begin();
  STATOR_TRY(const wal::SegmentEnd end,
             reader.value().walk(position, [&](wal::BatchReader& batch, std::size_t) {
               ++content.batches;
               content.records += batch.count();
               print_batch(batch);
               return ok_status();
             }));
  if (!end.is_clean) content.problem = "offset " + std::to_string(end.offset) + ": " + end.reason;
  content.last = Lsn{position.next.value() - 1};
  return ok_status();
}

void Inspection::print_segment(const wal::Segment& segment, const Content& content) {
  json::StringOut line;
  json::Writer json(line);
  json.begin_object().field("segment", ByteView(segment.path).substr(segment.path.rfind('/') + 1));
  json.field("bytes", content.bytes).field("first_lsn", segment.first.value()).key("last_lsn");
  content.records == 0 ? json.null() : json.number(content.last.value());
  json.field("batches", content.batches).field("records", content.records).key("key");
  content.key ? json.number(content.key->value()) : json.null();
  json.key("problem");
  content.problem.empty() ? json.null() : json.string(content.problem);
  json.end_object();
  print(out_, line);
}

// Each segment for itself, so that one that is damaged does not hide those behind it.
Status Inspection::take(const wal::Segment& segment) {
  STATOR_TRY(const std::string bytes, io::read_file(io::posix_file_system(), segment.path));
  Content content;
  content.bytes = bytes.size();
  STATOR_CHECK(read(segment, bytes, content));
  print_segment(segment, content);
  return ok_status();
}

// ---- verify -------------------------------------------------------------------------------------

void print_damage(const wal::CheckOptions& options, const wal::LogCheck& found, bool is_needed,
                  std::ostream& out) {
  json::StringOut line;
  json::Writer json(line);
  json.begin_object()
      .field("event", std::string_view("damaged"))
      .field("segment", std::string_view(found.damage->path))
      .field("offset", found.damage->offset)
      .field("last_good_lsn", found.last_good().value())
      .field("reason", std::string_view(found.damage->reason));
  const auto target = is_needed ? wal::cut_target(options, found) : std::nullopt;
  json.key("command");
  target ? json.string(wal::cut_command(options.directory, *target, options.keys)) : json.null();
  json.field("way_on",
             is_needed || found.damage->is_stray
                 ? wal::way_on(options, found)
                 : std::string("nothing is lost: the stores hold these records, a start does not "
                               "read them, and checkpoints remove the segment"));
  json.end_object();
  print(out, line);
}

void print_verified(const wal::LogCheck& found, std::ostream& out) {
  json::StringOut line;
  json::Writer json(line);
  json.begin_object()
      .field("event", std::string_view("verified"))
      .field("segments", std::uint64_t{found.segments.size()})
      .field("first_lsn", found.begin.value())
      .field("last_lsn", found.last_good().value())
      .field("batches", found.batches)
      .field("records", found.records)
      .key("torn_tail");
  found.torn ? json.string(found.torn->path + ", offset " + std::to_string(found.torn->offset))
             : json.null();
  json.end_object();
  print(out, line);
}

Result<int> verify(const wal::CheckOptions& options, std::ostream& out) {
  STATOR_TRY(const wal::LogCheck needed, wal::check_log(io::posix_file_system(), options));
  if (needed.damage) {
    print_damage(options, needed, true, out);
    return kExitDamaged;
  }
  wal::CheckOptions all = options;
  all.is_whole = true;
  STATOR_TRY(const wal::LogCheck found, wal::check_log(io::posix_file_system(), all));
  if (found.damage) {
    print_damage(options, found, false, out);
    return kExitDamaged;
  }
  print_verified(found, out);
  return 0;
}

// ---- cut ----------------------------------------------------------------------------------------

Result<int> cut(const WalCommand& command, const wal::CheckOptions& options, std::ostream& out) {
  const Lsn to{command.cut_to};
  STATOR_TRY(const wal::CutPlan plan, wal::plan_cut(io::posix_file_system(), options, to));
  if (!command.is_sure) {
    return Error(ErrorCode::kBadRequest, "yes",
                 "records above LSN " + std::to_string(to.value()) +
                     " would be lost: " + plan.dropped() + "; nothing was changed, --yes does it");
  }
  STATOR_CHECK(wal::cut_log(io::posix_file_system(), plan));
  json::StringOut line;
  json::Writer json(line);
  json.begin_object()
      .field("event", std::string_view("cut"))
      .field("last_lsn", to.value())
      .field("dropped_bytes", plan.bytes())
      .field("removed_segments", std::uint64_t{plan.removed.size()})
      .end_object();
  print(out, line);
  return 0;
}

}  // namespace

Result<int> run_wal_command(const WalCommand& command, std::ostream& out) {
  wal::KeyRing keys;
  STATOR_CHECK(read_key_file(command.key_file, keys));
  STATOR_TRY(StoppedData data, open_stopped(command.data_dir));
  data.options.keys = &keys;
  switch (command.action) {
    case WalCommand::Action::kInspect:
      STATOR_CHECK(Inspection(command, data, out).run());
      return 0;
    case WalCommand::Action::kVerify:
      return verify(data.options, out);
    case WalCommand::Action::kCut:
      break;
  }
  return cut(command, data.options, out);
}

}  // namespace stator::server
