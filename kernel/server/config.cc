#include "server/config.h"

// Header-only: the packaged library is built with exceptions, and the kernel does not throw.
#define TOML_HEADER_ONLY 1
#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

#include <functional>
#include <sstream>

#include "base/limits.h"
#include "base/nearest.h"
#include "io/file_system.h"
#include "stator/json_writer.hpp"

namespace stator::server {
namespace {

std::string place(const std::string& name, const toml::source_region& where) {
  return name + ":" + std::to_string(where.begin.line) + ": ";
}

Error wrong(const std::string& name, const toml::source_region& where, const std::string& what) {
  return Error(ErrorCode::kBadRequest, place(name, where) + what);
}

void write_json(json::Writer& out, const toml::node& node) {
  if (const auto* table = node.as_table()) {
    out.begin_object();
    for (const auto& [key, value] : *table) {
      out.key(key.str());
      write_json(out, value);
    }
    out.end_object();
  } else if (const auto* array = node.as_array()) {
    out.begin_array();
    for (const auto& value : *array) write_json(out, value);
    out.end_array();
  } else if (const auto* text = node.as_string()) {
    out.string(text->get());
  } else if (const auto* integer = node.as_integer()) {
    out.number(integer->get());
  } else if (const auto* number = node.as_floating_point()) {
    out.number(number->get());
  } else if (const auto* flag = node.as_boolean()) {
    out.boolean(flag->get());
  } else {
    out.null();
  }
}

// One table's keys and what each does with its value.
using Setter = std::function<Status(const toml::node&)>;
using Keys = std::map<std::string, Setter>;

class Reader {
 public:
  Reader(std::string name, Config& config) : name_(std::move(name)), config_(config) {}

  Status read(const toml::table& root) {
    return each(
        root, "",
        {
            {"server",
             [this](const toml::node& node) { return section(node, "server", server_keys()); }},
            {"auth", [this](const toml::node& node) { return section(node, "auth", auth_keys()); }},
            {"tls", [this](const toml::node& node) { return section(node, "tls", tls_keys()); }},
            {"http", [this](const toml::node& node) { return section(node, "http", http_keys()); }},
            {"audit",
             [this](const toml::node& node) { return section(node, "audit", audit_keys()); }},
            {"backup",
             [this](const toml::node& node) { return section(node, "backup", backup_keys()); }},
            {"changes",
             [this](const toml::node& node) { return section(node, "changes", changes_keys()); }},
            {"encryption",
             [this](const toml::node& node) {
               return section(node, "encryption", encryption_keys());
             }},
            {"engines",
             [this](const toml::node& node) {
               config_.engines.emplace();
               return strings(node, "engines", *config_.engines);
             }},
            {"engine", [this](const toml::node& node) { return engine_settings(node); }},
            {"ops", [this](const toml::node& node) { return op_pins(node); }},
            {"plugins_keys",
             [this](const toml::node& node) {
               return strings(node, "plugins_keys", config_.plugins_keys);
             }},
            {"plugins_min_conformance",
             [this](const toml::node& node) {
               return number(node, "plugins_min_conformance", {0, 1000}, 1,
                             config_.plugins_min_conformance);
             }},
            {"plugins_lock",
             [this](const toml::node& node) {
               return filled(node, "plugins_lock", config_.plugins_lock);
             }},
            {"engine_path",
             [this](const toml::node& node) {
               return strings(node, "engine_path", config_.engine_path);
             }},
        });
  }

 private:
  Status each(const toml::table& table, const std::string& prefix, const Keys& keys) {
    for (const auto& [key, node] : table) {
      const auto it = keys.find(std::string(key.str()));
      if (it == keys.end()) return unknown(prefix + std::string(key.str()), prefix, node, keys);
      STATOR_CHECK(it->second(node));
    }
    return ok_status();
  }

  Error unknown(const std::string& full, const std::string& prefix, const toml::node& node,
                const Keys& keys) {
    std::vector<std::string> known;
    for (const auto& [key, setter] : keys) known.push_back(prefix + key);
    const std::string nearest = nearest_name(full, known);
    return wrong(name_, node.source(),
                 "unknown key '" + full + "'" +
                     (nearest.empty() ? "" : "; did you mean '" + nearest + "'?"));
  }

