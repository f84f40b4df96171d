#include "options.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>

#include <CLI/CLI.hpp>

#include "failure.h"

namespace stator::client {
namespace {

constexpr const char* kFooter =
    "\nCommands:\n"
    "  OPERATION COLLECTION ARGUMENT... [--name VALUE]...   run one operation\n"
    "  send FILE.jsonl   send a file of requests, one JSON object a line (- = standard input)\n"
    "  load COLLECTION FILE   documents of JSON lines or CSV into a collection; load --help\n"
    "  dump COLLECTION [FILE] the documents of a collection as JSON lines or CSV; dump --help\n"
    "  pull-backup DIRECTORY  a backup of the whole server into a directory of this machine; "
    "pull-backup --help\n"
    "  ops               list the operations of the server\n"
    "  help OPERATION    explain one\n"
    "  plugin new NAME [--lang cpp|c|rust]   begin an engine of your own (no server needed)\n"
    "Without a command: a prompt on a terminal, else requests are read line by line from\n"
    "standard input.\n\n"
    "Answers are tables on a terminal and one line of JSON elsewhere.\n"
    "Secrets may stand in files: STATOR_PASSWORD_FILE, STATOR_API_KEY_FILE, STATOR_TOKEN_FILE.\n"
    "Exit codes: 0 ok, 1 the server answered an error, 2 usage, 3 connection failed.\n";

// Options end at the first word that is none and belongs to no option. What follows is the
// operation's own and must reach it unread, "--" included, so it is cut off here.
int count_own(int argc, const char* const* argv, const CLI::App& app) {
  int at = 1;
  while (at < argc) {
    const std::string word = argv[at];
    if (!word.starts_with('-') || word == "-") break;
    const std::string name = word.substr(0, word.find('='));
    const CLI::Option* option = app.get_option_no_throw(name);
    const bool takes_next = option != nullptr && option->get_expected_min() > 0 && name == word;
    at += takes_next ? 2 : 1;
  }
  return std::min(at, argc);
}

// What was not given may stand in the file that `variable` names: a secret in the environment is
// passed on to whatever the program starts.
void read_secret(const char* variable, std::string& secret) {
  const char* path = std::getenv(variable);
  if (path == nullptr || !secret.empty()) return;
  std::ifstream file(path);
  if (!std::getline(file, secret) && !file.eof()) {
    throw Failure(kExitUsage, std::string(variable) + ": cannot read " + path);
  }
  if (secret.ends_with('\r')) secret.pop_back();
  if (secret.empty()) throw Failure(kExitUsage, std::string(variable) + ": " + path + " is empty");
}

}  // namespace

Options read_options(int argc, const char* const* argv) {
  Options options;
  CLI::App app("stator, the client of statord", "stator");
  app.set_version_flag("--version", "stator " STATOR_VERSION);
  app.footer(kFooter);
  app.add_option("--host", options.host, "HOST:PORT of the server")
      ->envname("STATOR_HOST")
      ->capture_default_str();
  app.add_flag("--tls", options.tls.is_on, "Connect under TLS (default port 6434)")
      ->envname("STATOR_TLS");
  app.add_option("--ca", options.tls.ca,
                 "PEM file of who may have signed the server's certificate; implies --tls")
      ->check(CLI::ExistingFile)
      ->envname("STATOR_CA");
  app.add_option("--certificate", options.tls.certificate,
                 "PEM file of the certificate to show; implies --tls")
      ->check(CLI::ExistingFile);
  app.add_option("--key", options.tls.key, "PEM file of the certificate's key")
      ->check(CLI::ExistingFile);
  app.add_flag("--tls-unverified", options.tls.is_unverified,
               "Under TLS, but take whoever answers for the server; implies --tls");
  app.add_option(
         "--user", options.credentials.user,
         "User to act as; with --certificate and no password one that the certificate names")
      ->envname("STATOR_USER");
  app.add_option("--password", options.credentials.password,
                 "Password of the user; others see your command line, so prefer the variable")
      ->envname("STATOR_PASSWORD");
  app.add_option("--api-key", options.credentials.api_key, "API key, instead of a user")
      ->envname("STATOR_API_KEY");
  app.add_option("--token", options.credentials.token,
                 "Token of another issuer (JWT), instead of a user")
      ->envname("STATOR_TOKEN");
  const auto* json = app.add_option("--json", options.json, "Send one request, a JSON object");
  app.add_flag("--frame", options.whole_frame, "Print whole frames instead of payloads");
  try {
    const int own = count_own(argc, argv, app);
    app.parse(own, argv);
    options.words.assign(argv + own, argv + argc);
  } catch (const CLI::CallForHelp&) {
    options.text = app.help();
  } catch (const CLI::CallForVersion& version) {
    options.text = std::string(version.what()) + "\n";
  } catch (const CLI::ParseError& fault) {
    throw Failure(kExitUsage, std::string(fault.what()) + "; see stator --help");
  }
  read_secret("STATOR_PASSWORD_FILE", options.credentials.password);
  read_secret("STATOR_API_KEY_FILE", options.credentials.api_key);
  read_secret("STATOR_TOKEN_FILE", options.credentials.token);
  if (options.tls.certificate.empty() != options.tls.key.empty()) {
    throw Failure(kExitUsage, "--certificate and --key belong together");
  }
  options.tls.is_on |=
      options.tls.is_unverified || !options.tls.ca.empty() || !options.tls.certificate.empty();
  options.credentials.shows_certificate = !options.tls.certificate.empty();
  options.has_json = json->count() > 0;
  if (options.has_json && !options.words.empty()) {
    throw Failure(kExitUsage, "--json stands alone; '" + options.words.front() + "' is too much");
  }
  return options;
}

}  // namespace stator::client
