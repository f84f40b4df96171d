#include "control/session/plugin_list.h"

#include "stator/json_writer.hpp"

namespace stator::session {

std::string plugin_list(const plugin::Catalog& catalog) {
  json::StringOut out;
  json::Writer json(out);
  json.begin_object().key("plugins").begin_array();
  for (const auto& engine : catalog.engines()) {
    if (engine->is_builtin) continue;
    json.begin_object()
        .field("id", std::string_view(engine->id))
        .field("version", std::string_view(engine->descriptor.version))
        .field("vendor", std::string_view(
                             engine->descriptor.vendor == nullptr ? "" : engine->descriptor.vendor))
        .field("abi_major", engine->descriptor.abi_major)
        .field("abi_minor", engine->descriptor.abi_minor)
        .field("ops", std::uint64_t{engine->ops.size()})
        .field("sha256", std::string_view(engine->sha256))
        .field("build_id", std::string_view(engine->build_id))
        .field("bytes", engine->library_bytes)
        .field("conformance", engine->conformance)
        .field("crashes", engine->crashes);
    if (!engine->last_crash_json.empty()) json.key("last_crash").raw(engine->last_crash_json);
    json.key("quarantined").begin_array();
    for (const std::string& why : engine->kept_away) json.string(why);
    json.end_array().end_object();
  }
  json.end_array().end_object();
  return out.take();
}

}  // namespace stator::session
