// The compiled form of an op's argument rules: what the binder runs for each request.
//
// Built once from the engine's rows; immutable; any thread. Building binds every default, so a
// default that breaks its own rule is found at start.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "stator/args.h"
#include "stator/json_reader.hpp"
#include "stator/op.h"

#include "base/bytes.h"
#include "base/result.h"
#include "bridge/aligned_buffer.h"
#include "control/ops/field_path.h"

namespace stator::ops {

// What the reader found wrong with the text of a field, as an error that names it.
[[gnu::cold]] Error broken(const json::Reader& reader, const FieldPath& path);

inline constexpr std::size_t kNoArg = ~std::size_t{0};

// Writes values into one argument block inside a buffer, at `base`.
struct BlockAt {
  bridge::AlignedBuffer& buffer;
  std::size_t base;
};

class ArgSet {
 public:
  // Error: a default does not bind.
  static Result<ArgSet> compile(const stator_arg* args, std::uint64_t count);

  // Index of the argument of that name or alias, or kNoArg.
  std::size_t find(std::string_view name) const;
  const stator_arg& arg(std::size_t i) const { return args_[i]; }
  std::string_view name(std::size_t i) const { return names_[i]; }
  std::size_t size() const { return count_; }
  // Index of the routing key, of the rows; kNoArg if there is none.
  std::size_t routing_key() const { return routing_key_; }
  std::size_t rows() const { return rows_; }
  // Of an op that answers page by page: where a page begins, and whether the client wants all of
  // them; kNoArg otherwise.
  std::size_t cursor() const { return cursor_; }
  std::size_t stream() const { return stream_; }
  const ArgSet* row_set(std::size_t i) const { return row_sets_[i].get(); }

  // Begins a block at the end of `buffer` (64-byte aligned): header, defaults, no given argument.
  BlockAt begin(bridge::AlignedBuffer& buffer) const;
  // Reads the value of argument `i` from the reader. The error names the field as `path`.
  Status bind(const BlockAt& block, std::size_t i, json::Reader& reader, bool is_strict,
              const FieldPath& path) const;
  // Makes a text of the engine's own the cursor of a finished block, in place of what put_cursor()
  // put there before: behind the first `bytes` of it, which are the client's.
  void put_cursor(const BlockAt& block, std::size_t bytes, ByteView text) const;
  // After the last field: sizes the block; error `missing 'NAME'`.
  Status finish(const BlockAt& block, const FieldPath& path) const;
  // A whole JSON object into a new block.
  Status bind_object(bridge::AlignedBuffer& buffer, json::Reader& reader, bool is_strict,
                     const FieldPath& path) const;

  // "unknown field 'x'", with the nearest known name.
  [[gnu::cold]] Error unknown_field(std::string_view name, const FieldPath& path) const;

 private:
  ArgSet() = default;
  Status bind_null(const BlockAt& block, std::size_t i, json::Reader& reader,
                   const FieldPath& path) const;
  [[gnu::cold]] Error missing_field(std::size_t i, const FieldPath& path) const;
  Status bind_rows(const BlockAt& block, std::size_t i, json::Reader& reader, bool is_strict,
                   const FieldPath& path) const;

  const stator_arg* args_ = nullptr;
  std::size_t count_ = 0;
  std::size_t routing_key_ = kNoArg;
  std::size_t rows_ = kNoArg;
  std::size_t cursor_ = kNoArg;
  std::size_t stream_ = kNoArg;
  std::uint64_t required_ = 0;
  std::uint64_t defaulted_ = 0;
  std::vector<std::string_view> names_;
  std::vector<std::string_view> aliases_;
  std::vector<std::unique_ptr<ArgSet>> row_sets_;
  std::string defaults_;  // bytes of a block with every default bound
};

}  // namespace stator::ops
