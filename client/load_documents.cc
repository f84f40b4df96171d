#include "load_documents.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <filesystem>
#include <memory>
#include <optional>
#include <unordered_set>
#include <vector>

#include "stator/json_writer.hpp"

#include "answer.h"
#include "failure.h"
#include "input.h"
#include "load_batch.h"
#include "load_state.h"
#include "progress_bar.h"
#include "reject_file.h"
#include "retry.h"

namespace stator::client {
namespace {

// Enough to keep server and client busy; what is in flight is kept in memory, and sent again when a
// load is resumed.
constexpr std::size_t kBatchesInFlight = 6;
constexpr std::size_t kBytesInFlight = 8u * 1024 * 1024;
// Batches between two writes of the state, some milliseconds each.
constexpr std::size_t kBatchesPerState = 16;
constexpr std::uint64_t kFaultsShown = 5;
// The server's own bound of a document, and far more than that of an id: what is larger is refused
// here, so that every request fits a frame.
constexpr std::size_t kDocumentBytesMax = 8u * 1024 * 1024;
constexpr std::size_t kIdBytesMax = 64u * 1024;

// What the server says of a document. Any other error concerns the whole load and ends it.
bool is_fault_of_document(const Answer& answer) {
  for (const char* code : {"bad_request", "rejected_prevalidation", "rejected_constraint",
                           "unique_violation", "rejected_authz", "frame_too_large"}) {
    if (answer.error_code == code) return true;
  }
  return false;
}

std::string format_name(FileFormat format) { return format == FileFormat::kCsv ? "csv" : "jsonl"; }

class DocumentLoader {
 public:
  DocumentLoader(Connection& connection, const LoadOptions& options, LoadSummary& summary)
      : connection_(connection),
        options_(options),
        summary_(summary),
        input_(options.path),
        reader_(make_record_reader(input_, options.form)),
        state_(begin_state()),
        rejects_(options.reject_path, state_.reject_bytes),
        bar_(options.err, options.has_bar, input_.file_bytes(), "documents"),
        rejected_before_(state_.rejected) {
    summary_.documents = state_.documents;
    summary_.rejected = state_.rejected;
  }

  void run() {
    try {
      send_all();
      while (!in_flight_.empty()) take_answer();
    } catch (const Failure&) {
      end();
      throw;
    }
    end();
    if (!is_cut_ && !first_fault_.empty()) throw Failure(kExitRefused, first_fault_);
    check_end();
  }

 private:
  // The state of the load before, after its part of the file was passed over.
  LoadState begin_state() {
    LoadState fresh;
    fresh.collection = options_.collection;
    fresh.format = format_name(options_.form.format);
    fresh.id_field = options_.form.id_field;
    if (options_.state_path.empty()) return fresh;
    const std::optional<LoadState> kept = read_load_state(options_.state_path);
    if (!kept) return fresh;
    if (kept->collection != fresh.collection || kept->format != fresh.format ||
        kept->id_field != fresh.id_field) {
      throw Failure(kExitUsage, "'" + options_.state_path + "' is the state of another load");
    }
    if (kept->offset == 0) return *kept;
    if (kept->offset < input_.offset() || !input_.skip_to(kept->offset, kept->lines) ||
        input_.digest() != kept->sha256) {
      throw Failure(kExitUsage, "'" + options_.path +
                                    "' is not the file whose load is to be resumed: it differs "
                                    "before byte " +
                                    std::to_string(kept->offset));
    }
    return *kept;
  }

