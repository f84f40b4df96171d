// Randomness from the system. Any thread.
#pragma once

#include <cstdint>
#include <span>

namespace stator::io {

// Fills with bytes fit for keys and secrets (getrandom).
void fill_random(std::span<std::uint8_t> out);

}  // namespace stator::io
