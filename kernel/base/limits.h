// Every bound of the server, with its unit and its reason. At a limit we answer, we do not wait.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace stator {

// ---- wire ---------------------------------------------------------------------------------------
// Largest frame body, inclusive; the seed's limit.
inline constexpr std::size_t kFrameBytesMax = 16u * 1024 * 1024;
// Before authentication: an auth frame is small, memory is not for strangers.
inline constexpr std::size_t kFrameBytesMaxUnauthenticated = 64u * 1024;
// Largest answer payload: base64 (4/3) and the envelope must fit a frame.
inline constexpr std::size_t kPayloadBytesMax = 12u * 1024 * 1024 - 4096;
// Requests of one connection that wait for their answer; at the bound its socket is not read.
inline constexpr std::size_t kRequestsInFlightMax = 1024;
// Answer bytes a connection may owe its client before its socket is no longer read.
inline constexpr std::size_t kOutputBytesPerConnection = 4u * 1024 * 1024;
// Requests of one connection that are being answered in parts.
inline constexpr std::size_t kStreamsPerConnectionMax = 16;
// Answer bytes a connection may owe its client before its streams pause; they go on as it reads.
inline constexpr std::size_t kStreamBytesUnsentMax = 256u * 1024;
// Where a page ended, as its engine names it (stator.reply's more): sort values, an id.
inline constexpr std::size_t kPageCursorBytesMax = 64u * 1024;
// What a stream is given at once, unless one of its frames is larger.
inline constexpr std::size_t kStreamChunkBytes = 64u * 1024;
// Of one lane; all together no more than there are files to open.
inline constexpr std::size_t kConnectionsMax = 20'000;
// Files that are not connections. Of the server: its log (the segments that are written, made ahead
// and read), audit log, backup, libraries. Of a lane: its store, epoll, its listening sockets.
inline constexpr std::size_t kFilesOfServer = 64;
inline constexpr std::size_t kFilesOfLane = 16;
// A server that could have fewer does not start.
inline constexpr std::size_t kConnectionsMin = 64;
inline constexpr std::uint32_t kIdleTimeoutMs = 3'600'000;
inline constexpr std::uint32_t kBodyTimeoutMs = 30'000;
// What connections have buffered together (requests that are not whole, answers that are not read)
// is an eighth of the memory at most; beyond it the slowest are ended. At least so much on each
// lane: room for some of the largest, and an eighth of it for strangers.
inline constexpr std::size_t kBufferedBytesMin = 4 * kFrameBytesMax;
// What open requests hold (their arguments, wherever they wait) may be as much again. One
// connection has a part of it; then it is not read until it holds less.
inline constexpr std::size_t kRequestRoomParts = 4;
// A request that may always come, so that a full room stops nobody who asks for little.
inline constexpr std::size_t kRequestBytesSmall = 4096;
// Whether a client that ended its side and waits for answers is still there is asked so often, by
// the system (TCP keepalive), and so many times without an answer before it counts as gone.
inline constexpr int kEndedPeerAskS = 2;
inline constexpr int kEndedPeerAsksMax = 4;
// A peer that has vanished without a word counts as gone after so long, in seconds. Of the
// configuration, with its bounds.
inline constexpr std::uint64_t kPeerTimeoutSDefault = 90;
inline constexpr std::uint64_t kPeerTimeoutSMin = 4;
inline constexpr std::uint64_t kPeerTimeoutSMax = 3600;
// Probes of TCP keepalive without an answer in that time.
inline constexpr int kPeerProbesMax = 3;
// A segment that was sent again so often without an answer was not lost on the way alone.
inline constexpr unsigned kPeerRepeatsMin = 3;
// TCP accepted to TLS established.
inline constexpr std::uint32_t kTlsHandshakeTimeoutMs = 10'000;
// TLS handshakes that one lane begins in a second, and at once after a quiet time: each costs it
// some 0.3 ms (ECDSA P-256), so a flood of them leaves more than half of the lane to its clients.
// Further ones are closed.
inline constexpr std::uint32_t kTlsHandshakesPerSecond = 1000;
// What one read takes from a TLS socket, some records.
inline constexpr std::size_t kTlsReadBufferBytes = 64u * 1024;
// Failed auth frames of one connection before it is closed.
inline constexpr std::uint32_t kAuthFailuresMax = 5;

