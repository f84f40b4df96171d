// Libraries as files: what is refused before any of their code runs, and that what runs is what was
// looked at. The libraries are compiled from hostile_library.c.
#include "plugin/library.h"

#include <atomic>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/file_system.h"
#include "io/sha256.h"
#include "io/thread.h"
#include "plugin/elf_image.h"

namespace stator::plugin {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

const std::string kFolder = HOSTILE_LIBRARIES;

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
  const ElfImage image = read_elf(bytes_of(kFolder + "/good.so")).take();
  EXPECT_THAT(image.exported, ElementsAre("stator_engine_entry_v1"));
  EXPECT_EQ(image.note, STATOR_NOTE_JSON("hostile", "1"));
  EXPECT_FALSE(image.has_run_path || image.has_text_relocations || image.has_executable_stack);
}

TEST(ElfImageTest, AnyBytesCanBeAskedFor) {
  const std::string whole = bytes_of(kFolder + "/good.so");
  for (std::size_t size = 0; size < whole.size(); size += 7) {
    (void)read_elf(ByteView(std::string(whole.data(), size)));
  }
  std::string bytes = whole;
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    for (const char other : {'\0', '\xff', '\x80'}) {
      bytes[at] = other;
      (void)read_elf(bytes);
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

// The file is swapped as fast as a thread can while it is read, checked and loaded. Its two forms
// have notes "1" and "2" and entries that tell the same; the code that runs must be that of the
// note seen.
TEST(LibraryTest, WhatRunsIsWhatWasLookedAtWhileTheFileIsSwapped) {
  ScratchLibrary scratch;
  const std::string one = bytes_of(kFolder + "/good.so");
  const std::string two = bytes_of(kFolder + "/second.so");
  scratch.replace(one);
  std::atomic<bool> is_over = false;
  std::atomic<int> swaps = 0;
  {
    const io::Thread swapper("swapper", [&] {
      while (!is_over) {
        scratch.replace(swaps % 2 == 0 ? two : one);
        ++swaps;
      }
    });
    for (int round = 0; round < 10'000; ++round) {
      auto library = read_library(scratch.path());
      if (!library.ok()) {
        ADD_FAILURE() << library.error().sentence();
        break;
      }
      const bool is_first = library.value().sha256 == io::sha256_hex(one);
      if (!is_first) {
        ASSERT_EQ(library.value().sha256, io::sha256_hex(two));
      }
      EXPECT_EQ(library.value().manifest.version, is_first ? "1" : "2");
      // Loading keeps a file in memory for ever, so a part of the rounds goes that far.
      if (round % 100 == 0) {
        EXPECT_EQ(loaded_version(library.value()), is_first ? "1" : "2");
      }
    }
    is_over = true;
  }
  EXPECT_GT(swaps, 100);
}

}  // namespace
}  // namespace stator::plugin
