#include "ops/document_row.h"

#include "stator/packed/encode.hpp"

#include "bounds.h"
#include "doc/json_view.h"

namespace stator::crdt {

bool DocumentRow::take(const Document& document) {
  if (!is_bound()) return true;
  row_.clear();
  json::StringOut text;
  json::Writer writer(text);
  JsonView view(document.store(),
                [&] { return request_.interrupted() || text.view().size() > kRowBytesMax; });
  if (view.write(writer) != ViewResult::kDone || text.view().size() > kRowBytesMax) return false;
  packed::Encoder encoder;
  return encoder.encode(text.view(), row_);
}

}  // namespace stator::crdt
