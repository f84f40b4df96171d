// statord: the server program.
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <iostream>

#include <CLI/CLI.hpp>

#include "stator/json_writer.hpp"

#include "base/log.h"
#include "control/audit/audit_verify.h"
#include "control/net/self_signed.h"
#include "io/crash_report.h"
#include "io/file_system.h"
#include "server/admin_bootstrap.h"
#include "server/config_environment.h"
#include "server/config_show.h"
#include "server/crash_reports.h"
#include "server/key_file.h"
#include "server/plugin_command.h"
#include "server/restore.h"
#include "server/server.h"
#include "server/wal_command.h"

namespace {

using stator::server::Config;

// sysexits.h: something is wrong with the configuration.
constexpr int kExitConfig = 78;
constexpr int kExitFailure = 1;

struct Options {
  std::string config_file;
  std::string data_dir;
  std::string listen;
  std::string tls_listen;
  std::string http_listen;
  std::string https_listen;
  bool has_tls = false;
  std::uint32_t lanes = 0;
  std::vector<std::string> engine_path;
  bool allows_insecure_plugins = false;
  std::string backup;
  std::string key_file;
  std::optional<std::uint64_t> recover_to;
};

void add_insecure_plugins(CLI::App& command, bool& allows) {
  command.add_flag("--insecure-plugins", allows,
                   "Load engine libraries that other users of this machine could change, with a warning");
}

// The library takes -1 for the greatest number, and what is greater than that, too.
std::string is_lsn(const std::string& text) {
  std::uint64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [behind, error] = std::from_chars(text.data(), end, value);
  return error == std::errc() && behind == end
             ? ""
             : "'" + text + "' is no LSN: a whole number from 0 to 2^64-1";
}

void add_options(CLI::App& command, Options& options) {
  command.add_option("--data-dir", options.data_dir, "Directory of the data");
  command.add_option("--listen", options.listen,
                     "Address of the native port, HOST:PORT; port 0 takes a free one");
  command.add_option("--tls-listen", options.tls_listen,
                     "Address of the native port under TLS, HOST:PORT");
  command.add_option("--http-listen", options.http_listen, "Address of the HTTP port, HOST:PORT");
  command.add_option("--https-listen", options.https_listen,
                     "Address of the HTTP port under TLS, HOST:PORT");
  command.add_option("--lanes", options.lanes, "Number of lanes (threads that serve)")
      ->check(CLI::Range(1, 64));
  command.add_option("--engine-path", options.engine_path,
                     "Further directory with engine libraries");
  add_insecure_plugins(command, options.allows_insecure_plugins);
  command
      .add_option("--recover-to", options.recover_to,
                  "Once, for a damaged log: cut it behind this LSN; later records are lost")
      ->check(is_lsn);
}

void add_wal_command(CLI::App& app, stator::server::WalCommand& wal) {
  using Action = stator::server::WalCommand::Action;
  CLI::App* group = app.add_subcommand("wal", "The log of a stopped data directory");
  group->require_subcommand(1);
  const auto add = [&](const char* name, const char* what, Action action) {
    CLI::App* command = group->add_subcommand(name, what);
    command->add_option("--data-dir", wal.data_dir, "Directory of the data")->required();
    command->add_option("--key-file", wal.key_file, "Keys of an encrypted log");
    command->callback([&wal, action] { wal.action = action; });
    return command;
  };
  CLI::App* inspect = add("inspect", "What is in it: a line per segment", Action::kInspect);
  CLI::Option* records = inspect->add_flag("--records", wal.has_records, "A line per record, too");
  inspect->add_option("--from", wal.from, "First LSN of --records")->needs(records)->check(is_lsn);
  inspect->add_option("--to", wal.to, "Last LSN of --records")->needs(records)->check(is_lsn);
  inspect->add_flag("--payload", wal.has_payloads, "With the payloads, in base64")->needs(records);
  add("verify", "Check every byte of it; exit code 1 if it is damaged", Action::kVerify);
  CLI::App* cut = add("cut", "Let it end earlier; later records are lost", Action::kCut);
  cut->add_option("--to", wal.cut_to, "The LSN it ends with, the last one of a write")
      ->required()
      ->check(is_lsn);
  cut->add_flag("--yes", wal.is_sure, "Do it");
}

CLI::App& add_plugin_command(CLI::App& app, stator::server::PluginCommand& plugin) {
  using Action = stator::server::PluginCommand::Action;
  CLI::App* group = app.add_subcommand("plugin", "Engine libraries, without running any of their code");
  group->require_subcommand(1);
  const auto add = [&](const char* name, const char* what, Action action) {
    CLI::App* command = group->add_subcommand(name, what);
    command->add_option("files", plugin.files, "Libraries; default: all that a server would find");
    command->add_option("--engine-path", plugin.engine_path, "Further directory with engine libraries");
    command->callback([&plugin, action] { plugin.action = action; });
    return command;
  };
  add("inspect", "What they say they are, a line each", Action::kInspect);
  CLI::App* verify =
      add("verify", "Whether a server would load them; exit code 1 if not", Action::kVerify);
  CLI::Option* lock =
      verify->add_option("--lock", plugin.lock, "A plugins.lock that they must stand in");
  verify
      ->add_option("--trusted-key", plugin.keys,
                   "File with a public key (PEM); one of these must have signed the lock")
      ->allow_extra_args(false)  // libraries follow
      ->needs(lock);
  verify
      ->add_option("--min-conformance", plugin.min_conformance,
                   "What the lock must say of their conformance")
      ->needs(lock);
  CLI::App* write = add("lock", "Write a plugins.lock of them", Action::kLock);
  write->add_option("--output", plugin.output, "The file; default: standard output");
  write
      ->add_option("--conformance", plugin.conformances,
                   "File that stator-plugin-check wrote of one of them; may come again")
      ->allow_extra_args(false);
  write
      ->add_option(
          "--key", plugin.keys,
          "File with a private key of Ed25519 (PEM, mode 0600) that signs it; may come again")
      ->allow_extra_args(false);
  return *group;
}

void add_crash_commands(CLI::App& plugin, stator::server::CrashCommand& crash) {
  const auto add = [&](const char* name, const char* what, bool forgets) {
    CLI::App* command = plugin.add_subcommand(name, what);
    command->add_option("--data-dir", crash.data_dir, "Directory of the data")
        ->required()
        ->check(CLI::ExistingDirectory);
    command->add_option("--engine", crash.engine, "Of this engine alone");
    command->callback([&crash, forgets] { crash.forgets = forgets; });
  };
  add("crashes", "The reports of engines that crashed, a line each", false);
  add("retry", "Let the next start try again what was kept away from engines that crashed", true);
}

struct AuditOptions {
  std::string data_dir;
  stator::audit::Position expected;
};

void add_audit_command(CLI::App& app, AuditOptions& audit) {
  CLI::App* group = app.add_subcommand("audit", "The audit log");
  group->require_subcommand(1);
  CLI::App* verify = group->add_subcommand(
      "verify", "Check the whole chain; exit code 1 if it is not what was written");
  verify->add_option("--data-dir", audit.data_dir, "Directory of the data")->required();
  CLI::Option* sequence = verify->add_option("--last-seq", audit.expected.sequence,
                                             "A position noted before: its line");
  verify->add_option("--last-hash", audit.expected.hash, "and its hash")->needs(sequence);
}

void add_user_command(CLI::App& app, stator::server::PasswordReset& reset, Options& options) {
  CLI::App* group = app.add_subcommand("user", "Users of a stopped data directory");
  group->require_subcommand(1);
  CLI::App* command = group->add_subcommand(
      "reset-password", "Give a user another password; makes 'admin' anew if it is gone");
  command->add_option("--data-dir", reset.data_dir, "Directory of the data")
      ->required()
      ->check(CLI::ExistingDirectory);
  command->add_option("--username", reset.username, "Name of the user")->default_val("admin");
  command
      ->add_option("--password-file", reset.password_file,
                   "File with the password; default: a random one")
      ->check(CLI::ExistingFile);
  command->add_option("--engine-path", options.engine_path, "Further directory with engine libraries");
  add_insecure_plugins(*command, options.allows_insecure_plugins);
}

int fail(int code, const std::string& sentence) {
  std::fprintf(stderr, "statord: %s\n", sentence.c_str());
  return code;
}

void print_ready(const stator::server::Server& server) {
  stator::json::StringOut out;
  stator::json::Writer json(out);
  json.begin_object()
      .field("event", std::string_view("ready"))
      .field("listen", std::string_view(server.listen_address()));
  if (!server.tls_listen_address().empty())
    json.field("tls_listen", std::string_view(server.tls_listen_address()));
  if (!server.http_listen_address().empty()) {
    json.field("http_listen", std::string_view(server.http_listen_address()));
  }
  if (!server.https_listen_address().empty()) {
    json.field("https_listen", std::string_view(server.https_listen_address()));
  }
  json.key("engines").begin_array();
  for (const std::string& engine : server.engines()) json.string(engine);
  json.end_array()
      .field("recovered_lsn", server.recovered_lsn().value())
      .field("replayed", server.replayed())
      .field("torn_bytes", server.torn_bytes())
      .end_object();
  std::cout << out.view() << std::endl;
}

stator::log::Level level_of(const std::string& name) {
  if (name == "debug") return stator::log::Level::kDebug;
  if (name == "warn") return stator::log::Level::kWarn;
  if (name == "error") return stator::log::Level::kError;
  return stator::log::Level::kInfo;
}

// Before any thread is made: every thread inherits the mask, so the signals come to main alone.
sigset_t block_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  return signals;
}

