// What a server is told is looked at before anything is opened: addresses, files, limits.
#include <algorithm>
#include <filesystem>
#include <string>

#include "base/limits.h"
#include "base/log.h"
#include "io/open_files.h"
#include "server/key_file.h"
#include "server/server.h"

namespace stator::server {
namespace {

// With a slash at its end, and without links where there is something.
std::string whole_path(const std::string& path) {
  std::error_code code;
  return std::filesystem::weakly_canonical(std::filesystem::absolute(path, code), code) / "";
}

// What was read from files at the start, if they have changed.
template <class Loaded>
void reload(Loaded* loaded, std::uint64_t& seen, bool only_if_changed, const std::string& name) {
  if (loaded == nullptr) return;
  const std::uint64_t stamp = loaded->stamp();
  // Half of a replacement (one file gone for a moment) is looked at again later.
  if (only_if_changed && (stamp == 0 || stamp == seen)) return;
  seen = stamp;
  Status status = loaded->reload();
  if (status.ok()) return log::info(name + " was read again");
  log::error("the old one stays in use, not " + name +
             " as it is now: " + status.error().sentence());
}

}  // namespace

Status Server::check() {
  STATOR_CHECK(check_addresses());
  STATOR_CHECK(check_backup_directory());
  STATOR_CHECK(load_tls());
  STATOR_CHECK(load_jwt());
  STATOR_CHECK(read_key_file(config_.key_file, keys_));
  return load_table();
}

Status Server::check_addresses() const {
  const auto addresses = {config_.listen, config_.tls_listen, config_.http_listen,
                          config_.https_listen};
  if (std::all_of(addresses.begin(), addresses.end(),
                  [](const auto& text) { return text.empty(); })) {
    return Error(ErrorCode::kBadRequest, "nothing to listen on: set [server] listen or tls_listen");
  }
  const bool wants_tls = !config_.tls_listen.empty() || !config_.https_listen.empty();
  if (wants_tls && (config_.tls.certificate.empty() || config_.tls.key.empty())) {
    return Error(ErrorCode::kBadRequest,
                 std::string("[server] ") +
                     (config_.tls_listen.empty() ? "https_listen" : "tls_listen") +
                     " is set: set [tls] certificate and key too");
  }
  const bool wants_client_certificates = config_.tls.clients != net::ClientCertificates::kNone;
  if (wants_client_certificates == config_.tls.client_ca.empty()) {
    return Error(
        ErrorCode::kBadRequest,
        "[tls] client_ca and client_certificates = \"optional\" or \"required\" belong together");
  }
  if (config_.certificate_users && config_.tls.client_ca.empty()) {
    return Error(ErrorCode::kBadRequest, "[auth] certificate_users = true needs [tls] client_ca");
  }
  for (const std::string& text : addresses) {
    if (text.empty()) continue;
    STATOR_TRY(const net::ListenAddress address, net::parse_address(text));
    if (!address.is_loopback && config_.auth_mode == auth::Mode::kTrust) {
      return Error(
          ErrorCode::kBadRequest,
          "refusing to listen on " + text +
              " without authentication: set [auth] mode = \"password\", or listen on 127.0.0.1");
    }
  }
  return ok_status();
}

// A data directory is tidied by its server: backups in it would be taken for what a start with
// other lanes left.
Status Server::check_backup_directory() const {
  if (config_.backup_directory.empty()) return ok_status();
  const std::string data = whole_path(config_.data_dir);
  if (!whole_path(config_.backup_directory).starts_with(data)) return ok_status();
  return Error(ErrorCode::kBadRequest, "[backup] directory '" + config_.backup_directory +
                                           "' is inside the data directory '" + config_.data_dir +
                                           "': backups lie outside of it");
}

Status Server::load_tls() {
  if (config_.tls_listen.empty() && config_.https_listen.empty()) return ok_status();
  STATOR_TRY(tls_, net::TlsContext::load(config_.tls));
  tls_stamp_ = tls_->stamp();
  return ok_status();
}

Status Server::load_jwt() {
  const auth::JwtRules& rules = config_.jwt;
  const bool is_set = !rules.keys_file.empty() || !rules.issuer.empty() || !rules.audience.empty();
  if (!is_set) return ok_status();
  if (rules.keys_file.empty() || rules.issuer.empty() || rules.audience.empty()) {
    return Error(ErrorCode::kBadRequest, "[auth.jwt] needs keys, issuer and audience");
  }
  STATOR_TRY(jwt_, auth::JwtVerifier::load(rules));
  jwt_stamp_ = jwt_->stamp();
  return ok_status();
}

Status Server::share_files(std::uint32_t lanes) {
  const std::size_t files = io::raise_open_files();
  subscriptions_max_ = std::min(kSubscriptionsMax, files / 4);
  const std::size_t kept = subscriptions_max_ + kFilesOfServer + kFilesOfLane * lanes;
  if (files < kept + kConnectionsMin) {
    return Error(ErrorCode::kResourcesExhausted,
                 "this process may open " + std::to_string(files) + " files only (ulimit -n): " +
                     std::to_string(lanes) + " lanes need " + std::to_string(kept) + ", and " +
                     std::to_string(kConnectionsMin) + " connections one each");
  }
  connections_ =
      std::make_unique<net::ConnectionBudget>(std::min(kConnectionsMax * lanes, files - kept));
  return ok_status();
}

void Server::reload_files(bool only_if_changed) {
  reload(tls_.get(), tls_stamp_, only_if_changed, "the TLS certificate");
  reload(jwt_.get(), jwt_stamp_, only_if_changed, "the set of token keys");
}

}  // namespace stator::server
