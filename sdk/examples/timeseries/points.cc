#include "points.h"

#include <algorithm>
#include <cstring>

namespace timeseries {
namespace {

std::string upper_bound(std::string_view series, std::int64_t to) {
  std::string key = point_key(series, to);
  if (to == kLastTime) key += '\0';  // the last time itself is inside
  return key;
}

}  // namespace

void append_time(std::string& to, std::int64_t at) {
  const std::uint64_t ordered = static_cast<std::uint64_t>(at) ^ (std::uint64_t{1} << 63);
  for (int shift = 56; shift >= 0; shift -= 8) to += static_cast<char>(ordered >> shift & 0xff);
}

std::int64_t read_time(std::string_view bytes) {
  std::uint64_t ordered = 0;
  for (const char c : bytes.substr(0, 8)) ordered = ordered << 8 | static_cast<std::uint8_t>(c);
  return static_cast<std::int64_t>(ordered ^ (std::uint64_t{1} << 63));
}

std::string series_key(std::string_view series) {
  std::string key(1, static_cast<char>(series.size()));
  return key.append(series);
}

std::string point_key(std::string_view series, std::int64_t at) {
  std::string key = series_key(series);
  append_time(key, at);
  return key;
}

Series read_series(const stator::Kv& kv, std::string_view series) {
  Series found;
  std::string_view stored;
  if (!kv.get(kSeriesSpace, series_key(series), stored)) return found;
  std::memcpy(&found.keep_ms, stored.data(), sizeof found.keep_ms);
  found.gone_before = read_time(stored.substr(sizeof found.keep_ms));
  return found;
}

std::string series_value(const Series& series) {
  std::string value(reinterpret_cast<const char*>(&series.keep_ms), sizeof series.keep_ms);
  append_time(value, series.gone_before);
  return value;
}

PointWalk::PointWalk(const stator::Kv& kv, std::string_view series, std::int64_t from,
                     std::int64_t to)
    : lower_(point_key(series, std::max(from, read_series(kv, series).gone_before))),
      upper_(upper_bound(series, to)),
      cursor_(kv.scan(kPointSpace, {.lower = lower_, .upper = upper_})) {}

bool PointWalk::next(Point& point) {
  if (!cursor_.next()) return false;
  point.at = read_time(cursor_.key().substr(cursor_.key().size() - 8));
  std::memcpy(&point.value, cursor_.value().data(), sizeof point.value);
  return true;
}

bool newest_time(const stator::Kv& kv, std::string_view series, std::int64_t& at) {
  const std::string lower = point_key(series, kFirstTime);
  const std::string upper = upper_bound(series, kLastTime);
  stator::Cursor cursor = kv.scan(kPointSpace, {.lower = lower, .upper = upper, .reverse = true});
  if (!cursor.next()) return false;
  at = read_time(cursor.key().substr(cursor.key().size() - 8));
  return true;
}

}  // namespace timeseries
