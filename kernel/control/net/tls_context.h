// TLS 1.2 and 1.3 of accepted sockets: Poco makes the context, OpenSSL runs inside the event loop
// on the non-blocking socket. RFC 8446, RFC 5246.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <sys/types.h>

#include "base/bytes.h"
#include "base/result.h"
#include "control/auth/client_certificate.h"

namespace stator::net {

enum class ClientCertificates : std::uint8_t {
  kNone,      // none is asked for
  kOptional,  // one that is shown must be signed by `client_ca`
  kRequired,  // without one there is no connection
};

struct TlsFiles {
  std::string certificate;  // PEM; with the chain, the server's own first
  std::string key;          // PEM, without a passphrase
  std::string
      client_ca;  // PEM; who may sign clients' certificates; empty: ClientCertificates::kNone
  ClientCertificates clients = ClientCertificates::kNone;
};

// One connection's TLS state. Thread: the lane's.
class TlsStream {
 public:
  struct State;
  explicit TlsStream(std::unique_ptr<State> state);  // TlsContext::accept() makes it
  ~TlsStream();
  TlsStream(const TlsStream&) = delete;
  TlsStream& operator=(const TlsStream&) = delete;

  // Decrypted bytes, as many as are there and fit; 0: none now; negative: the peer is gone, or
  // broke the protocol. Carries the handshake on while it is not complete.
  ssize_t read(std::span<char> to);
  // How many of `bytes` were taken; 0: none now; negative: the peer is gone. The next call must
  // begin with the bytes that were not taken.
  ssize_t write(ByteView bytes);

  bool is_established() const { return is_established_; }
  // The last read() filled its buffer: there may be more that epoll does not know of.
  bool has_more() const { return has_more_; }
  // The handshake waits until the socket takes bytes.
  bool wants_write() const { return wants_write_; }
  // Of the certificate that the client has shown and that was verified; null: none. Established.
  std::unique_ptr<auth::ClientCertificate> client_certificate() const;

 private:
  // Done, or not now, or never.
  enum class Progress : std::uint8_t { kDone, kWait, kGone };
  Progress progress_of(int result);
  Progress shake_hands();

  std::unique_ptr<State> state_;
  bool is_established_ = false;
  bool is_broken_ = false;
  bool has_more_ = false;
  bool wants_write_ = false;
};

// What all lanes' TLS connections share. Threads: any.
class TlsContext {
 public:
  // Reads the files. Error: kBadRequest, a sentence that names the file.
  static Result<std::unique_ptr<TlsContext>> load(TlsFiles files);
  struct State;
  explicit TlsContext(std::unique_ptr<State> state);  // load() makes it
  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  // Reads the files again: later handshakes use what is in them now, connections that are open go
  // on undisturbed. On an error nothing changes.
  Status reload();
  // Another number whenever one of the files is another or was written; 0 while one is missing.
  std::uint64_t stamp() const;

  // For an accepted non-blocking socket, which must outlive it.
  std::unique_ptr<TlsStream> accept(int fd) const;

 private:
  std::unique_ptr<State> state_;
};

}  // namespace stator::net
