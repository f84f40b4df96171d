// The witness: what clients were told about registers, and a proof that it was the truth.
//
// An operation is a write of a value that nobody else writes, or a read; it has the moments at
// which it began and ended (one order for all clients), the LSN that a write was given, and the
// watermark_lsn of its answer. check_history() accepts a history only if
//
//   1  LSNs: no two writes have the same one, and a write that ended before another began has the
//      smaller one, whatever their registers are;
//   2  no phantoms: a read returns nothing, or the value of a write of its register;
//   3  order: put each operation of a register at its LSN, a read at that of the write it saw,
//   behind
//      it. Whoever ended before another began does not stand behind it;
//   4  watermarks: an answer's is not below the LSN of what it tells of, and never below that of an
//      answer that came before it was asked;
//   5  freshness: a read sees the newest write whose LSN is at or below some watermark between the
//   one
//      known when it began and that of its own answer.
//
// Theorem: a history that passes is linearizable, register by register. Proof: order the operations
// of a register by (LSN, writes first, beginning). Reads follow the write they saw and no other
// write stands between (2, and LSNs differ by 1), so each reads what a register holds in that
// order. If a ended before b began, a's LSN is not above b's by 3; if they are equal and b is a
// write, b would be the write that a saw before it was asked for, which 3 refuses too; if both are
// reads, the one that began first stands first. So the order agrees with real time. O(n log n).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace stator::test {

struct Operation {
  bool is_write = false;
  std::uint32_t key = 0;
  std::uint64_t value = 0;      // written or read; 0: there is none
  std::uint64_t lsn = 0;        // of a write
  std::uint64_t watermark = 0;  // in the answer
  std::uint64_t began = 0;
  std::uint64_t ended = 0;
};

// Empty, or the first rule that is broken, and by whom. Operations without an answer are left out,
// but for writes whose LSN became known later: they end when it did.
std::string check_history(std::vector<Operation> operations);

}  // namespace stator::test
