#include "ops/projection.h"

#include "packed_json.h"

namespace stator::document {

Status Projection::check(Reply& reply) const {
  for (std::size_t k = 0; k < args_.count(index_); ++k) {
    if (!is_valid_path(args_.str_at(index_, k))) {
      return reply.fail(STATOR_E_BAD_REQUEST, "fields",
                        "'fields' must hold paths of 1 to 512 bytes without empty segments");
    }
  }
  return STATOR_OK;
}

void Projection::write(json::Writer& writer, const Value& root) const {
  if (!args_.has(index_)) return write_json(writer, root);
  writer.begin_object();
  for (std::size_t k = 0; k < args_.count(index_); ++k) {
    const std::string_view path = args_.str_at(index_, k);
    Value value;
    if (is_repeat(k) || !find_path(root, path, value)) continue;
    writer.key(path);
    write_json(writer, value);
  }
  writer.end_object();
}

bool Projection::is_repeat(std::size_t k) const {
  for (std::size_t earlier = 0; earlier < k; ++earlier) {
    if (args_.str_at(index_, earlier) == args_.str_at(index_, k)) return true;
  }
  return false;
}

}  // namespace stator::document
