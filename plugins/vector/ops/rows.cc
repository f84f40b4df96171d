#include "ops/rows.h"

#include "stator/packed/encode.hpp"

#include "search/row_of.h"

namespace stator::vector {

const char* pack_payload(const Args& args, std::size_t arg, std::string& packed) {
  packed.clear();
  if (!args.has(arg)) return nullptr;
  packed::Encoder encoder;
  return encoder.encode(args.str(arg), packed) ? nullptr : encoder.error();
}

std::optional<std::string_view> visible_payload(const Request& request,
                                                const Collection* collection,
                                                std::string_view document_id) {
  if (collection == nullptr) return std::nullopt;
  const auto payload = collection->payload_of(document_id);
  const Rows rows = request.rows();
  if (!payload || (rows.is_bound() && !rows.is_visible(row_of(*payload)))) return std::nullopt;
  return payload;
}

bool is_no_collection(const Request& request, const Collection* collection) {
  return collection == nullptr && !request.rows().is_bound();
}

Status check_replaced(const Request& request, const Collection* collection,
                      std::string_view document_id) {
  const Rows rows = request.rows();
  if (!rows.is_bound() || collection == nullptr) return STATOR_OK;
  const auto payload = collection->payload_of(document_id);
  if (!payload) return STATOR_OK;
  const std::string_view row = row_of(*payload);
  return rows.is_visible(row) && rows.may_write(row) ? STATOR_OK : rows.refuse();
}

Status check_written(const Request& request, std::string_view payload) {
  const Rows rows = request.rows();
  return !rows.is_bound() || rows.may_write(row_of(payload)) ? STATOR_OK : rows.refuse();
}

}  // namespace stator::vector
