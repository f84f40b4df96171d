#include "control/http/request_reader.h"

#include <algorithm>
#include <array>
#include <limits>

// One of its assertions is wrong: "0\r\n\r", the last chunk but for a byte, trips `n >= 5` in
// parse_chunk_header(), and what clients send must not end the server. tests/fuzz/http_fuzz.cc
// looks for what the others would find.
#define BOOST_DISABLE_ASSERTS
#include <boost/beast/http/basic_parser.hpp>

#include "base/limits.h"
#include "control/http/letters.h"

namespace stator::http {
namespace {

namespace beast = boost::beast;

// Where two of them could mean two things.
constexpr std::array<std::string_view, 9> kOnce = {
    "host",   "content-length",   "transfer-encoding", "authorization",        "content-type",
    "origin", "content-encoding", "sec-websocket-key", "sec-websocket-version"};

bool are_digits(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// A line that goes on in the next one (obs-fold): gone since RFC 7230, and read in two ways.
bool has_fold(ByteView head) {
  for (std::size_t i = 0; i + 1 < head.size(); ++i) {
    if (head[i] == '\n' && (head[i + 1] == ' ' || head[i + 1] == '\t')) return true;
  }
  return false;
}

Fault fault_of(beast::error_code error) {
  using Reason = beast::http::error;
  if (error == Reason::header_limit) return {431, "the head of the request is too large"};
  if (error == Reason::bad_version) return {505, "HTTP/1.0 and HTTP/1.1 are spoken here"};
  if (error == Reason::body_limit) return {413, "the body is too large"};
  return {400, "this is not HTTP: " + error.message()};
}

}  // namespace

std::string_view RequestHead::field(std::string_view name) const {
  for (const auto& [known, value] : fields) {
    if (known == name) return value;
  }
  return {};
}

bool RequestHead::has_token(std::string_view name, std::string_view token) const {
  for (const auto& [known, value] : fields) {
    if (known != name) continue;
    std::string_view rest = value;
    while (!rest.empty()) {
      const std::size_t comma = std::min(rest.find(','), rest.size());
      if (lower(trim(rest.substr(0, comma))) == token) return true;
      rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
  }
  return false;
}

struct RequestReader::Parser final : beast::http::basic_parser<true> {
  explicit Parser(RequestReader& of) : reader(of) {
    header_limit(kHttpHeadBytesMax);
    body_limit(std::numeric_limits<std::uint64_t>::max());  // ours is said later
  }

  void on_request_impl(beast::http::verb, beast::string_view method, beast::string_view target,
                       int version, beast::error_code&) override {
    reader.head_.method.assign(method.data(), method.size());
    reader.head_.target.assign(target.data(), target.size());
    reader.head_.version = static_cast<unsigned>(version);
  }
  void on_response_impl(int, beast::string_view, int, beast::error_code&) override {}
  void on_field_impl(beast::http::field, beast::string_view name, beast::string_view value,
                     beast::error_code& error) override {
    if (is_header_done()) return;  // trailers say nothing to us
    auto& fields = reader.head_.fields;
    if (fields.size() == kHttpFieldsMax) {
      error = beast::http::error::header_limit;
      return;
    }
    fields.emplace_back(lower({name.data(), name.size()}), std::string(value.data(), value.size()));
  }
  void on_header_impl(beast::error_code&) override {}
  void on_body_init_impl(boost::optional<std::uint64_t> const&, beast::error_code&) override {}
  std::size_t on_body_impl(beast::string_view bytes, beast::error_code& error) override {
    if (reader.body_.size() + bytes.size() > reader.body_limit_) {
      error = beast::http::error::body_limit;
      return 0;
    }
    reader.body_.append({bytes.data(), bytes.size()});
    return bytes.size();
  }
  void on_chunk_header_impl(std::uint64_t bytes, beast::string_view,
                            beast::error_code& error) override {
    if (bytes > reader.body_limit_ - std::min(reader.body_limit_, reader.body_.size())) {
      error = beast::http::error::body_limit;
    }
  }
  std::size_t on_chunk_body_impl(std::uint64_t, beast::string_view bytes,
                                 beast::error_code& error) override {
    return on_body_impl(bytes, error);
  }
  void on_finish_impl(beast::error_code&) override {}

  RequestReader& reader;
};

RequestReader::RequestReader() : parser_(std::make_unique<Parser>(*this)) {}
RequestReader::~RequestReader() = default;

void RequestReader::refuse(int status, std::string sentence) {
  state_ = State::kBroken;
  fault_ = {status, std::move(sentence)};
}

std::size_t RequestReader::put(ByteView bytes) {
  if (state_ == State::kHead) return put_head(bytes);
  return state_ == State::kBody ? put_body(bytes) : 0;
}

std::size_t RequestReader::put_head(ByteView bytes) {
  std::size_t taken = 0;
  // Lines that are empty may stand before a request (RFC 9112, 2.2).
  while (!has_begun_ && bytes.substr(taken, 2) == "\r\n") taken += 2;
  const ByteView rest = bytes.substr(taken);
  if (rest.empty() || (!has_begun_ && rest == "\r")) return taken;
  has_begun_ = true;
  beast::error_code error;
  const std::size_t used = parser_->put({rest.data(), rest.size()}, error);
  taken += used;
  head_bytes_ += used;
  const bool is_partial = error == beast::http::error::need_more;
  if (has_fold(rest.substr(0, used))) {
    refuse(400, "a field that goes on in the next line is not taken");
  } else if (error && !is_partial) {
    fault_ = fault_of(error);
    state_ = State::kBroken;
  } else if (head_bytes_ + (is_partial ? rest.size() - used : 0) > kHttpHeadBytesMax) {
    refuse(431,
           "the head of the request has more than " + std::to_string(kHttpHeadBytesMax) + " bytes");
  } else if (parser_->is_header_done()) {
    finish_head();
  }
  return taken;
}

void RequestReader::finish_head() {
  for (const std::string_view name : kOnce) {
    const auto count = std::count_if(head_.fields.begin(), head_.fields.end(),
                                     [&](const auto& field) { return field.first == name; });
    if (count > 1) return refuse(400, "the field '" + std::string(name) + "' is given twice");
  }
  const auto has = [&](std::string_view name) {
    return std::any_of(head_.fields.begin(), head_.fields.end(),
                       [&](const auto& field) { return field.first == name; });
  };
  if (head_.target.size() > kHttpTargetBytesMax) return refuse(414, "the target is too long");
  if (head_.version == 11 && !has("host")) return refuse(400, "the field 'host' is missing");
  if (has("transfer-encoding")) {
    // Anything that is not just `chunked` leaves it open where the body ends.
    const bool is_chunked = lower(trim(head_.field("transfer-encoding"))) == "chunked";
    if (!is_chunked) return refuse(501, "the only transfer-encoding is 'chunked'");
    if (has("content-length"))
      return refuse(400, "content-length and transfer-encoding exclude each other");
    if (head_.version == 10) return refuse(400, "HTTP/1.0 has no transfer-encoding");
  }
  if (has("content-length") && !are_digits(head_.field("content-length"))) {
    return refuse(400, "content-length must be one whole number");
  }
  head_.is_chunked = parser_->chunked();
  if (const auto length = parser_->content_length()) head_.content_length = *length;
  head_.keeps_alive = parser_->keep_alive();
  // The absolute form is for proxies, and would name a second host.
  if (head_.target != "*" && !head_.target.starts_with('/')) {
    return refuse(400, "the target must begin with '/'");
  }
  state_ = parser_->is_done() ? State::kDone : State::kBody;
}

std::size_t RequestReader::put_body(ByteView bytes) {
  std::size_t taken = 0;
  while (taken < bytes.size()) {
    const ByteView rest = bytes.substr(taken);
    beast::error_code error;
    const std::size_t used = parser_->put({rest.data(), rest.size()}, error);
    taken += used;
    if (parser_->is_done() && !error) {
      state_ = State::kDone;
      return taken;
    }
    if (error == beast::http::error::need_more) {
      // Lines of a chunked body: sizes, extensions, trailers.
      if (rest.size() - used > kHttpHeadBytesMax)
        refuse(400, "a line of the chunked body is too long");
      return taken;
    }
    if (error) {
      fault_ = fault_of(error);
      state_ = State::kBroken;
      return taken;
    }
  }
  return taken;
}

}  // namespace stator::http
