#include "server/layout.h"

#include <span>

#include "base/crc32c.h"
#include "bridge/vshard_map.h"
#include "io/random.h"
#include "stator/json_reader.hpp"
#include "stator/json_writer.hpp"

namespace stator::server {
namespace {

constexpr std::uint32_t kFormatWithoutChecksum = 1;
constexpr std::string_view kChecksumMember = ",\"crc32c\":";

Error unreadable(const std::string& path, const std::string& why) {
  return Error(ErrorCode::kCorrupted, path + " cannot be read: " + why);
}

bool read_number(json::Reader& reader, std::uint64_t& out) {
  std::string_view token;
  return reader.number(token) && json::to_integer(token, out);
}

bool read_table(json::Reader& reader, Layout& layout) {
  std::size_t count = 0;
  for (reader.enter_array(); reader.next_element(); ++count) {
    std::uint64_t lane = 0;
    if (count >= kVShards || !read_number(reader, lane) || lane >= kLanesMax) return false;
    layout.vshard_lane[count] = static_cast<std::uint16_t>(lane);
  }
  return !reader.failed() && count == kVShards;
}

// Of everything before the last member, which says it. A wrong hash key or table would send requests to
// where their documents are not.
bool has_its_checksum(const std::string& text) {
  const std::size_t at = text.rfind(kChecksumMember);
  if (at == std::string::npos || text.back() != '}') return false;
  const std::size_t begin = at + kChecksumMember.size();
  std::uint64_t crc = 0;
  return json::to_integer(std::string_view(text).substr(begin, text.size() - 1 - begin), crc) &&
         crc == crc32c(ByteView(text).substr(0, at));
}

struct ParsedLayout {
  Layout layout;
  std::uint64_t format = 0;
};

Result<ParsedLayout> parse_layout(const std::string& path, const std::string& text) {
  ParsedLayout parsed;
  Layout& layout = parsed.layout;
  std::uint64_t& format = parsed.format;
  std::uint64_t checksum = 0;
  std::uint64_t lanes = 0;
  std::uint64_t generation = 0;
  json::Reader reader(text);
  json::RawString key;
  bool has_table = false;
  for (reader.enter_object(); reader.next_key(key);) {
    bool is_good = false;
    if (key.text == "format") is_good = read_number(reader, format);
    if (key.text == "lanes") is_good = read_number(reader, lanes);
    if (key.text == "generation") is_good = read_number(reader, generation);
    if (key.text == "hash_k0") is_good = read_number(reader, layout.hash_key.k0);
    if (key.text == "hash_k1") is_good = read_number(reader, layout.hash_key.k1);
    if (key.text == "vshard_lane") is_good = has_table = read_table(reader, layout);
    if (key.text == "crc32c") is_good = read_number(reader, checksum);
    if (!is_good) return unreadable(path, "'" + std::string(key.text) + "' is not as expected");
  }
  if (reader.failed()) return unreadable(path, reader.error());
  if (format != kLayoutFormat && format != kFormatWithoutChecksum) {
    return unreadable(path, "it has format " + std::to_string(format) + ", this server knows " +
                                std::to_string(kFormatWithoutChecksum) + " to " + std::to_string(kLayoutFormat) +
                                ": start it with the statord that wrote it");
  }
  if (format == kLayoutFormat && !has_its_checksum(text)) return unreadable(path, "its checksum is wrong");
  if (!has_table || lanes < 1 || lanes > kLanesMax) return unreadable(path, "it is not whole");
  layout.lanes = static_cast<std::uint32_t>(lanes);
  layout.generation = static_cast<std::uint32_t>(generation);
  return parsed;
}

Result<ParsedLayout> read(io::FileSystem& files, const std::string& path) {
  STATOR_TRY(const std::string text, io::read_file(files, path));
  return parse_layout(path, text);
}

}  // namespace

Result<Layout> open_layout(io::FileSystem& files, const std::string& data_dir, std::uint32_t lanes) {
  const std::string path = data_dir + "/LAYOUT";
  STATOR_TRY(const bool exists, files.exists(path));
  if (exists) {
    STATOR_TRY(ParsedLayout parsed, read(files, path));
    if (parsed.format != kLayoutFormat) STATOR_CHECK(save_layout(files, data_dir, parsed.layout));
    return parsed.layout;
  }
  STATOR_TRY(const bool has_log, files.exists(data_dir + "/wal"));
  if (has_log) {
    return unreadable(path, "it is missing, but " + data_dir + "/wal is there; was a restore broken off?");
  }
  Layout layout;
  std::array<std::uint8_t, 16> key{};
  io::fill_random(key);
  layout.hash_key = {load_little<std::uint64_t>(key.data()), load_little<std::uint64_t>(key.data() + 8)};
  layout.lanes = lanes;
  layout.vshard_lane = bridge::VShardMap::even(lanes);
  STATOR_CHECK(save_layout(files, data_dir, layout));
  return layout;
}

Result<Layout> read_layout(io::FileSystem& files, const std::string& path) {
  STATOR_TRY(ParsedLayout parsed, read(files, path));
  return parsed.layout;
}

Status save_layout(io::FileSystem& files, const std::string& data_dir, const Layout& layout) {
  json::StringOut out;
  json::Writer json(out);
  json.begin_object()
      .field("format", kLayoutFormat)
      .field("lanes", layout.lanes)
      .field("generation", layout.generation)
      .field("hash_k0", layout.hash_key.k0)
      .field("hash_k1", layout.hash_key.k1)
      .key("vshard_lane")
      .begin_array();
  for (const std::uint16_t lane : layout.vshard_lane) json.number(std::uint32_t{lane});
  json.end_array().end_object();
  std::string text(out.view());
  text.pop_back();
  const std::uint32_t crc = crc32c(text);
  text.append(kChecksumMember).append(std::to_string(crc)).push_back('}');
  return io::write_file_durably(files, data_dir + "/LAYOUT", text);
}

std::string store_directory(const std::string& data_dir, std::uint32_t generation) {
  return data_dir + "/store-" + std::to_string(generation);
}

std::string lane_directory(const std::string& store, std::uint32_t lane) {
  return store + "/lane-" + std::to_string(lane);
}

}  // namespace stator::server
