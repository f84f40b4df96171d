#include "aggregate/accumulator.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "stator/json_reader.hpp"

namespace stator::document {
namespace {

constexpr std::size_t kNodeBytes = 64;  // of a set's element beside its text

template <class T>
void append(std::string& to, const T& number) {
  char raw[sizeof number];
  std::memcpy(raw, &number, sizeof raw);
  to.append(raw, sizeof raw);
}

template <class T>
bool take(std::string_view& from, T& number) {
  if (from.size() < sizeof number) return false;
  std::memcpy(&number, from.data(), sizeof number);
  from.remove_prefix(sizeof number);
  return true;
}

void append_text(std::string& to, std::string_view text) {
  append(to, static_cast<std::uint32_t>(text.size()));
  to.append(text);
}

bool take_text(std::string_view& from, std::string_view& text) {
  std::uint32_t size = 0;
  if (!take(from, size) || from.size() < size) return false;
  text = from.substr(0, size);
  from.remove_prefix(size);
  return true;
}

// A number too long for 64 bits counts as the nearest double, one beyond all doubles as infinite:
// what comes out of it is null, not a number that passes it over.
double real_of(const Value& number) {
  switch (number.tag) {
    case Tag::kInteger:
      return static_cast<double>(number.integer());
    case Tag::kUnsigned:
      return static_cast<double>(number.bits);
    case Tag::kDouble:
      return number.floating();
    default:
      break;
  }
  double out = 0;
  json::to_double(number.content, out);
  return out;
}

}  // namespace

void Accumulator::add(const Value& value) {
  switch (kind_) {
    case AggregateKind::kCount:
      ++count_;
      return;
    case AggregateKind::kMin:
    case AggregateKind::kMax:
      if (value.tag != Tag::kNull) keep_extreme(value.bytes);
      return;
    case AggregateKind::kCountDistinct:
      if (value.tag != Tag::kNull) add_distinct(value.bytes);
      return;
    default:
      if (value.is_number()) add_number(value);
  }
}

void Accumulator::add_number(const Value& value) {
  if (kind_ == AggregateKind::kStddev) return add_moment(1, real_of(value), 0);
  ++count_;
  if (kind_ == AggregateKind::kPercentile) {
    numbers_.push_back(real_of(value));
    bytes_ += sizeof(double);
  } else if (value.tag == Tag::kInteger) {
    whole_ += value.integer();
  } else if (value.tag == Tag::kUnsigned) {
    whole_ += value.bits;
  } else {
    add_real(real_of(value));
  }
}

void Accumulator::add_real(double number) {
  has_real_ = true;
  const double sum = real_ + number;
  lost_ += std::abs(real_) >= std::abs(number) ? (real_ - sum) + number : (number - sum) + real_;
  real_ = sum;
}

void Accumulator::add_moment(double count, double mean, double squares) {
  if (count == 0) return;
  const auto before = static_cast<double>(count_);
  const double distance = mean - mean_;
  const double all = before + count;
  mean_ += distance * count / all;
  squares_ += squares + distance * distance * before * count / all;
  count_ += static_cast<std::uint64_t>(count);
}

void Accumulator::keep_extreme(std::string_view value) {
  if (!extreme_.empty()) {
    const int order = compare_values(read_value(value), read_value(extreme_));
    if (kind_ == AggregateKind::kMin ? order >= 0 : order <= 0) return;
  }
  extreme_.assign(value);
  bytes_ = extreme_.size();
}

void Accumulator::add_distinct(std::string_view value) {
  if (distinct_.contains(value)) return;
  distinct_.emplace(value);
  bytes_ += value.size() + kNodeBytes;
}

void Accumulator::save(std::string& out) const {
  append(out, count_);
  switch (kind_) {
    case AggregateKind::kCount:
      break;
    case AggregateKind::kSum:
    case AggregateKind::kAvg:
      append(out, whole_);
      append(out, real_);
      append(out, lost_);
      append(out, has_real_);
      break;
    case AggregateKind::kMin:
    case AggregateKind::kMax:
      append_text(out, extreme_);
      break;
    case AggregateKind::kCountDistinct:
      append(out, static_cast<std::uint64_t>(distinct_.size()));
      for (const std::string& value : distinct_) append_text(out, value);
      break;
    case AggregateKind::kStddev:
      append(out, mean_);
      append(out, squares_);
      break;
    case AggregateKind::kPercentile:
      for (const double number : numbers_) append(out, number);
      break;
  }
}

bool Accumulator::merge(std::string_view& bytes) {
  std::uint64_t count = 0;
  if (!take(bytes, count)) return false;
  std::string_view text;
  switch (kind_) {
    case AggregateKind::kCount:
      break;
    case AggregateKind::kSum:
    case AggregateKind::kAvg: {
      Wide whole = 0;
      double real = 0;
      double lost = 0;
      bool has_real = false;
      if (!take(bytes, whole) || !take(bytes, real) || !take(bytes, lost) ||
          !take(bytes, has_real)) {
        return false;
      }
      whole_ += whole;
      if (has_real) add_real(real);
      lost_ += lost;
      break;
    }
    case AggregateKind::kMin:
    case AggregateKind::kMax:
      if (!take_text(bytes, text)) return false;
      if (!text.empty()) keep_extreme(text);
      break;
    case AggregateKind::kCountDistinct: {
      std::uint64_t size = 0;
      if (!take(bytes, size)) return false;
      for (; size > 0; --size) {
        if (!take_text(bytes, text)) return false;
        add_distinct(text);
      }
      break;
    }
    case AggregateKind::kStddev: {
      double mean = 0;
      double squares = 0;
      if (!take(bytes, mean) || !take(bytes, squares)) return false;
      add_moment(static_cast<double>(count), mean, squares);
      return true;
    }
    case AggregateKind::kPercentile:
      for (std::uint64_t i = 0; i < count; ++i) {
        if (double number = 0; take(bytes, number)) numbers_.push_back(number);
      }
      bytes_ = numbers_.size() * sizeof(double);
      break;
  }
  count_ += count;
  return true;
}

double Accumulator::total() const { return static_cast<double>(whole_) + real_ + lost_; }

void Accumulator::write_sum(json::Writer& writer) const {
  if (has_real_) {
    writer.number(total());
  } else if (whole_ >= 0 && whole_ <= Wide{std::numeric_limits<std::uint64_t>::max()}) {
    writer.number(static_cast<std::uint64_t>(whole_));
  } else if (whole_ < 0 && whole_ >= Wide{std::numeric_limits<std::int64_t>::min()}) {
    writer.number(static_cast<std::int64_t>(whole_));
  } else {
    writer.number(static_cast<double>(whole_));
  }
}

void Accumulator::write_percentile(json::Writer& writer, double fraction) {
  std::sort(numbers_.begin(), numbers_.end());
  const double place = fraction * static_cast<double>(numbers_.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const double share = place - std::floor(place);
  // Without a share of it the neighbour is not asked: it may be infinite.
  const std::size_t above = share == 0 ? below : below + 1;
  writer.number(std::lerp(numbers_[below], numbers_[above], share));
}

bool Accumulator::has_result() const {
  switch (kind_) {
    case AggregateKind::kAvg:
    case AggregateKind::kPercentile:
      return count_ > 0;
    case AggregateKind::kMin:
    case AggregateKind::kMax:
      return !extreme_.empty();
    case AggregateKind::kStddev:
      return count_ > 1;
    default:
      return true;
  }
}

void Accumulator::write(json::Writer& writer, double fraction) {
  if (!has_result()) {
    writer.null();
    return;
  }
  switch (kind_) {
    case AggregateKind::kCount:
      writer.number(count_);
      break;
    case AggregateKind::kSum:
      write_sum(writer);
      break;
    case AggregateKind::kAvg:
      writer.number(total() / static_cast<double>(count_));
      break;
    case AggregateKind::kMin:
    case AggregateKind::kMax:
      write_json(writer, read_value(extreme_));
      break;
    case AggregateKind::kCountDistinct:
      writer.number(static_cast<std::uint64_t>(distinct_.size()));
      break;
    case AggregateKind::kStddev:
      writer.number(std::sqrt(squares_ / static_cast<double>(count_ - 1)));
      break;
    case AggregateKind::kPercentile:
      write_percentile(writer, fraction);
      break;
  }
}

}  // namespace stator::document
