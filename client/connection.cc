#include "connection.h"

#include <algorithm>
#include <array>

#include <Poco/Exception.h>
#include <Poco/Net/NetException.h>
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
constexpr int kConnectSeconds = 10;
// Longer than the longest deadline that a server grants (10 minutes).
constexpr int kSilenceSeconds = 660;

// Adds the default port where there is none.
std::string with_port(const std::string& address) {
  const std::size_t bracket = address.rfind(']');
  const std::size_t colon = address.rfind(':');
  const bool has_port =
      colon != std::string::npos && (bracket == std::string::npos || colon > bracket);
  return has_port ? address : address + ":" + kDefaultPort;
}

Poco::Net::SocketAddress resolve(const std::string& address) {
  try {
    return Poco::Net::SocketAddress(with_port(address));
  } catch (const Poco::Net::ServiceNotFoundException&) {
    throw Failure(kExitUsage, "--host '" + address + "' is not HOST:PORT");
  } catch (const Poco::Net::NetException& fault) {
    throw Failure(kExitConnection, "cannot find host '" + address + "': " + fault.displayText());
  } catch (const Poco::Exception&) {
    throw Failure(kExitUsage, "--host '" + address + "' is not HOST:PORT");
  }
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

void Connection::State::read_some() {
  if (in_at == in.size()) {
    in.clear();
    in_at = 0;
  }
  std::array<char, 64 * 1024> buffer;
  const int bytes = socket.receiveBytes(buffer.data(), static_cast<int>(buffer.size()));
  if (bytes == 0) broken("the server closed it");
  if (bytes > 0) in.append(buffer.data(), static_cast<std::size_t>(bytes));
}

void Connection::State::write_some() {
  constexpr std::size_t kStep = 256 * 1024;
  const std::size_t step = std::min(out.size() - out_at, kStep);
  const int bytes = socket.sendBytes(out.data() + out_at, static_cast<int>(step));
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

Connection::Connection(const std::string& address) : state_(std::make_unique<State>()) {
  state_->address = with_port(address);
  const auto resolved = resolve(address);
  try {
    state_->socket.connect(resolved, Poco::Timespan(kConnectSeconds, 0));
    state_->socket.setNoDelay(true);
    state_->socket.setBlocking(false);
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