  void send_all() {
    while (fill()) {
      while (!has_room()) take_answer();
      if (!first_fault_.empty()) return;
      for (const LoadBatch::Document& document : next_.documents) ids_.insert(document.id_hash);
      bytes_in_flight_ += next_.bytes();
      if (!next_.documents.empty()) queue(next_, 0, next_.documents.size());
      connection_.send_some();
      in_flight_.push_back(std::move(next_));
      next_ = LoadBatch();
    }
  }
  // The next batch. False: there is no more.
  bool fill() {
    while (!is_done_ && !next_.is_full()) {
      switch (reader_->next(record_)) {
        case RecordReader::Taken::kDocument:
          take_document();
          break;
        case RecordReader::Taken::kFault:
          take_fault(record_.fault);
          break;
        case RecordReader::Taken::kTrailer:
          take_trailer();
          return !next_.is_empty();
        case RecordReader::Taken::kEnd:
          is_done_ = true;
      }
    }
    next_.end_offset = input_.offset();
    next_.end_lines = input_.line_number();
    if (!options_.state_path.empty()) next_.end_sha256 = input_.digest();
    return !next_.is_empty();
  }
  void take_document() {
    if (record_.data.size() > kDocumentBytesMax || record_.id.size() > kIdBytesMax) {
      return take_fault({record_.line, "too_large", "a document has at most 8 MiB"});
    }
    next_.add(record_);
  }
  void take_fault(const Reject& fault) {
    next_.reject(fault);
    if (options_.skips_faults) return;
    is_done_ = true;
    is_cut_ = wants_trailer() && reader_->next(record_) == RecordReader::Taken::kEnd;
  }
  bool wants_trailer() const { return options_.form.id_field.empty() && options_.wants_trailer; }
  // A load that is resumed reads it again, so the last batch ends before it.
  void take_trailer() {
    trailer_ = record_.trailer;
    trailer_sha256_ = input_.digest_before_line();
    next_.end_offset = input_.line_offset();
    next_.end_lines = input_.line_number() - 1;
    next_.end_sha256 = trailer_sha256_;
    is_done_ = true;
    if (reader_->next(record_) == RecordReader::Taken::kEnd) return;
    throw Failure(kExitRefused, "'" + options_.path +
                                    "' goes on behind its trailer; are these two "
                                    "dumps in one file?");
  }

  // Batches overtake each other where one of them is sent again, so they share no document.
  bool has_room() const {
    if (in_flight_.empty()) return true;
    if (in_flight_.size() >= kBatchesInFlight) return false;
    if (bytes_in_flight_ + next_.bytes() > kBytesInFlight) return false;
    for (const LoadBatch::Document& document : next_.documents) {
      if (ids_.contains(document.id_hash)) return false;
    }
    return true;
  }
  void queue(const LoadBatch& batch, std::size_t first, std::size_t last) {
    json::StringOut out;
    json::Writer writer(out);
    writer.begin_object()
        .field("op", "document_batch_insert")
        .field("collection", std::string_view(options_.collection))
        .field("payload_format", "json")
        .field("on_conflict", options_.keeps_existing ? "skip" : "replace")
        .key("documents")
        .begin_array()
        .raw(batch.rows_of(first, last))
        .end_array()
        .end_object();
    connection_.queue(out.view());
  }
  Answer receive() { return read_answer(connection_.receive()); }

  // Waits for the oldest batch in flight, or where it fails for all of them, and settles it.
  void take_answer() {
    Answer answer = receive_of(in_flight_.front());
    if (!answer.is_error()) return take_loaded();
    std::vector<Answer> answers{std::move(answer)};
    while (answers.size() < in_flight_.size()) {
      answers.push_back(receive_of(in_flight_[answers.size()]));
    }
    for (const Answer& each : answers) {
      LoadBatch& batch = in_flight_.front();
      if (each.is_error()) settle(batch, 0, batch.documents.size(), each);
      each.is_error() ? finish() : take_loaded();
    }
  }
  Answer receive_of(const LoadBatch& batch) {
    if (!batch.documents.empty()) return receive();
    Answer nothing_asked;
    nothing_asked.status = "ok";
    return nothing_asked;
  }
  void take_loaded() {
    in_flight_.front().loaded = in_flight_.front().documents.size();
    finish();
  }

  // Documents that the server refused together: again where it says "later", else one by one, which
  // finds those at fault. All that is asked here can be asked twice.
  void settle(LoadBatch& batch, std::size_t first, std::size_t last, Answer answer) {
    for (Retry retry; answer.is_error() && answer.is_retryable;) {
      retry.wait(answer);
      queue(batch, first, last);
      answer = receive();
    }
    if (!answer.is_error()) {
      batch.loaded += last - first;
      return;
    }
    if (!is_fault_of_document(answer)) throw Failure(kExitRefused, answer.sentence());
    if (last - first == 1) {
      batch.reject({batch.documents[first].line, answer.error_code, answer.sentence()});
      return;
    }
    settle_one_by_one(batch, first, last);
  }
  // In their order: behind one that the server puts off, all are asked again.
  void settle_one_by_one(LoadBatch& batch, std::size_t first, std::size_t last) {
    Retry retry;
    while (first < last) {
      for (std::size_t at = first; at < last; ++at) queue(batch, at, at + 1);
      std::vector<Answer> answers;
      for (std::size_t at = first; at < last; ++at) answers.push_back(receive());
      const std::size_t began = first;
      while (first < last && !answers[first - began].is_retryable) {
        settle(batch, first, first + 1, answers[first - began]);
        ++first;
      }
      if (first > began) retry = Retry();
      if (first < last) retry.wait(answers[first - began]);
    }
  }

