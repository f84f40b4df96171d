// The configuration of a server: defaults, then the TOML file, then the environment
// (config_environment.h), then the command line.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/limits.h"
#include "base/result.h"
#include "control/auth/identity.h"
#include "control/auth/jwt.h"
#include "control/net/tls_context.h"
#include "server/trim_gate.h"

namespace stator::server {

struct Config {
  std::string listen = "127.0.0.1:6433";
  // Address of the native protocol under TLS; empty: none. `listen` may be empty then.
  std::string tls_listen;
  // Addresses of HTTP and of HTTPS; empty: none.
  std::string http_listen;
  std::string https_listen;
  std::vector<std::string> http_hosts;    // what this server is called, beside localhost
  std::uint64_t peer_timeout_s = kPeerTimeoutSDefault;  // of a peer that has vanished
  std::uint64_t http_heartbeat_ms = kHttpHeartbeatMsDefault;
  std::vector<std::string> http_origins;  // of web pages that may ask; "*": all
  net::TlsFiles tls;
  std::string data_dir = "./stator-data";
  std::uint32_t lanes = 0;  // 0 = by the machine
  std::uint32_t lane_stuck_ms =
      kLaneStuckMsDefault;  // a turn that takes longer is no turn any more
  // Of a lane: when its memtable is this large, a checkpoint begins.
  std::size_t memtable_bytes = kMemtableBytesMax;
  std::size_t log_segment_bytes = kWalSegmentBytes;
  // Of the process; writes are refused beyond it. 0 = 80 % of what the machine or its cgroup has.
  std::uint64_t memory_limit_bytes = 0;
  auth::Mode auth_mode = auth::Mode::kTrust;
  bool auth_is_set = false;
  bool certificate_users = false;  // the names in clients' certificates are users
  auth::JwtRules jwt;
  std::string log_level = "info";
  // Engines to load; nothing = all that are found.
  std::optional<std::vector<std::string>> engines;
  // [engine.ID] tables as JSON objects.
  std::map<std::string, std::string> engine_config;
  // [ops]: wire name -> id of the engine whose op it means in collections that belong to none.
  std::map<std::string, std::string> op_pins;
  // Command line only: a damaged log is cut behind this LSN before it is opened.
  std::optional<std::uint64_t> recover_to;
  // Further directories to look for engine libraries in, before the installed one.
  std::vector<std::string> engine_path;
  std::string plugins_lock;  // which libraries may be loaded; empty: every one
  // Files with public keys, one of which must have signed the lock; none: it need not be signed.
  std::vector<std::string> plugins_keys;
  // What the lock must say of a library's conformance; 0: nothing.
  std::uint64_t plugins_min_conformance = 0;
  // Command line only: libraries that others could change are a warning, not a refusal.
  bool allows_insecure_plugins = false;
  History history{.bytes = kRetainMibDefault << 20, .ms = kRetainSecondsDefault * 1000};
  std::size_t audit_file_bytes = 16u << 20;  // at which the audit log begins a new file
  std::string backup_directory;              // where backups go; empty: none are taken
  std::string key_file;                      // of the log's encryption; empty: the log is plain
};

// Reads a file into `config`. Errors name file, line and the nearest known key.
Status read_config(const std::string& path, Config& config);
// The same from text; `name` is for messages.
Status parse_config(const std::string& text, const std::string& name, Config& config);
// It can stand behind a key.
bool is_toml_value(const std::string& text);

}  // namespace stator::server
