#include "io/thread.h"

#include <csignal>
#include <pthread.h>
#include <vector>

#include <gtest/gtest.h>

#include "io/random.h"

namespace stator::io {
namespace {

TEST(ThreadTest, HasItsNameCutToWhatTheSystemTakes) {
  char name[32] = {};
  Thread thread("a-name-that-is-too-long", [&] { pthread_getname_np(pthread_self(), name, 32); });
  thread.join();
  EXPECT_STREQ(name, "a-name-that-is-");
}

TEST(ThreadTest, LeavesSignalsToTheMainThread) {
  sigset_t inside;
  Thread thread("signals", [&] { pthread_sigmask(SIG_SETMASK, nullptr, &inside); });
  thread.join();
  EXPECT_EQ(sigismember(&inside, SIGTERM), 1);
  EXPECT_EQ(sigismember(&inside, SIGHUP), 1);
  EXPECT_EQ(sigismember(&inside, SIGINT), 1);
  EXPECT_EQ(sigismember(&inside, SIGSEGV), 0);
  sigset_t here;
  pthread_sigmask(SIG_SETMASK, nullptr, &here);
  EXPECT_EQ(sigismember(&here, SIGTERM), 0);
}

TEST(ThreadTest, IsJoinedByItsOwner) {
  bool is_done = false;
  {
    const Thread thread("owned", [&] { is_done = true; });
  }
  EXPECT_TRUE(is_done);
}

TEST(RandomTest, FillsEveryByteAnew) {
  std::vector<std::uint8_t> first(1000);
  std::vector<std::uint8_t> second(1000);
  fill_random(first);
  fill_random(second);
  EXPECT_NE(first, second);
  EXPECT_NE(std::vector<std::uint8_t>(first.end() - 16, first.end()),
            std::vector<std::uint8_t>(16, 0));
  fill_random({});
}

}  // namespace
}  // namespace stator::io