  Status section(const toml::node& node, const std::string& name, const Keys& keys) {
    if (!node.is_table()) return wrong(name_, node.source(), "'" + name + "' must be a table [" + name + "]");
    return each(*node.as_table(), name + ".", keys);
  }

  Status text(const toml::node& node, const std::string& key, std::string& out) {
    if (!node.is_string()) return wrong(name_, node.source(), "'" + key + "' must be a string");
    out = node.as_string()->get();
    return ok_status();
  }

  Status filled(const toml::node& node, const std::string& key, std::string& out) {
    STATOR_CHECK(text(node, key, out));
    return out.empty() ? Status(wrong(name_, node.source(), "'" + key + "' must not be empty"))
                       : ok_status();
  }

  Status strings(const toml::node& node, const std::string& key, std::vector<std::string>& out) {
    const auto* array = node.as_array();
    if (array == nullptr) return wrong(name_, node.source(), "'" + key + "' must be a list of strings");
    for (const auto& value : *array) {
      out.emplace_back();
      STATOR_CHECK(text(value, key, out.back()));
    }
    return ok_status();
  }

  Status op_pins(const toml::node& node) {
    const auto* pins = node.as_table();
    if (pins == nullptr) return wrong(name_, node.source(), "'ops' must be a table [ops]");
    for (const auto& [name, engine] : *pins) {
      STATOR_CHECK(filled(engine, "ops." + std::string(name.str()),
                          config_.op_pins[std::string(name.str())]));
    }
    return ok_status();
  }

  Keys server_keys() {
    return {
        {"listen",
         [this](const toml::node& node) { return text(node, "server.listen", config_.listen); }},
        {"tls_listen",
         [this](const toml::node& node) {
           return text(node, "server.tls_listen", config_.tls_listen);
         }},
        {"http_listen",
         [this](const toml::node& node) {
           return text(node, "server.http_listen", config_.http_listen);
         }},
        {"https_listen",
         [this](const toml::node& node) {
           return text(node, "server.https_listen", config_.https_listen);
         }},
        {"data_dir",
         [this](const toml::node& node) {
           return text(node, "server.data_dir", config_.data_dir);
         }},
        {"log_level", [this](const toml::node& node) { return log_level(node); }},
        {"lanes", [this](const toml::node& node) { return lanes(node); }},
        {"lane_stuck_ms", [this](const toml::node& node) { return lane_stuck(node); }},
        {"peer_timeout_s", [this](const toml::node& node) { return peer_timeout(node); }},
        {"memtable_mib", [this](const toml::node& node) { return memtable(node); }},
        {"memory_limit_mib", [this](const toml::node& node) { return memory_limit(node); }},
        {"log_segment_mib", [this](const toml::node& node) { return log_segment(node); }},
    };
  }

  Keys auth_keys() {
    return {
        {"mode", [this](const toml::node& node) { return auth_mode(node); }},
        {"certificate_users", [this](const toml::node& node) { return certificate_users(node); }},
        {"jwt", [this](const toml::node& node) { return section(node, "auth.jwt", jwt_keys()); }},
    };
  }

  Status certificate_users(const toml::node& node) {
    if (!node.is_boolean())
      return wrong(name_, node.source(), "'auth.certificate_users' must be true or false");
    config_.certificate_users = node.as_boolean()->get();
    return ok_status();
  }

  Keys jwt_keys() {
    return {
        {"keys",
         [this](const toml::node& node) {
           return filled(node, "auth.jwt.keys", config_.jwt.keys_file);
         }},
        {"issuer",
         [this](const toml::node& node) {
           return filled(node, "auth.jwt.issuer", config_.jwt.issuer);
         }},
        {"audience",
         [this](const toml::node& node) {
           return filled(node, "auth.jwt.audience", config_.jwt.audience);
         }},
        {"user_claim",
         [this](const toml::node& node) {
           return filled(node, "auth.jwt.user_claim", config_.jwt.user_claim);
         }},
    };
  }

  Keys http_keys() {
    return {
        {"allowed_hosts",
         [this](const toml::node& node) {
           return strings(node, "http.allowed_hosts", config_.http_hosts);
         }},
        {"cors_origins", [this](const toml::node& node) { return cors_origins(node); }},
        {"heartbeat_s",
         [this](const toml::node& node) {
           return number(node, "http.heartbeat_s", {1, kHttpHeartbeatSecondsMax}, 1000,
                         config_.http_heartbeat_ms);
         }},
    };
  }

