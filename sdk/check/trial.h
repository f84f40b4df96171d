// What every check needs: the engine's rows, requests for it, and what no answer may be.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "fake_kernel.h"
#include "request_maker.h"
#include "watched_engine.h"

namespace stator::check {

using testkit::Answer;
using testkit::FakeKernel;

// Of everything that is random.
extern std::uint64_t seed;

std::vector<const stator_op*> rows();

std::string text_of(const Made& made, const Answer& answer);

// Ends the check where the engine answers `internal`.
Answer ask(FakeKernel& kernel, const Made& made, std::uint32_t tenant = 1,
           const char* collection = "one");

bool same(const Answer& a, const Answer& b);

// The same requests for every kernel.
std::vector<Made> requests(std::uint64_t part = 0);

// Writes many entries with names of their own, by ops that write one or a few. How many the store
// has then.
std::size_t fill(FakeKernel& kernel);

// Empty: there is none.
std::string first_difference(const std::map<std::string, std::string>& before,
                             const std::map<std::string, std::string>& after);

// Ends the check where the store is not `before`; `after`: what was done since.
void expect_same_store(const FakeKernel& kernel, const std::map<std::string, std::string>& before,
                       const std::string& after);

}  // namespace stator::check
