#include "control/net/peer_certificate.h"

#include <ctime>
#include <memory>
#include <string_view>

#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "base/limits.h"

namespace stator::net {
namespace {

// Empty where it could be mistaken for another: a NUL inside, or longer than a user's name can be.
std::string usable(std::string_view name) {
  const bool is_usable =
      name.size() <= kUsernameBytesMax && name.find('\0') == std::string_view::npos;
  return is_usable ? std::string(name) : std::string();
}

// In whatever character set the certificate has it.
std::string text_of(const ASN1_STRING* value) {
  unsigned char* utf8 = nullptr;
  const int bytes = ASN1_STRING_to_UTF8(&utf8, value);
  if (bytes < 0) return {};
  std::string found =
      usable({reinterpret_cast<const char*>(utf8), static_cast<std::size_t>(bytes)});
  OPENSSL_free(utf8);
  return found;
}

// Which of two common names is meant is nothing to guess about.
std::string common_name(const X509_NAME* subject) {
  const int first = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (first < 0 || X509_NAME_get_index_by_NID(subject, NID_commonName, first) >= 0) return {};
  return text_of(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, first)));
}

std::vector<std::string> alternative_names(const X509& certificate) {
  const auto free_names = [](GENERAL_NAMES* names) { GENERAL_NAMES_free(names); };
  const std::unique_ptr<GENERAL_NAMES, decltype(free_names)> names(
      static_cast<GENERAL_NAMES*>(
          X509_get_ext_d2i(&certificate, NID_subject_alt_name, nullptr, nullptr)),
      free_names);
  std::vector<std::string> found;
  for (int i = 0; names != nullptr && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    int type = 0;
    const void* value = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names.get(), i), &type);
    if (type != GEN_DNS && type != GEN_EMAIL && type != GEN_URI) continue;
    std::string name = text_of(static_cast<const ASN1_STRING*>(value));
    if (!name.empty()) found.push_back(std::move(name));
  }
  return found;
}

std::uint64_t end_of(const X509& certificate) {
  tm when{};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(&certificate), &when) != 1) return 0;
  const std::time_t seconds = timegm(&when);
  return seconds < 0 ? 0 : static_cast<std::uint64_t>(seconds) * 1000;
}

}  // namespace

auth::ClientCertificate read_certificate(const X509& certificate) {
  return {common_name(X509_get_subject_name(&certificate)), alternative_names(certificate),
          end_of(certificate)};
}

}  // namespace stator::net
