// What row policies are asked about a document: its JSON value, as crdt_read answers it.
#pragma once

#include <string>

#include "stator/engine.hpp"

#include "doc/document.h"

namespace stator::crdt {

class DocumentRow {
 public:
  explicit DocumentRow(const Request& request) : request_(request), rows_(request.rows()) {}

  // False: no policy binds the caller, and nothing here need be asked.
  bool is_bound() const { return rows_.is_bound(); }
  // Makes the row of it that the questions below are about. False where the caller is bound and
  // there is none: the document has no JSON value, or one above kRowBytesMax, or the request was
  // interrupted. A document without a row is hidden, and cannot be written.
  bool take(const Document& document);
  bool is_visible() const { return rows_.is_visible(row_); }
  bool may_write() const { return rows_.may_write(row_); }
  Status refuse() const { return rows_.refuse(); }

 private:
  const Request& request_;
  Rows rows_;
  std::string row_;
};

}  // namespace stator::crdt