// The file, and what the environment says otherwise.
stator::Status read_settings(const std::string& config_file, Config& config) {
  if (!config_file.empty()) STATOR_CHECK(stator::server::read_config(config_file, config));
  return stator::server::read_environment(stator::server::environment(), config);
}

stator::Error no_mode(const std::string& config_file) {
  return {stator::ErrorCode::kBadRequest,
          config_file + ": [auth] mode is not set; serve wants it said: \"trust\" or \"password\""};
}

void reload_log_level(const std::string& config_file) {
  Config config;
  if (auto status = read_settings(config_file, config); !status.ok()) {
    return stator::log::error("the log level stays as it is: " + status.error().sentence());
  }
  stator::log::set_level(level_of(config.log_level));
  stator::log::info("the log level is " + config.log_level);
}

// Until SIGTERM or SIGINT. SIGHUP reads again what can be: the log level, the key file,
// certificates and token keys. The latter two are looked at by themselves too, since who renews
// them may not know of signals.
void wait_for_end(const sigset_t& signals, stator::server::Server& server,
                  const std::string& config_file) {
  constexpr timespec kLookSeconds{5, 0};
  for (;;) {
    const int signal = server.has_files() ? sigtimedwait(&signals, nullptr, &kLookSeconds)
                                          : sigwaitinfo(&signals, nullptr);
    if (signal == SIGTERM || signal == SIGINT) return;
    if (signal == SIGHUP) {
      server.reload_keys();
      reload_log_level(config_file);
    }
    if (signal == SIGHUP || errno == EAGAIN) server.reload_files(signal != SIGHUP);
  }
}

