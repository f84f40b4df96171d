// Libraries as files: what is refused before any of their code runs, and that what runs is what was
// looked at. The libraries are compiled from hostile_library.c.
#include "plugin/library.h"

#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <new>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/file_system.h"
#include "io/sha256.h"
#include "support/places.h"

namespace stator::plugin {
namespace {

namespace fs = std::filesystem;
using library::ElfImage;
using library::read_elf;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

const std::string kFolder = test::in_build("tests/hostile");

std::string refused(const std::string& name) {
  auto library = read_library(kFolder + "/" + name + ".so");
  return library.ok() ? "" : library.error().sentence();
}

std::string bytes_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// The version that the entry of a loaded library tells.
std::string loaded_version(const LibraryFile& library) {
  auto entry = load_entry(library);
  if (!entry.ok()) return entry.error().sentence();
  return entry.value()(nullptr)->version;
}

class ScratchLibrary {
 public:
  ScratchLibrary() {
    std::string name = (fs::temp_directory_path() / "stator-library-XXXXXX").string();
    folder_ = mkdtemp(name.data());
  }
  ~ScratchLibrary() { fs::remove_all(folder_); }
  std::string path() const { return folder_ + "/hostile.so"; }
  // In place, as `cp` does: the same inode, other bytes.
  void overwrite(const std::string& bytes) const {
    std::ofstream(path(), std::ios::binary | std::ios::trunc) << bytes;
  }
  // Another file under the same name, at once.
  void replace(const std::string& bytes) const {
    std::ofstream(path() + ".new", std::ios::binary | std::ios::trunc) << bytes;
    fs::rename(path() + ".new", path());
  }

