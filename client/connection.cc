#include "connection.h"

#include <algorithm>
#include <array>
#include <cerrno>

#include <Poco/Exception.h>
#include <Poco/Net/Context.h>
#include <Poco/Net/NetException.h>
#include <Poco/Net/SSLException.h>
#include <Poco/Net/SecureStreamSocket.h>
#include <Poco/Net/Socket.h>
#include <Poco/Net/SocketAddress.h>
#include <Poco/Net/StreamSocket.h>
#include <Poco/Timespan.h>

#include "failure.h"

namespace stator::client {
namespace {

using Poco::Net::Socket;

constexpr std::size_t kFrameBytesMax = 16u * 1024 * 1024;
constexpr std::size_t kPrefixBytes = 4;
constexpr const char* kDefaultPort = "6433";
constexpr const char* kDefaultTlsPort = "6434";
constexpr int kConnectSeconds = 10;
// Longer than the longest deadline that a server grants (10 minutes).
constexpr int kSilenceSeconds = 660;

// Adds the default port where there is none.
std::string with_port(const std::string& address, const TlsSettings& tls) {
  const std::size_t bracket = address.rfind(']');
  const std::size_t colon = address.rfind(':');
  const bool has_port =
      colon != std::string::npos && (bracket == std::string::npos || colon > bracket);
  return has_port ? address : address + ":" + (tls.is_on ? kDefaultTlsPort : kDefaultPort);
}

Poco::Net::SocketAddress resolve(const std::string& address) {
  try {
    return Poco::Net::SocketAddress(address);
  } catch (const Poco::Net::ServiceNotFoundException&) {
    throw Failure(kExitUsage, "--host '" + address + "' is not HOST:PORT");
  } catch (const Poco::Net::NetException& fault) {
    throw Failure(kExitConnection, "cannot find host '" + address + "': " + fault.displayText());
  } catch (const Poco::Exception&) {
    throw Failure(kExitUsage, "--host '" + address + "' is not HOST:PORT");
  }
}

// The host of HOST:PORT or [IPV6]:PORT: what the certificate must name.
std::string host_of(const std::string& address) {
  const std::string host = address.substr(0, address.rfind(':'));
  return host.starts_with('[') ? host.substr(1, host.size() - 2) : host;
}

Poco::Net::Context::Ptr make_context(const TlsSettings& tls) {
  using Poco::Net::Context;
  try {
    Context::Params params;
    params.verificationMode = tls.is_unverified ? Context::VERIFY_NONE : Context::VERIFY_STRICT;
    params.caLocation = tls.ca;
    params.loadDefaultCAs = tls.ca.empty();
    params.certificateFile = tls.certificate;
    params.privateKeyFile = tls.key;
    Context::Ptr context = Poco::makeAuto<Context>(Context::TLS_CLIENT_USE, params);
    context->requireMinimumProtocol(Context::PROTO_TLSV1_2);
    return context;
  } catch (const Poco::Exception& fault) {
    throw Failure(kExitUsage, "the files given for TLS are no good: " + fault.displayText());
  }
}

Poco::Net::StreamSocket make_socket(const std::string& address, const TlsSettings& tls) {
  if (!tls.is_on) return {};
  Poco::Net::SecureStreamSocket socket(make_context(tls));
  socket.setPeerHostName(host_of(address));
  return socket;
}

}  // namespace

struct Connection::State {
  std::string address;
  Poco::Net::StreamSocket socket;
  std::string out;
  std::size_t out_at = 0;
  std::string in;
  std::size_t in_at = 0;
  std::uint64_t frames_sent = 0;

