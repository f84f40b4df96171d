#include "server/config_show.h"

#include <cstdint>

#include "stator/json_writer.hpp"

namespace stator::server {
namespace {

// Members of one table; what is empty, or 0 where that means "by the machine", is left out.
class Table {
 public:
  explicit Table(json::Writer& json) : json_(json) { json_.begin_object(); }
  Table(json::Writer& json, std::string_view name) : json_(json) { json_.key(name).begin_object(); }
  ~Table() { json_.end_object(); }
  Table(const Table&) = delete;
  Table& operator=(const Table&) = delete;

  void text(std::string_view name, const std::string& value) {
    if (!value.empty()) json_.field(name, std::string_view(value));
  }
  void number(std::string_view name, std::uint64_t value) { json_.field(name, value); }
  void set_number(std::string_view name, std::uint64_t value) {
    if (value != 0) number(name, value);
  }
  void list(std::string_view name, const std::vector<std::string>& values) {
    if (values.empty()) return;
    json_.key(name).begin_array();
    for (const std::string& value : values) json_.string(value);
    json_.end_array();
  }

 private:
  json::Writer& json_;
};

void show_server(const Config& config, json::Writer& json) {
  Table server(json, "server");
  server.text("listen", config.listen);
  server.text("tls_listen", config.tls_listen);
  server.text("http_listen", config.http_listen);
  server.text("https_listen", config.https_listen);
  server.text("data_dir", config.data_dir);
  server.text("log_level", config.log_level);
  server.set_number("lanes", config.lanes);
  server.number("lane_stuck_ms", config.lane_stuck_ms);
  server.number("peer_timeout_s", config.peer_timeout_s);
  server.number("memtable_mib", config.memtable_bytes >> 20);
  server.set_number("memory_limit_mib", config.memory_limit_bytes >> 20);
  server.number("log_segment_mib", config.log_segment_bytes >> 20);
}

void show_auth(const Config& config, json::Writer& json) {
  Table auth(json, "auth");
  auth.text("mode", config.auth_mode == auth::Mode::kTrust ? "trust" : "password");
  json.field("certificate_users", config.certificate_users);
  if (config.jwt.keys_file.empty()) return;
  Table jwt(json, "jwt");
  jwt.text("keys", config.jwt.keys_file);
  jwt.text("issuer", config.jwt.issuer);
  jwt.text("audience", config.jwt.audience);
  jwt.text("user_claim", config.jwt.user_claim);
}

void show_network(const Config& config, json::Writer& json) {
  {
    Table http(json, "http");
    http.list("cors_origins", config.http_origins);
    http.list("allowed_hosts", config.http_hosts);
    http.number("heartbeat_s", config.http_heartbeat_ms / 1000);
  }
  if (config.tls.certificate.empty()) return;
  constexpr const char* kClients[] = {"none", "optional", "required"};
  Table tls(json, "tls");
  tls.text("certificate", config.tls.certificate);
  tls.text("key", config.tls.key);
  tls.text("client_ca", config.tls.client_ca);
  tls.text("client_certificates", kClients[static_cast<std::size_t>(config.tls.clients)]);
}

void show_files(const Config& config, json::Writer& json) {
  {
    Table changes(json, "changes");
    changes.number("retain_mib", config.history.bytes >> 20);
    changes.number("retain_s", config.history.ms / 1000);
  }
  Table(json, "audit").number("file_kib", config.audit_file_bytes >> 10);
  if (!config.backup_directory.empty()) {
    Table(json, "backup").text("directory", config.backup_directory);
  }
  if (!config.key_file.empty()) Table(json, "encryption").text("key_file", config.key_file);
}

void show_engines(const Config& config, json::Writer& json) {
  if (!config.op_pins.empty()) {
    Table ops(json, "ops");
    for (const auto& [name, engine] : config.op_pins) ops.text(name, engine);
  }
  if (config.engine_config.empty()) return;
  json.key("engine").begin_object();
  for (const auto& [engine, settings] : config.engine_config) json.key(engine).raw(settings);
  json.end_object();
}

}  // namespace

std::string show(const Config& config) {
  json::StringOut out;
  json::Writer json(out);
  {
    Table all(json);
    if (config.engines) all.list("engines", *config.engines);
    all.list("engine_path", config.engine_path);
    all.text("plugins_lock", config.plugins_lock);
    all.set_number("plugins_min_conformance", config.plugins_min_conformance);
    all.list("plugins_keys", config.plugins_keys);
    show_server(config, json);
    show_auth(config, json);
    show_network(config, json);
    show_files(config, json);
    show_engines(config, json);
  }
  return out.take();
}

}  // namespace stator::server
