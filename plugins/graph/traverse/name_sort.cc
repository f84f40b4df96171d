#include "traverse/name_sort.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace stator::graph {
namespace {

constexpr std::size_t kRunAtFirst = 64;

struct Keyed {
  std::uint64_t prefix;  // first bytes of the name as a big-endian number, zeros behind
  Number node;
};

std::uint64_t prefix_of(std::string_view name) {
  std::uint64_t prefix = 0;
  std::memcpy(&prefix, name.data(), std::min(name.size(), sizeof prefix));
  return std::endian::native == std::endian::little ? __builtin_bswap64(prefix) : prefix;
}

struct NameLess {
  const Names& names;
  bool operator()(const Keyed& a, const Keyed& b) const {
    if (a.prefix != b.prefix) return a.prefix < b.prefix;
    return names.name(a.node) < names.name(b.node);
  }
};

struct Runs {
  std::size_t begin;
  std::size_t middle;
  std::size_t end;
};

bool merge(const std::vector<Keyed>& from, std::vector<Keyed>& to, const Runs& runs,
           const NameLess& less, InterruptCheck& interrupt) {
  std::size_t left = runs.begin;
  std::size_t right = runs.middle;
  for (std::size_t at = runs.begin; at < runs.end; ++at) {
    if (interrupt.is_interrupted()) return false;
    const bool takes_right =
        left == runs.middle || (right < runs.end && less(from[right], from[left]));
    to[at] = from[takes_right ? right++ : left++];
  }
  return true;
}

}  // namespace

bool sort_by_name(std::vector<Number>& nodes, const Names& names, InterruptCheck& interrupt) {
  const std::size_t size = nodes.size();
  const NameLess less{names};
  std::vector<Keyed> keyed(size);
  for (std::size_t i = 0; i < size; ++i) {
    if (interrupt.is_interrupted()) return false;
    keyed[i] = {prefix_of(names.name(nodes[i])), nodes[i]};
  }
  const auto iterator = [&](std::size_t i) {
    return keyed.begin() + static_cast<std::ptrdiff_t>(std::min(i, size));
  };
  for (std::size_t begin = 0; begin < size; begin += kRunAtFirst) {
    if (interrupt.is_interrupted_now()) return false;
    std::sort(iterator(begin), iterator(begin + kRunAtFirst), less);
  }
  std::vector<Keyed> merged(size);
  for (std::size_t run = kRunAtFirst; run < size; run *= 2) {
    for (std::size_t begin = 0; begin < size; begin += 2 * run) {
      const Runs runs = {begin, std::min(begin + run, size), std::min(begin + 2 * run, size)};
      if (!merge(keyed, merged, runs, less, interrupt)) return false;
    }
    keyed.swap(merged);
  }
  for (std::size_t i = 0; i < size; ++i) nodes[i] = keyed[i].node;
  return true;
}

}  // namespace stator::graph
