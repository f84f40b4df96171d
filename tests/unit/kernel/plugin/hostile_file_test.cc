// Files that are wrong, or that lie to whoever reads them otherwise than the system's loader does.
// Made from those of hostile_library.c, by changing their bytes or by linking them oddly.
#include <cstring>
#include <elf.h>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <sys/wait.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plugin/library.h"
#include "support/places.h"

namespace stator::plugin {
namespace {

namespace fs = std::filesystem;
using library::ElfImage;
using testing::AllOf;
using testing::HasSubstr;

std::string bytes_of(const std::string& name) {
  std::ifstream file(test::in_build("tests/hostile/" + name + ".so"), std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string fault_of(const std::string& bytes) {
  ElfImage image;
  Manifest manifest;
  return library::check_library(bytes, image, manifest);
}
std::string fault_of_file(const std::string& name) {
  const std::string bytes = bytes_of(name);
  EXPECT_FALSE(bytes.empty()) << name;
  return fault_of(bytes);
}

// What is in the bytes at `offset`, to be changed.
template <class T>
T& at(std::string& bytes, std::size_t offset) {
  return *reinterpret_cast<T*>(bytes.data() + offset);
}
Elf64_Phdr& segment(std::string& bytes, std::uint32_t type) {
  const auto& header = at<Elf64_Ehdr>(bytes, 0);
  for (std::size_t i = 0; i < header.e_phnum; ++i) {
    auto& found = at<Elf64_Phdr>(bytes, header.e_phoff + i * sizeof(Elf64_Phdr));
    if (found.p_type == type) return found;
  }
  ADD_FAILURE() << "no segment " << type;
  return at<Elf64_Phdr>(bytes, header.e_phoff);
}
Elf64_Dyn& dynamic(std::string& bytes, std::int64_t tag) {
  const Elf64_Phdr& table = segment(bytes, PT_DYNAMIC);
  for (std::size_t i = 0; i < table.p_filesz / sizeof(Elf64_Dyn); ++i) {
    auto& found = at<Elf64_Dyn>(bytes, table.p_offset + i * sizeof(Elf64_Dyn));
    if (found.d_tag == tag) return found;
  }
  ADD_FAILURE() << "no entry " << tag;
  return at<Elf64_Dyn>(bytes, table.p_offset);
}
std::size_t note_at(const std::string& bytes) {
  return bytes.find(std::string("stator\0", 7)) - sizeof(Elf64_Nhdr);
}

// Whether the file of these bytes loads and its entry answers, in a process of its own.
bool loads(const std::string& bytes) {
  const pid_t child = fork();
  if (child == 0) {
    LibraryFile library;
    library.path = library.manifest.id = "changed";
    library.bytes = bytes;
    auto entry = load_entry(library);
    _exit(entry.ok() && std::strcmp(entry.value()(nullptr)->version, "1") == 0 ? 0 : 1);
  }
  int status = -1;
  waitpid(child, &status, 0);
  return status == 0;
}

// What is cut off behind the last byte that is loaded (sections, names for a debugger) nobody
// needs.
TEST(HostileFileTest, AFileThatIsCutAnywhereIsRefusedOrStillWhole) {
  const std::string whole = bytes_of("good");
  std::size_t end = 0;
  std::string copy = whole;
  for (std::size_t i = 0; i < at<Elf64_Ehdr>(copy, 0).e_phnum; ++i) {
    const auto& one =
        at<Elf64_Phdr>(copy, at<Elf64_Ehdr>(copy, 0).e_phoff + i * sizeof(Elf64_Phdr));
    end = std::max(end, std::size_t{one.p_offset + one.p_filesz});
  }
  ASSERT_GT(whole.size(), end);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    // A string of its own, so that a sanitizer sees who reads behind it.
    const std::string cut(whole.data(), size);
    EXPECT_EQ(fault_of(cut).empty(), size >= end) << size;
  }
  EXPECT_TRUE(loads(whole.substr(0, end)));
}

// The loader of the system looks at segments alone, so a file may say in its sections what it
// likes.
TEST(HostileFileTest, SectionsThatSayNothingHideNothing) {
  const auto without_sections = [](const std::string& name) {
    std::string bytes = bytes_of(name);
    auto& header = at<Elf64_Ehdr>(bytes, 0);
    header.e_shoff = header.e_shnum = header.e_shstrndx = 0;
    return bytes;
  };
  EXPECT_EQ(fault_of(without_sections("good")), "");
  EXPECT_TRUE(loads(without_sections("good")));
  EXPECT_THAT(fault_of(without_sections("needs_more")), HasSubstr("libhostile_dependency.so"));
  EXPECT_THAT(fault_of(without_sections("run_path")), HasSubstr("run path"));
  EXPECT_THAT(fault_of(without_sections("exports_more")), HasSubstr("stator_engine_helper"));
  EXPECT_THAT(fault_of(without_sections("no_entry")), HasSubstr("it has no symbol"));
  EXPECT_THAT(fault_of(without_sections("no_note")), HasSubstr("it has no note"));
#ifdef __GLIBC__
  EXPECT_THAT(fault_of(without_sections("unique_entry")), HasSubstr("STB_GNU_UNIQUE"));
#endif
}

// A file that has a dynamic table for the loader and none for who looks at sections.
TEST(HostileFileTest, SectionsThatLieHideNothing) {
  std::string bytes = bytes_of("needs_more");
  const auto& header = at<Elf64_Ehdr>(bytes, 0);
  for (std::size_t i = 0; i < header.e_shnum; ++i) {
    auto& section = at<Elf64_Shdr>(bytes, header.e_shoff + i * sizeof(Elf64_Shdr));
    if (section.sh_type == SHT_DYNAMIC) section.sh_type = SHT_PROGBITS;
  }
  EXPECT_THAT(fault_of(bytes), HasSubstr("libhostile_dependency.so"));
}

// DT_AUXILIARY and DT_FILTER bring a library as DT_NEEDED does.
TEST(HostileFileTest, ALibraryThatComesAsAFilterIsADependency) {
  EXPECT_THAT(fault_of_file("auxiliary"), HasSubstr("it needs libhostile_dependency.so"));
  EXPECT_THAT(fault_of_file("filter"), HasSubstr("it needs libhostile_dependency.so"));
}

TEST(HostileFileTest, ANameThatBeginsLikeARuntimesIsNoRuntime) {
  EXPECT_THAT(fault_of_file("needs_like_runtime"), HasSubstr("it needs libubsan.so.1x"));
}

TEST(HostileFileTest, NotesWithAnyLengthsAreReadOrNot) {
  for (const std::uint32_t size :
       {0u, 1u, 8u, 100u, 4096u, 0x7fffffffu, 0xfffffffcu, 0xffffffffu}) {
    for (const bool is_name : {false, true}) {
      std::string bytes = bytes_of("good");
      auto& note = at<Elf64_Nhdr>(bytes, note_at(bytes));
      (is_name ? note.n_namesz : note.n_descsz) = size;
      EXPECT_THAT(fault_of(bytes),
                  testing::AnyOf(HasSubstr("it has no note"), HasSubstr("its note is not")))
          << size;
    }
  }
}

TEST(HostileFileTest, OfTwoNotesNeitherCounts) {
  EXPECT_THAT(fault_of_file("two_notes"),
              AllOf(HasSubstr("it has 2 notes"), HasSubstr("one source file")));
}

TEST(HostileFileTest, MemoryWithoutEndIsRefused) {
  EXPECT_THAT(
      fault_of_file("huge_static"),
      AllOf(HasSubstr("bytes of memory for its code and statics"), HasSubstr("1073741824")));
  EXPECT_THAT(fault_of_file("huge_thread"),
              AllOf(HasSubstr("bytes of memory for thread_local variables"), HasSubstr("65536")));
}

TEST(HostileFileTest, CodeThatCanChangeIsRefused) {
  EXPECT_THAT(fault_of_file("text_relocations"), HasSubstr("text relocations"));
  std::string bytes = bytes_of("good");
  segment(bytes, PT_LOAD).p_flags |= PF_W | PF_X;
  EXPECT_THAT(fault_of(bytes), HasSubstr("code that may be written"));
}

TEST(HostileFileTest, AProgramIsNoLibrary) {
  EXPECT_THAT(fault_of_file("program"), HasSubstr("it is a program"));
}

// The loader would divide by the number of buckets.
TEST(HostileFileTest, ABrokenHashTableIsRefused) {
  for (const std::uint32_t buckets : {0u, 0xffffffffu}) {
    std::string bytes = bytes_of("good");
    at<std::uint32_t>(bytes, dynamic(bytes, DT_GNU_HASH).d_un.d_ptr) = buckets;
    EXPECT_EQ(fault_of(bytes), "its hash table of symbols is broken");
  }
}

TEST(HostileFileTest, TablesThatLieElsewhereAreRefused) {
  const auto changed = [](const std::function<void(std::string&)>& change) {
    std::string bytes = bytes_of("good");
    change(bytes);
    return fault_of(bytes);
  };
  EXPECT_EQ(changed([](auto& bytes) { segment(bytes, PT_DYNAMIC).p_vaddr = 0xfffffffffffffff0; }),
            "its dynamic table has no end");
  EXPECT_EQ(changed([](auto& bytes) { segment(bytes, PT_NOTE).p_type = PT_DYNAMIC; }),
            "it has two dynamic tables");
  EXPECT_EQ(changed([](auto& bytes) { dynamic(bytes, DT_SYMTAB).d_un.d_ptr = UINT64_MAX; }),
            "its table of symbols is outside of the file");
  EXPECT_EQ(changed([](auto& bytes) { dynamic(bytes, DT_STRTAB).d_un.d_ptr = UINT64_MAX; }),
            "a name is outside of the file");
  EXPECT_EQ(changed([](auto& bytes) { segment(bytes, PT_LOAD).p_filesz = UINT64_MAX; }),
            "a segment has less memory than bytes in the file");
  EXPECT_EQ(changed([](auto& bytes) { segment(bytes, PT_LOAD).p_memsz = UINT64_MAX; }),
            "a segment is outside of memory");
  EXPECT_EQ(changed([](auto& bytes) { segment(bytes, PT_LOAD).p_memsz += 1u << 20; }),
            "its segments lie over each other");
  EXPECT_EQ(changed([](auto& bytes) { segment(bytes, PT_GNU_STACK).p_type = PT_LOAD; }),
            "its segments lie over each other");
  EXPECT_EQ(
      changed([](auto& bytes) { dynamic(bytes, DT_GNU_HASH).d_tag = DT_DEBUG; }).substr(0, 19),
      "it has no symbol st");
}

// What only the loader finds it says, and the server goes on.
TEST(HostileFileTest, WhatTheLoaderRefusesIsSaid) {
  const auto refused = [](const std::string& name) {
    LibraryFile library;
    library.path = "/x/" + name + ".so";
    library.manifest.id = name;
    library.bytes = bytes_of(name);
    EXPECT_EQ(fault_of(library.bytes), "") << name;
    auto entry = load_entry(library);
    return entry.ok() ? "" : entry.error().sentence();
  };
  EXPECT_THAT(refused("undefined"), AllOf(HasSubstr("cannot load engine library /x/undefined.so"),
                                          HasSubstr("nobody_has_this")));
  EXPECT_THAT(refused("static_thread"), HasSubstr("static TLS block"));
}

// Functions that choose what a symbol is run while the library loads, as constructors do.
TEST(HostileFileTest, AResolverRunsWhenTheLibraryIsLoadedAndNotBefore) {
  EXPECT_EQ(fault_of_file("resolver"), "");
  EXPECT_FALSE(loads(bytes_of("resolver")));
  EXPECT_TRUE(loads(bytes_of("good")));
}

}  // namespace
}  // namespace stator::plugin