  // As browsers write them: a path or a closing slash would never match.
  Status cors_origins(const toml::node& node) {
    STATOR_CHECK(strings(node, "http.cors_origins", config_.http_origins));
    for (const std::string& origin : config_.http_origins) {
      const std::size_t scheme = origin.find("://");
      const bool is_origin = scheme != std::string::npos && scheme + 3 < origin.size() &&
                             origin.find('/', scheme + 3) == std::string::npos;
      if (origin == "*" || is_origin) continue;
      return wrong(name_, node.source(),
                   "'http.cors_origins' must hold origins like \"https://app.example\", or \"*\"");
    }
    return ok_status();
  }

  Keys tls_keys() {
    return {
        {"certificate",
         [this](const toml::node& node) {
           return text(node, "tls.certificate", config_.tls.certificate);
         }},
        {"key", [this](const toml::node& node) { return text(node, "tls.key", config_.tls.key); }},
        {"client_ca",
         [this](const toml::node& node) {
           return text(node, "tls.client_ca", config_.tls.client_ca);
         }},
        {"client_certificates",
         [this](const toml::node& node) { return client_certificates(node); }},
    };
  }

  Status client_certificates(const toml::node& node) {
    std::string word;
    STATOR_CHECK(text(node, "tls.client_certificates", word));
    if (word == "none") {
      config_.tls.clients = net::ClientCertificates::kNone;
    } else if (word == "optional") {
      config_.tls.clients = net::ClientCertificates::kOptional;
    } else if (word == "required") {
      config_.tls.clients = net::ClientCertificates::kRequired;
    } else {
      return wrong(name_, node.source(),
                   "'tls.client_certificates' must be \"none\", \"optional\" or \"required\"");
    }
    return ok_status();
  }

  Keys audit_keys() {
    return {{"file_kib", [this](const toml::node& node) { return audit_file(node); }}};
  }

  Status audit_file(const toml::node& node) {
    const auto* number = node.as_integer();
    if (number == nullptr || number->get() < 4 || number->get() > 1 << 20) {
      return wrong(name_, node.source(),
                   "'audit.file_kib' must be a whole number from 4 to 1048576");
    }
    config_.audit_file_bytes = static_cast<std::size_t>(number->get()) << 10;
    return ok_status();
  }

  Keys backup_keys() {
    return {{"directory", [this](const toml::node& node) {
               return filled(node, "backup.directory", config_.backup_directory);
             }}};
  }

  Keys changes_keys() {
    return {
        {"retain_mib",
         [this](const toml::node& node) {
           return number(node, "changes.retain_mib", {0, kRetainMibMax}, std::uint64_t{1} << 20,
                         config_.history.bytes);
         }},
        {"retain_s",
         [this](const toml::node& node) {
           return number(node, "changes.retain_s", {0, kRetainSecondsMax}, 1000,
                         config_.history.ms);
         }},
    };
  }

  struct Bounds {
    std::uint64_t least;
    std::uint64_t most;
  };
  // Within `bounds`; `out` is in units of 1 / `unit`.
  Status number(const toml::node& node, const std::string& key, const Bounds& bounds,
                std::uint64_t unit, std::uint64_t& out) {
    const auto* value = node.as_integer();
    const bool is_inside = value != nullptr && value->get() >= 0 &&
                           static_cast<std::uint64_t>(value->get()) >= bounds.least &&
                           static_cast<std::uint64_t>(value->get()) <= bounds.most;
    if (!is_inside) {
      return wrong(name_, node.source(),
                   "'" + key + "' must be a whole number from " + std::to_string(bounds.least) +
                       " to " + std::to_string(bounds.most));
    }
    out = static_cast<std::uint64_t>(value->get()) * unit;
    return ok_status();
  }

  Keys encryption_keys() {
    return {{"key_file", [this](const toml::node& node) {
               return filled(node, "encryption.key_file", config_.key_file);
             }}};
  }

  Status log_level(const toml::node& node) {
    STATOR_CHECK(text(node, "server.log_level", config_.log_level));
    for (const char* known : {"debug", "info", "warn", "error"}) {
      if (config_.log_level == known) return ok_status();
    }
    return wrong(name_, node.source(), "'server.log_level' must be debug, info, warn or error");
  }