int run(const Config& config, const std::string& config_file) {
  stator::log::set_level(level_of(config.log_level));
  const sigset_t signals = block_signals();
  const stator::io::SignalStack crash_stack;
  stator::server::Server server(config);
  if (auto status = server.start(); !status.ok()) {
    const stator::ErrorCode reason = status.error().code();
    const bool is_config =
        reason == stator::ErrorCode::kBadRequest || reason == stator::ErrorCode::kCrypto;
    const int code = is_config ? kExitConfig : kExitFailure;
    fail(code, status.error().sentence());
    std::_Exit(code);  // lanes may be half-way up; the log is consistent at every moment
  }
  print_ready(server);
  wait_for_end(signals, server, config_file);
  stator::log::info("stopping");
  if (auto status = server.stop(); !status.ok()) {
    fail(kExitFailure, status.error().sentence());
    std::_Exit(kExitFailure);  // a lane may still be at its work
  }
  return 0;
}

// Whether a server could start with it, or what it says.
int run_config(const std::string& config_file, bool shows) {
  stator::log::set_level(stator::log::Level::kWarn);
  Config config;
  auto status = read_settings(config_file, config);
  if (status.ok() && !config.auth_is_set) status = no_mode(config_file);
  if (status.ok() && !shows) status = stator::server::Server(config).check();
  if (!status.ok()) return fail(kExitConfig, status.error().sentence());
  std::cout << (shows ? stator::server::show(config) : R"({"event":"checked"})") << std::endl;
  return 0;
}

