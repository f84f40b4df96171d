// Materialised documents of one lane, least recently used first out. Purely derived: dropping any
// entry at any time changes no answer.
#pragma once

#include <cstdint>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>

#include "doc/document.h"

namespace stator::crdt {

struct CacheLimits {
  std::uint64_t documents = kCacheDocumentsDefault;
  std::uint64_t bytes = kCacheBytesDefault;
};

// Names a document on its lane.
struct DocumentName {
  std::uint32_t tenant;
  std::string_view collection;
  std::string_view document_id;

  static std::string tenant_key(std::uint32_t tenant) {
    return std::to_string(tenant).append(1, '\0');
  }
  std::string key() const {
    std::string out = tenant_key(tenant);
    out.append(collection);  // has no NUL
    out.push_back('\0');
    return out.append(document_id);
  }
};

class DocumentCache {
 public:
  explicit DocumentCache(const CacheLimits& limits) : limits_(limits) {}

  // nullptr if absent. The pointer lasts until the next put.
  Document* find(const DocumentName& name);
  // Keeps the document, however large, until the next put; drops others to stay within the limits.
  Document& put(const DocumentName& name, Document document);
  void erase(const DocumentName& name);
  // Drops some documents of the tenant; false if there were none.
  bool drop_of(std::uint32_t tenant);
  // The document, found last, has changed its size; drops others to stay within the limits.
  void resized(const DocumentName& name);

  std::size_t size() const { return entries_.size(); }
  std::size_t bytes() const { return bytes_; }

 private:
  struct Entry {
    std::string key;
    Document document;
    std::size_t bytes;
  };
  using Entries = std::list<Entry>;

  void drop(Entries::iterator entry);
  void shrink();

  CacheLimits limits_;
  Entries entries_;  // most recently used first
  std::unordered_map<std::string_view, Entries::iterator> index_;
  std::size_t bytes_ = 0;
};

}  // namespace stator::crdt