  [[noreturn]] void broken(const std::string& why) const {
    throw Failure(kExitConnection, "connection to " + address + ": " + why);
  }
  // Waits until the socket is ready, then reads and (if there is something to send) writes once.
  void turn(Patience patience = Patience::kLimited);
  void read_some();
  void write_some();
  // As the socket's own; -1: not now.
  int receive(char* to, std::size_t bytes);
  int send(const char* from, std::size_t bytes);
  bool take_frame(std::string& body);
};

void Connection::State::turn(Patience patience) {
  Socket::SocketList readable{socket};
  Socket::SocketList writable;
  Socket::SocketList failed;
  if (out_at < out.size()) writable.push_back(socket);
  if (Socket::select(readable, writable, failed, Poco::Timespan(kSilenceSeconds, 0)) == 0) {
    if (patience == Patience::kForEver) return;
    broken("no answer for " + std::to_string(kSilenceSeconds) + " seconds");
  }
  if (!readable.empty()) read_some();
  if (!writable.empty()) write_some();
}

// Poco's secure sockets say "not now" by an exception, the others by -1 where they receive, and by
// another exception where they send: a socket that was writable need not take a byte.
int Connection::State::receive(char* to, std::size_t bytes) {
  try {
    return socket.receiveBytes(to, static_cast<int>(bytes));
  } catch (const Poco::TimeoutException&) {
    return -1;
  }
}

int Connection::State::send(const char* from, std::size_t bytes) {
  try {
    return socket.sendBytes(from, static_cast<int>(bytes));
  } catch (const Poco::TimeoutException&) {
    return -1;
  } catch (const Poco::IOException& fault) {
    if (fault.code() != EAGAIN && fault.code() != EWOULDBLOCK) throw;
    return -1;
  }
}

void Connection::State::read_some() {
  if (in_at == in.size()) {
    in.clear();
    in_at = 0;
  }
  std::array<char, 64 * 1024> buffer;
  // Under TLS until nothing is left: what is decrypted already makes no socket readable.
  do {
    const int bytes = receive(buffer.data(), buffer.size());
    if (bytes == 0) broken("the server closed it");
    if (bytes < 0) return;
    in.append(buffer.data(), static_cast<std::size_t>(bytes));
  } while (socket.secure());
}

void Connection::State::write_some() {
  constexpr std::size_t kStep = 256 * 1024;
  const std::size_t step = std::min(out.size() - out_at, kStep);
  const int bytes = send(out.data() + out_at, step);
  if (bytes > 0) out_at += static_cast<std::size_t>(bytes);
  if (out_at < out.size()) return;
  out.clear();
  out_at = 0;
}

bool Connection::State::take_frame(std::string& body) {
  if (in.size() - in_at < kPrefixBytes) return false;
  std::size_t size = 0;
  for (std::size_t i = 0; i < kPrefixBytes; ++i) {
    size = size << 8 | static_cast<unsigned char>(in[in_at + i]);
  }
  if (size > kFrameBytesMax) {
    broken("a frame of " + std::to_string(size) + " bytes was announced; is it a stator server?");
  }
  if (in.size() - in_at - kPrefixBytes < size) {
    // Make room at the front, so that waiting for a large frame keeps one copy of it.
    in.erase(0, in_at);
    in_at = 0;
    return false;
  }
  body.assign(in, in_at + kPrefixBytes, size);
  in_at += kPrefixBytes + size;
  return true;
}

Connection::Connection(const std::string& address, const TlsSettings& tls)
    : state_(std::make_unique<State>()) {
  state_->address = with_port(address, tls);
  const auto resolved = resolve(state_->address);
  state_->socket = make_socket(state_->address, tls);
  try {
    state_->socket.connect(resolved, Poco::Timespan(kConnectSeconds, 0));
    state_->socket.setNoDelay(true);
    state_->socket.setBlocking(false);
  } catch (const Poco::Net::SSLException& fault) {
    throw Failure(kExitConnection, "no TLS with " + state_->address + ": " + fault.displayText());
  } catch (const Poco::Exception& fault) {
    throw Failure(kExitConnection, "cannot connect to " + state_->address + ": " +
                                       fault.displayText() + "; is statord running there?");
  }
}

Connection::~Connection() = default;

std::uint64_t Connection::queue(std::string_view body) {
  if (body.size() > kFrameBytesMax) {
    throw Failure(kExitUsage, "the request has " + std::to_string(body.size()) +
                                  " bytes; a frame holds at most 16 MiB");
  }
  for (int shift = 24; shift >= 0; shift -= 8) {
    state_->out += static_cast<char>(body.size() >> shift & 0xff);
  }
  state_->out += body;
  return ++state_->frames_sent;
}

std::size_t Connection::queued_bytes() const { return state_->out.size() - state_->out_at; }

void Connection::send_some() {
  try {
    for (std::size_t left = queued_bytes() + 1; queued_bytes() > 0 && queued_bytes() < left;) {
      left = queued_bytes();
      state_->write_some();
    }
  } catch (const Poco::Exception& fault) {
    state_->broken(fault.displayText());
  }
}

void Connection::flush() {
  try {
    while (queued_bytes() > 0) state_->turn();
  } catch (const Poco::Exception& fault) {
    state_->broken(fault.displayText());
  }
}

std::string Connection::receive(Patience patience) {
  std::string body;
  try {
    while (!state_->take_frame(body)) state_->turn(patience);
  } catch (const Poco::Exception& fault) {
    state_->broken(fault.displayText());
  }
  return body;
}

}  // namespace stator::client