void add_config_command(CLI::App& app, Options& options) {
  CLI::App* group = app.add_subcommand("config", "The configuration");
  group->require_subcommand(1);
  const auto add = [&](const char* name, const char* what) {
    group->add_subcommand(name, what)
        ->add_option("--config", options.config_file, "Configuration file (TOML)")
        ->check(CLI::ExistingFile)
        ->required();
  };
  add("check", "Whether a server could start with it; exit code 78 if not, with the reason");
  add("show", "What is in force: defaults, the file, the environment; in JSON");
}

// Says what was done in one line, as the server does when it is ready.
int run_restore(const Options& options) {
  stator::log::set_level(stator::log::Level::kWarn);
  stator::wal::KeyRing keys;
  if (auto status = stator::server::read_key_file(options.key_file, keys); !status.ok()) {
    return fail(kExitConfig, status.error().sentence());
  }
  auto restored =
      stator::server::restore(stator::io::posix_file_system(), options.backup, options.data_dir, &keys);
  if (!restored.ok()) return fail(kExitFailure, restored.error().sentence());
  stator::json::StringOut out;
  stator::json::Writer(out)
      .begin_object()
      .field("event", std::string_view("restored"))
      .field("data_dir", std::string_view(options.data_dir))
      .field("lsn", restored.value().lsn.value())
      .field("backups", restored.value().backups)
      .field("bytes", restored.value().bytes)
      .end_object();
  std::cout << out.view() << std::endl;
  return 0;
}

int run_audit_verify(const AuditOptions& options) {
  auto report = stator::audit::verify(stator::io::posix_file_system(), options.data_dir + "/audit",
                                      options.expected);
  if (!report.ok()) return fail(kExitFailure, report.error().sentence());
  stator::json::StringOut out;
  stator::json::Writer(out)
      .begin_object()
      .field("event", std::string_view("verified"))
      .field("files", report.value().files)
      .field("last_seq", report.value().last.sequence)
      .field("last_hash", std::string_view(report.value().last.hash))
      .field("torn_line", report.value().has_torn_line)
      .end_object();
  std::cout << out.view() << std::endl;
  return 0;
}

int run_reset_password(const stator::server::PasswordReset& reset, const Options& options) {
  stator::log::set_level(stator::log::Level::kWarn);
  block_signals();
  Config config;
  config.data_dir = reset.data_dir;
  config.engine_path = options.engine_path;
  config.allows_insecure_plugins = options.allows_insecure_plugins;
  stator::server::Server server(config);
  std::string path;
  auto status = server.start_offline([&](int socket) -> stator::Status {
    auto done = stator::server::reset_password(socket, reset);
    if (!done.ok()) return std::move(done.error());
    path = done.take();
    return stator::ok_status();
  });
  if (status.ok()) status = server.stop();
  if (!status.ok()) {
    fail(kExitFailure, status.error().sentence());
    std::_Exit(kExitFailure);  // lanes may be half-way up
  }
  stator::json::StringOut out;
  stator::json::Writer(out)
      .begin_object()
      .field("event", std::string_view("password_reset"))
      .field("username", std::string_view(reset.username))
      .field("password_file", std::string_view(path))
      .end_object();
  std::cout << out.view() << std::endl;
  return 0;
}

void add_restore(CLI::App& command, Options& options) {
  command.add_option("--from", options.backup, "Directory of the backup")->required();
  command.add_option("--data-dir", options.data_dir, "New directory of the data")->required();
  command.add_option("--key-file", options.key_file, "Keys: the log is written encrypted");
}

int run(const stator::server::PluginCommand& command) {
  auto code = stator::server::run_plugin_command(command, std::cout);
  std::cout.flush();
  return code.ok() ? code.value() : fail(kExitFailure, code.error().sentence());
}

