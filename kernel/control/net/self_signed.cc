#include "control/net/self_signed.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <memory>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "io/file_system.h"

namespace stator::net {
namespace {

constexpr long kValidSeconds = 365L * 24 * 3600;
// A clock that is a little late must not find it "not yet valid".
constexpr long kBackdatedSeconds = 3600;

template <auto kFree>
struct Free {
  template <class T>
  void operator()(T* object) const {
    kFree(object);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Free<X509_free>>;
using Extension = std::unique_ptr<X509_EXTENSION, Free<X509_EXTENSION_free>>;
using Bio = std::unique_ptr<BIO, Free<BIO_free_all>>;

Error failed(const std::string& what) {
  return Error(ErrorCode::kStorage, "a certificate could not be made: " + what);
}

bool add_extension(X509* certificate, int nid, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  const Extension extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value));
  return extension != nullptr && X509_add_ext(certificate, extension.get(), -1) == 1;
}

bool set_names(X509* certificate) {
  X509_NAME* name = X509_get_subject_name(certificate);
  const auto* common = reinterpret_cast<const unsigned char*>("statord dev");
  return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, common, -1, -1, 0) == 1 &&
         X509_set_issuer_name(certificate, name) == 1 &&
         add_extension(certificate, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1,IP:::1") &&
         add_extension(certificate, NID_basic_constraints, "critical,CA:TRUE,pathlen:0");
}

bool set_serial(X509* certificate) {
  std::uint64_t serial = 0;
  if (RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial) != 1) return false;
  return ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial >> 1) == 1;
}

// Empty when it failed.
Certificate make_certificate(EVP_PKEY* key) {
  Certificate certificate(X509_new());
  X509* raw = certificate.get();
  const bool is_made =
      raw != nullptr && X509_set_version(raw, X509_VERSION_3) == 1 && set_serial(raw) &&
      X509_gmtime_adj(X509_getm_notBefore(raw), -kBackdatedSeconds) != nullptr &&
      X509_gmtime_adj(X509_getm_notAfter(raw), kValidSeconds) != nullptr &&
      X509_set_pubkey(raw, key) == 1 && set_names(raw) && X509_sign(raw, key, EVP_sha256()) > 0;
  return is_made ? std::move(certificate) : Certificate();
}

std::string text_of(BIO* bio) {
  char* data = nullptr;
  const long bytes = BIO_get_mem_data(bio, &data);
  return std::string(data, static_cast<std::size_t>(bytes));
}

Status write_private(const std::string& path, const std::string& text) {
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, S_IRUSR | S_IWUSR);
  const bool is_written = fd >= 0 && fchmod(fd, S_IRUSR | S_IWUSR) == 0 &&
                          write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  const std::string why = std::strerror(errno);
  if (fd >= 0) close(fd);
  return is_written ? ok_status() : Status(failed(path + ": " + why));
}

// The certificate in `path` is there and has not ended.
bool is_valid(const std::string& path) {
  const Bio bio(BIO_new_file(path.c_str(), "r"));
  if (bio == nullptr) return false;
  const Certificate found(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  return found != nullptr && X509_cmp_current_time(X509_get0_notAfter(found.get())) > 0;
}

}  // namespace

Result<TlsFiles> self_signed_files(const std::string& directory) {
  io::FileSystem& files = io::posix_file_system();
  STATOR_CHECK(files.make_directory(directory));
  TlsFiles result;
  result.certificate = directory + "/certificate.pem";
  result.key = directory + "/key.pem";
  STATOR_TRY(const bool has_key, files.exists(result.key));
  if (has_key && is_valid(result.certificate)) return result;

  const Key key(EVP_EC_gen("P-256"));
  if (key == nullptr) return failed("no key");
  const Certificate certificate = make_certificate(key.get());
  const Bio key_text(BIO_new(BIO_s_mem()));
  const Bio certificate_text(BIO_new(BIO_s_mem()));
  if (certificate == nullptr ||
      PEM_write_bio_PrivateKey(key_text.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) !=
          1 ||
      PEM_write_bio_X509(certificate_text.get(), certificate.get()) != 1) {
    return failed("OpenSSL refused");
  }
  STATOR_CHECK(write_private(result.key, text_of(key_text.get())));
  STATOR_CHECK(write_private(result.certificate, text_of(certificate_text.get())));
  return result;
}

}  // namespace stator::net
