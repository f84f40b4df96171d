// Writes updates by hand, for tests of what no honest client sends.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "codec/lib0.h"
#include "codec/update.h"

namespace stator::crdt {

class UpdateBuilder {
 public:
  // One section: `structs` structs of `client` from `clock` on follow.
  UpdateBuilder& section(std::uint64_t structs, std::uint64_t client, std::uint64_t clock) {
    ++sections_;
    body_.var_uint(structs);
    body_.var_uint(client);
    body_.var_uint(clock);
    return *this;
  }
  // An item in a root: info, parent, then the content by the caller.
  UpdateBuilder& in_root(std::uint8_t kind, std::string_view root) {
    body_.u8(kind);
    body_.var_uint(1);
    body_.var_bytes(root);
    return *this;
  }
  UpdateBuilder& in_item(std::uint8_t kind, std::uint64_t client, std::uint64_t clock) {
    body_.u8(kind);
    body_.var_uint(0);
    return id(client, clock);
  }
  // Behind the element with that id.
  UpdateBuilder& behind(std::uint8_t kind, std::uint64_t client, std::uint64_t clock) {
    body_.u8(static_cast<std::uint8_t>(kind | 0x80));
    return id(client, clock);
  }
  // Between two elements: the one with that id and the next of the same client.
  UpdateBuilder& between(std::uint8_t kind, std::uint64_t client, std::uint64_t clock) {
    body_.u8(static_cast<std::uint8_t>(kind | 0xC0));
    return id(client, clock).id(client, clock + 1);
  }
  UpdateBuilder& id(std::uint64_t client, std::uint64_t clock) {
    body_.var_uint(client);
    body_.var_uint(clock);
    return *this;
  }
  UpdateBuilder& u8(std::uint8_t value) {
    body_.u8(value);
    return *this;
  }
  UpdateBuilder& uint(std::uint64_t value) {
    body_.var_uint(value);
    return *this;
  }
  UpdateBuilder& text(std::string_view value) {
    body_.var_bytes(value);
    return *this;
  }
  UpdateBuilder& raw(std::string_view value) {
    body_.bytes(value);
    return *this;
  }
  UpdateBuilder& deletes(std::uint64_t client, std::uint64_t clock, std::uint64_t length) {
    ++deletes_count_;
    deletes_.var_uint(client);
    deletes_.var_uint(1);
    deletes_.var_uint(clock);
    deletes_.var_uint(length);
    return *this;
  }
  // One section of many ranges, in the order given.
  UpdateBuilder& deletes(std::uint64_t client, const std::vector<ClockRange>& ranges) {
    ++deletes_count_;
    deletes_.var_uint(client);
    deletes_.var_uint(ranges.size());
    for (const ClockRange& range : ranges) {
      deletes_.var_uint(range.clock);
      deletes_.var_uint(range.length);
    }
    return *this;
  }
  std::string take() {
    ByteWriter out;
    out.var_uint(sections_);
    out.bytes(body_.take());
    out.var_uint(deletes_count_);
    out.bytes(deletes_.take());
    return out.take();
  }

 private:
  ByteWriter body_;
  ByteWriter deletes_;
  std::uint64_t sections_ = 0;
  std::uint64_t deletes_count_ = 0;
};

// `text` at the start of a root, by a client that has written nothing else.
inline std::string text_update(std::uint64_t client, std::string_view root, std::string_view text) {
  return UpdateBuilder().section(1, client, 0).in_root(4, root).text(text).take();
}

}  // namespace stator::crdt
