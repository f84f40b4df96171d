#include "io/fiber.h"

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace stator::io {
namespace {

constexpr std::size_t kStackBytes = 256 * 1024;

TEST(FiberTest, RunsToItsEndOrToItsPauseAndGoesOnThere) {
  Fiber fiber(kStackBytes);
  std::string steps;
  fiber.begin([&] {
    std::string kept = "a";
    steps += kept;
    fiber.pause();
    kept += "b";
    steps += kept;
    fiber.pause();
    steps += "c";
  });
  EXPECT_TRUE(fiber.is_paused());
  steps += "-";
  fiber.resume();
  steps += "-";
  fiber.resume();
  EXPECT_FALSE(fiber.is_paused());
  EXPECT_EQ(steps, "a-ab-c");
}

TEST(FiberTest, IsUsedAgainAndCatchesWhatItsBodyThrows) {
  Fiber fiber(kStackBytes);
  int caught = 0;
  for (int i = 0; i < 3; ++i) {
    fiber.begin([&] {
      try {
        fiber.pause();
        throw std::runtime_error("inside");
      } catch (const std::runtime_error&) {
        ++caught;
      }
    });
    fiber.resume();
  }
  EXPECT_EQ(caught, 3);
}

TEST(FiberTest, ManyArePausedAtOnceInAnyOrder) {
  std::vector<std::unique_ptr<Fiber>> fibers;
  std::string ends;
  for (char name = 'a'; name < 'f'; ++name) {
    fibers.push_back(std::make_unique<Fiber>(kStackBytes));
    Fiber* fiber = fibers.back().get();
    fiber->begin([&ends, fiber, name] {
      const std::vector<char> held(10'000, name);
      fiber->pause();
      ends += held.back();
    });
  }
  for (std::size_t i = fibers.size(); i-- > 0;) fibers[i]->resume();
  EXPECT_EQ(ends, "edcba");
}

}  // namespace
}  // namespace stator::io
