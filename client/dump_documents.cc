#include "dump_documents.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "stator/json_reader.hpp"
#include "stator/json_writer.hpp"

#include "answer.h"
#include "csv.h"
#include "digest.h"
#include "failure.h"
#include "out_file.h"
#include "progress_bar.h"
#include "retry.h"
#include "trailer.h"

namespace stator::client {
namespace {

// Documents asked for at once; fewer where they are so large that an answer cannot hold them.
constexpr std::uint64_t kRowsPerPage = 1000;
// So many pages of fewer documents before more are tried again: a page that is refused was made in
// vain.
constexpr std::uint64_t kPagesOfLimit = 8;
constexpr std::size_t kWriteBytes = 256u * 1024;

struct Row {
  std::string id;
  std::string_view data;
};

// A page of document_scan, taken apart; `data` borrows from the payload.
struct Page {
  std::string payload;
  std::vector<Row> rows;
  bool has_more = false;
};

void read_row(json::Reader& reader, Row& row) {
  json::RawString key;
  json::RawString id;
  std::string_view other;
  for (reader.enter_object(); reader.next_key(key);) {
    if (json::equals(key, "document_id")) {
      if (reader.string(id)) row.id = json::unescape(id);
    } else {
      reader.skip(json::equals(key, "data") ? row.data : other);
    }
  }
}

Page read_page(std::string payload) {
  Page page;
  page.payload = std::move(payload);
  json::Reader reader(page.payload);
  json::RawString key;
  std::string_view other;
  for (reader.enter_object(); reader.next_key(key);) {
    if (!json::equals(key, "rows")) {
      page.has_more = page.has_more || json::equals(key, "cursor") || json::equals(key, "more");
      reader.skip(other);
      continue;
    }
    for (reader.enter_array(); reader.next_element();) {
      read_row(reader, page.rows.emplace_back());
    }
  }
  const bool is_whole = reader.at_end() && !(page.has_more && page.rows.empty());
  if (!is_whole) throw Failure(kExitConnection, "the server sent a page that is none");
  return page;
}

class Dumper {
 public:
  Dumper(Connection& connection, const DumpOptions& options)
      : connection_(connection),
        options_(options),
        file_(options.path),
        bar_(options.err, options.has_bar, 0, "documents") {}

  DumpSummary run() {
    write_header();
    ask("");
    for (bool has_more = true; has_more && !file_.is_unread();) {
      const Page page = receive();
      has_more = page.has_more;
      // The server makes the next page while this one is written.
      if (has_more) ask(page.rows.back().id);
      for (const Row& row : page.rows) write_row(row);
      summary_.documents += page.rows.size();
      bar_.show({0, summary_.documents, 0});
    }
    end();
    return summary_;
  }

 private:
  void ask(const std::string& after) {
    after_ = after;
    json::StringOut out;
    json::Writer writer(out);
    writer.begin_object()
        .field("op", "document_scan")
        .field("collection", std::string_view(options_.collection))
        .field("payload_format", "json")
        .field("limit", limit_);
    if (!after.empty()) writer.field("after", std::string_view(after));
    if (!options_.filter.empty()) writer.key("filter").raw(options_.filter);
    writer.end_object();
    connection_.queue(out.view());
    connection_.flush();
  }
  Page receive() {
    for (Retry retry;;) {
      Answer answer = read_answer(connection_.receive());
      if (!answer.is_error()) {
        if (++pages_of_limit_ >= kPagesOfLimit) set_limit(std::min(limit_ * 2, kRowsPerPage));
        return read_page(std::move(answer.payload));
      }
      if (answer.error_code == "fan_out_exceeded" && limit_ > 1) {
        set_limit(limit_ / 2);
      } else if (answer.is_retryable) {
        retry.wait(answer);
      } else {
        throw Failure(kExitRefused, answer.sentence());
      }
      ask(after_);
    }
  }

  void set_limit(std::uint64_t limit) {
    limit_ = limit;
    pages_of_limit_ = 0;
  }

  bool is_csv() const { return options_.format == FileFormat::kCsv; }
  void write_header() {
    if (!is_csv()) return;
    columns_ = options_.columns;
    if (columns_.empty()) columns_.push_back({"data", CellType::kDocument});
    line_ += "document_id";
    for (const Column& column : columns_) {
      line_ += ',';
      write_csv_field(column_text(column), line_);
    }
    line_ += "\r\n";
  }
  void write_row(const Row& row) {
    if (is_csv()) {
      write_csv(row);
    } else {
      json::StringOut id;
      json::write_string(id, row.id);
      line_ += R"({"document_id":)";
      line_ += id.view();
      line_ += R"(,"data":)";
      line_ += row.data;
      line_ += "}\n";
    }
    if (line_.size() >= kWriteBytes) write_out();
  }
  void write_csv(const Row& row) {
    if (row.id.find('\0') != row.id.npos) refuse(row, "its id has a NUL, which CSV cannot hold");
    write_csv_field(row.id, line_);
    if (columns_.front().type == CellType::kDocument) {
      line_ += ',';
      write_csv_field(row.data, line_);
      line_ += "\r\n";
      return;
    }
    std::vector<std::string_view> values(columns_.size());
    json::RawString key;
    json::Reader reader(row.data);
    for (reader.enter_object(); reader.next_key(key);) {
      std::string_view value;
      if (!reader.skip(value)) break;
      for (std::size_t i = 0; i < columns_.size(); ++i) {
        if (json::equals(key, columns_[i].name)) values[i] = value;
      }
    }
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      line_ += ',';
      if (values[i].empty()) continue;  // no such member: an empty cell without quotes
      if (!json_to_cell(values[i], columns_[i].type, cell_)) {
        refuse(row, "'" + columns_[i].name + "' is " + std::string(values[i].substr(0, 64)) +
                        ", which does not fit '" + column_text(columns_[i]) +
                        "'; a column of type json takes any value");
      }
      write_csv_field(cell_, line_);
    }
    line_ += "\r\n";
  }
  [[noreturn]] static void refuse(const Row& row, const std::string& why) {
    throw Failure(kExitRefused, "document '" + printable(row.id) + "': " + printable(why));
  }

  void write_out() {
    digest_.add(line_);
    summary_.bytes += line_.size();
    file_.write(line_);
    line_.clear();
  }
  void end() {
    write_out();
    summary_.sha256 = digest_.so_far();
    const std::string trailer = write_trailer({summary_.documents, summary_.sha256});
    file_.write((is_csv() ? "#" : "") + trailer + (is_csv() ? "\r\n" : "\n"));
    file_.finish();
    summary_.seconds = bar_.seconds();
    bar_.end({0, summary_.documents, 0});
  }

  Connection& connection_;
  const DumpOptions& options_;
  OutFile file_;
  ProgressBar bar_;
  Digest digest_;
  std::uint64_t limit_ = kRowsPerPage;
  std::uint64_t pages_of_limit_ = 0;
  std::string after_;
  std::vector<Column> columns_;
  std::string line_;  // not yet written
  std::string cell_;
  DumpSummary summary_;
};

}  // namespace

std::string DumpSummary::json() const {
  json::StringOut out;
  json::Writer(out)
      .begin_object()
      .field("documents", documents)
      .field("bytes", bytes)
      .field("sha256", std::string_view(sha256))
      .field("seconds", std::round(seconds * 1000) / 1000)
      .end_object();
  return out.take();
}

DumpSummary dump_documents(Connection& connection, const DumpOptions& options) {
  return Dumper(connection, options).run();
}

}  // namespace stator::client
