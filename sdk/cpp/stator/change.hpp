// What an engine's describe_change() says of a record; see stator_engine_v1.describe_change.
#pragma once

#include <cstddef>
#include <string_view>

#include "stator/engine.h"
#include "stator/json_writer.hpp"

namespace stator {

// What a record means to readers of the change log.
struct Change {
  const char* kind;      // static
  std::string_view key;  // points into the record's payload
};

// Where describe_change() writes the new value, as JSON or (binary) as bytes; only if it is wanted.
class ChangeValue : private json::Out {
 public:
  explicit ChangeValue(stator_sink* sink) : sink_(sink) {
    grow = [](json::Out& out, std::size_t bytes) {
      auto& self = static_cast<ChangeValue&>(out);
      self.flush();
      const std::size_t room = bytes < kChunk ? kChunk : bytes;
      char* p = self.sink_->reserve(self.sink_, room);
      self.start_ = self.cursor = p;
      self.limit = p == nullptr ? nullptr : p + room;
      return p != nullptr;
    };
  }
  ChangeValue(const ChangeValue&) = delete;
  ChangeValue& operator=(const ChangeValue&) = delete;

  bool is_wanted() const { return sink_ != nullptr; }
  json::Writer json() { return json::Writer(*this); }
  void write_binary(std::string_view bytes) {
    is_binary_ = true;
    put(bytes);
  }
  bool is_binary() const { return is_binary_; }
  // Hands over what is written; false if it is too much for an answer.
  bool finish() {
    flush();
    return !failed;
  }

 private:
  static constexpr std::size_t kChunk = 512;
  void flush() {
    if (cursor != start_) sink_->commit(sink_, static_cast<std::size_t>(cursor - start_));
    start_ = cursor = limit = nullptr;
  }
  stator_sink* sink_;
  bool is_binary_ = false;
  char* start_ = nullptr;
};

}  // namespace stator
