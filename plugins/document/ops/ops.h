// The engine's operations; each stands in the file of its name.
#pragma once

#include "stator/engine.hpp"

#include "document_engine.h"

namespace stator::document {

extern const Op<DocumentEngine> kPointGet;
extern const Op<DocumentEngine> kPointMultiGet;
extern const Op<DocumentEngine> kPointPut;
extern const Op<DocumentEngine> kPointUpdate;
extern const Op<DocumentEngine> kPointDelete;
extern const Op<DocumentEngine> kDocumentUpsert;
extern const Op<DocumentEngine> kDocumentBatchInsert;
extern const Op<DocumentEngine> kDocumentUpdateMany;
extern const Op<DocumentEngine> kDocumentDeleteMany;
extern const Op<DocumentEngine> kDocumentTruncate;
extern const Op<DocumentEngine> kDocumentScan;
extern const Op<DocumentEngine> kDocumentValidate;
extern const Op<DocumentEngine> kDocumentCount;
extern const Op<DocumentEngine> kDocumentAggregate;
extern const Op<DocumentEngine> kRangeScan;
extern const Op<DocumentEngine> kIndexCreate;
extern const Op<DocumentEngine> kIndexDrop;
extern const Op<DocumentEngine> kIndexList;
extern const Op<DocumentEngine> kIndexLookup;

}  // namespace stator::document
