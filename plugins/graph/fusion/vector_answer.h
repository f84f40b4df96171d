// Reads what vector_search answers to the engine's call.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace stator::graph {

struct Seed {
  std::string id;
  double distance;
};

// By rank; of an id that comes twice the first counts. Nothing if the answer has another shape.
std::optional<std::vector<Seed>> parse_vector_answer(std::string_view json);

}  // namespace stator::graph
