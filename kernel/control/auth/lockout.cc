#include "control/auth/lockout.h"

#include <algorithm>
#include <arpa/inet.h>
#include <netinet/in.h>

#include "base/limits.h"

namespace stator::auth {
namespace {

constexpr std::uint64_t kSecondNs = 1'000'000'000;
// Failures this old count no more.
constexpr std::uint64_t kForgetNs = 3600 * kSecondNs;
constexpr std::size_t kEntriesMax = 4096;

// Of an IPv6 address its first 64 bits, of others what is written.
std::string network_of(std::string_view address) {
  constexpr std::size_t kNetworkBytes = 8;
  const std::string text(address);
  in6_addr parsed{};
  if (inet_pton(AF_INET6, text.c_str(), &parsed) != 1) return text;
  if (IN6_IS_ADDR_V4MAPPED(&parsed)) return text.substr(text.rfind(':') + 1);
  return {reinterpret_cast<const char*>(&parsed), kNetworkBytes};
}

}  // namespace

std::uint64_t Lockout::locked_until(const Table& table, std::string_view key) {
  const auto it = table.find(key);
  return it == table.end() ? 0 : it->second.locked_until_ns;
}

Status Lockout::check(std::string_view username, std::string_view address, std::uint64_t now_ns) const {
  const std::lock_guard lock(mutex_);
  const std::uint64_t until =
      std::max({locked_until(users_, username), locked_until(strangers_, username),
                locked_until(addresses_, network_of(address))});
  if (until <= now_ns) return ok_status();
  return Error(ErrorCode::kAccountLocked, "too many failed attempts for this user or from this address")
      .with_retry_after(static_cast<std::uint32_t>((until - now_ns) / 1'000'000 + 1));
}

void Lockout::add(Table& table, std::string_view key, std::uint32_t free_failures, std::uint64_t now_ns) {
  if (table.size() >= kEntriesMax && table.find(key) == table.end()) {
    table.erase(std::min_element(table.begin(), table.end(), [](const auto& a, const auto& b) {
      return a.second.last_ns < b.second.last_ns;
    }));
  }
  Entry& entry = table[std::string(key)];
  if (entry.last_ns + kForgetNs < now_ns) entry = {};
  entry.last_ns = now_ns;
  if (++entry.failures < free_failures) return;
  const std::uint32_t doublings = std::min(entry.failures - free_failures, 16u);
  entry.locked_until_ns = now_ns + std::min(kSecondNs << doublings, kLockoutSecondsMax * kSecondNs);
}

void Lockout::note_failure(std::string_view username, bool is_known, std::string_view address,
                           std::uint64_t now_ns) {
  const std::lock_guard lock(mutex_);
  if (!username.empty()) add(is_known ? users_ : strangers_, username, kUserFailuresFree, now_ns);
  add(addresses_, network_of(address), kAddressFailuresFree, now_ns);
}

void Lockout::note_success(std::string_view username) {
  const std::lock_guard lock(mutex_);
  const auto it = users_.find(username);
  if (it != users_.end()) users_.erase(it);
}

}  // namespace stator::auth
