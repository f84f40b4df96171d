// In which order the requests of an op give their fields. Clients repeat themselves: the name that
// stood at a place last time is guessed there and compared, instead of read and looked up.
//
// Thread: the lane's, whose connections share what was learned.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "stator/json_reader.hpp"

namespace stator::session {

class FieldOrder {
 public:
  // What a name stands for; the parser's own numbers.
  using Meaning = std::int16_t;
  static constexpr Meaning kUnknown = -1;
  static constexpr std::size_t kPlacesMax = 12;
  static constexpr std::size_t kTextBytesMax = 29;  // a place is half a cache line

  // The meaning of the `place`-th field (from 0) whose name the reader stands before, and the
  // reader behind its colon; or kUnknown, and the reader where it was.
  Meaning guess(std::size_t place, json::Reader& reader) const {
    if (place >= kPlacesMax) return kUnknown;
    const Place& last = places_[place];
    return reader.pass_member({last.text, last.bytes}) ? last.meaning : kUnknown;
  }
  // `text` is all from behind the value before to the field's value: comma, name, colon, white
  // space.
  void learn(std::size_t place, std::string_view text, Meaning meaning) {
    if (place >= kPlacesMax || text.size() > kTextBytesMax) return;
    Place& last = places_[place];
    last.meaning = meaning;
    last.bytes = static_cast<std::uint8_t>(text.size());
    std::memcpy(last.text, text.data(), text.size());
  }

 private:
  struct Place {
    Meaning meaning = kUnknown;
    std::uint8_t bytes = 0;  // 0: nothing is known
    char text[kTextBytesMax];
  };
  std::array<Place, kPlacesMax> places_;
};

// By op.
using FieldOrders = std::vector<FieldOrder>;

}  // namespace stator::session