 private:
  std::string folder_;
};

TEST(LibraryFileTest, IsDescribedWithoutRunningItsCode) {
  // Its constructor aborts: reading it is enough to know it.
  auto library = read_library(kFolder + "/constructor.so");
  ASSERT_TRUE(library.ok()) << library.error().sentence();
  EXPECT_EQ(library.value().manifest.id, "hostile");
  EXPECT_EQ(library.value().manifest.version, "1");
  EXPECT_EQ(library.value().sha256, io::sha256_hex(bytes_of(kFolder + "/constructor.so")));
  EXPECT_THAT(library.value().build_id, testing::MatchesRegex("[0-9a-f]{40}"));
  EXPECT_DEATH(loaded_version(library.value()), "");
}

TEST(LibraryFileTest, RefusalsSayWhatToDo) {
  EXPECT_THAT(refused("no_note"), AllOf(HasSubstr("no_note.so"), HasSubstr(".note.stator.engine"),
                                        HasSubstr("STATOR_ENGINE_NOTE")));
  EXPECT_THAT(refused("no_entry"), HasSubstr("it has no symbol stator_engine_entry_v1"));
  EXPECT_THAT(refused("exports_more"), AllOf(HasSubstr("it exports 'stator_engine_helper' besides"),
                                             HasSubstr("version script")));
  EXPECT_THAT(refused("needs_more"),
              AllOf(HasSubstr("it needs libhostile_dependency.so"), HasSubstr("link that one in")));
  EXPECT_THAT(refused("run_path"), HasSubstr("run path"));
  EXPECT_THAT(refused("stack"), HasSubstr("executable stack"));
  EXPECT_THAT(refused("../hostile.c"), HasSubstr("cannot be found"));
}

TEST(LibraryFileTest, AnotherMinorIsRefusedByItsNote) {
  ScratchLibrary scratch;
  std::string bytes = bytes_of(kFolder + "/good.so");
  const std::string said = "\"abi_minor\":" + std::to_string(STATOR_NEEDS_ABI_MINOR);
  bytes[bytes.find(said) + said.size() - 1] = '9';
  scratch.overwrite(bytes);
  EXPECT_THAT(read_library(scratch.path()).error().sentence(),
              AllOf(HasSubstr("needs contract version 1.9"), HasSubstr("this server has 1."),
                    HasSubstr("newer server")));
}

TEST(ElfImageTest, ReadsWhatTheLinkerWrote) {
  ElfImage image;
  ASSERT_EQ(read_elf(bytes_of(kFolder + "/good.so"), image), "");
  EXPECT_THAT(image.exported, ElementsAre("stator_engine_entry_v1"));
  EXPECT_THAT(image.notes, ElementsAre(STATOR_NOTE_JSON("hostile", "1")));
  EXPECT_FALSE(image.has_run_path || image.has_text_relocations || image.has_executable_stack);
}

TEST(ElfImageTest, AnyBytesCanBeAskedFor) {
  const std::string whole = bytes_of(kFolder + "/good.so");
  for (std::size_t size = 0; size < whole.size(); size += 7) {
    ElfImage image;
    (void)read_elf(std::string(whole.data(), size), image);
  }
  std::string bytes = whole;
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    for (const char other : {'\0', '\xff', '\x80'}) {
      bytes[at] = other;
      ElfImage image;
      (void)read_elf(bytes, image);
    }
    bytes[at] = whole[at];
  }
}

TEST(LibraryTest, OverwritingTheFileOfALoadedLibraryChangesNothing) {
  ScratchLibrary scratch;
  scratch.overwrite(bytes_of(kFolder + "/good.so"));
  const LibraryFile library = read_library(scratch.path()).take();
  const stator_engine_entry entry = load_entry(library).take();
  scratch.overwrite(std::string(library.bytes.size(), '\0'));
  EXPECT_STREQ(entry(nullptr)->version, "1");
}

TEST(LibraryTest, TwoVersionsStandSideBySide) {
  const LibraryFile one = read_library(kFolder + "/good.so").take();
  const LibraryFile two = read_library(kFolder + "/second.so").take();
  EXPECT_EQ(loaded_version(one), "1");
  EXPECT_EQ(loaded_version(two), "2");
  EXPECT_EQ(loaded_version(one), "1");
}

// How often each of its states was counted up.
std::string counts(stator_engine_entry entry, int calls) {
  for (int i = 1; i < calls; ++i) entry(nullptr);
  return entry(nullptr)->doc;
}

TEST(LibraryTest, TwoVersionsShareNoState) {
  const stator_engine_entry one = load_entry(read_library(kFolder + "/state_1.so").take()).take();
  const stator_engine_entry two = load_entry(read_library(kFolder + "/state_2.so").take()).take();
  EXPECT_EQ(counts(one, 3), "3 3 3 3 3 3");
  EXPECT_EQ(counts(two, 1), "1 1 1 1 1 1");
  EXPECT_EQ(counts(one, 1), "4 4 4 4 4 4");
  // Nor do two instances of one file: each loading is of its own.
  const stator_engine_entry again = load_entry(read_library(kFolder + "/state_1.so").take()).take();
  EXPECT_EQ(counts(again, 1), "1 1 1 1 1 1");
  EXPECT_STREQ(one(nullptr)->version, "1");
  EXPECT_STREQ(two(nullptr)->version, "2");
}

#ifdef __GLIBC__
// That there is something to refuse: the same source, linked by hand. Loaded around read_library,
// so that the test would say if compilers or loaders stopped doing it.
TEST(LibraryTest, VersionsThatWouldShareStateAreRefused) {
  const std::string sentence = refused("shared_state_1");
  EXPECT_THAT(sentence, AllOf(HasSubstr("it would share '_ZN"), HasSubstr("STB_GNU_UNIQUE"),
                              HasSubstr("-fno-gnu-unique")));
  const auto load = [](const char* version) {
    LibraryFile library;
    library.path = library.manifest.id = "shared_state";
    library.bytes = bytes_of(kFolder + "/shared_state_" + version + ".so");
    return load_entry(library).take();
  };
  const stator_engine_entry one = load("1");
  const stator_engine_entry two = load("2");
  EXPECT_EQ(counts(one, 3), "3 3 3 3 3 3");
  EXPECT_EQ(counts(two, 1).substr(0, 7), "1 4 4 4")
      << "its own of the file; the others are the first one's";
}

TEST(LibraryTest, AnEntryThatWouldBeAnothersIsRefused) {
  EXPECT_THAT(refused("unique_entry"), HasSubstr("it would share 'stator_engine_entry_v1'"));
}
#endif

// One of the 10,000 rounds below; empty: what ran was what was looked at.
std::string look_and_load(const std::string& path, const std::string& hash_of_one,
                          const std::string& hash_of_two) {
  auto library = read_library(path);
  if (!library.ok()) return library.error().sentence();
  const std::string& hash = library.value().sha256;
  if (hash != hash_of_one && hash != hash_of_two) return "neither file was read: " + hash;
  const std::string expected = hash == hash_of_one ? "1" : "2";
  if (library.value().manifest.version != expected) return "the note is the other one's";
  if (loaded_version(library.value()) != expected) return "the code is the other one's";
  return "";
}

// Of processes that this one forks. It has no thread beside: who is forked could wait for ever for
// a lock (of malloc, of a sanitizer) that a thread held.
template <class Work>
pid_t in_child(const Work& work) {
  const pid_t child = fork();
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);  // nobody would end it
    const std::string wrong = work();
    if (!wrong.empty()) (void)!write(STDERR_FILENO, (wrong + "\n").data(), wrong.size() + 1);
    _exit(wrong.empty() ? 0 : 1);
  }
  return child;
}

