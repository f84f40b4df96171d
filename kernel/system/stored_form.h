// What the kernel's own engine stores: users, API keys, roles, tenants, row policies, which engine
// a collection belongs to. Values are JSON objects; the engine writes them, and control/auth makes
// identities of them.
//
// Pure functions on values; any thread. A reader takes what it knows and leaves out the rest.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "stator/json_writer.hpp"

namespace stator::system {

inline constexpr std::uint8_t kSpaceUser = 1;     // key: the name
inline constexpr std::uint8_t kSpaceApiKey = 2;   // key: the key's id
inline constexpr std::uint8_t kSpaceRole = 3;     // key: role_key()
inline constexpr std::uint8_t kSpaceTenant = 4;   // key: tenant_key()
inline constexpr std::uint8_t kSpaceCounter = 5;  // key: kLastTenant; value: decimal, the last id given
inline constexpr std::uint8_t kSpaceRowPolicy = 6;  // key: row_policy_key()
inline constexpr std::uint8_t kSpaceCollectionEngine = 7;  // key: collection_key()
inline constexpr std::string_view kLastTenant = "tenant";
inline constexpr const char* kCollection = "_system";  // of tenant 0: where all of it lies

inline constexpr std::uint32_t kRecordPut = 1;    // space u8, key size u8, key, value
inline constexpr std::uint32_t kRecordErase = 2;  // space u8, key size u8, key

// A record of the engine, taken apart.
struct Change {
  bool is_erase = false;
  std::uint8_t space = 0;
  std::string_view key;
  std::string_view value;
};
std::optional<Change> read_record(std::uint32_t type, std::string_view payload);
std::string write_record(std::uint8_t space, std::string_view key, std::string_view value);

// RFC 5803, what a SCRAM-SHA-256 server keeps of a password; base64. Iterations 0: none was kept.
struct Scram {
  std::uint32_t iterations = 0;
  std::string salt;
  std::string stored_key;
  std::string server_key;
};

struct User {
  std::string username;
  std::string password_hash;
  Scram scram;
  std::vector<std::string> roles;
  std::uint32_t tenant = 1;
};

struct ApiKey {
  std::string key_id;
  std::string secret_hash;
  std::string username;
  std::vector<std::string> classes;      // empty: all that its user may do
  std::vector<std::string> collections;  // empty: everywhere
  std::uint64_t expires_ms = 0;          // Unix milliseconds; 0 = never
};

struct Grant {
  std::string collection;  // empty: every collection of the tenant
  std::vector<std::string> classes;
};

struct Role {
  std::string name;
  std::uint32_t tenant = 1;
  std::vector<std::string> inherits;
  std::vector<Grant> grants;
};

// 0 = no limit.
struct Limits {
  std::uint64_t requests_per_s = 0;
  std::uint64_t in_flight = 0;
  std::uint64_t storage_bytes = 0;
  std::uint64_t memory_bytes = 0;
  std::uint64_t vector_dims = 0;
  std::uint64_t walk_depth = 0;

  bool are_none() const {
    return (requests_per_s | in_flight | storage_bytes | memory_bytes | vector_dims | walk_depth) ==
           0;
  }
};

struct Tenant {
  std::uint32_t id = 0;
  std::string name;
  Limits limits;
  bool is_dropping = false;  // it is gone but for its data, which the lanes are erasing
};

// Which rows of a collection somebody sees (action read) and may write: those for which one of the
// permissive policies and all of the restrictive ones hold.
struct RowPolicy {
  std::string name;
  std::string collection;
  std::uint32_t tenant = 1;
  std::string mode;                // one of kRowPolicyModes
  std::string action;              // one of kRowPolicyActions
  std::vector<std::string> roles;  // whom it is about; empty: everybody
  std::string where;               // a filter (row_predicate.h), JSON
};
inline constexpr const char* kRowPolicyModes[] = {"permissive", "restrictive"};
inline constexpr const char* kRowPolicyActions[] = {"all", "read", "write"};

// The engine a collection belongs to, where somebody has said so.
struct CollectionEngine {
  std::string collection;
  std::uint32_t tenant = 1;
  std::string engine;
};

std::string role_key(std::uint32_t tenant, std::string_view name);
std::string tenant_key(std::uint32_t id);
// In the order of tenant, collection, name. An empty name: what all keys of the collection begin
// with.
std::string row_policy_key(std::uint32_t tenant, std::string_view collection,
                           std::string_view name);
// The collection in such a key; empty where there is none.
std::string_view collection_of_row_policy(std::string_view key);

std::string collection_key(std::uint32_t tenant, std::string_view collection);
// The collection in such a key; empty where there is none.
std::string_view collection_of_key(std::string_view key);

std::string write(const User& user);
std::string write(const ApiKey& key);
std::string write(const Role& role);
std::string write(const Tenant& tenant);
void write(json::Writer& json, const Limits& limits);
std::string write(const RowPolicy& policy);
std::string write(const CollectionEngine& one);
User read_user(std::string_view json);
ApiKey read_api_key(std::string_view json);
Role read_role(std::string_view json);
Tenant read_tenant(std::string_view json);
RowPolicy read_row_policy(std::string_view json);
CollectionEngine read_collection_engine(std::string_view json);

// ---- what a role means --------------------------------------------------------------------------

// Classes of ops, for grants and keys.
inline constexpr const char* kClasses[] = {"read", "write", "admin"};
// stator_permission bits; 0 for an unknown class.
std::uint32_t permissions_of_class(std::string_view name);
std::uint32_t permissions_of_classes(const std::vector<std::string>& names);

inline constexpr std::string_view kSuperuser = "superuser";
// Of a built-in role, in every collection of its tenant; nothing for other names.
std::optional<std::uint32_t> permissions_of_builtin(std::string_view role);

// Longest chain of roles that inherit from one another.
inline constexpr int kRoleDepthMax = 8;
inline constexpr std::size_t kRolesPerTenantMax = 256;
inline constexpr std::size_t kRolesPerUserMax = 16;
inline constexpr std::size_t kRoleParentsMax = 16;
inline constexpr std::size_t kGrantsPerRoleMax = 256;
inline constexpr std::size_t kTenantsMax = 10'000;
inline constexpr std::size_t kUsersMax = 100'000;
inline constexpr std::size_t kApiKeysMax = 100'000;
// Every request in the collection carries them, and every change of users or roles compiles all of
// the tenant anew for each of its connections.
inline constexpr std::size_t kRowPoliciesPerCollectionMax = 16;
inline constexpr std::size_t kRowPoliciesPerTenantMax = 256;
// Each lane has all of them in memory.
inline constexpr std::size_t kCollectionEnginesPerTenantMax = 1024;
// Of a collection's name; the kernel's own bound, which engines, as this one, do not see.
inline constexpr std::size_t kCollectionNameBytesMax = 128;
inline constexpr std::size_t kRowPredicateBytesMax = 4096;

}  // namespace stator::system