// ---- HTTP
// ---------------------------------------------------------------------------------------- Request
// line and fields together; browsers and proxies send some 2 KiB.
inline constexpr std::size_t kHttpHeadBytesMax = 16u * 1024;
inline constexpr std::size_t kHttpTargetBytesMax = 2048;
inline constexpr std::size_t kHttpFieldsMax = 100;
// What is read of a connection while its last request is not answered: enough for what clients
// pipeline, and a client that goes is noticed.
inline constexpr std::size_t kHttpAheadBytesMax = 64u * 1024;
// Pipelined requests are carried out one after the other. Of those that can be in one turn of a
// lane so many responses leave together, unless they have more bytes.
inline constexpr int kHttpRoundsOfTurnMax = 16;
inline constexpr std::size_t kHttpSendLaterBytesMax = 64u * 1024;
// First to last byte of a head: a client that sends it in drops holds a connection so long.
inline constexpr std::uint32_t kHttpHeadTimeoutMs = 10'000;
// Between two requests.
inline constexpr std::uint32_t kHttpIdleTimeoutMs = 60'000;
// How long an event stream may be silent; proxies end what is silent for a minute.
inline constexpr std::uint64_t kHttpHeartbeatMsDefault = 15'000;
inline constexpr std::uint64_t kHttpHeartbeatSecondsMax = 3600;
// A request that is refused while it is still being sent is read and dropped so long, so that its
// client reads the refusal before the connection breaks.
inline constexpr std::uint32_t kHttpLingerMs = 5'000;
// What is decoded of a WebSocket connection before its messages are handed on.
inline constexpr std::size_t kWebSocketStepBytes = 16u * 1024;

// ---- shared fields of a request -----------------------------------------------------------------
inline constexpr std::size_t kCollectionBytesMax = 128;
inline constexpr std::size_t kClientIdBytesMax = 64;
inline constexpr std::size_t kIdempotencyKeyBytesMax = 64;
inline constexpr std::uint32_t kDeadlineMsDefault = 30'000;
inline constexpr std::uint32_t kDeadlineMsMax = 600'000;
inline constexpr std::size_t kFieldsPerObjectMax = 256;

// ---- op table -----------------------------------------------------------------------------------
inline constexpr std::size_t kOpArgsMax = 64;  // one bit each in a mask
inline constexpr std::size_t kRowsMax = 100'000;
inline constexpr std::size_t kVectorDimsMax = 65'536;  // engines set less
inline constexpr std::size_t kStringsMax = 100'000;
inline constexpr std::uint32_t kCallDepthMax = 4;
// Who has a claimed key, such as a document's id (stator_claim).
inline constexpr std::size_t kClaimOwnerBytesMax = 1024;
inline constexpr std::size_t kBatchOpsMax = 1000;

// ---- auth ---------------------------------------------------------------------------------------
inline constexpr std::size_t kUsernameBytesMax = 64;
inline constexpr std::size_t kPasswordBytesMin = 8;
inline constexpr std::size_t kPasswordBytesMax = 256;
// Wrong passwords that a user, or an address, may have before it must wait: one second first, twice
// as long after each further one, at most this long. An address may stand for many users.
inline constexpr std::uint32_t kUserFailuresFree = 10;
inline constexpr std::uint32_t kAddressFailuresFree = 30;
inline constexpr std::uint64_t kLockoutSecondsMax = 300;
// PBKDF2 passes of SCRAM: some 30 ms for whoever guesses, as for an Argon2id hash. Clients pay them
// too.
inline constexpr std::uint32_t kScramIterations = 65'536;
// Refused ops of one connection that the audit log tells of.
inline constexpr std::uint32_t kAuditedDenialsMax = 1000;
// What the row policies of one collection may come to for one user, compiled, for reads and for
// writes: a request carries it to each lane. Beyond it nothing is visible.
inline constexpr std::size_t kRowProgramBytesMax = 64u * 1024;
// An API key may live so long, in seconds: ten years.
inline constexpr std::uint64_t kApiKeySecondsMax = 315'360'000;
// A token of somebody else (JWT): so large, so far off may its issuer's clock be, and so many keys
// can sign. A token costs one verification for each key that its header fits.
inline constexpr std::size_t kJwtBytesMax = 8192;
inline constexpr double kJwtLeewayMs = 60'000;
inline constexpr std::size_t kJwtKeysMax = 16;
inline constexpr std::size_t kJwtRsaBytesMin = 256;
// A certificate or token may vouch for a connection so long, in milliseconds: ten years.
inline constexpr std::uint64_t kVouchedMsMax = kApiKeySecondsMax * 1000;

