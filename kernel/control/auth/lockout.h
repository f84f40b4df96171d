// Slows down who guesses: after some failures for one user, or from one address, further attempts
// are refused for a time that doubles with each failure.
//
// In memory, for all lanes together; bounded: when a table is full, the entry that has been quiet
// for longest makes room. Names that no user has are in a table of their own: who makes them up
// does not get the failures of a user forgotten, and sees no difference. Of an IPv6 address the
// network counts (64 bits): a customer has all of its addresses. A refused attempt costs no hash.
// Any thread.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "base/result.h"

namespace stator::auth {

class Lockout {
 public:
  // Error: kAccountLocked with the time left. It tells nobody whether the user exists.
  Status check(std::string_view username, std::string_view address, std::uint64_t now_ns) const;
  // `is_known`: there is such a user.
  void note_failure(std::string_view username, bool is_known, std::string_view address,
                    std::uint64_t now_ns);
  // Forgets the user's failures; those of the address stay, or one good account would free its guesses.
  void note_success(std::string_view username);

 private:
  struct Entry {
    std::uint32_t failures = 0;
    std::uint64_t locked_until_ns = 0;
    std::uint64_t last_ns = 0;
  };
  using Table = std::map<std::string, Entry, std::less<>>;
  static std::uint64_t locked_until(const Table& table, std::string_view key);
  static void add(Table& table, std::string_view key, std::uint32_t free_failures, std::uint64_t now_ns);

  mutable std::mutex mutex_;
  Table users_;
  Table strangers_;
  Table addresses_;
};

}  // namespace stator::auth
