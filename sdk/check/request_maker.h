// Requests for an engine that nobody told the checker about: from its rows, from a seed.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "stator/op.h"

namespace stator::check {

struct Made {
  std::string op;
  std::string args_json;
  bool is_write = false;
  bool writes_rows = false;  // by its permission; otherwise what a collection is, not what is in it
};

class RequestMaker {
 public:
  // `names`: how many different strings there are.
  explicit RequestMaker(std::uint64_t seed, std::uint64_t names = 4)
      : random_(seed), names_(names) {}

  // The example of each row, then `count` requests of random rows. Arguments keep the types and
  // bounds of the row; where strings are few, requests meet each other's data.
  std::vector<Made> make(const std::vector<const stator_op*>& ops, std::size_t count);

 private:
  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }
  std::string arguments(const stator_arg* args, std::uint64_t count);
  std::string value(const stator_arg& arg);
  std::string number(const stator_arg& arg);
  std::string text(const stator_arg& arg);
  std::string list(const stator_arg& arg);
  std::string json(const stator_arg& arg);

  std::mt19937_64 random_;
  std::uint64_t names_;
};

// The members of a row's example without those that every request shares.
std::string example_arguments(const stator_op& op);

}  // namespace stator::check
