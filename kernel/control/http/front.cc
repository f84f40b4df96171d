#include "control/http/front.h"

#include <algorithm>

#include "control/http/letters.h"

namespace stator::http {
namespace {

// "localhost:6480" -> "localhost", "[::1]:6480" -> "[::1]".
std::string_view without_port(std::string_view host) {
  const std::size_t colon = host.rfind(':');
  if (colon == std::string_view::npos) return host;
  const bool is_port = host.find_first_not_of("0123456789", colon + 1) == std::string_view::npos;
  return is_port ? host.substr(0, colon) : host;
}

// An address of 127.0.0.0/8, in digits: no name can look like one.
bool is_loopback_number(std::string_view host) {
  return host.starts_with("127.") &&
         host.find_first_not_of("0123456789.") == std::string_view::npos;
}

}  // namespace

bool Front::allows_host(std::string_view host) const {
  if (!settings_.is_trusting && settings_.hosts.empty()) return true;
  const std::string_view name = without_port(host);
  if (is_same(name, "localhost") || name == "[::1]" || is_loopback_number(name)) return true;
  return std::any_of(settings_.hosts.begin(), settings_.hosts.end(),
                     [&](const std::string& known) { return is_same(known, name); });
}

bool Front::allows_origin(std::string_view origin, std::string_view host) const {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (origin.starts_with(scheme) && is_same(origin.substr(scheme.size()), host)) return true;
  }
  return std::any_of(
      settings_.origins.begin(), settings_.origins.end(),
      [&](const std::string& known) { return known == "*" || is_same(known, origin); });
}

}  // namespace stator::http
