#include "control/net/tls_context.h"

#include <mutex>
#include <sys/stat.h>

#include <Poco/Exception.h>
#include <Poco/Net/Context.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "base/limits.h"
#include "control/net/peer_certificate.h"
#include "io/file_stamp.h"

namespace stator::net {
namespace {

using Poco::Net::Context;

Error wrong(const TlsFiles& files, const std::string& why) {
  return Error(ErrorCode::kBadRequest, "tls",
               "TLS with certificate '" + files.certificate + "' and key '" + files.key +
                   (files.client_ca.empty() ? "'" : "', client_ca '" + files.client_ca + "'") +
                   " cannot be set up: " + why);
}

int verification_flags(ClientCertificates clients) {
  switch (clients) {
    case ClientCertificates::kNone:
      return SSL_VERIFY_NONE;
    case ClientCertificates::kOptional:
      return SSL_VERIFY_PEER;
    case ClientCertificates::kRequired:
      return SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
  }
  return SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
}

// A file that cannot be read is the usual mistake, and OpenSSL's words for it are not a sentence.
Status check_readable(const TlsFiles& files) {
  for (const std::string& path : {files.certificate, files.key, files.client_ca}) {
    struct stat found {};
    if (path.empty() || (stat(path.c_str(), &found) == 0 && S_ISREG(found.st_mode))) continue;
    return wrong(files, "'" + path + "' is not a file that can be read");
  }
  return ok_status();
}

void configure(SSL_CTX* context, ClientCertificates clients) {
  static constexpr unsigned char kSessionContext[] = "stator";
  SSL_CTX_set_session_id_context(context, kSessionContext, sizeof kSessionContext - 1);
  // OpenSSL's own check instead of Poco's callback, which asks an application object.
  SSL_CTX_set_verify(context, verification_flags(clients), nullptr);
  // A renegotiation (TLS 1.2) is work that a client could order without end.
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                   SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF);
  // The output buffer grows and moves between two tries; an idle connection keeps no buffers.
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                SSL_MODE_RELEASE_BUFFERS);
  // One system call takes several records.
  SSL_CTX_set_read_ahead(context, 1);
  SSL_CTX_set_default_read_buffer_len(context, kTlsReadBufferBytes);
  // A key with a passphrase is an error, not a question on the terminal.
  SSL_CTX_set_default_passwd_cb(context, [](char*, int, int, void*) { return 0; });
}

Result<Context::Ptr> make_context(const TlsFiles& files) {
  STATOR_CHECK(check_readable(files));
  try {
    Context::Params params;
    params.caLocation = files.client_ca;
    params.cipherList = "HIGH:!aNULL:!eNULL:!MD5:!RC4:!3DES:!kRSA";
    Context::Ptr context = Poco::makeAuto<Context>(Context::TLS_SERVER_USE, params);
    context->requireMinimumProtocol(Context::PROTO_TLSV1_2);
    configure(context->sslContext(), files.clients);
    ERR_clear_error();
    SSL_CTX* raw = context->sslContext();
    if (SSL_CTX_use_certificate_chain_file(raw, files.certificate.c_str()) != 1) {
      return wrong(files, "the certificate is not PEM");
    }
    if (SSL_CTX_use_PrivateKey_file(raw, files.key.c_str(), SSL_FILETYPE_PEM) != 1) {
      return wrong(files, "the key is not PEM, has a passphrase, or is not the certificate's");
    }
    if (SSL_CTX_check_private_key(raw) != 1)
      return wrong(files, "the key is not the certificate's");
    return context;
  } catch (const Poco::Exception& fault) {
    return wrong(files, fault.displayText());
  }
}

}  // namespace

struct TlsStream::State {
  SSL* ssl = nullptr;
};

TlsStream::TlsStream(std::unique_ptr<State> state) : state_(std::move(state)) {}

TlsStream::~TlsStream() {
  // Tells the peer that nothing was cut off; whether it hears it is not waited for.
  ERR_clear_error();
  if (is_established_ && !is_broken_) SSL_shutdown(state_->ssl);
  SSL_free(state_->ssl);
}

