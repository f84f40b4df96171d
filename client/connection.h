// One connection to a server: frames out, frames in (4-byte big-endian length, then JSON).
//
// While it waits to write it reads what arrives, so a server that stops reading until its answers
// are taken cannot lock both sides.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace stator::client {

// How a connection is kept secret. The server's certificate must be signed by `ca` (empty: by one
// of the system's authorities) and name the host, unless is_unverified.
struct TlsSettings {
  bool is_on = false;
  bool is_unverified = false;
  std::string ca;           // PEM
  std::string certificate;  // PEM, what this client shows; empty: nothing
  std::string key;          // PEM
};

class Connection {
 public:
  // `address` is HOST:PORT, HOST (port 6433, under TLS 6434) or [IPV6]:PORT. Throws Failure: usage
  // for a malformed address or a file of `tls` that is no good, connection if nobody answers there
  // within 10 s or is not who it should be.
  explicit Connection(const std::string& address, const TlsSettings& tls = {});
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Keeps a frame to be sent; returns its request id (the server counts frames from 1).
  std::uint64_t queue(std::string_view body);
  std::size_t queued_bytes() const;
  // Sends what the socket takes at once. Throws Failure (connection).
  void send_some();
  // Sends all that is queued. Throws Failure (connection).
  void flush();
  // The next frame of the server, after sending what is queued. Throws Failure (connection) at the
  // end of the stream, at a frame over 16 MiB, and after 11 minutes of silence; kForEver: a stream
  // may have nothing to tell for as long as it likes.
  enum class Patience { kLimited, kForEver };
  std::string receive(Patience patience = Patience::kLimited);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace stator::client
