// Arguments that several operations share.
#pragma once

#include "stator/engine.hpp"
#include "stator/filter/compile.hpp"

#include "edit/update.h"
#include "index/index_key.h"

namespace stator::document {

// A document's JSON text. Its stored form is at most three times as long ("-0," takes 9 bytes), so
// that a record stays within the kernel's 64 MiB.
inline constexpr double kDataBytesMax = 8.0 * 1024 * 1024;
inline constexpr double kRowsPerScanMax = 10'000;
inline constexpr double kProjectedFieldsMax = 64;

inline constexpr stator_arg kDocumentIdArg =
    make_arg(STATOR_ARG_STR, "document_id", "Id of the document, any bytes of UTF-8.",
             {.flags = STATOR_ARG_REQUIRED | STATOR_ARG_ROUTING_KEY,
              .min = 1,
              .max = double{kDocumentIdBytesMax}});
inline constexpr stator_arg kDataArg = make_arg(
    STATOR_ARG_JSON, "data", "The document.",
    {.flags = STATOR_ARG_REQUIRED | STATOR_ARG_JSON_OBJECT, .min = 2, .max = kDataBytesMax});
inline constexpr stator_arg kIfLsnArg = make_arg(
    STATOR_ARG_U64, "if_lsn",
    "Only if the document's last write has this LSN; 0 = only if there is no document.", {});
inline constexpr stator_arg kFieldsArg =
    make_arg(STATOR_ARG_STRVEC, "fields",
             "Only these paths, as an object from path to value; missing ones are left out.",
             {.min = 1, .max = kProjectedFieldsMax});
inline constexpr stator_arg kFilterArg =
    make_arg(STATOR_ARG_JSON, "filter", "Only documents for which it holds: {path: {test: value}}.",
             {.flags = STATOR_ARG_JSON_OBJECT, .min = 2, .max = double{filter::kTextBytesMax}});
inline constexpr stator_arg kSetArg = make_arg(
    STATOR_ARG_JSON, "set", "Values to put: {path: value}. Missing objects on the way are made.",
    {.flags = STATOR_ARG_JSON_OBJECT, .min = 2, .max = kDataBytesMax});
inline constexpr stator_arg kUnsetArg =
    make_arg(STATOR_ARG_STRVEC, "unset", "Paths to remove; a missing one is no error.",
             {.min = 1, .max = double{kUpdatePathsMax}});
inline constexpr stator_arg kIncArg = make_arg(
    STATOR_ARG_JSON, "inc",
    "Numbers to add: {path: number}; a missing one counts as 0. Integers are exact within 64 bits.",
    {.flags = STATOR_ARG_JSON_OBJECT, .min = 2, .max = kDataBytesMax});
inline constexpr stator_arg kPushArg = make_arg(
    STATOR_ARG_JSON, "push", "Values to append to arrays: {path: value}; a missing array is made.",
    {.flags = STATOR_ARG_JSON_OBJECT, .min = 2, .max = kDataBytesMax});
inline constexpr stator_arg kLimitArg =
    make_arg(STATOR_ARG_U64, "limit", "Most rows of the answer.",
             {.min = 1, .max = kRowsPerScanMax, .default_json = "100"});

// Of an index, as it is told: ready, building, failed, dropping.
std::string_view state_name(const IndexDefinition& index);

}  // namespace stator::document