TlsStream::Progress TlsStream::progress_of(int result) {
  const int error = SSL_get_error(state_->ssl, result);
  wants_write_ = error == SSL_ERROR_WANT_WRITE;
  if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return Progress::kWait;
  is_broken_ = error != SSL_ERROR_ZERO_RETURN;
  return Progress::kGone;
}

TlsStream::Progress TlsStream::shake_hands() {
  if (is_broken_) return Progress::kGone;
  ERR_clear_error();
  const int result = SSL_do_handshake(state_->ssl);
  if (result != 1) return progress_of(result);
  wants_write_ = false;
  is_established_ = true;
  has_more_ = true;  // what came together with the handshake's last bytes
  return Progress::kDone;
}

ssize_t TlsStream::read(std::span<char> to) {
  if (!is_established_) {
    const Progress progress = shake_hands();
    if (progress != Progress::kDone) return progress == Progress::kWait ? 0 : -1;
  }
  std::size_t taken = 0;
  while (taken < to.size()) {
    std::size_t got = 0;
    ERR_clear_error();
    const int result = SSL_read_ex(state_->ssl, to.data() + taken, to.size() - taken, &got);
    if (result == 1) {
      taken += got;
      continue;
    }
    has_more_ = false;
    // What came before the end is handed on first; the end is met again at the next read.
    if (progress_of(result) == Progress::kGone && taken == 0) return -1;
    return static_cast<ssize_t>(taken);
  }
  has_more_ = true;
  return static_cast<ssize_t>(taken);
}

ssize_t TlsStream::write(ByteView bytes) {
  if (!is_established_) {
    const Progress progress = shake_hands();
    if (progress != Progress::kDone) return progress == Progress::kWait ? 0 : -1;
  }
  std::size_t taken = 0;
  while (taken < bytes.size()) {
    std::size_t sent = 0;
    ERR_clear_error();
    const int result = SSL_write_ex(state_->ssl, bytes.data() + taken, bytes.size() - taken, &sent);
    if (result == 1) {
      taken += sent;
      continue;
    }
    if (progress_of(result) == Progress::kGone) return -1;
    break;
  }
  return static_cast<ssize_t>(taken);
}

std::unique_ptr<auth::ClientCertificate> TlsStream::client_certificate() const {
  const X509* certificate = SSL_get0_peer_certificate(state_->ssl);
  if (certificate == nullptr || SSL_get_verify_result(state_->ssl) != X509_V_OK) return nullptr;
  return std::make_unique<auth::ClientCertificate>(read_certificate(*certificate));
}

struct TlsContext::State {
  TlsFiles files;
  mutable std::mutex mutex;
  Context::Ptr context;  // guarded by mutex
};

TlsContext::TlsContext(std::unique_ptr<State> state) : state_(std::move(state)) {}
TlsContext::~TlsContext() = default;

Result<std::unique_ptr<TlsContext>> TlsContext::load(TlsFiles files) {
  auto state = std::make_unique<State>();
  STATOR_TRY(state->context, make_context(files));
  state->files = std::move(files);
  return std::make_unique<TlsContext>(std::move(state));
}

Status TlsContext::reload() {
  STATOR_TRY(Context::Ptr fresh, make_context(state_->files));
  const std::lock_guard lock(state_->mutex);
  state_->context = fresh;
  return ok_status();
}

std::uint64_t TlsContext::stamp() const {
  return io::file_stamp({state_->files.certificate, state_->files.key, state_->files.client_ca});
}

std::unique_ptr<TlsStream> TlsContext::accept(int fd) const {
  auto stream = std::make_unique<TlsStream::State>();
  {
    const std::lock_guard lock(state_->mutex);
    stream->ssl = SSL_new(state_->context->sslContext());  // keeps the context as long as it lives
  }
  SSL_set_fd(stream->ssl, fd);
  SSL_set_accept_state(stream->ssl);
  return std::make_unique<TlsStream>(std::move(stream));
}

}  // namespace stator::net
