#include "plugin/elf_image.h"

#include <algorithm>
#include <cstring>
#include <elf.h>

#include "stator/manifest.h"

namespace stator::plugin {
namespace {

Error broken(const std::string& what) { return Error(ErrorCode::kRejectedPrevalidation, what); }

class ElfReader {
 public:
  explicit ElfReader(ByteView bytes) : bytes_(bytes) {}

  Result<ElfImage> read() {
    if (!read_header()) return broken("it is no shared library (ELF, 64 bits, little-endian)");
    STATOR_CHECK(read_segments());
    STATOR_CHECK(read_sections());
    return std::move(image_);
  }

 private:
  // The `index`-th T of a table at `offset`; false if it is outside of the file.
  template <class T>
  bool get(std::uint64_t offset, std::uint64_t index, T& out) const {
    std::uint64_t at = 0;
    if (__builtin_mul_overflow(index, sizeof(T), &at) || __builtin_add_overflow(at, offset, &at))
      return false;
    if (at > bytes_.size() || bytes_.size() - at < sizeof(T)) return false;
    std::memcpy(&out, bytes_.data() + at, sizeof(T));
    return true;
  }

  bool read_header() {
    if (!get(0, 0, header_)) return false;
    image_.machine = header_.e_machine;
    return std::memcmp(static_cast<const unsigned char*>(header_.e_ident), ELFMAG, SELFMAG) == 0 &&
           header_.e_ident[EI_CLASS] == ELFCLASS64 && header_.e_ident[EI_DATA] == ELFDATA2LSB &&
           header_.e_type == ET_DYN && header_.e_phentsize == sizeof(Elf64_Phdr) &&
           header_.e_shentsize == sizeof(Elf64_Shdr) && header_.e_shnum != 0;
  }

  Status read_segments() {
    image_.has_executable_stack = true;  // what the loader makes of a library that does not say
    for (std::uint64_t i = 0; i < header_.e_phnum; ++i) {
      Elf64_Phdr segment;
      if (!get(header_.e_phoff, i, segment))
        return broken("its table of segments is outside of the file");
      if (segment.p_type == PT_GNU_STACK)
        image_.has_executable_stack = (segment.p_flags & PF_X) != 0;
    }
    return ok_status();
  }

  Status read_sections() {
    for (std::uint64_t i = 0; i < header_.e_shnum; ++i) {
      Elf64_Shdr section;
      if (!get(header_.e_shoff, i, section))
        return broken("its table of sections is outside of the file");
      if (section.sh_type == SHT_NOBITS) continue;
      if (section.sh_offset > bytes_.size() ||
          bytes_.size() - section.sh_offset < section.sh_size) {
        return broken("a section is outside of the file");
      }
      const ByteView content = bytes_.substr(section.sh_offset, section.sh_size);
      if (section.sh_type == SHT_NOTE) read_notes(content);
      if (section.sh_type == SHT_DYNAMIC) STATOR_CHECK(read_dynamic(section));
      if (section.sh_type == SHT_DYNSYM) STATOR_CHECK(read_symbols(section));
    }
    return ok_status();
  }

  // A string of the string table that `section` goes with.
  Result<std::string> string_at(const Elf64_Shdr& section, std::uint64_t offset) const {
    Elf64_Shdr strings;
    if (section.sh_link >= header_.e_shnum || !get(header_.e_shoff, section.sh_link, strings) ||
        strings.sh_offset > bytes_.size() || bytes_.size() - strings.sh_offset < strings.sh_size ||
        offset >= strings.sh_size) {
      return broken("a name is outside of the file");
    }
    const ByteView from = bytes_.substr(strings.sh_offset, strings.sh_size).substr(offset);
    const std::size_t end = from.find('\0');
    if (end == ByteView::npos) return broken("a name has no end");
    return std::string(from.substr(0, end));
  }

  Status read_dynamic(const Elf64_Shdr& section) {
    for (std::uint64_t i = 0; i < section.sh_size / sizeof(Elf64_Dyn); ++i) {
      Elf64_Dyn entry;
      if (!get(section.sh_offset, i, entry) || entry.d_tag == DT_NULL) break;
      if (entry.d_tag == DT_NEEDED) {
        STATOR_TRY(std::string name, string_at(section, entry.d_un.d_val));
        image_.needed.push_back(std::move(name));
      }
      image_.has_run_path |= entry.d_tag == DT_RPATH || entry.d_tag == DT_RUNPATH;
      image_.has_text_relocations |= entry.d_tag == DT_TEXTREL;
      image_.has_text_relocations |=
          entry.d_tag == DT_FLAGS && (entry.d_un.d_val & DF_TEXTREL) != 0;
    }
    return ok_status();
  }

  Status read_symbols(const Elf64_Shdr& section) {
    for (std::uint64_t i = 1; i < section.sh_size / sizeof(Elf64_Sym); ++i) {
      Elf64_Sym symbol;
      if (!get(section.sh_offset, i, symbol)) break;
      const unsigned visibility = ELF64_ST_VISIBILITY(symbol.st_other);
      const bool is_seen = symbol.st_shndx != SHN_UNDEF &&
                           ELF64_ST_BIND(symbol.st_info) != STB_LOCAL &&
                           (visibility == STV_DEFAULT || visibility == STV_PROTECTED);
      if (!is_seen) continue;
      STATOR_TRY(std::string name, string_at(section, symbol.st_name));
      if (ELF64_ST_BIND(symbol.st_info) == STB_GNU_UNIQUE) image_.shared.push_back(name);
      image_.exported.push_back(std::move(name));
    }
    return ok_status();
  }

  // Name and content of each note are padded to four bytes. What does not fit ends the walk.
  void read_notes(ByteView notes) {
    while (notes.size() >= sizeof(Elf64_Nhdr)) {
      Elf64_Nhdr note;
      std::memcpy(&note, notes.data(), sizeof note);
      notes.remove_prefix(sizeof note);
      const std::uint64_t name_size = (std::uint64_t{note.n_namesz} + 3) / 4 * 4;
      const std::uint64_t content_size = (std::uint64_t{note.n_descsz} + 3) / 4 * 4;
      if (name_size > notes.size() || note.n_descsz > notes.size() - name_size) return;
      keep_note(note, notes.substr(0, note.n_namesz), notes.substr(name_size, note.n_descsz));
      notes.remove_prefix(std::min<std::uint64_t>(name_size + content_size, notes.size()));
    }
  }

  void keep_note(const Elf64_Nhdr& note, ByteView name, ByteView content) {
    const auto is_named = [&](ByteView wanted) {
      return name == ByteView(wanted.data(), wanted.size() + 1);
    };
    if (note.n_type == NT_GNU_BUILD_ID && is_named("GNU")) {
      static constexpr char kDigits[] = "0123456789abcdef";
      image_.build_id.clear();
      for (const char c : content) {
        image_.build_id += kDigits[static_cast<unsigned char>(c) >> 4];
        image_.build_id += kDigits[static_cast<unsigned char>(c) & 15];
      }
    }
    if (note.n_type == STATOR_NOTE_TYPE && is_named(STATOR_NOTE_NAME))
      image_.note = std::string(content);
  }

  ByteView bytes_;
  Elf64_Ehdr header_{};
  ElfImage image_;
};

}  // namespace

Result<ElfImage> read_elf(ByteView bytes) { return ElfReader(bytes).read(); }

}  // namespace stator::plugin
