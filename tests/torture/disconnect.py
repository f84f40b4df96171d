#!/usr/bin/env python3
"""Switches one promise off at a time, in a copy of the tree, and wants a test to notice.

    tests/torture/disconnect.py [NAME...]     all of them, or those named
    tests/torture/disconnect.py --core        the four that CI runs
    tests/torture/disconnect.py --check       whether each text is still where its entry says; nothing is run

Each entry: name, file, text, what it becomes, the test program (and its arguments) that must fail then.
The same program must pass in the untouched copy first: else its failure would tell nothing.
"""
import os
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
COPY = ROOT / "build" / "disconnect"

CORE = "kernel/data/core/core_loop.cc"
TURN = "kernel/data/core/core_turn.cc"
BATCH = "kernel/data/core/core_batch.cc"
CLAIMS = "kernel/data/core/core_claims.cc"
DISPATCH = "kernel/control/dispatch/batch_dispatch.cc"
WAL = "kernel/wal/"
STORE = "kernel/data/store/"
SIMULATION = "simulation_test"
LOG = "kernel_wal_test"
DAMAGE = "kernel_data_store_test --gtest_filter=StoreDamageTest.*"
CALLS = "process_test --gtest_filter=FaultyCallsTest.*"
CORE_NAMES = ("group commit", "checkpoints run", "the log is replayed", "headers are checksummed")
GATE = "kernel/control/gate/gate.cc"
REPEATS = "kernel/control/gate/repeat_key.cc"
SESSION = "kernel/control/session/session.cc"
HELD = "kernel_control_session_test --gtest_filter=SessionHeldTest.*"
LEAKS = "leak_test"
PAGED = "kernel/control/session/session_pages.cc"
PAGES = "kernel_control_session_test --gtest_filter=SessionPagesTest.*"
PARSER = "kernel_control_session_test --gtest_filter=RequestParserTest.*"
LOADER = "client/load_documents.cc"
LOADS = "client_test --gtest_filter=LoadTest.*"
QUARANTINE = "kernel/server/quarantine_list.cc"
NAMES = "process_test --gtest_filter=*CollectionEngineTest."
CRASHES = "process_test --gtest_filter=*CrashTest.*:*CrashWaysTest.*:*PoisonTest.*"
ENTRIES = [
    ("a checkpoint goes to the disk in pieces", STORE + "checkpointer.cc", "  const io::PacedSync paced(is_awaited_);\n", "",
     "process_test --gtest_filter=CostTest.ACheckpoint*"),
    ("a stop ends a backup's stream as busy", "kernel/server/backup.cc",
     "  if (is_cancelled && is_stopping.load(std::memory_order_relaxed)) return stopped();\n", "",
     "kernel_server_test --gtest_filter=LaneBackupsTest.AStop*"),
    ("a lane whose clients only write writes the log itself", "kernel/server/lane.cc",
     "const bool may_write = may_write_log(events);", "const bool may_write = false;",
     "process_test --gtest_filter=CostTest.ALaneWhose*"),
    ("an answer of the core that waits for nothing is noted", CORE, "  if (is_durable) at_once_ns_ = now_ns_;\n", "",
     "process_test --gtest_filter=CostTest.BesideReadsOfTheSame*"),
    ("who is sent parts of a stream is noted", "kernel/server/lane.cc",
     "    inline_commit_.served_other(events.now_ns());\n    events.on_answer(task);\n", "    events.on_answer(task);\n",
     "process_test --gtest_filter=CostTest.BesideASubscriber*"),
    ("a slow disk is left to the writer", "kernel/server/lane.cc",
     "    inline_commit_.took(begin_ns, system_clock().monotonic_ns());\n", "",
     "process_test --gtest_filter=CostTest.ALaneDoesNotWaitForASlowDisk"),
    ("what is waited for is not paced", STORE + "checkpointer.cc",
     "  is_awaited_.store(true, std::memory_order_relaxed);\n", "", "process_test --gtest_filter=CostTest.AStop*"),
    ("the error of a piece is the sync's", "kernel/io/paced_sync.cc",
     "kWriteAndWait) != 0) return false;", "kWriteAndWait) != 0) return true;",
     "kernel_io_test --gtest_filter=PacedSyncTest.*"),
    ("who is served without the log is noted", "kernel/server/lane.cc",
     "  if (!all_wait) inline_commit_.served_other(events.now_ns());\n", "",
     "process_test --gtest_filter=CostTest.BesideWho*"),
    ("a lane writes the log once a turn", "kernel/server/lane.cc",
     "    send(events, false);\n", "    for (int i = 0; i < 9 && (send(events, false), shared_.log->commit_here()); ++i) work(events);\n",
     "process_test --gtest_filter=*HttpCommitTest.*"),
    ("the writer wakes when space is wanted while a lane writes", WAL + "local_log.cc",
     "is_due = is_writer_due() && must_wake_writer();", "is_due = (is_flushed_ || is_closing_) && must_wake_writer();",
     "kernel_wal_test --gtest_filter=CommitHereTest.*"),
    ("what waits for an LSN ends where lanes come to a stand", "kernel/data/core/core_turn.cc",
     "(is_early && is_background_on_)", "is_early",
     "process_test --gtest_filter=*StopTest.*"),
    ("a flag in a client's cursor is one", "plugins/document/aggregate/part_bytes.h", " || byte > 1", "",
     "document_test --gtest_filter=*ACursorWithinAGroup*"),
    ("answers to other lanes leave before a lane sends", "kernel/server/lane.cc",
     "  work(events, core::TurnPart::kMoreToCome);\n  dispatcher_.flush();\n",
     "  work(events, core::TurnPart::kMoreToCome);\n", "process_test --gtest_filter=SlowSendTest.*"),
    ("requests for other lanes leave before a lane's own part", "kernel/server/lane.cc",
     "  read_sockets(events, ready);\n  dispatcher_.flush();\n", "  read_sockets(events, ready);\n",
     "process_test --gtest_filter=StuckLaneTest.WhatItRead*"),
    ("what is sent behind a digest does not hold it up", SESSION, "  flow_.kind = FlowKind::kMaintenance;\n", "",
     "conversation_test --gtest_filter=*digest_pipelined*"),
    ("lanes keep one schema", "plugins/document/ops/document_validate.cc", "  records.together();", "  //",
     "process_test --gtest_filter=EveryLaneTest.*"),
    ("values in a client's cursor are checked", "plugins/document/scan/sort.cc",
     "out.exists[i] && !take_checked(bytes, out.values[i])",
     "out.exists[i] && (out.values[i] = read_value(bytes), bytes.remove_prefix(out.values[i].bytes.size()), false)",
     "document_test --gtest_filter=*CursorTest*"),
    ("a checkpoint that failed is tried again soon", CORE, "now_ns_ + checkpoint_retry_ns_;",
     "now_ns_ + kCheckpointRetryNsMax;", "kernel_data_core_test --gtest_filter=CheckpointTest.*"),
    ("names that nobody has are kept apart", "kernel/control/auth/lockout.cc", "is_known ? users_ : strangers_",
     "users_", "kernel_control_auth_test --gtest_filter=LockoutTest.*"),
    ("a backup waits for a client that does not read, and not for ever", "kernel/server/backup_stream.cc",
     "is_closed_ || part_.payload.size() < kBackupAheadBytes", "true",
     "kernel_server_test --gtest_filter=BackupStreamTest.WhoTakes*"),
    ("a client that leaves ends its backup", "kernel/server/backup_worker.cc",
     "  stream->close();\n", "", "process_test --gtest_filter=PulledBackupTest.ACancel*"),
    ("what was pulled is held against its MANIFEST", "client/pulled_backup.cc", "  end();\n  verify();\n",
     "  end();\n", "client_test --gtest_filter=PullTest.*"),
    ("a backup to its client does not go to a directory", SESSION,
     "  if (session_op_of(*host_.table, *task) == SessionOp::kBackupStream) return start_stream(task);\n",
     "", "process_test --gtest_filter=PulledBackupTest.TheFilesCome*"),
    ("a collection's engine says which op a name means", "kernel/control/ops/op_table.cc",
     "    if (id == engine) return entry;\n", "    if (id == engine && anywhere == nullptr) return entry;\n",
     NAMES + "EachCollections*"),
    ("the collection that counts chooses the op", "kernel/control/session/request_parser.cc",
     "      read_string(reader, found);\n      continue;", "      read_string(reader, found);\n      return found;",
     NAMES + "OneCollectionChooses*"),
    ("what a name means in one collection is not guessed in another", "kernel/control/session/request_parser.cc",
     "if (pass.chosen_by) order = nullptr;", "", NAMES + "EachCollections*:*CollectionEngineTest.OneCollectionChooses*"),
    ("a lane hears whose a collection is", "kernel/control/auth/policy_book.cc",
     "      collections_version_.fetch_add(1, std::memory_order_release);\n      break;", "      break;",
     NAMES + "EachCollections*"),
    ("a collection whose engine is away answers nothing else", GATE,
     "if (!is_builtin && identity.absent_in(task.collection) != nullptr) {", "if (false) {",
     NAMES + "ACollectionWhoseEngineIsAway*"),
    ("a key of a repeat is one engine's", REPEATS,
     "  append_text(text, entry.label);\n  append_text(text, task.collection);\n  if (",
     "  append_text(text, entry.row->name);\n  append_text(text, task.collection);\n  if (", NAMES + "InBatches*"),
    ("a name that all want for themselves is nobody's elsewhere", "kernel/plugin/catalog.cc",
     "    if (is_meant_everywhere(engine, row, name)) names_.emplace(name, index);", "    names_.emplace(name, index);",
     NAMES + "WithoutTheOther*"),
    ("versions of an engine that would share state are refused", "sdk/library/library_rules.cc",
     "if (!image.shared.empty()) {", "if (false) {", "kernel_plugin_test --gtest_filter=LibraryTest.*"),
    ("a filter is a dependency", "sdk/library/elf_image.cc",
     "        case DT_FILTER:\n        case DT_AUXILIARY:\n", "", "kernel_plugin_test --gtest_filter=HostileFileTest.*"),
    ("a conformance that is wanted is there", "kernel/plugin/library_file.cc",
     "if (entry->second.conformance < min_conformance) {", "if (false) {", "kernel_plugin_test --gtest_filter=LockFileTest.*"),
    ("memory of malloc is counted", "kernel/io/heap_count.cc",
     "{ return taken(next().take(bytes)); }", "{ return next().take(bytes); }", "kernel_io_test --gtest_filter=HeapCountTest.*"),
    ("who calls exit in a call is reported", "kernel/io/crash_report.cc",
     "if (in_flight != nullptr) std::abort();", "", "process_test --gtest_filter=*CrashWaysTest*exit"),
    ("the kernel's names are nobody else's", "kernel/control/ops/op_table.cc",
     "if (catalog.claims().contains(row.name)) {", "if (catalog.find(row.name) != nullptr) {",
     "kernel_control_ops_test --gtest_filter=OpTableTest.ANameOfTheKernel*"),
    ("the engines of collections go with their tenant", "kernel/system/tenants.cc",
     "{kSpaceRole, kSpaceRowPolicy, kSpaceCollectionEngine}", "{kSpaceRole, kSpaceRowPolicy}",
     NAMES + "ADroppedTenant*"),
    ("group commit", WAL + "local_log.cc",
     "  is_flush_due_.store(true, std::memory_order_release);\n  return first;",
     "  is_flushed_ = true;\n  if (must_wake_writer()) wake_.post();\n  return first;", LOG),
    ("answers wait for durability", CORE,
     "if (is_durable || task->is_held_by_session) return", "return", SIMULATION),
    ("sessions hold what is not durable", SESSION,
     "task->is_held_by_session = task->answer_after > host_.watermark();", "task->is_held_by_session = false;", HELD),
    ("an answer waits for what its merge saw", CORE,
     "  if (!is_read || task.consistency == Consistency::kStrong) task.answer_after = last_applied_;\n",
     "  static_cast<void>(is_read);\n", "work_simulation_test"),
    ("what is answered at once is taken in turns", SESSION, "answered_at_once() >= kAnsweredAtOnceMax", "false",
     "kernel_control_session_test --gtest_filter=SessionTurnTest.*"),
    ("who has much to read reads first", SESSION, " || is_output_full();", ";",
     "process_test --gtest_filter=FloodTest.SmallRequests*"),
    ("a connection's backlog has its next turn", "kernel/control/net/connection.h",
     "return has_backlog() || (tls_", "return (tls_", "process_test --gtest_filter=FloodTest.AllOfMany*"),
    ("clients leave files for the log", "kernel/control/net/event_loop.cc", "if (budget_.is_used_up()) {", "if (false) {",
     "process_test --gtest_filter=OpenFilesTest.ClientsLeave*"),
    ("a lane that cannot accept does not spin", "kernel/control/net/event_loop.cc", "    return stop_listening();\n", "    return;\n",
     "process_test --gtest_filter=OpenFilesTest.WhereNoneIsLeft*"),
    ("a server raises its limit of files", "kernel/io/open_files.cc", "setrlimit(RLIMIT_NOFILE, &raised) == 0", "raised.rlim_cur == 0",
     "process_test --gtest_filter=OpenFilesTest.TheServerRaises*"),
    ("guesses that are sent together are limited", "kernel/control/session/session_flows.cc",
     "    if (!allowed.ok()) return turn_away(request, username, allowed.error());\n", "", "process_test --gtest_filter=LoginTest.GuessesThatAreSent*"),
    ("an older certificate is noticed", "kernel/io/file_stamp.cc", "    add(found.st_ino);\n    add(static_cast<std::uint64_t>(found.st_size));\n", "    if (found.st_mtim.tv_sec + 3600 < time(nullptr)) continue;\n",
     "process_test --gtest_filter=TlsTest.ANewCertificateIsNoticed*"),
    ("who waits for a long read is told in time", "kernel/data/core/long_reads.cc", "    refuse_waiting(ended);\n", "",
     "kernel_data_core_test --gtest_filter=LongReadsTest.WhoWaits*"),
    ("what is large is read last", "kernel/server/lane.cc", "    if (events.is_amid_large(at)) {\n      large_.push_back(at);\n    } else if (", "    if (",
     "process_test --gtest_filter=FloodTest.WhoAsksForLittle*"),
    ("handshakes are limited", "kernel/control/net/event_loop.cc", "if (tls != nullptr && !may_shake_hands()) {", "if (false) {",
     "process_test --gtest_filter=TlsTest.HandshakesASecond*"),
    ("a mark of a dropped tenant is one lane's", "kernel/data/core/state_digest.cc",
     "if (key.engine == kKernelEngine && key.space == kSpaceDropped) continue;", "",
     "kernel_data_core_test --gtest_filter=StateDigestTest.*"),
    ("names are guessed", "kernel/control/session/field_order.h", "if (place >= kPlacesMax) return kUnknown;",
     "if (place < kPlacesMax + 1) return kUnknown;", "request_cost_test"),
    ("a guess stands for the op whose fields it learned", "kernel/control/session/request_parser.cc",
     "if (pass.order != nullptr) pass.order = &order_of(entry);", "", PARSER),
    ("a strict request's names are all read", "kernel/control/session/request_parser.cc", "is_strict ? nullptr : &orders_.front()", "&orders_.front()", PARSER),
    ("held answers count as owed", "kernel/control/session/session_held.cc",
     "  ++in_flight_;  // until it is told\n", "", HELD),
    ("strong reads wait for what they saw", CORE,
     "if (task.consistency == Consistency::kStrong) task.answer_after = seen_by(task);", "", SIMULATION),
    ("checkpoints run", CORE,
     "is_checkpointing_ = store.start_checkpoint(durable);", "is_checkpointing_ = false;", SIMULATION),
    ("no checkpoint while a batch is held", CORE, "  if (is_holding_) return false;\n", "", SIMULATION),
    ("repeats are found", CORE, "if (task.idempotency_key.empty() ||\n      !Idem", "if (true ||\n      !Idem", SIMULATION),
    ("the log is replayed", CORE, "if (!is_mine(record.vshard)) return ok_status();", "return ok_status();",
     SIMULATION),
    ("a batch holds its lanes", BATCH, "  is_holding_ = true;", "  is_holding_ = false;", SIMULATION),
    ("a batch is applied everywhere", BATCH, "if (!is_mine(record.vshard)) continue;", "continue;", SIMULATION),
    ("a key that is taken is refused", CLAIMS, "  return violation(*taker, held.value, is_batch);", "  return ok_status();",
     SIMULATION),
    ("two of one request cannot take one key", CLAIMS,
     "    if (taker != nullptr && taker->owner != claim.owner)\n      return violation(claim, taker->owner, is_batch);\n", "",
     SIMULATION),
    ("each lane checks its keys", DISPATCH, "if (has_claims) return send_parts(batch, TaskKind::kBatchCheck);", "", SIMULATION),
    ("a round takes the lanes of all keys", DISPATCH, "if (wanted != held) return cancel_parts(batch, true);", "", SIMULATION),
    ("a connection keeps its order behind a round", CLAIMS,
     "if (task.connection == bridge::kNoConnection || !may_wait) return false;", "return false;", SIMULATION),
    ("a batch begins again behind a round", TURN, "    task->wants_round = true;\n    return answered.push_back(task);\n", "", SIMULATION),
    ("a value that is given up is free", "plugins/document/ops/write_document.cc",
     "if (!before.empty()) claim(true, before, {});", "", "document_test"),
    ("what is over vanishes from walks", "plugins/document/scan/selection.h",
     "(ttl_.empty() || !is_over(ttl_, root, now_ms_))", "true", "document_test --gtest_filter=*Ttl*"),
    ("what is over is not found by its id", "plugins/document/storage.cc",
     "  if (engine.is_over(request, found.root)) return false;\n", "", "document_test --gtest_filter=*Ttl*"),
    ("what is over is removed", "plugins/document/plugin.cc",
     "    if (const auto at = over_at(index, root)) record.wake(*at);\n", "", "document_test --gtest_filter=*Ttl*"),
    ("alarms are set again at a start", "plugins/document/plugin.cc",
     "    if (index.is_ttl() || !index.is_ready()) open.wake(entry.tenant, entry.collection);\n", "", "document_test --gtest_filter=*Ttl*"),
    ("work is done", "kernel/data/core/core_work.cc",
     "  if (!work_.take(place)) return false;", "  return false;", "work_simulation_test"),
    ("a clean stop waits for what work wrote", "kernel/data/core/core_loop.h",
     "           (is_work_ahead() ? 1 : 0);", "           0 * (is_work_ahead() ? 1 : 0);", "work_simulation_test"),
    ("work for all lanes is a round", "kernel/control/dispatch/dispatcher.cc",
     "  auto sent = split_all(work, true);", "  auto sent = split_all(work, false);", "work_simulation_test"),
    ("claims of a dropped index are gone", "plugins/document/index/index_entries.cc",
     "for (const std::uint8_t space : {Space::kEntries, Space::kClaims}) {", "for (const std::uint8_t space : {Space::kEntries}) {",
     "document_test"),
    ("an index that is built is not used", "plugins/document/scan/planner.cc",
     "if (!index.is_ready() || !holds_all(index, terms)) continue;", "if (!holds_all(index, terms)) continue;",
     "document_test --gtest_filter=*IndexBuild*"),
    ("all lanes must be done before an index is ready", "plugins/document/work/index_work.cc",
     "if (is_ready && !is_built(work, *index)) {", "if (false) {", "document_test --gtest_filter=*IndexBuild*"),
    ("an index that failed refuses nothing", "plugins/document/index/definition.h",
     "return is_ready() || state == IndexState::kBuilding;", "return true;", "document_test --gtest_filter=*IndexBuild*"),
    ("crashes name their engine", "kernel/io/crash_report.cc", "    gather();  // what", "    // what", CRASHES),
    ("a signal from outside is no crash", "kernel/io/crash_report.cc",
     "!is_sent || info->si_pid == getpid();", "true;", CRASHES),
    ("a paused read has its own place", "kernel/data/core/long_reads.cc",
     "  in_flight = std::exchange(read.in_flight, nullptr);\n", "", "kernel_data_core_test"),
    ("what crashed twice is kept away", QUARANTINE, "  if (made->empty()) return nullptr;\n  return made;", "  return nullptr;", CRASHES),
    ("a fixed build begins anew", QUARANTINE, "if (report.sha256 == engine.sha256) reports", "reports", CRASHES),
    ("another record at the LSN is not to blame", QUARANTINE, "if (seen == nullptr || seen->record != record)", "if (seen == nullptr)", CRASHES),
    ("records in quarantine are parked", CORE, "if (it == engines.end() || is_kept)", "if (it == engines.end())", CRASHES),
    ("what is parked in quarantine stays", "kernel/data/core/parked_records.cc",
     "      if (stays(parked.record(), lsn_of(parked.key))) continue;\n", "", CRASHES),
    ("a record that crashes is not written again", CORE,
     "    STATOR_CHECK(options_.quarantine->check_records(batch_.records()));\n", "", CRASHES),
    ("a signature is verified", "kernel/plugin/lock_file.cc",
     "if (io::ed25519_verify(key.public_key, signature.bytes, message_of(lock.signed_text))) {", "if (true) {",
     "kernel_plugin_test --gtest_filter=*Lock*"),
    ("trusted keys want a signature", "kernel/server/engines.cc",
     "  STATOR_CHECK(plugin::check_signature(lock, trusted));\n", "", "process_test --gtest_filter=SignedLockTest.*"),
    ("batches in flight share no document", LOADER, "if (ids_.contains(document.id_hash)) return false;", "", LOADS),
    ("a load keeps how far it came", LOADER, "write_load_state(options_.state_path, state_);", "", LOADS),
    ("a load goes on with the same file only", LOADER, "input_.digest() != kept->sha256", "false", LOADS),
    ("a dump is verified before it is loaded", LOADER, "if (is_dump && is_file) verify_dump(options.path);",
     "static_cast<void>(is_dump && is_file);", LOADS),
    ("headers are checksummed", WAL + "batch.cc",
     "if (crc32c(header.substr(0, kAtHeaderCrc)) != field<std::uint32_t>(header, kAtHeaderCrc)) {",
     "if (false) {", LOG),
    ("the chain is checked", WAL + "segment.cc", "if (seal.previous_chain != position.chain)", "if (false)", LOG),
    ("damage is told from a torn tail", WAL + "segment_reader.cc",
     "commit.value().first >= next", "commit.value().first == Lsn{0}", LOG),
    ("what a file held before is no commit", WAL + "commit_codec.cc",
     "if (load_little<std::uint64_t>(bytes.data() + kAtMark) != mark_of(bytes, offset)) {", "if (false) {", LOG),
    ("no plain text stays in files that are used again", WAL + "segment_writer.cc", "may_keep(segments_.front().path))", "true)", LOG),
    ("a torn tail is cut", WAL + "recovery.cc", "  STATOR_CHECK(file->write_at(torn.offset, std::string(torn.end - torn.offset, '\\0')));\n",
     "", LOG),
    ("the directory is synced with a new segment", WAL + "segment_writer.cc",
     "  STATOR_CHECK(fatal(files_.sync_directory(options_.directory)));\n", "", LOG),
    ("a segment's header is durable before its name", WAL + "segment_writer.cc",
     "  STATOR_CHECK(fatal(file->write_at(0, header.view())));\n  STATOR_CHECK(fatal(files_.rename(maker_.path(), path)));\n",
     "  STATOR_CHECK(fatal(files_.rename(maker_.path(), path)));\n  STATOR_CHECK(fatal(file->write_at(0, header.view())));\n",
     LOG),
    ("the filter of tenants", "kernel/server/change_event.cc",
     "  if (record.tenant != query.tenant || record.tenant == TenantId{0}) return false;\n", "", "kernel_server_test"),
    ("history is held", "kernel/server/trim_gate.cc",
     "log_.trim(std::min(needed, history));", "log_.trim(needed);", "kernel_server_test"),
    ("history goes before writes are refused", WAL + "local_log.cc", "const bool has_space = give_back();",
     "const bool has_space = false;", LOG),
    ("streams pause", "kernel/control/session/session_streams.cc",
     "const bool has_room = output_.size() < kStreamBytesUnsentMax;", "const bool has_room = true;",
     "kernel_control_session_test"),
    ("a cancel is told", "kernel/control/dispatch/dispatcher.cc",
     "one->is_cancelled.store(true, std::memory_order_relaxed);", "", "kernel_control_dispatch_test"),
    ("priorities have weights", "kernel/base/limits.h", "kPriorityWeights = {1, 4, 16, 64};", "kPriorityWeights = {1, 1, 1, 1};",
     "kernel_data_core_test"),
    ("priorities are looked at", "kernel/data/core/run_queue.h",
     "classes_[static_cast<std::size_t>(task->priority)].push_back(task);", "classes_[1].push_back(task);",
     "conversation_test --gtest_filter=*one_lane_wire_priorities_overtake"),
    ("a write waits for long reads before it", "kernel/control/session/session_order.cc",
     "if (!order_.has_long || !is_write) return false;", "return false;", "kernel_control_session_test --gtest_filter=SessionOrderTest.*"),
    ("what waited stays behind a wide batch", "kernel/control/session/session_order.cc", "barrier_ == nullptr && ", "",
     "kernel_control_session_test --gtest_filter=SessionOrderTest.*"),
    ("long reads pause", "kernel/data/core/long_reads.cc", "  read.fiber.pause();\n", "", "kernel_data_core_test"),
    ("a paused read is looked at between slices", "kernel/data/core/long_reads.cc",
     "must_stop_ = read->fiber.is_paused() && is_unwanted(*read->task, looked_ns_);", "must_stop_ = false;",
     "kernel_data_core_test --gtest_filter=LongReadsTest.Deadline*"),
    ("a paused read sees its beginning", STORE + "memtable.cc",
     "  if (keep_for_ != 0) keep_past(*node, is_new);\n  set_stored(*node, stored, size);", "  set_stored(*node, stored, size);",
     "kernel_data_core_test --gtest_filter=LongReadsTest.*"),
    ("a ring that fills up refuses", "kernel/control/dispatch/dispatcher.cc",
     "if (open + requests <= room) return ok_status();", "if (open + requests <= kRingRoom) return ok_status();",
     "kernel_control_dispatch_test"),
    ("a stuck lane's waiters are answered", "kernel/control/dispatch/dispatch_stuck.cc",
     "    done.push_back(stand_in_for(*client));\n", "", "kernel_control_dispatch_test"),
    ("a stuck lane's rounds let the others go", "kernel/control/dispatch/dispatch_stuck.cc",
     "    if (!part->is_out) let_go(part);\n", "", "kernel_control_dispatch_test"),
    ("a late part of a round is taken back", DISPATCH,
     "  if (is_before_append && batch->is_abandoned) return let_go(part);\n", "", "kernel_control_dispatch_test"),
    ("rounds that wait for a slot are told of a stuck lane", "kernel/control/dispatch/dispatch_stuck.cc",
     "  if (!waiting_rounds_.empty()) abandon_waiting(lane, done);\n", "", "kernel_control_dispatch_test"),
    ("pipelined responses leave together", "kernel/server/lane.cc", "events.flush(round < kHttpRoundsOfTurnMax)", "events.flush(false)",
     "process_test --gtest_filter=CostTest.*"),
    ("who leaves a WebSocket is gone", "kernel/control/net/connection.h", "    if (has_left()) return true;\n", "",
     "process_test --gtest_filter=*GoneWebSocketTest.*"),
    ("who vanishes while it is sent something is noticed", "kernel/control/net/event_loop.cc",
     "connections_[i]->is_lost(listeners_.peer_timeout_ms)", "false", "process_test --gtest_filter=*VanishedClientTest.IsNoticedWhileItIsSent*"),
    ("who vanishes in silence is noticed", "kernel/control/net/listener.cc", "  set(SOL_SOCKET, SO_KEEPALIVE, 1);\n", "",
     "process_test --gtest_filter=*VanishedClientTest.IsNoticedWhereNothing*"),
    ("who answers no ping is gone", "kernel/control/http/exchange.cc", "      if (socket_->is_deaf()) return 1;\n", "",
     "process_test --gtest_filter=WebSocketPingTest.*"),
    ("a stuck lane is noticed", "kernel/server/lane.cc", "      dispatcher_.set_stuck(LaneId{peer}, done_);\n",
     "", "process_test --gtest_filter=StuckLaneTest.ItsWaiters*"),
    ("the server says that a lane is stuck", "kernel/bridge/lane_gauges.h", "now_ns - since > stuck_ns;", "false;",
     "kernel_control_session_test"),
    ("sockets are read slower at a full ring", "kernel/server/lane.cc",
     "dispatcher_.is_pressed() ? kReadBytesPressed : kReadBytesPerTurn", "kReadBytesPerTurn",
     "process_test --gtest_filter=FullRingTest.*"),
    ("what was taken at a full ring is answered", "kernel/control/dispatch/dispatcher.cc",
     "      for (std::size_t i = 0; i < n; ++i) take_out(away_[peer], *batch_[i]);\n", "",
     "process_test --gtest_filter=FullRingTest.*"),
    ("checkpoints are synced", STORE + "lmdb_env.cc", "MDB_NOTLS | MDB_NORDAHEAD, 0600", "MDB_NOTLS | MDB_NORDAHEAD | MDB_NOSYNC, 0600",
     CALLS),
    ("commits are synced", "kernel/io/posix_file_system.cc", "#include \"io/file_system.h\"\n",
     "#include \"io/file_system.h\"\n#undef O_DSYNC\n#define O_DSYNC 0\n", CALLS),
    ("free pages are used by the next checkpoint", STORE + "lmdb_env.cc", "  commit_again();\n", "", "kernel_data_store_test --gtest_filter=RoomTest.*"),
    ("the second of two dropped indexes goes too", "plugins/document/plugin.cc", "    record.wake();  // for the next one: a turn tells of one\n", "", "index_build_simulation_test"),
    ("runs fill their pages", STORE + "lmdb_env.cc", "growth.is_new && flags == 0 && !run.is_open()", "false", "kernel_data_store_test --gtest_filter=RoomTest.*"),
    ("what a run took out is put back", STORE + "lmdb_env.cc", "if (reason == 0) reason = run.end();", "", "kernel_data_store_test --gtest_filter=RoomTest.*"),
    ("stores of older formats are written anew", STORE + "lmdb_env.cc", "if (env->format_ == kFormat) return env;", "return env;", "kernel_data_store_test --gtest_filter=UpgradeTest.*"),
    ("numbers in keys are in order", STORE + "stored_key.cc", "kLongNumber + bytes - 1)", "kLongNumber + 4 - bytes)", "kernel_data_store_test --gtest_filter=StoredKeyTest.*"),
    ("entries have a digest", STORE + "lmdb_env.cc", "if (digest == sealed_digest(sum_, applied_)) return ok_status();",
     "return ok_status();", DAMAGE),
    ("a store is read before it is mapped", STORE + "lmdb_env.cc", "STATOR_TRY(const CheckedFile checked, check_lmdb_file(*file, path));\n  return checked.digest;",
     "return std::uint64_t{0};", "kernel_data_store_test"),
    ("free pages are not in use", STORE + "lmdb_check.cc", ": !is_used_[number]);", ": true);", DAMAGE),
    ("LAYOUT has a checksum", "kernel/server/layout.cc", "if (format == kLayoutFormat && !has_its_checksum(text))", "if (false && !has_its_checksum(text))",
     "kernel_server_test"),
    ("the gate asks for the op's permission", GATE, "  if ((granted & row.permission) == 0) {", "  if (false) {", LEAKS),
    ("the gate asks for the kernel ops' permissions", GATE, "if (row.permission != 0 && (granted", "if (false && (granted", LEAKS),
    ("the gate asks who it is", GATE, "  if (!identity.is_known) return unknown(identity, now_ns);\n  const stator_op& row",
     "  const stator_op& row", LEAKS),
    ("a grant is for its collection", "kernel/control/auth/policy_book.cc",
     "identity.rights.add(grant.collection,", "identity.rights.add({},", LEAKS),
    ("keys are prefixed with the tenant", STORE + "stored_key.cc",
     "write_number(write_number(to, engine.value()), tenant.value())",
     "write_number(write_number(to, engine.value()), 0 * tenant.value())", LEAKS),
    ("the tenant is the identity's", GATE, "  task.tenant = identity.tenant;\n  if (is_builtin)",
     "  task.tenant = TenantId{1};\n  if (is_builtin)", LEAKS),
    ("the gate says who calls", GATE, "    sign(identity, task);\n", "", LEAKS),
    ("an answer kept by one tenant is not another's", GATE, "    if (!task.idempotency_key.empty()) {", "    if (false) {", "conversation_test --gtest_filter=*key_of_another_tenant*"),
    ("row policies go with the request", GATE, "  task.rows = std::make_unique<const RowRules>(*rules);\n", "", LEAKS),
    ("ops that do not ask for rows are refused", GATE, "  if ((row.flags & STATOR_OP_ROWS_CHECKED) == 0) {", "  if (false) {", LEAKS),
    ("a walk over all documents asks for rows", "plugins/document/scan/candidates.h",
     "    const StoredDocument document = open_document(cursor.value());\n    if (!rows.is_visible(document.root.bytes)) continue;\n",
     "    const StoredDocument document = open_document(cursor.value());\n    static_cast<void>(rows);\n", LEAKS),
    ("a walk along an index asks for rows", "plugins/document/scan/range_walk.cc",
     "    if (!shown.is_visible(document.root.bytes)) continue;\n", "    static_cast<void>(shown);\n", "document_test --gtest_filter=*RowPolicyTest.*"),
    ("a walk along a range of an index asks for rows", "plugins/document/scan/candidates.h",
     "STATOR_E_CORRUPTED;\n    if (!rows.is_visible(document.root.bytes)) continue;\n", "STATOR_E_CORRUPTED;\n    static_cast<void>(rows);\n",
     "document_test --gtest_filter=*RowPolicyTest.*"),
    ("a range over all documents asks for rows", "plugins/document/scan/range_walk.cc",
     "    if (!shown.is_visible(root.bytes)) continue;\n", "    static_cast<void>(shown);\n", "document_test --gtest_filter=*RowPolicyTest.*"),
    ("a document by its id asks for rows", "plugins/document/storage.cc",
     "  if (!request.rows().is_visible(found.root.bytes)) return false;\n", "", LEAKS),
    ("a hidden document is not replaced", "plugins/document/storage.cc",
     "return rows.is_visible(row) && rows.may_write(row) ?",
     "return (rows.is_visible(row) && rows.may_write(row)) || true ?",
     "document_test --gtest_filter=*RowPolicyTest.*"),
    ("the new row is asked about", "plugins/document/ops/check_document.cc",
     "!rows.may_write(document.bytes)", "false", "document_test --gtest_filter=*RowPolicyTest.*"),
    ("parts on other lanes are bound", "kernel/control/dispatch/dispatcher.cc",
     "  if (parent->rows != nullptr) child->rows = std::make_unique<const RowRules>(*parent->rows);\n", "", LEAKS),
    ("a called op asks for rows", "kernel/data/host/call_service.cc",
     "if (call->task->rows != nullptr && (op->row", "if (false && (op->row", "kernel_data_host_test"),
    ("subscriptions are refused where policies bind", GATE,
     "  if (sees_every_row(identity, collection)) return ok_status();\n", "  return ok_status();\n", LEAKS),
    ("connections that buffer too much are ended", "kernel/control/net/event_loop.cc",
     "    if (buffered_bytes_[is_known] > buffered_bytes_max(is_known)) give_up_buffered(is_known);\n", "    static_cast<void>(is_known);\n",
     "process_test --gtest_filter=FloodTest.*"),
    ("answers that are not read count as buffered", "kernel/control/net/connection.h",
     "(unsent.empty() ? 0 : unsent.capacity());", "(unsent.empty() ? 0 : 0);", "process_test --gtest_filter=FloodTest.*"),
    ("answers that wait for one before them count as buffered", "kernel/control/net/connection.h",
     "session_.waiting_bytes() + (unsent", "(unsent", "process_test --gtest_filter=FloodTest.*"),
    ("who comes back goes on behind what it saw", "kernel/control/http/event_source.cc",
     "    query.from_lsn = *seen + 1;\n", "    query.from_lsn = *seen;\n", "kernel_control_http_test --gtest_filter=EventSourceTest.*"),
    ("silent event streams say something", "kernel/control/http/exchange_replies.cc",
     "  put_piece(kHeartbeat, session_.output());\n", "", "kernel_control_http_test --gtest_filter=ExchangeTest.*"),
    ("memory is measured as engines apply", CORE,
     "    const host::HeapScope heap(host_.memory, record.tenant);\n", "", "process_test --gtest_filter=QuotaTest.MemoryIsMeasured*"),
    ("memory is measured as engines open", "kernel/data/host/kv_service.cc",
     "    const HeapScope heap(call->host->memory, parts.tenant);\n", "", "process_test --gtest_filter=QuotaTest.MemoryIsMeasured*"),
    ("the kernel's memory is nobody's", "kernel/io/heap_count.h",
     "  ~Uncounted() { heap_bytes_of_thread = before_; }\n", "  ~Uncounted() { static_cast<void>(before_); }\n", "kernel_io_test --gtest_filter=HeapCountTest.*"),
    ("who holds too much memory adds nothing", GATE, "  return meter.check_room();\n", "  return ok_status();\n",
     "process_test --gtest_filter=QuotaTest.*"),
    ("arguments of one request are limited", GATE,
     "    STATOR_CHECK(check_arg_quotas(*identity.meter, row, task));\n", "", "conversation_test --gtest_filter=*quota_set*"),
    ("one connection holds a part of the room for requests", "kernel/control/session/session.h",
     "    return open_bytes_ >= host_.room.of_connection() ||\n", "    return\n",
     "kernel_control_session_test --gtest_filter=SessionRoomTest.*"),
    ("pages are asked for as the client reads", "kernel/control/session/session_streams.cc",
     "  stream.is_paused = !has_room;\n  if (!has_room) return;\n", "  stream.is_paused = !has_room;\n  if (!has_room && !stream.task->wants_pages) return;\n", PAGES),
    ("a page is admitted like a request", PAGED,
     "  STATOR_CHECK(gate::admit(identity_, entry, host_.table->catalog(), now_ns, task));\n", "", PAGES),
    ("a page has the request's time", PAGED, "  task.deadline_ns = now_ns + stream.page_ns;\n", "", PAGES),
    ("no page is asked for while lanes stand still", PAGED, "  if (host_.is_ending_streams) return streams_stop();\n", "", PAGES),
    ("the cursor of a page takes the place of the one before", PAGED, "stream.args_bytes, task.next_page", "task.args.size(), task.next_page", PAGES),
    ("a page that is away and not wanted is dropped", "kernel/control/dispatch/dispatch_stuck.cc",
     "Task* Dispatcher::replace(Task* task) {\n  task->is_abandoned = true;\n", "Task* Dispatcher::replace(Task* task) {\n", PAGES),
    ("a client that ends its side gets all pages", "kernel/control/session/session_streams.cc",
     "[](const Task& task) { return !task.wants_pages; });", "[](const Task&) { return true; });", PAGES),
    ("a part of a page ends where it is full", "plugins/document/scan/row_part.cc",
     "if (bytes_ > 0 && bytes_ + bytes > kPageBytesMax) {", "if (false) {", "document_test --gtest_filter=*APageEndsWhere*"),
    ("a page ends where a part was cut", "plugins/document/scan/sorted_rows.cc",
     "  is_cut_ = is_cut_ || lane.reader.is_cut();\n", "", "document_test --gtest_filter=*APageEndsWhere*"),
    ("what is behind a dropped group is passed over", "plugins/document/aggregate/groups.cc",
     "return !is_cut_ || compare_keys(key, cut_) < 0;", "return true;", "document_test --gtest_filter=*Aggregate*"),
    ("a page of groups ends where a lane dropped some", "plugins/document/aggregate/groups.cc",
     "    is_cut_ = is_cut_ || lane.is_cut;\n", "", "document_test --gtest_filter=*AggregateTest.*"),
    ("an aggregate without a limit is whole", "plugins/document/ops/document_aggregate.cc",
     "asked.page.limit == 0 || ", "", "document_test --gtest_filter=*Aggregate*"),
    ("one group is bounded over all lanes", "plugins/document/aggregate/groups.cc",
     "is_too_large_ = page_.limit == 0 || !make_room_in(row_);", "break;", "document_test --gtest_filter=*AggregateP*"),
    ("the page before a group that is too large is whole", "plugins/document/ops/document_aggregate.cc",
     "(count == 0 && merger.is_too_large())", "merger.is_too_large()", "document_test --gtest_filter=*AggregateP*"),
    ("a group that is too large lets go of values", "plugins/document/aggregate/groups.cc",
     "  while (is_too_large() && make_room()) continue;\n", "", "document_test --gtest_filter=*AggregateP*"),
    ("values that a lane has dropped are not counted in that pass", "plugins/document/aggregate/distinct_values.cc",
     "  if (is_cut_ && value.hash >= cut_) return Step::kEnd;\n", "", "document_test --gtest_filter=*AggregateP*"),
    ("values of an earlier pass are not counted again", "plugins/document/aggregate/distinct_values.cc",
     "one.hash < from_ || ", "", "document_test --gtest_filter=*AggregateP*"),
    ("values that two lanes have are one", "plugins/document/aggregate/distinct_values.cc",
     "!has_last_ || is_before(last_, value)", "true", "document_test --gtest_filter=*AggregateP*"),
    ("numbers outside of a pass's range have their ranks", "plugins/document/aggregate/number_range.cc",
     "    ++below_;\n", "", "document_test --gtest_filter=*NumberRange*"),
    ("a lookup asks row policies", "plugins/document/ops/index_lookup.cc",
     "    if (!rows.is_visible(document.root.bytes)) continue;\n", "", "document_test --gtest_filter=*RowPolicy*"),
    ("a page of one value begins behind the last", "plugins/document/ops/document_scan.cc",
     "(query.access.index == nullptr || query.access.is_by_id)", "query.access.index == nullptr", "document_test --gtest_filter=PrefetchTest.*"),
    ("a lookup of one value ends with its page", "plugins/document/ops/index_lookup.cc",
     "      if (index.paths.size() == 1) break;  // ids come in their order\n", "", "document_test --gtest_filter=PrefetchTest.*"),
    ("documents come by id where all paths are bound", "plugins/document/scan/planner.cc",
     "coded.is_cut || access_.equal_paths == index_.paths.size()", "true", "document_test --gtest_filter=*PlannerTest.*"),
    ("many members of one object are looked up in a table", "plugins/document/edit/tree.cc",
     "  if (!has_table_ && ++searches_ > kFewSearches) make_table();\n", "", "document_test --gtest_filter=PointUpdateTest.*"),
    ("what was taken out of an object is gone", "plugins/document/edit/tree.cc",
     "return node.is_gone ? nullptr : &node;", "return &node;", "document_test --gtest_filter=PointUpdateTest.Many*"),
    ("a cursor within a group is one of its aggregates", "plugins/document/ops/document_aggregate.cc",
     " && made_for == asked.aggs_fingerprint", "", "document_test --gtest_filter=*AggregateP*"),
    ("a full room refuses what is large", SESSION,
     "  if (auto room = check_room(entry, *task); !room.ok()) return refuse(task, room.error());\n", "",
     "kernel_control_session_test --gtest_filter=SessionRoomTest.*"),
    ("who waits for an LSN gives way", "kernel/control/net/event_loop.cc",
     "    session.give_up_early();\n", "", "process_test --gtest_filter=FloodTest.ArgumentsOfRequestsThatWaitAreBounded"),
    ("answers that wait keep no arguments", SESSION,
     "    forget_request(*task);\n", "", "kernel_control_session_test --gtest_filter=SessionRoomTest.*"),
    ("what is sent ahead is not sent twice", "kernel/control/net/connection.cc",
     "    output.consume(1);\n", "", "process_test --gtest_filter=CancelTest.AClientThatOnlyEndsItsSideIsAnswered"),
    ("what is sent behind a keyed write of all lanes waits for it", "kernel/control/session/session_order.cc",
     "(is_batch(entry) || !task->idempotency_key.empty())", "is_batch(entry)", "process_test --gtest_filter=RepeatTest.*"),
    ("a checkpoint takes no key", SESSION,
     "    if (entry.row->op_class == STATOR_OP_WRITE) return refuse(task, keeps_no_answer(*entry.row));\n",
     "    static_cast<void>(keeps_no_answer);\n",
     "conversation_test --gtest_filter=*checkpoint_writes_everything*"),
    ("a later version's arguments make no other request", REPEATS,
     "    if (!args.given(i)) continue;\n", "    if (!args.has(i)) continue;\n", "kernel_control_gate_test"),
    ("arguments are read with their own stride", "kernel/plugin/crossing.h",
     "    at += from.struct_size;\n", "    at += sizeof(T);\n", "kernel_plugin_test"),
    ("kept answers are one's own where policies bind", REPEATS,
     "  if (identity.rows.empty()) return {};\n", "  if (identity.rows.size() < 9999) return {};\n", "kernel_control_gate_test"),
    ("a key is of what the op is about", REPEATS, "  append_text(text, task.collection);\n  if (entry.row->placement",
     "  if (entry.row->placement", "kernel_control_gate_test"),
    ("other arguments under a key are refused", "kernel/data/core/idempotency.cc",
     "!= task.request_hash) {", "!= task.request_hash && false) {", "kernel_data_core_test --gtest_filter=IdempotencyTest.*"),
    ("old answers are let go of", "kernel/data/core/idempotency.cc",
     "  if (time_ms > kAnswerKeptMs && is_time_to_clean(lsn))\n", "  if (false)\n", "kernel_data_core_test --gtest_filter=IdempotencyTest.*"),
    ("the parts of a keyed request write together", "kernel/control/dispatch/dispatcher.cc",
     " || !parent->idempotency_key.empty())", ")", "process_test --gtest_filter=RepeatTest.*"),
    ("the answers of its parts are kept", BATCH, "    kept = bridge::write_part_answers(batch);\n", "", "process_test --gtest_filter=RepeatTest.*"),
    ("a repeat that a lane refuses is looked for", DISPATCH, "return !is_refused || !one->idempotency_key.empty();",
     "return !is_refused;", "conversation_test --gtest_filter=*repeat_over_lanes*"),
    ("a policy that cannot be compiled denies", "kernel/control/auth/row_policies.cc",
     "if (!system::compile_row_predicate(policy->where, who, program, error)) return nothing();",
     "if (!system::compile_row_predicate(policy->where, who, program, error)) continue;", "kernel_control_auth_test"),
    ("rules that are no program deny", "kernel/data/host/rows_service.cc",
     "return is_program(program) && ", "return (is_program(program) || true) && ", "kernel_data_host_test"),
    ("a commit opens at its place only", WAL + "commit_codec.cc", "store_little(bytes_, offset);", "store_little(bytes_, std::uint64_t{0});", LOG),
    ("each opening of a segment has nonces of its own", WAL + "commit_codec.cc",
     "nonce_prefix_ = random_bytes(kNoncePrefixBytes);", "nonce_prefix_.assign(kNoncePrefixBytes, 'n');", LOG),
    ("commits of a segment have nonces of their own", WAL + "commit_codec.cc", "    ++commits_;\n", "    commits_ = 1;\n", LOG),
    ("a segment has a salt of its own", WAL + "segment.cc",
     "  io::fill_random({reinterpret_cast<std::uint8_t*>(header.data() + kAtSalt), kSaltBytes});\n", "", LOG),
    ("a segment's header is bound into its key", WAL + "commit_codec.cc",
     "std::string(kPurpose) + std::string(header)", "std::string(kPurpose) + std::string(header.substr(64))", LOG),
    ("a new key takes a new segment", WAL + "segment_writer.h", "commit.key == codec_->key_id() && ", "", LOG),
    ("a reader that was overtaken takes no damage for it", WAL + "local_log_reader.cc", "return !is_there;", "return false;", LOG),
    ("a part of a commit is kept in another place", WAL + "log_cut.cc",
     "return io::write_file_durably(files, plan.kept, kept);",
     "STATOR_TRY(const auto file, files.open(plan.kept));\n    STATOR_CHECK(file->write_at(0, kept));\n    return file->sync();", LOG),
    ("a wrong key is no damage", WAL + "log_check.cc",
     "reader.error().code() == ErrorCode::kCrypto", "reader.error().code() == ErrorCode::kOk", LOG),
]