  // The oldest batch in flight is answered: tells its rejects and moves the state behind it.
  void finish() {
    LoadBatch& batch = in_flight_.front();
    std::sort(batch.rejects.begin(), batch.rejects.end(),
              [](const Reject& a, const Reject& b) { return a.line < b.line; });
    summary_.documents += batch.loaded;
    for (const Reject& reject : batch.rejects) tell(reject);
    if (first_fault_.empty()) {
      state_.documents = summary_.documents;
      state_.rejected = summary_.rejected;
      state_.offset = batch.end_offset;
      state_.lines = batch.end_lines;
      state_.sha256 = batch.end_sha256;
    }
    bytes_in_flight_ -= batch.bytes();
    for (const LoadBatch::Document& document : batch.documents) {
      ids_.erase(ids_.find(document.id_hash));
    }
    in_flight_.pop_front();
    bar_.show(bar_state());
    if (++finished_ % kBatchesPerState == 0) save();
  }
  void tell(const Reject& reject) {
    const std::string sentence = printable(options_.path) + ":" + std::to_string(reject.line) +
                                 ": " + printable(reject.code + ": " + reject.sentence);
    if (!options_.skips_faults) {
      if (first_fault_.empty()) first_fault_ = sentence;
      is_done_ = true;
    } else {
      rejects_.write(reject);
    }
    ++summary_.rejected;
    if (!options_.skips_faults || shown_ == kFaultsShown) return;
    ++shown_;
    bar_.clear();
    options_.err << sentence << '\n';
  }

  void save() {
    rejects_.sync();
    if (options_.state_path.empty()) return;
    state_.reject_bytes = rejects_.bytes();
    write_load_state(options_.state_path, state_);
  }
  void end() {
    save();
    summary_.seconds = bar_.seconds();
    bar_.end(bar_state());
    const std::uint64_t rejected = summary_.rejected - rejected_before_;
    if (options_.skips_faults && rejected > shown_) {
      options_.err << "stator: " << rejected - shown_ << " more rejected\n";
    }
  }
  ProgressBar::State bar_state() const {
    return {input_.offset(), summary_.documents + summary_.rejected, summary_.rejected};
  }

  void check_end() const {
    if (!options_.form.id_field.empty()) return;
    if (!trailer_) {
      if (!wants_trailer()) return;
      throw Failure(kExitRefused, cut_sentence(options_.path, "what there is of it is loaded"));
    }
    verify_trailer(*trailer_, trailer_sha256_, options_.path);
    const std::uint64_t found = summary_.documents + summary_.rejected;
    if (trailer_->documents == found) return;
    throw Failure(kExitRefused, "'" + options_.path + "' has " + std::to_string(found) +
                                    " documents, its trailer tells of " +
                                    std::to_string(trailer_->documents));
  }

  Connection& connection_;
  const LoadOptions& options_;
  LoadSummary& summary_;
  Input input_;
  std::unique_ptr<RecordReader> reader_;
  LoadState state_;
  RejectFile rejects_;
  ProgressBar bar_;
  Record record_;
  LoadBatch next_;
  std::deque<LoadBatch> in_flight_;
  std::unordered_multiset<std::size_t> ids_;  // hashes, of the documents in flight
  std::size_t bytes_in_flight_ = 0;
  std::uint64_t finished_ = 0;
  std::uint64_t shown_ = 0;
  std::uint64_t rejected_before_;  // by the runs before
  std::string first_fault_;        // where the first one ends the load
  bool is_done_ = false;
  bool is_cut_ = false;  // inside its last line
  std::optional<Trailer> trailer_;
  std::string trailer_sha256_;
};

}  // namespace

std::string LoadSummary::json() const {
  json::StringOut out;
  json::Writer(out)
      .begin_object()
      .field("documents", documents)
      .field("rejected", rejected)
      .field("seconds", std::round(seconds * 1000) / 1000)
      .end_object();
  return out.take();
}

void load_documents(Connection& connection, const LoadOptions& options, LoadSummary& summary) {
  const bool is_dump = options.form.id_field.empty() && options.wants_trailer;
  std::error_code unreadable;
  const bool is_file = std::filesystem::is_regular_file(options.path, unreadable);
  if (is_dump && is_file) verify_dump(options.path);
  DocumentLoader(connection, options, summary).run();
}

}  // namespace stator::client