// ---- crashes of engines ---------------------------------------------------------------------------
// So often the same may crash its engine before it is kept away from it (docs/adr/0046): once may
// be the machine.
inline constexpr std::size_t kCrashesToQuarantine = 2;
// An op that crashes its engine so often within so long, whatever is asked, is refused.
inline constexpr std::size_t kOpCrashesMax = 5;
inline constexpr std::uint64_t kOpCrashesWindowMs = 3'600'000;
// Reports that are kept; a start removes the oldest of more. Some KiB each.
inline constexpr std::size_t kCrashReportsMax = 256;

// ---- backup --------------------------------------------------------------------------------------
// Names become names of directories.
inline constexpr std::size_t kBackupNameBytesMax = 64;
// Of the manifest that a client sends: the longest there is, with as many files as lanes, has a
// tenth.
inline constexpr std::size_t kManifestBytesMax = 64u * 1024;
// Of a backup that goes to its client: made before it is asked for.
inline constexpr std::size_t kBackupAheadBytes = 256u * 1024;
// A client that takes nothing of the backup it is sent for so long gets no more of it: the store's
// snapshot and the log wait with it.
inline constexpr std::uint64_t kBackupUnreadMs = 60'000;

// ---- changes -------------------------------------------------------------------------------------
// Open subscriptions of the server; each holds a file and up to kChangeBatchBytesIdle of its log.
inline constexpr std::size_t kSubscriptionsMax = 1024;
// A batch of the log that is larger is read again when a reader that had to wait goes on.
inline constexpr std::size_t kChangeBatchBytesIdle = 1024u * 1024;
// Bytes of the log that are read for one subscription before the next one has its turn.
inline constexpr std::size_t kChangeScanBytes = 4u * 1024 * 1024;
// Of the configuration: how much of the log is kept for readers of changes.
inline constexpr std::uint64_t kRetainMibMax = 1u << 24;
inline constexpr std::uint64_t kRetainMibDefault = 256;
inline constexpr std::uint64_t kRetainSecondsMax = 10ull * 366 * 86'400;
inline constexpr std::uint64_t kRetainSecondsDefault = 86'400;

// ---- lanes, bridge ------------------------------------------------------------------------------
inline constexpr std::uint32_t kVShards = 1024;
inline constexpr std::uint32_t kLanesMax = 64;
// Log groups that this version knows: a node has one log.
inline constexpr std::uint32_t kLogGroups = 1;
// Requests one lane may have on their way to one other lane.
inline constexpr std::size_t kRingSlots = 4096;
// Atomic batches over several lanes that one lane may lead at once. Each may need a slot of a ring
// when it cannot be refused any more, so requests leave that many free.
inline constexpr std::size_t kWideBatchesMax = 256;
// Of these, what requests of a priority may use: from 85 % on background is refused, from 95 % on
// normal. The rest is for those that are urgent. A lane's own queue counts like a ring.
inline constexpr std::size_t kRingRoom = kRingSlots - kWideBatchesMax;
inline constexpr std::size_t kRingPressed = kRingRoom * 85 / 100;
inline constexpr std::size_t kRingFull = kRingRoom * 95 / 100;
// Bytes read from one socket in one turn while a ring is pressed.
inline constexpr std::size_t kReadBytesPressed = 16u * 1024;
// A lane that has not ended a turn for so long is stuck. Legal turns are far shorter; a write of
// many documents is the longest. Of the configuration, with its bounds.
inline constexpr std::uint32_t kLaneStuckMsDefault = 5000;
inline constexpr std::uint32_t kLaneStuckMsMin = 100;
inline constexpr std::uint32_t kLaneStuckMsMax = 600'000;
// Turns that the priorities background, normal, high, critical have in a round of a lane's queue.
inline constexpr std::array<std::uint32_t, 4> kPriorityWeights = {1, 4, 16, 64};
// Requests that a lane executes before it looks at its sockets and rings again, some milliseconds
// of work: what waits longer waits in the queue, where priorities count. Where only requests of the
// lowest priority wait they are fewer, because others are not to wait for them. What 50 connections
// with 64 requests each send at once must fit: in a queue a request goes cold, and once some wait
// there all others do (point_get at 50 x 64 took 0.79 us instead of 0.49).
inline constexpr std::size_t kTurnRequests = 4096;
inline constexpr std::size_t kTurnRequestsBackground = 64;
// Answers of a turn, before those who asked are looked at again: what they do not take is counted
// then, and ended (kBufferedBytesMin). One more answer may come on top.
inline constexpr std::size_t kTurnAnswerBytes = kPayloadBytesMax;
// Answers of a lane that wait for what they tell of to be durable. Beyond it nothing is executed
// there until the log has gone on.
inline constexpr std::size_t kHeldAnswerBytesMax = kBufferedBytesMin;
// Answers on their way to a lane from all others; the bound of each of them is its share of it.
inline constexpr std::size_t kAnswerBytesAwayMax = kBufferedBytesMin;
// Time that reads which may take long have together in one turn of a lane, while it has other
// things to do; and how often the clock is looked at for it.
inline constexpr std::uint64_t kSliceNs = 200'000;
inline constexpr std::uint64_t kSliceLookNs = 20'000;

