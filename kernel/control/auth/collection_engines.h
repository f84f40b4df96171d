// Which engine a collection belongs to, where collection_engine_set has said so (ADR 50): a copy of
// the policy book's, so that requests look without its lock.
//
// Thread: one lane's. PolicyBook::renew brings it up to date.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "base/ids.h"

namespace stator::auth {

class CollectionEngines {
 public:
  // Id of the engine; empty: the collection belongs to none. Valid until the next renew.
  std::string_view engine_of(TenantId tenant, std::string_view collection) const;

 private:
  friend class PolicyBook;
  std::uint64_t version_ = 0;
  std::map<std::string, std::string, std::less<>> engines_;  // by system::collection_key()
};

}  // namespace stator::auth