int end_of(pid_t child) {
  int status = -1;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

// Swaps the file for one and the other as fast as a process can, for as long as this is there.
class Swapper {
 public:
  Swapper(const ScratchLibrary& scratch, const std::string& one, const std::string& two)
      : swaps_(new (mmap(nullptr, sizeof *swaps_, PROT_READ | PROT_WRITE,
                         MAP_SHARED | MAP_ANONYMOUS, -1, 0)) std::atomic<int>(0)),
        child_(in_child([&]() -> std::string {
          for (;; ++*swaps_) scratch.replace(*swaps_ % 2 == 0 ? two : one);
        })) {}
  ~Swapper() {
    kill(child_, SIGKILL);
    end_of(child_);
    munmap(swaps_, sizeof *swaps_);
  }
  Swapper(const Swapper&) = delete;
  Swapper& operator=(const Swapper&) = delete;

  int swaps() const { return *swaps_; }

 private:
  std::atomic<int>* swaps_;
  pid_t child_;
};

// Its two forms have notes "1" and "2" and entries that tell the same; the code that runs must be
// that of the note seen. What is loaded stays (files, and parts of memory), so it is loaded in
// children.
TEST(LibraryTest, WhatRunsIsWhatWasLookedAtWhileTheFileIsSwapped) {
  constexpr int kRounds = 10'000;
  constexpr int kRoundsOfChild = 250;
  ScratchLibrary scratch;
  const std::string one = bytes_of(kFolder + "/good.so");
  const std::string two = bytes_of(kFolder + "/second.so");
  scratch.replace(one);
  const std::string hash_of_one = io::sha256_hex(one);
  const std::string hash_of_two = io::sha256_hex(two);
  const Swapper swapper(scratch, one, two);
  for (int round = 0; round < kRounds; round += kRoundsOfChild) {
    const pid_t child = in_child([&] {
      std::string wrong;
      for (int i = 0; i < kRoundsOfChild && wrong.empty(); ++i) {
        wrong = look_and_load(scratch.path(), hash_of_one, hash_of_two);
      }
      return wrong;
    });
    ASSERT_EQ(end_of(child), 0);
  }
  EXPECT_GT(swapper.swaps(), 100);
}

}  // namespace
}  // namespace stator::plugin