def run(*command, check=True):
    return subprocess.run(command, cwd=COPY, check=check, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, timeout=900, env=dict(os.environ, CCACHE_BASEDIR=str(COPY), CCACHE_NOHASHDIR="1"))


def passes(program):
    try:
        return run(*f"build/dev/tests/{program}".split(), check=False).returncode == 0
    except subprocess.TimeoutExpired:
        return False  # it hangs


def build_untouched(programs):
    """All programs, without a limit of time; each of them must pass before anything is switched off."""
    targets = sorted({program.split()[0] for program in programs})
    subprocess.run(["ninja", "-C", "build/dev", *targets], cwd=COPY, check=True, stdout=subprocess.DEVNULL,
                   env=dict(os.environ, CCACHE_BASEDIR=str(COPY), CCACHE_NOHASHDIR="1"))
    for program in programs:
        if not passes(program):
            sys.exit(f"disconnect: {program} fails with nothing switched off")


def notices(file, text, other, program):
    path = COPY / file
    original = path.read_text()
    if original.count(text) != 1:
        sys.exit(f"disconnect: {file} no longer holds exactly once: {text!r}")
    path.write_text(original.replace(text, other))
    try:
        built = run("ninja", "-C", "build/dev", program.split()[0], check=False)
        if built.returncode != 0:
            sys.exit(f"disconnect: {file} does not compile with {other!r}:\n{built.stdout[-2000:]}")
        return not passes(program)
    finally:
        path.write_text(original)


