// LMDB fills a page when keys come behind its last one: it is split so that nearly all stays. Keys
// that come in order before something that is on the page already (the documents before the index
// entries, one collection before the next) split it in the middle each time, and leave pages that
// are half full. So what stands behind a run of new keys on their page is taken out while the run
// is written.
#pragma once

#include <string>
#include <vector>

#include "base/bytes.h"
#include "data/store/memtable.h"

struct MDB_cursor;

namespace stator::store {

class RunRoom {
 public:
  explicit RunRoom(MDB_cursor* cursor) : cursor_(cursor) {}

  // The cursor stands at the entry of `node`, which is new. Takes out what follows it on its page
  // if the next nodes go between them. All return a code of LMDB.
  int make(const Memtable::Node& node);
  // To be called before `key` is written.
  int end_before(ByteView key) { return tail_.empty() || key < tail_.front().key ? 0 : end(); }
  int end();
  bool is_open() const { return !tail_.empty(); }

 private:
  struct Entry {
    std::string key;
    std::string stored;
  };
  int take_out();

  MDB_cursor* cursor_;
  std::vector<Entry> tail_;
};

}  // namespace stator::store
