#include "pull_backup.h"

#include <filesystem>
#include <fstream>
#include <iterator>

#include <openssl/evp.h>

#include "stator/json_reader.hpp"
#include "stator/json_writer.hpp"

#include "answer.h"
#include "digest.h"
#include "failure.h"
#include "json_value.h"
#include "progress_bar.h"
#include "pulled_backup.h"

namespace stator::client {
namespace {

namespace fs = std::filesystem;

// How long the checkpoint may take with which a full backup begins; the most that the server
// allows.
constexpr std::uint64_t kDeadlineMs = 600'000;

fs::path whole(const std::string& path) {
  const fs::path absolute = fs::absolute(path).lexically_normal();
  return absolute.has_filename() ? absolute : absolute.parent_path();  // "x/" is x
}

std::string read_text(const fs::path& path) {
  std::ifstream file(path);
  if (!file) throw Failure(kExitUsage, "cannot read '" + path.string() + "'");
  return {std::istreambuf_iterator<char>(file), {}};
}

struct Piece {
  std::string file;
  std::uint64_t offset = 0;
  std::string bytes;
};

std::string decode(std::string_view base64) {
  std::string bytes(base64.size() / 4 * 3, '\0');
  const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                                   reinterpret_cast<const unsigned char*>(base64.data()),
                                   static_cast<int>(base64.size()));
  if (size < 0) throw Failure(kExitConnection, "the server sent a piece that is not base64");
  const std::size_t padding = base64.ends_with("==") ? 2 : base64.ends_with('=') ? 1 : 0;
  bytes.resize(static_cast<std::size_t>(size) - padding);
  return bytes;
}

// False for the frame that the stream begins with.
bool read_piece(std::string_view payload, Piece& piece) {
  bool has_data = false;
  json::Reader reader(payload);
  json::RawString key;
  json::RawString text;
  std::string_view token;
  for (reader.enter_object(); reader.next_key(key);) {
    if (json::equals(key, "file") && reader.string(text)) {
      piece.file = json::unescape(text);
    } else if (json::equals(key, "offset") && reader.number(token)) {
      static_cast<void>(json::to_integer(token, piece.offset));
    } else if (json::equals(key, "data") && reader.string(text)) {
      piece.bytes = decode(text.text);
      has_data = true;
    } else if (!reader.skip(token)) {
      break;
    }
  }
  return reader.at_end() && has_data;
}

std::string request_for(const std::string& name, const std::string& base_manifest) {
  json::StringOut out;
  json::Writer writer(out);
  writer.begin_object()
      .field("op", "backup_stream")
      .field("name", std::string_view(name))
      .field("deadline_ms", kDeadlineMs)
      .field("payload_format", "json");
  if (!base_manifest.empty()) writer.field("base_manifest", std::string_view(base_manifest));
  writer.end_object();
  return out.take();
}

}  // namespace

std::string read_base_manifest(const std::string& base, const std::string& path) {
  const fs::path place = whole(base);
  const std::string manifest = read_text(place / "MANIFEST");
  Digest digest;
  digest.add(manifest);
  if (read_text(place / "MANIFEST.sha256") != digest.so_far() + "  MANIFEST\n") {
    throw Failure(kExitUsage, "'" + (place / "MANIFEST").string() + "' is damaged");
  }
  // A restore looks for it beside the one that continues it, by the name that is in there.
  JsonValue value;
  if (!parse_json(manifest, value) || value["name"].text != place.filename()) {
    throw Failure(kExitUsage, "'" + place.string() + "' holds the backup '" + value["name"].text +
                                  "': give the directory that name again");
  }
  if (place.parent_path() != whole(path).parent_path()) {
    throw Failure(kExitUsage,
                  "the backup must be beside its base, in '" + place.parent_path().string() + "'");
  }
  return manifest;
}

std::string pull_backup(Connection& connection, const PullOptions& options) {
  const fs::path path = whole(options.path);
  PulledBackup backup(path);
  ProgressBar bar(options.err, options.has_bar, 0, "bytes");
  connection.queue(request_for(path.filename(), options.base_manifest));
  for (Piece piece;;) {
    Answer answer = read_answer(connection.receive());
    if (answer.is_error()) {
      bar.clear();
      throw Failure(kExitRefused, answer.sentence());
    }
    if (!answer.is_last()) {
      if (read_piece(answer.payload, piece)) backup.add(piece.file, piece.offset, piece.bytes);
      bar.show({0, backup.bytes(), 0});
      continue;
    }
    backup.finish();
    bar.end({0, backup.bytes(), 0});
    return answer.payload;
  }
}

}  // namespace stator::client
