#include "plugin/catalog.h"

#include <algorithm>
#include <cstring>

#include "plugin/row_check.h"

namespace stator::plugin {
namespace {

// Copies the part of a crossing struct that both sides know; the rest stays zero.
template <class T>
T copy_known(const T& theirs) {
  T mine{};
  std::memcpy(&mine, &theirs, std::min<std::size_t>(theirs.struct_size, sizeof mine));
  return mine;
}

Error refuse(const std::string& path, const std::string& why) {
  return Error(ErrorCode::kRejectedPrevalidation,
               (path.empty() ? std::string("built-in engine") : path) + ": " + why);
}

// The note is what was looked at before the library's code ran; it must not have said anything
// else.
Status check_same(const LibraryFile& library, const stator_engine_v1& engine) {
  const Manifest& note = library.manifest;
  const auto differs = [&](const char* field, const std::string& noted, const std::string& live) {
    return refuse(library.path, std::string("its note says ") + field + " " + noted +
                                    ", its descriptor " + live +
                                    "; make STATOR_ENGINE_NOTE and the description say the same");
  };
  if (note.id != engine.id) return differs("id", note.id, engine.id);
  if (note.version != engine.version) return differs("version", note.version, engine.version);
  if (note.abi_minor != engine.abi_minor) {
    return differs("abi_minor", std::to_string(note.abi_minor), std::to_string(engine.abi_minor));
  }
  return ok_status();
}

std::vector<std::string> names_of(const Engine& engine, const stator_op& op) {
  std::vector<std::string> names = {op.name, engine.id + "." + op.name};
  for (const char* const* alias = op.aliases; alias != nullptr && *alias != nullptr; ++alias) {
    names.emplace_back(*alias);
  }
  return names;
}

std::uint32_t routing_arg(const stator_op& op) {
  for (std::uint32_t i = 0; i < op.arg_count; ++i) {
    if ((op.args[i].flags & STATOR_ARG_ROUTING_KEY) != 0) return i;
  }
  return 0;
}

}  // namespace

Status Catalog::add(stator_engine_entry entry, const stator_kernel_hello& hello,
                    const LibraryFile& library) {
  return add(entry, hello, &library);
}

Status Catalog::add_builtin(stator_engine_entry entry, const stator_kernel_hello& hello) {
  return add(entry, hello, nullptr);
}

Status Catalog::add(stator_engine_entry entry, const stator_kernel_hello& hello,
                    const LibraryFile* library) {
  const std::string path = library == nullptr ? "" : library->path;
  const stator_engine_v1* theirs = entry(&hello);
  if (theirs == nullptr) {
    return refuse(path, "the engine refuses this server's contract version " +
                            std::to_string(STATOR_ABI_MAJOR) + "." + std::to_string(STATOR_ABI_MINOR));
  }
  auto engine = std::make_unique<Engine>();
  engine->descriptor = copy_known(*theirs);
  const stator_engine_v1& descriptor = engine->descriptor;
  if (descriptor.abi_major != STATOR_ABI_MAJOR || descriptor.abi_minor > STATOR_ABI_MINOR) {
    return refuse(path, "it needs contract version " + std::to_string(descriptor.abi_major) + "." +
                            std::to_string(descriptor.abi_minor) + ", this server has " +
                            std::to_string(STATOR_ABI_MAJOR) + "." + std::to_string(STATOR_ABI_MINOR));
  }
  STATOR_CHECK(check_engine(descriptor));
  engine->id = descriptor.id;
  engine->is_builtin = library == nullptr;
  if (library != nullptr) {
    STATOR_CHECK(check_same(*library, descriptor));
    engine->path = path;
    engine->sha256 = library->sha256;
    engine->build_id = library->build_id;
    engine->library_bytes = library->bytes.size();
  }
  if (const Engine* other = find_engine(engine->id)) {
    return refuse(engine->path, "engine '" + engine->id + "' is already brought by " + other->path);
  }
  for (std::uint32_t i = 0; i < descriptor.op_count; ++i) {
    engine->ops.push_back(copy_known(*descriptor.ops[i]));
    STATOR_CHECK(check_op(descriptor, engine->ops.back()));
    for (const std::string& name : names_of(*engine, engine->ops.back())) {
      if (const Op* other = find(name)) {
        return refuse(engine->path, "op '" + name + "' of engine '" + engine->id +
                                        "' is already served by engine '" + engine_of(*other).id + "'");
      }
    }
  }
  const auto engine_index = static_cast<std::uint32_t>(engines_.size());
  for (std::uint32_t i = 0; i < engine->ops.size(); ++i) {
    const auto index = static_cast<std::uint32_t>(ops_.size());
    ops_.push_back({index, engine_index, i, &engine->ops[i], routing_arg(engine->ops[i]), ""});
    for (std::string& name : names_of(*engine, engine->ops[i])) names_.emplace(std::move(name), index);
  }
  engines_.push_back(std::move(engine));
  return ok_status();
}

void Catalog::seal() {
  for (Op& op : ops_) {
    for (const char* const* name = op.row->requires_ops; name != nullptr && *name != nullptr; ++name) {
      if (find(*name) == nullptr) {
        op.missing = *name;
        break;
      }
    }
  }
}

const Op* Catalog::find(std::string_view name) const {
  const auto it = names_.find(name);
  return it == names_.end() ? nullptr : &ops_[it->second];
}

const Engine* Catalog::find_engine(std::string_view id) const {
  for (const auto& engine : engines_) {
    if (engine->id == id) return engine.get();
  }
  return nullptr;
}

}  // namespace stator::plugin
