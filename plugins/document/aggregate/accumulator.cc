#include "aggregate/accumulator.h"

#include <bit>
#include <cmath>
#include <limits>

#include "stator/json_reader.hpp"

#include "aggregate/part_bytes.h"

namespace stator::document {
namespace {

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

Accumulator::Accumulator(AggregateKind kind) : kind_(kind) {
  if (kind == AggregateKind::kPercentile) progress_.second = PlaceRange::kAllBits;
  if (has_passes(kind)) resume(progress_);
}

std::size_t Accumulator::own_bytes(AggregateKind kind) {
  if (kind == AggregateKind::kCountDistinct) return sizeof(Accumulator) + sizeof(DistinctValues);
  if (kind == AggregateKind::kPercentile) return sizeof(Accumulator) + sizeof(NumberRange);
  return sizeof(Accumulator);
}

bool Accumulator::resume(const PassProgress& progress) {
  progress_ = progress;
  const PlaceRange range{progress.first, progress.second};
  if (kind_ == AggregateKind::kCountDistinct) {
    distinct_ = std::make_unique<DistinctValues>(progress.second);
    return true;
  }
  numbers_ = std::make_unique<NumberRange>(range);
  return progress.is_done || range.is_valid();
}

std::size_t Accumulator::bytes() const {
  if (distinct_ != nullptr) return distinct_->bytes();
  return numbers_ != nullptr ? numbers_->bytes() : extreme_.size();
}

bool Accumulator::make_room() {
  if (distinct_ != nullptr) return distinct_->drop_last();
  return numbers_ != nullptr && numbers_->fold();
}

void Accumulator::add(const Value& value) {
  if (progress_.is_done) return;
  switch (kind_) {
    case AggregateKind::kCount:
      ++count_;
      return;
    case AggregateKind::kMin:
    case AggregateKind::kMax:
      if (value.tag != Tag::kNull) keep_extreme(value.bytes);
      return;
    case AggregateKind::kCountDistinct:
      if (value.tag != Tag::kNull) distinct_->add(value);
      return;
    default:
      if (value.is_number()) add_number(value);
  }
}

void Accumulator::add_number(const Value& value) {
  if (kind_ == AggregateKind::kStddev) return add_moment(1, real_of(value), 0);
  if (kind_ == AggregateKind::kPercentile) return numbers_->add(real_of(value));
  ++count_;
  if (value.tag == Tag::kInteger) {
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
}

void Accumulator::save(std::string& out) const {
  append_part(out, count_);
  switch (kind_) {
    case AggregateKind::kCount:
      break;
    case AggregateKind::kSum:
    case AggregateKind::kAvg:
      append_part(out, whole_);
      append_part(out, real_);
      append_part(out, lost_);
      append_part(out, has_real_);
      break;
    case AggregateKind::kMin:
    case AggregateKind::kMax:
      append_part_text(out, extreme_);
      break;
    case AggregateKind::kCountDistinct:
      distinct_->save(out);
      break;
    case AggregateKind::kStddev:
      append_part(out, mean_);
      append_part(out, squares_);
      break;
    case AggregateKind::kPercentile:
      numbers_->save(out);
      break;
  }
}

bool Accumulator::merge(std::string_view& bytes) {
  std::uint64_t count = 0;
  if (!take_part(bytes, count)) return false;
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
      if (!take_part(bytes, whole) || !take_part(bytes, real) || !take_part(bytes, lost) ||
          !take_part(bytes, has_real)) {
        return false;
      }
      whole_ += whole;
      if (has_real) add_real(real);
      lost_ += lost;
      break;
    }
    case AggregateKind::kMin:
    case AggregateKind::kMax:
      if (!take_part_text(bytes, text)) return false;
      if (!text.empty()) keep_extreme(text);
      break;
    case AggregateKind::kCountDistinct:
      if (union_ == nullptr) union_ = std::make_unique<DistinctUnion>();
      return union_->add(bytes);
    case AggregateKind::kStddev: {
      double mean = 0;
      double squares = 0;
      if (!take_part(bytes, mean) || !take_part(bytes, squares)) return false;
      add_moment(static_cast<double>(count), mean, squares);
      return true;
    }
    case AggregateKind::kPercentile:
      return numbers_->merge(bytes);
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

Status Accumulator::settle(const Request& request, double fraction) {
  if (is_done()) return STATOR_OK;
  if (kind_ == AggregateKind::kCountDistinct) return count_values(request);
  find_number(fraction);
  return STATOR_OK;
}

Status Accumulator::count_values(const Request& request) {
  constexpr std::uint64_t kStepsBetweenLooks = 1024;
  progress_.is_done = union_ == nullptr;
  if (progress_.is_done) return STATOR_OK;
  std::uint64_t steps = 0;
  for (auto step = union_->step(); step != DistinctUnion::Step::kEnd; step = union_->step()) {
    if (step == DistinctUnion::Step::kNew) ++progress_.first;
    if (++steps % kStepsBetweenLooks == 0 && request.interrupted()) {
      return STATOR_E_DEADLINE_EXCEEDED;
    }
  }
  progress_.is_done = !union_->is_cut();
  progress_.second = union_->cut();
  return union_->is_damaged() ? STATOR_E_INTERNAL : STATOR_OK;
}

void Accumulator::find_number(double fraction) {
  double number = 0;
  PlaceRange next;
  const bool is_there = !numbers_->is_empty();
  progress_.is_done = !is_there || numbers_->find(fraction, number, next);
  if (!progress_.is_done) {
    progress_.first = next.prefix;
    progress_.second = next.shift;
  } else {
    progress_.first = std::bit_cast<std::uint64_t>(number);
    progress_.second = is_there ? 1 : 0;
  }
}

bool Accumulator::has_result() const {
  switch (kind_) {
    case AggregateKind::kAvg:
      return count_ > 0;
    case AggregateKind::kPercentile:
      return progress_.is_done && progress_.second > 0;
    case AggregateKind::kMin:
    case AggregateKind::kMax:
      return !extreme_.empty();
    case AggregateKind::kStddev:
      return count_ > 1;
    default:
      return true;
  }
}

void Accumulator::write(json::Writer& writer) const {
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
      writer.number(progress_.first);
      break;
    case AggregateKind::kStddev:
      writer.number(std::sqrt(squares_ / static_cast<double>(count_ - 1)));
      break;
    case AggregateKind::kPercentile:
      writer.number(std::bit_cast<double>(progress_.first));
      break;
  }
}

}  // namespace stator::document
