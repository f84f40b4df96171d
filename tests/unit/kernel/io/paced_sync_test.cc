#include "io/paced_sync.h"

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <fcntl.h>
#include <iterator>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <string>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "base/assert.h"
#include "io/thread.h"
#include "unit/kernel/io/temp_directory.h"

namespace stator::io {
namespace {

class PacedSyncTest : public testing::Test {
 protected:
  PacedSyncTest() : file_(open(directory_.file("file").c_str(), O_RDWR | O_CREAT, 0600)) {
    const std::string bytes(3 * 1024 * 1024 + 1, 'x');
    EXPECT_EQ(write(file_, bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  }
  ~PacedSyncTest() override { close(file_); }
  TempDirectory directory_;
  const int file_;
  std::atomic<bool> is_urgent_{false};
};

// From now on this process gets `error` from sync_file_range(): for good, or where it asks for
// something.
void fail_pieces(int error, bool also_nothing) {
  constexpr unsigned kFlags = offsetof(seccomp_data, args) + 3 * sizeof(std::uint64_t);
  sock_filter steps[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_sync_file_range, 0, 3),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, kFlags),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, static_cast<std::uint8_t>(also_nothing ? 0 : 1), 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<unsigned>(error)),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program = {std::size(steps), steps};
  STATOR_ASSERT(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
  STATOR_ASSERT(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
}

TEST_F(PacedSyncTest, WritesAFileInPieces) {
  PacedSync paced(is_urgent_);
  EXPECT_EQ(fdatasync(file_), 0);
  EXPECT_EQ(paced.pieces(), 7u);
}

TEST_F(PacedSyncTest, IsOfItsThreadAlone) {
  PacedSync paced(is_urgent_);
  Thread other("other", [&] { EXPECT_EQ(fdatasync(file_), 0); });
  other.join();
  EXPECT_EQ(paced.pieces(), 0u);
}

TEST_F(PacedSyncTest, EndsWithItsScope) {
  { const PacedSync paced(is_urgent_); }
  EXPECT_EQ(fdatasync(file_), 0);
  PacedSync another(is_urgent_);
  EXPECT_EQ(another.pieces(), 0u);
}

TEST_F(PacedSyncTest, TellsOfAFailure) {
  const PacedSync paced(is_urgent_);
  EXPECT_EQ(fdatasync(-1), -1);
  EXPECT_EQ(errno, EBADF);
}

TEST_F(PacedSyncTest, WhatIsUrgentIsDoneAtOnce) {
  is_urgent_ = true;
  PacedSync paced(is_urgent_);
  EXPECT_EQ(fdatasync(file_), 0);
  EXPECT_EQ(paced.pieces(), 0u);
}

// As in a container that does not know the call.
TEST_F(PacedSyncTest, WhereTheCallIsForbiddenItIsDoneAtOnce) {
  const auto sync_without = [this] {
    fail_pieces(EPERM, true);
    PacedSync paced(is_urgent_);
    std::exit(fdatasync(file_) == 0 && paced.pieces() == 0 ? 0 : 1);
  };
  EXPECT_EXIT(sync_without(), testing::ExitedWithCode(0), "");
}

// The sync behind it would not: the system tells an error of the disk once.
TEST_F(PacedSyncTest, TellsOfAPieceThatFailed) {
  const auto sync_failing = [this] {
    fail_pieces(EIO, false);
    const PacedSync paced(is_urgent_);
    std::exit(fdatasync(file_) == -1 && errno == EIO ? 0 : 1);
  };
  EXPECT_EXIT(sync_failing(), testing::ExitedWithCode(0), "");
}

// A pipe has no ranges, and no sync: it is as without.
TEST_F(PacedSyncTest, WhatHasNoPiecesIsSyncedWithoutThem) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  PacedSync paced(is_urgent_);
  EXPECT_EQ(fdatasync(ends[0]), -1);
  EXPECT_EQ(errno, EINVAL);
  EXPECT_EQ(paced.pieces(), 0u);
  for (const int end : ends) close(end);
}

}  // namespace
}  // namespace stator::io