  Status lane_stuck(const toml::node& node) {
    const auto* number = node.as_integer();
    if (number == nullptr || number->get() < kLaneStuckMsMin || number->get() > kLaneStuckMsMax) {
      return wrong(name_, node.source(),
                   "'server.lane_stuck_ms' must be a whole number from " +
                       std::to_string(kLaneStuckMsMin) + " to " + std::to_string(kLaneStuckMsMax));
    }
    config_.lane_stuck_ms = static_cast<std::uint32_t>(number->get());
    return ok_status();
  }
  Status peer_timeout(const toml::node& node) {
    return number(node, "server.peer_timeout_s", {kPeerTimeoutSMin, kPeerTimeoutSMax}, 1,
                  config_.peer_timeout_s);
  }
  Status lanes(const toml::node& node) {
    const auto* number = node.as_integer();
    if (number == nullptr || number->get() < 1 || number->get() > std::int64_t{kLanesMax}) {
      return wrong(name_, node.source(),
                   "'server.lanes' must be a whole number from 1 to " + std::to_string(kLanesMax));
    }
    config_.lanes = static_cast<std::uint32_t>(number->get());
    return ok_status();
  }

  Status memtable(const toml::node& node) {
    constexpr std::int64_t kMibMax = 4096;
    const auto* number = node.as_integer();
    if (number == nullptr || number->get() < 1 || number->get() > kMibMax) {
      return wrong(name_, node.source(), "'server.memtable_mib' must be a whole number from 1 to 4096");
    }
    config_.memtable_bytes = static_cast<std::size_t>(number->get()) << 20;
    return ok_status();
  }

  Status log_segment(const toml::node& node) {
    constexpr std::int64_t kMibMax = kWalSegmentBytes >> 20;
    const auto* number = node.as_integer();
    if (number == nullptr || number->get() < 1 || number->get() > kMibMax) {
      return wrong(name_, node.source(),
                   "'server.log_segment_mib' must be a whole number from 1 to " +
                       std::to_string(kMibMax));
    }
    config_.log_segment_bytes = static_cast<std::size_t>(number->get()) << 20;
    return ok_status();
  }

  Status memory_limit(const toml::node& node) {
    constexpr std::int64_t kMibMax = std::int64_t{1} << 30;
    const auto* number = node.as_integer();
    if (number == nullptr || number->get() < 64 || number->get() > kMibMax) {
      return wrong(name_, node.source(), "'server.memory_limit_mib' must be a whole number from 64 to 1073741824");
    }
    config_.memory_limit_bytes = static_cast<std::uint64_t>(number->get()) << 20;
    return ok_status();
  }

  Status auth_mode(const toml::node& node) {
    std::string mode;
    STATOR_CHECK(text(node, "auth.mode", mode));
    if (mode != "trust" && mode != "password") {
      return wrong(name_, node.source(), "'auth.mode' must be \"trust\" or \"password\"");
    }
    config_.auth_mode = mode == "trust" ? auth::Mode::kTrust : auth::Mode::kPassword;
    config_.auth_is_set = true;
    return ok_status();
  }

  Status engine_settings(const toml::node& node) {
    if (!node.is_table()) return wrong(name_, node.source(), "'engine' must hold tables [engine.NAME]");
    for (const auto& [key, value] : *node.as_table()) {
      if (!value.is_table()) {
        return wrong(name_, value.source(), "'engine." + std::string(key.str()) + "' must be a table");
      }
      json::StringOut out;
      json::Writer writer(out);
      write_json(writer, value);
      config_.engine_config[std::string(key.str())] = out.take();
    }
    return ok_status();
  }

  std::string name_;
  Config& config_;
};

}  // namespace

Status parse_config(const std::string& text, const std::string& name, Config& config) {
  const toml::parse_result parsed = toml::parse(text, name);
  if (!parsed) {
    return wrong(name, parsed.error().source(), std::string(parsed.error().description()));
  }
  return Reader(name, config).read(parsed.table());
}

bool is_toml_value(const std::string& text) {
  const toml::parse_result parsed = toml::parse("value = " + text);
  return parsed && parsed.table().size() == 1;
}

Status read_config(const std::string& path, Config& config) {
  STATOR_TRY(const std::string text, io::read_file(io::posix_file_system(), path));
  return parse_config(text, path, config);
}

}  // namespace stator::server
