#include "library/elf_image.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <elf.h>
#include <optional>
#include <utility>

#include "stator/manifest.h"

namespace stator::library {
namespace {

constexpr std::uint64_t kPageBytes = 4096;
constexpr std::size_t kNameBytesMax = 4096;

std::uint64_t page_of(std::uint64_t address) { return address / kPageBytes * kPageBytes; }

class ElfReader {
 public:
  ElfReader(std::string_view bytes, ElfImage& image) : bytes_(bytes), image_(image) {}

  bool read() {
    image_ = {};
    return read_header() && read_segments() && read_dynamic() && read_symbols();
  }
  const std::string& fault() const { return fault_; }

 private:
  bool wrong(const char* what) {
    fault_ = what;
    return false;
  }

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

  // Where in the file the memory at `address` comes from, as far as `bytes` of it come from there.
  std::optional<std::uint64_t> offset_of(std::uint64_t address, std::uint64_t bytes) const {
    for (const Elf64_Phdr& segment : loaded_) {
      if (address < segment.p_vaddr || address - segment.p_vaddr > segment.p_filesz) continue;
      const std::uint64_t inside = address - segment.p_vaddr;
      if (segment.p_filesz - inside < bytes) continue;
      return segment.p_offset + inside;
    }
    return std::nullopt;
  }

  // The `index`-th T of a table in memory at `address`.
  template <class T>
  bool load(std::uint64_t address, std::uint64_t index, T& out) const {
    std::uint64_t at = 0;
    if (__builtin_mul_overflow(index, sizeof(T), &at) || __builtin_add_overflow(at, address, &at))
      return false;
    const auto offset = offset_of(at, sizeof(T));
    return offset && get(*offset, 0, out);
  }

  bool read_header() {
    constexpr const char* kNone = "it is no shared library (ELF, 64 bits, little-endian)";
    if (!get(0, 0, header_)) return wrong(kNone);
    image_.machine = header_.e_machine;
    const bool is_library =
        std::memcmp(static_cast<const unsigned char*>(header_.e_ident), ELFMAG, SELFMAG) == 0 &&
        header_.e_ident[EI_CLASS] == ELFCLASS64 && header_.e_ident[EI_DATA] == ELFDATA2LSB &&
        header_.e_type == ET_DYN && header_.e_phentsize == sizeof(Elf64_Phdr);
    return is_library || wrong(kNone);
  }

  bool read_segments() {
    image_.has_executable_stack = true;  // what the loader makes of a library that does not say
    for (std::uint64_t i = 0; i < header_.e_phnum; ++i) {
      Elf64_Phdr segment;
      if (!get(header_.e_phoff, i, segment))
        return wrong("its table of segments is outside of the file");
      if (segment.p_filesz > segment.p_memsz && segment.p_type == PT_LOAD)
        return wrong("a segment has less memory than bytes in the file");
      const bool is_inside =
          segment.p_offset <= bytes_.size() && bytes_.size() - segment.p_offset >= segment.p_filesz;
      if (!is_inside) return wrong("a segment is outside of the file: it is not whole");
      if (segment.p_type == PT_LOAD && !keep_loaded(segment)) return false;
      if (segment.p_type == PT_GNU_STACK)
        image_.has_executable_stack = (segment.p_flags & PF_X) != 0;
      if (segment.p_type == PT_TLS) image_.thread_bytes += segment.p_memsz;
      if (segment.p_type == PT_NOTE) {
        read_notes(bytes_.substr(segment.p_offset, segment.p_filesz), segment.p_align == 8 ? 8 : 4);
      }
      if (segment.p_type == PT_DYNAMIC && std::exchange(dynamic_, segment.p_vaddr) != 0)
        return wrong("it has two dynamic tables");
    }
    if (!loaded_.empty()) image_.memory_bytes = end_ - page_of(loaded_.front().p_vaddr);
    return true;
  }

  // Segments that share a page in memory would hide each other; in this order none does.
  bool keep_loaded(const Elf64_Phdr& segment) {
    std::uint64_t end = 0;
    if (__builtin_add_overflow(segment.p_vaddr, segment.p_memsz, &end) || end > INT64_MAX)
      return wrong("a segment is outside of memory");
    if (!loaded_.empty() && page_of(segment.p_vaddr) < end_)
      return wrong("its segments lie over each other");
    image_.has_writable_code |= (segment.p_flags & (PF_W | PF_X)) == (PF_W | PF_X);
    end_ = page_of(end + kPageBytes - 1);
    loaded_.push_back(segment);
    return true;
  }

  // To its end mark, as the loader goes; of what comes twice the last counts.
  bool read_dynamic() {
    if (dynamic_ == 0) return wrong("it has no dynamic table");
    std::vector<std::uint64_t> needed;
    Elf64_Dyn entry{};
    for (std::uint64_t i = 0;; ++i) {
      if (!load(dynamic_, i, entry)) return wrong("its dynamic table has no end");
      if (entry.d_tag == DT_NULL) break;
      const std::uint64_t value = entry.d_un.d_val;
      switch (entry.d_tag) {
        case DT_NEEDED:
        case DT_FILTER:
        case DT_AUXILIARY:
          needed.push_back(value);
          break;
        case DT_RPATH:
        case DT_RUNPATH:
          image_.has_run_path = true;
          break;
        case DT_TEXTREL:
          image_.has_text_relocations = true;
          break;
        case DT_FLAGS:
          image_.has_text_relocations |= (value & DF_TEXTREL) != 0;
          break;
        case DT_FLAGS_1:
          image_.is_program |= (value & (DF_1_PIE | DF_1_NOOPEN)) != 0;
          break;
        case DT_STRTAB:
          strings_ = value;
          break;
        case DT_SYMTAB:
          symbols_ = value;
          break;
        case DT_HASH:
          hash_ = value;
          break;
        case DT_GNU_HASH:
          gnu_hash_ = value;
          break;
        default:
          break;
      }
    }
    for (const std::uint64_t name : needed) {
      if (!read_name(name, image_.needed.emplace_back())) return false;
    }
    return true;
  }

