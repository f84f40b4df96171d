#include "control/http/websocket.h"

#include <algorithm>
#include <array>
#include <utility>
#include <wslay/wslay.h>

#include <openssl/evp.h>

#include "base/assert.h"
#include "base/base64.h"
#include "base/limits.h"
#include "control/session/response_writer.h"
#include "control/wire/frame.h"

namespace stator::http {
namespace {

constexpr std::string_view kGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
constexpr std::size_t kKeyBytes = 16;
// Of IANA's registry of close codes; wslay does not name it.
constexpr std::uint16_t kTryAgainLater = 1013;

}  // namespace

std::string websocket_accept(std::string_view key) {
  std::string bytes(base64_decoded_bytes(key), '\0');
  if (!base64_decode(key, bytes.data()) || bytes.size() != kKeyBytes) return {};
  const std::string text = std::string(key) + std::string(kGuid);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  STATOR_ASSERT(EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha1(), nullptr) ==
                1);
  return base64_encode({reinterpret_cast<const char*>(digest.data()), size});
}

// Messages that are whole lie in `inbox` as frames, one behind the other; behind them what there is
// of the next one.
struct WebSocket::State {
  explicit State(WebSocket& of) : socket(of) {
    wslay_event_callbacks callbacks{};
    callbacks.recv_callback = &read;
    callbacks.send_callback = &write;
    callbacks.on_frame_recv_start_callback = &begin_frame;
    callbacks.on_frame_recv_chunk_callback = &take_chunk;
    callbacks.on_msg_recv_callback = &end_message;
    STATOR_ASSERT(wslay_event_context_server_init(&context, &callbacks, this) == 0);
    // Otherwise it makes room for a message when its length is announced.
    wslay_event_config_set_no_buffering(context, 1);
    wslay_event_config_set_max_recv_msg_length(context, kFrameBytesMax);
  }
  ~State() { wslay_event_context_free(context); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  static State& of(void* self) { return *static_cast<State*>(self); }
  static ssize_t read(wslay_event_context_ptr context, std::uint8_t* to, std::size_t room, int,
                      void* self) {
    ByteView& bytes = of(self).bytes;
    const std::size_t taken = bytes.copy(reinterpret_cast<char*>(to), room);
    bytes.remove_prefix(taken);
    if (taken > 0) return static_cast<ssize_t>(taken);
    wslay_event_set_error(context, WSLAY_ERR_WOULDBLOCK);
    return -1;
  }
  static ssize_t write(wslay_event_context_ptr, const std::uint8_t* from, std::size_t size, int,
                       void* self) {
    of(self).out->append({reinterpret_cast<const char*>(from), size});
    return static_cast<ssize_t>(size);
  }
  static void begin_frame(wslay_event_context_ptr, const wslay_event_on_frame_recv_start_arg* frame,
                          void* self) {
    of(self).is_control = frame->opcode >= WSLAY_CONNECTION_CLOSE;
    of(self).check(frame->payload_length);
  }
  static void take_chunk(wslay_event_context_ptr, const wslay_event_on_frame_recv_chunk_arg* chunk,
                         void* self) {
    State& state = of(self);
    if (state.is_control || state.is_too_large) return;
    if (!state.is_open) state.inbox.append({"\0\0\0\0", wire::kPrefixBytes});
    state.is_open = true;
    state.inbox.append({reinterpret_cast<const char*>(chunk->data), chunk->data_length});
  }
  static void end_message(wslay_event_context_ptr, const wslay_event_on_msg_recv_arg* message,
                          void* self) {
    State& state = of(self);
    if (message->opcode >= WSLAY_CONNECTION_CLOSE || state.is_too_large) return;
    if (!state.is_open) state.inbox.append({"\0\0\0\0", wire::kPrefixBytes});  // it is empty
    store_big32(state.inbox.data() + state.whole,
                static_cast<std::uint32_t>(state.inbox.size() - state.whole - wire::kPrefixBytes));
    state.whole = state.inbox.size();
    state.is_open = false;
  }
  // Without buffering the library does not add up the frames of one message.
  void check(std::uint64_t more) {
    if (is_control) return;
    const std::size_t has = is_open ? inbox.size() - whole - wire::kPrefixBytes : 0;
    is_too_large |=
        more > socket.session_.frame_bytes_max() - std::min(has, socket.session_.frame_bytes_max());
    if (is_too_large) wslay_event_shutdown_read(context);
  }

  WebSocket& socket;
  wslay_event_context_ptr context = nullptr;
  ByteView bytes;             // to be decoded
  ByteBuffer* out = nullptr;  // where it may write now
  ByteBuffer inbox;
  std::size_t whole = 0;    // of the inbox: bytes of messages that are whole
  bool is_open = false;     // a message is begun
  bool is_control = false;  // the frame that is being read
  bool is_too_large = false;
};

WebSocket::WebSocket(session::Session& session, Pings pings, std::uint64_t now_ns)
    : session_(session),
      state_(std::make_unique<State>(*this)),
      pings_(pings),
      heard_ns_(now_ns),
      said_ns_(now_ns) {}
WebSocket::~WebSocket() = default;

bool WebSocket::is_closing() const { return wslay_event_get_close_sent(state_->context) != 0; }

void WebSocket::go_away() { close(WSLAY_CODE_GOING_AWAY, session_.output()); }

void WebSocket::try_again_later() { close(kTryAgainLater, session_.output()); }

std::size_t WebSocket::held_bytes() const { return state_->inbox.capacity(); }

std::size_t WebSocket::on_bytes(ByteView bytes, std::uint64_t now_ns) {
  std::size_t taken = 0;
  if (!bytes.empty()) {
    heard_ns_ = now_ns;
    unanswered_ = 0;
  }
  deliver(now_ns);
  // What is whole and was not taken waits for the session; more would only lie beside it.
  while (taken < bytes.size() && state_->whole == 0 && !is_closing() && !session_.is_closing()) {
    const ByteView step = bytes.substr(taken, kWebSocketStepBytes);
    decode(step);
    taken += step.size();
    deliver(now_ns);
  }
  if (session_.is_closing()) close(WSLAY_CODE_POLICY_VIOLATION, session_.output());
  if (is_closing()) return bytes.size();
  if (!state_->is_open) partial_since_ns_ = 0;
  if (state_->is_open && partial_since_ns_ == 0) partial_since_ns_ = now_ns;
  return taken;
}

void WebSocket::decode(ByteView bytes) {
  state_->bytes = bytes;
  // It answers pings, and says goodbye where the peer broke the rules.
  const bool is_ok = wslay_event_recv(state_->context) == 0;
  if (state_->is_too_large) return close(WSLAY_CODE_MESSAGE_TOO_BIG, session_.output());
  if (!is_ok) return close(WSLAY_CODE_PROTOCOL_ERROR, session_.output());
  send({}, session_.output());
}

void WebSocket::deliver(std::uint64_t now_ns) {
  if (state_->whole == 0) return;
  const std::size_t taken =
      session_.on_bytes(state_->inbox.view().substr(0, state_->whole), now_ns);
  state_->inbox.consume(taken);
  state_->whole -= taken;
  if (state_->inbox.empty()) state_->inbox.release();
}

void WebSocket::beat(std::uint64_t now_ns, bool is_read) {
  if (std::exchange(has_spoken_, false)) said_ns_ = now_ns;
  if (!is_read) unanswered_ = 0;
  const bool waits = session_.has_streams() || session_.in_flight() > 0;
  // Where something is unsent the client does not read, and would not see it.
  if (!waits || is_closing() || !session_.output().empty()) return;
  const std::uint64_t since_ns = std::max(asked_ns_, std::min(said_ns_, heard_ns_));
  if (now_ns < since_ns + pings_.after_ns) return;
  asked_ns_ = now_ns;
  ++unanswered_;
  const wslay_event_msg ping{WSLAY_PING, nullptr, 0};
  if (wslay_event_queue_msg(state_->context, &ping) == 0) send({}, session_.output());
}

void WebSocket::send(ByteView frames, ByteBuffer& out) {
  state_->out = &out;
  has_spoken_ |= !frames.empty();
  while (!frames.empty()) {
    const wire::Frame frame = wire::next_frame(frames, kFrameBytesMax);
    STATOR_ASSERT(frame.state == wire::FrameState::kWhole);
    const wslay_event_msg message{WSLAY_TEXT_FRAME,
                                  reinterpret_cast<const std::uint8_t*>(frame.body.data()),
                                  frame.body.size()};
    // After a goodbye nothing more is said.
    if (wslay_event_queue_msg(state_->context, &message) != 0) break;
    frames.remove_prefix(frame.bytes);
  }
  static_cast<void>(wslay_event_send(state_->context));  // into memory: it always can
  state_->out = nullptr;
}

void WebSocket::close(std::uint16_t code, ByteBuffer& out) {
  // The library may have queued a goodbye of its own before.
  static_cast<void>(wslay_event_queue_close(state_->context, code, nullptr, 0));
  send({}, out);
}

void WebSocket::last(const bridge::Task& task, const std::string* members, Lsn watermark,
                     ByteBuffer& out) {
  ByteBuffer frame;
  if (members != nullptr) {
    session::write_members(task, *members, watermark, frame);
  } else {
    session::write_response(task, watermark, frame);
  }
  send(frame.view(), out);
}

void WebSocket::parts(const bridge::Task& task, Lsn watermark, ByteBuffer& out) {
  ByteBuffer frames;
  session::write_parts(task, watermark, frames);
  send(frames.view(), out);
}

}  // namespace stator::http
