#include "transfer_options.h"

#include <algorithm>
#include <iostream>
#include <unistd.h>

#include <CLI/CLI.hpp>

#include "failure.h"

namespace stator::client {
namespace {

constexpr const char* kLoadFooter =
    "\nA FILE without --id-field is a dump of 'stator dump', whose last line tells whether it is\n"
    "whole. With --id-field each line (or row of CSV) is a document that somebody else wrote.\n"
    "Columns of CSV are strings unless --types says otherwise; an empty cell without quotes is no\n"
    "member of the document. Exit codes: 0 all loaded, 1 something was refused, 2 the command "
    "line\n"
    "or the file, 3 the connection.\n";
constexpr const char* kDumpFooter =
    "\nThe last line tells the number of documents and the SHA-256 of all lines before it. CSV "
    "has\n"
    "the whole document as JSON in one column, unless --fields names columns and their types:\n"
    "string, int, float, bool or json (where none is given). A value that does not fit ends the\n"
    "dump; members that have no column are left out.\n";

constexpr const char* kPullFooter =
    "\nIt is consistent as of one LSN although the server goes on, and 'statord restore --from\n"
    "DIRECTORY' makes a data directory of it. With --base only what came since is sent; keep both\n"
    "directories beside each other. Every file is checked against the MANIFEST before the "
    "directory\n"
    "has its name. Needs the role 'superuser'. Nothing in it is encrypted.\n";

void parse(CLI::App& app, const std::vector<std::string>& words) {
  try {
    // CLI11 takes its words from the back.
    std::vector<std::string> reversed(words.rbegin(), words.rend() - 1);
    app.parse(std::move(reversed));
  } catch (const CLI::CallForHelp&) {
    throw Failure(kExitOk, app.help());
  } catch (const CLI::ParseError& fault) {
    throw Failure(kExitUsage, std::string(fault.what()) + "; see " + app.get_name() + " --help");
  }
}

// What --format says; else CSV by the file's suffix, JSON lines otherwise.
FileFormat format_of(const std::string& given, const std::string& path) {
  if (given.empty()) return path.ends_with(".csv") ? FileFormat::kCsv : FileFormat::kJsonl;
  return given == "csv" ? FileFormat::kCsv : FileFormat::kJsonl;
}

void add_format(CLI::App& app, std::string& format) {
  app.add_option("--format", format, "jsonl or csv; default: csv for *.csv, else jsonl")
      ->check(CLI::IsMember({"jsonl", "csv"}));
}

}  // namespace

LoadOptions read_load_options(const std::vector<std::string>& words) {
  const bool is_on_terminal = isatty(STDERR_FILENO) != 0;
  LoadOptions options{
      .collection = {}, .path = {}, .form = {}, .err = std::cerr, .has_bar = is_on_terminal};
  std::string format;
  std::string types;
  std::string on_error = "stop";
  std::string on_conflict = "replace";
  bool has_no_trailer = false;
  CLI::App app("Loads documents from a file into a collection.", "stator load");
  app.footer(kLoadFooter);
  app.add_option("COLLECTION", options.collection, "Where to")->required();
  app.add_option("FILE", options.path, "JSON lines or CSV; - = standard input")->required();
  add_format(app, format);
  app.add_option("--id-field", options.form.id_field, "Member or column that is the document's id");
  app.add_option("--types", types, "Of CSV: COLUMN:TYPE,...; string, int, float, bool or json");
  app.add_option("--on-error", on_error,
                 "stop: the first line that cannot be loaded ends the load (later ones may be "
                 "loaded already); skip: go on")
      ->check(CLI::IsMember({"stop", "skip"}))
      ->capture_default_str();
  app.add_option("--reject", options.reject_path,
                 "With skip: file for line, error code and reason of what is not loaded");
  app.add_option("--on-conflict", on_conflict, "replace: or skip, keep the document of that id")
      ->check(CLI::IsMember({"replace", "skip"}))
      ->capture_default_str();
  app.add_option("--resume", options.state_path,
                 "File that keeps how far the load came; the same command goes on from there");
  app.add_flag("--no-trailer", has_no_trailer, "Take a dump without its last line");
  parse(app, words);
  options.form.format = format_of(format, options.path);
  options.wants_trailer = !has_no_trailer;
  options.skips_faults = on_error == "skip";
  options.keeps_existing = on_conflict == "skip";
  const bool is_csv = options.form.format == FileFormat::kCsv;
  if (!types.empty() && (!is_csv || options.form.id_field.empty())) {
    throw Failure(kExitUsage, "--types goes with CSV and --id-field: a dump has its types itself");
  }
  if (!types.empty()) options.form.types = read_columns(types);
  if (!options.reject_path.empty() && !options.skips_faults) {
    throw Failure(kExitUsage, "--reject goes with --on-error=skip");
  }
  return options;
}

DumpOptions read_dump_options(const std::vector<std::string>& words) {
  DumpOptions options{
      .collection = {}, .path = "-", .err = std::cerr, .has_bar = isatty(STDERR_FILENO) != 0};
  std::string format;
  std::string fields;
  CLI::App app("Writes the documents of a collection to a file.", "stator dump");
  app.footer(kDumpFooter);
  app.add_option("COLLECTION", options.collection, "Where from")->required();
  app.add_option("FILE", options.path,
                 "Written under another name until it is whole; - = standard "
                 "output, the default");
  add_format(app, format);
  app.add_option("--fields", fields, "Of CSV: MEMBER[:TYPE],...");
  app.add_option("--filter", options.filter, "Only the documents that this filter selects (JSON)");
  parse(app, words);
  options.format = format_of(format, options.path);
  if (!fields.empty() && options.format != FileFormat::kCsv) {
    throw Failure(kExitUsage, "--fields goes with --format csv");
  }
  if (!fields.empty()) options.columns = read_columns(fields, CellType::kJson);
  for (const Column& column : options.columns) {
    if (column.type != CellType::kDocument) continue;
    throw Failure(kExitUsage, "a column of type 'document' is what there is without --fields");
  }
  json::Reader filter(options.filter);
  std::string_view raw;
  if (!options.filter.empty() && !(filter.skip(raw) && filter.at_end())) {
    throw Failure(kExitUsage, "--filter must be JSON, such as {\"age\":{\"gte\":18}}");
  }
  // A progress bar and documents do not go to one terminal.
  options.has_bar = options.has_bar && (options.path != "-" || isatty(STDOUT_FILENO) == 0);
  return options;
}

PullOptions read_pull_options(const std::vector<std::string>& words) {
  PullOptions options{.path = {}, .err = std::cerr, .has_bar = isatty(STDERR_FILENO) != 0};
  CLI::App app("Takes a backup of the whole server and writes it here.", "stator pull-backup");
  app.footer(kPullFooter);
  app.add_option("DIRECTORY", options.path, "To be made; its last part is the backup's name")
      ->required();
  std::string base;
  app.add_option("--base", base, "Directory of the backup that it continues");
  parse(app, words);
  if (!base.empty()) options.base_manifest = read_base_manifest(base, options.path);
  return options;
}

}  // namespace stator::client