  bool read_name(std::uint64_t index, std::string& out) {
    std::uint64_t at = 0;
    if (__builtin_add_overflow(strings_, index, &at)) return wrong("a name is outside of the file");
    const auto offset = offset_of(at, 1);
    if (!offset) return wrong("a name is outside of the file");
    const std::string_view from = bytes_.substr(*offset, kNameBytesMax);
    const std::size_t end = from.find('\0');
    if (end == std::string_view::npos || !offset_of(at, end + 1)) return wrong("a name has no end");
    out = std::string(from.substr(0, end));
    return true;
  }

  // How many symbols the loader can find: those that a hash table names. False: its table leads
  // out of the file, or has no buckets, for which the loader would divide by 0.
  bool count_symbols(std::uint64_t& count) {
    std::array<std::uint32_t, 2> sizes{};  // of buckets and chains
    if (hash_ != 0) {
      if (!load(hash_, 0, sizes) || sizes[0] == 0) return false;
      count = sizes[1];
    }
    if (gnu_hash_ == 0) return true;
    std::array<std::uint32_t, 4> table{};  // buckets, first symbol, words of the filter, shift
    if (!load(gnu_hash_, 0, table) || table[0] == 0 || table[2] == 0) return false;
    const std::uint64_t buckets = gnu_hash_ + sizeof table + std::uint64_t{table[2]} * 8;
    const std::uint64_t chains = buckets + std::uint64_t{table[0]} * 4;
    std::uint64_t last = 0;
    for (std::uint64_t i = 0; i < table[0]; ++i) {
      std::uint32_t first = 0;
      if (!load(buckets, i, first)) return false;
      last = std::max<std::uint64_t>(last, first);
    }
    if (last == 0) return true;
    if (last < table[1]) return false;
    for (std::uint32_t hash = 0; (hash & 1) == 0; ++last) {
      if (!load(chains, last - table[1], hash)) return false;
    }
    count = std::max(count, last);
    return true;
  }

  bool read_symbols() {
    std::uint64_t count = 0;
    if (!count_symbols(count)) return wrong("its hash table of symbols is broken");
    for (std::uint64_t i = 1; i < count; ++i) {
      Elf64_Sym symbol;
      if (!load(symbols_, i, symbol)) return wrong("its table of symbols is outside of the file");
      const unsigned visibility = ELF64_ST_VISIBILITY(symbol.st_other);
      const bool is_seen = symbol.st_shndx != SHN_UNDEF &&
                           ELF64_ST_BIND(symbol.st_info) != STB_LOCAL &&
                           (visibility == STV_DEFAULT || visibility == STV_PROTECTED);
      if (!is_seen) continue;
      std::string name;
      if (!read_name(symbol.st_name, name)) return false;
      if (ELF64_ST_BIND(symbol.st_info) == STB_GNU_UNIQUE) image_.shared.push_back(name);
      image_.exported.push_back(std::move(name));
    }
    return true;
  }

  // Name and content of each note are padded. What does not fit ends the walk.
  void read_notes(std::string_view notes, std::uint64_t align) {
    const auto padded = [align](std::uint64_t size) { return (size + align - 1) / align * align; };
    while (notes.size() >= sizeof(Elf64_Nhdr)) {
      Elf64_Nhdr note;
      std::memcpy(&note, notes.data(), sizeof note);
      const std::uint64_t content = padded(sizeof note + std::uint64_t{note.n_namesz});
      if (content > notes.size() || note.n_descsz > notes.size() - content) return;
      keep_note(note, notes.substr(sizeof note, note.n_namesz),
                notes.substr(content, note.n_descsz));
      notes.remove_prefix(std::min<std::uint64_t>(padded(content + note.n_descsz), notes.size()));
    }
  }

  void keep_note(const Elf64_Nhdr& note, std::string_view name, std::string_view content) {
    const auto is_named = [&](std::string_view wanted) {
      return name == std::string_view(wanted.data(), wanted.size() + 1);
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
      image_.notes.emplace_back(content);
  }

  std::string_view bytes_;
  ElfImage& image_;
  std::string fault_;
  Elf64_Ehdr header_{};
  std::vector<Elf64_Phdr> loaded_;
  std::uint64_t end_ = 0;  // of the last of them in memory, in whole pages
  // Addresses in memory; 0: none.
  std::uint64_t dynamic_ = 0;
  std::uint64_t strings_ = 0;
  std::uint64_t symbols_ = 0;
  std::uint64_t hash_ = 0;
  std::uint64_t gnu_hash_ = 0;
};

}  // namespace

std::string read_elf(std::string_view bytes, ElfImage& image) {
  ElfReader reader(bytes, image);
  return reader.read() ? "" : reader.fault();
}

}  // namespace stator::library