def check():
    lost = [name for name, file, text, *_ in ENTRIES if (ROOT / file).read_text().count(text) != 1]
    if lost:
        sys.exit("disconnect: the text of these entries is not once in its file: " + "; ".join(lost))
    print(f"disconnect: {len(ENTRIES)} entries name what is there")


def main():
    if sys.argv[1:] == ["--check"]:
        check()
        return
    wanted = CORE_NAMES if sys.argv[1:] == ["--core"] else sys.argv[1:]
    shutil.rmtree(COPY, ignore_errors=True)
    COPY.mkdir(parents=True)
    files = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout
    for name in files.decode().split("\0"):
        if not name or not (ROOT / name).is_file():
            continue
        (COPY / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, COPY / name)
    run("cmake", "--preset", "dev", "-DSTATOR_WERROR=OFF")
    chosen = [entry for entry in ENTRIES if not wanted or entry[0] in wanted]
    if len(chosen) < len(wanted):
        sys.exit("disconnect: no such entry: " + "; ".join(set(wanted) - {entry[0] for entry in chosen}))
    build_untouched(dict.fromkeys(entry[4] for entry in chosen))
    missed = 0
    for name, file, text, other, program in chosen:
        is_noticed = notices(file, text, other, program)
        missed += not is_noticed
        print(f"{'noticed' if is_noticed else 'MISSED '}  {name} ({program.split()[0]})", flush=True)
    print(f"disconnect: {len(chosen) - missed} of {len(chosen)} noticed")
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