// What a client is told to wait that is refused because a lane is stuck, or the server does
// something which takes long, stands still or stops.
inline constexpr std::uint32_t kRetryBusyMs = 1000;

// Background work of engines: the time of one turn, after which the requests that came meanwhile
// are executed; when a turn that failed is tried again; and how long a lane sleeps at most before
// it looks at the wall clock again, which may have been set.
inline constexpr std::uint64_t kWorkSliceNs = 200'000;
inline constexpr std::uint64_t kWorkRetryMs = 1000;
inline constexpr std::uint64_t kWorkSleepMs = 60'000;
// Turns of background work after which a lane waits until what they wrote is durable.
inline constexpr std::uint64_t kWorkTurnsAhead = 16;
// Such reads that one lane has begun: each has a stack and a snapshot of the store. Further ones
// wait in their queue.
inline constexpr std::size_t kPausedReadsMax = 64;
// What they have gathered together. Beyond it one goes on until it ends, and then the next.
inline constexpr std::size_t kPausedReadBytesMax = 2 * kFrameBytesMax;
// How often those that wait are looked through for what is late or cancelled.
inline constexpr std::uint64_t kQueueLookNs = 10'000'000;
// Of a paused read; the pages that it has touched are kept. Engines that need more are at fault.
inline constexpr std::size_t kPausedReadStackBytes = 512u * 1024;
// Bytes read from one socket in one turn of the loop, so that one client cannot hold the lane:
// where they may be many small requests, and where they belong to one large request.
inline constexpr std::size_t kReadBytesFirst = 32u * 1024;
inline constexpr std::size_t kReadBytesPerTurn = 256u * 1024;
// From those amid large requests, which come last, while others are heard too: a quarter of a
// millisecond.
inline constexpr std::size_t kReadBytesOfLargeMax = 64u * 1024;
// And from all of them, and in how many requests: the others come first in the next turn.
inline constexpr std::size_t kReadBytesOfTurnMax = 256u * 1024;
inline constexpr std::size_t kReadRequestsOfTurnMax = 8192;
// Requests of one connection that are answered without the data plane in one turn: refusals, pings,
// descriptions. Its next ones come when others had theirs.
inline constexpr std::size_t kAnsweredAtOnceMax = 64;

// ---- storage ------------------------------------------------------------------------------------
// LMDB's compiled-in key limit on Debian.
inline constexpr std::size_t kStoreKeyBytesMax = 511;
inline constexpr std::size_t kRecordBytesMax = 64u * 1024 * 1024;
inline constexpr std::size_t kBatchBytesMax = 64u * 1024 * 1024;
inline constexpr std::size_t kWalSegmentBytes = 64u * 1024 * 1024;
// Of an engine's library, and of a lock of libraries: both are read as a whole.
inline constexpr std::size_t kLibraryBytesMax = 512u * 1024 * 1024;
inline constexpr std::size_t kPluginLockBytesMax = 1024u * 1024;
// Of a report of stator-plugin-check: some twenty checks.
inline constexpr std::size_t kConformanceBytesMax = 64u * 1024;
// Of a key file: some hundred keys.
inline constexpr std::size_t kKeyFileBytesMax = 64u * 1024;
// Memtable size at which a checkpoint begins.
inline constexpr std::size_t kMemtableBytesMax = 64u * 1024 * 1024;

}  // namespace stator