int run(const stator::server::CrashCommand& command) {
  auto code = stator::server::run_crash_command(command, std::cout);
  std::cout.flush();
  return code.ok() ? code.value() : fail(kExitFailure, code.error().sentence());
}

int run(const stator::server::WalCommand& command) {
  auto code = stator::server::run_wal_command(command, std::cout);
  std::cout.flush();
  return code.ok() ? code.value() : fail(kExitFailure, code.error().sentence());
}

}  // namespace

// NOLINTNEXTLINE(bugprone-exception-escape): what nobody catches is a defect and ends the process
int main(int argc, char** argv) {
  CLI::App app("Stator: a multi-model database server whose engines are plugins");
  app.set_version_flag("--version", std::string("statord ") + STATOR_VERSION);
  app.require_subcommand(1);
  Options options;
  CLI::App* dev = app.add_subcommand("dev", "Serve on loopback without authentication, every engine on");
  CLI::App* serve = app.add_subcommand("serve", "Serve as the configuration file says");
  dev->add_option("--config", options.config_file, "Configuration file (TOML)")->check(CLI::ExistingFile);
  serve->add_option("--config", options.config_file, "Configuration file (TOML)")
      ->check(CLI::ExistingFile)
      ->required();
  dev->add_flag("--tls", options.has_tls,
                "Serve under TLS too, with a self-signed certificate kept in DATA_DIR/tls");
  add_options(*dev, options);
  add_options(*serve, options);
  CLI::App* restore = app.add_subcommand("restore", "Make a new data directory out of a backup");
  add_restore(*restore, options);
  stator::server::WalCommand wal;
  add_wal_command(app, wal);
  stator::server::PluginCommand plugin;
  stator::server::CrashCommand crash;
  add_crash_commands(add_plugin_command(app, plugin), crash);
  AuditOptions audit;
  add_audit_command(app, audit);
  stator::server::PasswordReset reset;
  add_user_command(app, reset, options);
  add_config_command(app, options);
  CLI11_PARSE(app, argc, argv);
  if (app.got_subcommand("audit")) return run_audit_verify(audit);
  if (app.got_subcommand("user")) return run_reset_password(reset, options);
  if (app.got_subcommand("wal")) return run(wal);
  if (app.got_subcommand("plugin")) return crash.data_dir.empty() ? run(plugin) : run(crash);
  if (restore->parsed()) return run_restore(options);

  if (const CLI::App* command = app.get_subcommand("config"); command->parsed()) {
    return run_config(options.config_file, command->got_subcommand("show"));
  }

  Config config;
  if (auto status = read_settings(options.config_file, config); !status.ok()) {
    return fail(kExitConfig, status.error().sentence());
  }
  if (serve->parsed() && !config.auth_is_set) {
    return fail(kExitConfig, no_mode(options.config_file).sentence());
  }
  if (!options.data_dir.empty()) config.data_dir = options.data_dir;
  if (!options.listen.empty()) config.listen = options.listen;
  if (options.lanes != 0) config.lanes = options.lanes;
  if (!options.tls_listen.empty()) config.tls_listen = options.tls_listen;
  if (!options.http_listen.empty()) config.http_listen = options.http_listen;
  if (!options.https_listen.empty()) config.https_listen = options.https_listen;
  // Who moves the native port has a reason to, perhaps a second server: HTTP is then asked for.
  const bool is_plain_dev = dev->parsed() && options.listen.empty() && options.config_file.empty();
  if (is_plain_dev && config.http_listen.empty()) config.http_listen = "127.0.0.1:6480";
  if (options.has_tls) {
    if (config.tls_listen.empty()) config.tls_listen = "127.0.0.1:6434";
    auto files = stator::net::self_signed_files(config.data_dir + "/tls");
    if (!files.ok()) return fail(kExitFailure, files.error().sentence());
    config.tls = std::move(files).value();
  }
  config.recover_to = options.recover_to;
  // dev is for whoever works on engines, in whatever folder: it says what serve would refuse.
  config.allows_insecure_plugins = dev->parsed() || options.allows_insecure_plugins;
  config.engine_path.insert(config.engine_path.begin(), options.engine_path.begin(), options.engine_path.end());
  return run(config, options.config_file);
}
