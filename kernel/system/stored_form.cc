#include "system/stored_form.h"

#include <algorithm>

#include "stator/json_reader.hpp"
#include "stator/json_writer.hpp"
#include "stator/op.h"

namespace stator::system {
namespace {

using Strings = std::vector<std::string>;

std::string read_string(json::Reader& reader) {
  json::RawString text;
  return reader.string(text) ? json::unescape(text) : std::string();
}

Strings read_strings(json::Reader& reader) {
  Strings out;
  for (reader.enter_array(); reader.next_element();) out.push_back(read_string(reader));
  return out;
}

std::uint64_t read_number(json::Reader& reader) {
  std::string_view token;
  std::uint64_t value = 0;
  if (reader.number(token)) json::to_integer(token, value);
  return value;
}

// Calls field(name, reader) for each member; what it does not read is passed over.
template <class Field>
void each_field(json::Reader& reader, Field&& field) {
  json::RawString key;
  std::string_view ignored;
  for (reader.enter_object(); reader.next_key(key);) {
    if (!field(key.text, reader)) reader.skip(ignored);
  }
}

bool take(std::string& to, json::Reader& reader) {
  to = read_string(reader);
  return true;
}
bool take(Strings& to, json::Reader& reader) {
  to = read_strings(reader);
  return true;
}
template <class Number>
bool take(Number& to, json::Reader& reader) {
  to = static_cast<Number>(read_number(reader));
  return true;
}

void write_strings(json::Writer& json, std::string_view name, const Strings& list) {
  json.key(name).begin_array();
  for (const std::string& text : list) json.string(text);
  json.end_array();
}

std::string big32(std::uint32_t value) {
  std::string out;
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<char>(value >> shift & 0xff));
  return out;
}

Scram read_scram(json::Reader& reader) {
  Scram scram;
  each_field(reader, [&](std::string_view name, json::Reader& value) {
    if (name == "iterations") return take(scram.iterations, value);
    if (name == "salt") return take(scram.salt, value);
    if (name == "stored_key") return take(scram.stored_key, value);
    return name == "server_key" && take(scram.server_key, value);
  });
  return scram;
}

Grant read_grant(json::Reader& reader) {
  Grant grant;
  each_field(reader, [&](std::string_view name, json::Reader& value) {
    if (name == "collection") return take(grant.collection, value);
    return name == "classes" && take(grant.classes, value);
  });
  return grant;
}

Limits read_limits(json::Reader& reader) {
  Limits limits;
  each_field(reader, [&](std::string_view name, json::Reader& value) {
    if (name == "requests_per_s") return take(limits.requests_per_s, value);
    if (name == "in_flight") return take(limits.in_flight, value);
    if (name == "storage_bytes") return take(limits.storage_bytes, value);
    if (name == "memory_bytes") return take(limits.memory_bytes, value);
    if (name == "vector_dims") return take(limits.vector_dims, value);
    return name == "walk_depth" && take(limits.walk_depth, value);
  });
  return limits;
}

}  // namespace

std::optional<Change> read_record(std::uint32_t type, std::string_view payload) {
  if (payload.size() < 2 || (type != kRecordPut && type != kRecordErase)) return std::nullopt;
  const auto key_bytes = static_cast<std::uint8_t>(payload[1]);
  if (payload.size() < 2u + key_bytes) return std::nullopt;
  return Change{type == kRecordErase, static_cast<std::uint8_t>(payload[0]), payload.substr(2, key_bytes),
                payload.substr(2u + key_bytes)};
}

std::string write_record(std::uint8_t space, std::string_view key, std::string_view value) {
  std::string out;
  out.push_back(static_cast<char>(space));
  out.push_back(static_cast<char>(key.size()));
  return out.append(key).append(value);
}

std::string role_key(std::uint32_t tenant, std::string_view name) {
  return big32(tenant).append(name);
}
std::string tenant_key(std::uint32_t id) { return big32(id); }
// A collection has no NUL.
std::string row_policy_key(std::uint32_t tenant, std::string_view collection,
                           std::string_view name) {
  return big32(tenant).append(collection).append(1, '\0').append(name);
}
std::string_view collection_of_row_policy(std::string_view key) {
  const std::string_view rest = key.substr(std::min<std::size_t>(key.size(), 4));
  const std::size_t end = rest.find('\0');
  return end == std::string_view::npos ? std::string_view() : rest.substr(0, end);
}

std::string collection_key(std::uint32_t tenant, std::string_view collection) {
  return big32(tenant).append(collection);
}
std::string_view collection_of_key(std::string_view key) {
  return key.substr(std::min<std::size_t>(key.size(), 4));
}

std::string write(const User& user) {
  json::StringOut out;
  json::Writer json(out);
  json.begin_object()
      .field("username", std::string_view(user.username))
      .field("password_hash", std::string_view(user.password_hash));
  if (user.scram.iterations != 0) {
    json.key("scram")
        .begin_object()
        .field("iterations", user.scram.iterations)
        .field("salt", std::string_view(user.scram.salt))
        .field("stored_key", std::string_view(user.scram.stored_key))
        .field("server_key", std::string_view(user.scram.server_key))
        .end_object();
  }
  write_strings(json, "roles", user.roles);
  json.field("tenant", user.tenant).end_object();
  return out.take();
}

std::string write(const ApiKey& key) {
  json::StringOut out;
  json::Writer json(out);
  json.begin_object()
      .field("key_id", std::string_view(key.key_id))
      .field("secret_hash", std::string_view(key.secret_hash))
      .field("username", std::string_view(key.username));
  write_strings(json, "classes", key.classes);
  write_strings(json, "collections", key.collections);
  json.field("expires_ms", key.expires_ms).end_object();
  return out.take();
}

std::string write(const Role& role) {
  json::StringOut out;
  json::Writer json(out);
  json.begin_object().field("name", std::string_view(role.name)).field("tenant", role.tenant);
  write_strings(json, "inherits", role.inherits);
  json.key("grants").begin_array();
  for (const Grant& grant : role.grants) {
    json.begin_object();
    if (!grant.collection.empty()) json.field("collection", std::string_view(grant.collection));
    write_strings(json, "classes", grant.classes);
    json.end_object();
  }
  json.end_array().end_object();
  return out.take();
}

void write(json::Writer& json, const Limits& limits) {
  json.begin_object()
      .field("requests_per_s", limits.requests_per_s)
      .field("in_flight", limits.in_flight)
      .field("storage_bytes", limits.storage_bytes)
      .field("memory_bytes", limits.memory_bytes)
      .field("vector_dims", limits.vector_dims)
      .field("walk_depth", limits.walk_depth)
      .end_object();
}

std::string write(const Tenant& tenant) {
  json::StringOut out;
  json::Writer json(out);
  json.begin_object()
      .field("tenant_id", tenant.id)
      .field("name", std::string_view(tenant.name))
      .key("limits");
  write(json, tenant.limits);
  if (tenant.is_dropping) json.field("dropping", true);
  json.end_object();
  return out.take();
}

std::string write(const RowPolicy& policy) {
  json::StringOut out;
  json::Writer json(out);
  json.begin_object()
      .field("policy", std::string_view(policy.name))
      .field("on", std::string_view(policy.collection))
      .field("tenant", policy.tenant)
      .field("mode", std::string_view(policy.mode))
      .field("for", std::string_view(policy.action));
  write_strings(json, "roles", policy.roles);
  json.key("where").raw(policy.where).end_object();
  return out.take();
}

std::string write(const CollectionEngine& one) {
  json::StringOut out;
  json::Writer(out)
      .begin_object()
      .field("on", std::string_view(one.collection))
      .field("tenant", one.tenant)
      .field("engine", std::string_view(one.engine))
      .end_object();
  return out.take();
}

User read_user(std::string_view json) {
  User user;
  json::Reader reader(json);
  each_field(reader, [&](std::string_view name, json::Reader& value) {
    if (name == "username") return take(user.username, value);
    if (name == "password_hash") return take(user.password_hash, value);
    if (name == "tenant") return take(user.tenant, value);
    if (name == "roles") return take(user.roles, value);
    if (name != "scram") return false;
    user.scram = read_scram(value);
    return true;
  });
  return user;
}

ApiKey read_api_key(std::string_view json) {
  ApiKey key;
  json::Reader reader(json);
  each_field(reader, [&](std::string_view name, json::Reader& value) {
    if (name == "key_id") return take(key.key_id, value);
    if (name == "secret_hash") return take(key.secret_hash, value);
    if (name == "username") return take(key.username, value);
    if (name == "classes") return take(key.classes, value);
    if (name == "collections") return take(key.collections, value);
    return name == "expires_ms" && take(key.expires_ms, value);
  });
  return key;
}

Role read_role(std::string_view json) {
  Role role;
  json::Reader reader(json);
  each_field(reader, [&](std::string_view name, json::Reader& value) {
    if (name == "name") return take(role.name, value);
    if (name == "tenant") return take(role.tenant, value);
    if (name == "inherits") return take(role.inherits, value);
    if (name != "grants") return false;
    for (value.enter_array(); value.next_element();) role.grants.push_back(read_grant(value));
    return true;
  });
  return role;
}

Tenant read_tenant(std::string_view json) {
  Tenant tenant;
  json::Reader reader(json);
  each_field(reader, [&](std::string_view name, json::Reader& value) {
    if (name == "tenant_id") return take(tenant.id, value);
    if (name == "name") return take(tenant.name, value);
    if (name == "dropping") tenant.is_dropping = true;  // written where it is true
    if (name != "limits") return false;
    tenant.limits = read_limits(value);
    return true;
  });
  return tenant;
}

RowPolicy read_row_policy(std::string_view json) {
  RowPolicy policy;
  json::Reader reader(json);
  each_field(reader, [&](std::string_view name, json::Reader& value) {
    if (name == "policy") return take(policy.name, value);
    if (name == "on") return take(policy.collection, value);
    if (name == "tenant") return take(policy.tenant, value);
    if (name == "mode") return take(policy.mode, value);
    if (name == "for") return take(policy.action, value);
    if (name == "roles") return take(policy.roles, value);
    std::string_view text;
    if (name != "where" || !value.skip(text)) return false;
    policy.where = text;
    return true;
  });
  return policy;
}

CollectionEngine read_collection_engine(std::string_view json) {
  CollectionEngine one;
  json::Reader reader(json);
  each_field(reader, [&](std::string_view name, json::Reader& value) {
    if (name == "on") return take(one.collection, value);
    if (name == "tenant") return take(one.tenant, value);
    return name == "engine" && take(one.engine, value);
  });
  return one;
}

std::uint32_t permissions_of_class(std::string_view name) {
  if (name == "read") return STATOR_PERM_READ;
  if (name == "write") return STATOR_PERM_WRITE;
  if (name == "admin") return STATOR_PERM_CREATE | STATOR_PERM_DROP | STATOR_PERM_ALTER;
  return 0;
}

std::uint32_t permissions_of_classes(const std::vector<std::string>& names) {
  std::uint32_t all = 0;
  for (const std::string& name : names) all |= permissions_of_class(name);
  return all;
}

std::optional<std::uint32_t> permissions_of_builtin(std::string_view role) {
  constexpr std::uint32_t kData = STATOR_PERM_READ | STATOR_PERM_WRITE | STATOR_PERM_CREATE | STATOR_PERM_ALTER;
  constexpr std::uint32_t kTenant = kData | STATOR_PERM_DROP | STATOR_PERM_ADMIN | STATOR_PERM_MONITOR;
  if (role == kSuperuser) return kTenant | STATOR_PERM_SERVER;
  if (role == "tenant_admin") return kTenant;
  if (role == "readwrite") return kData;
  if (role == "readonly") return STATOR_PERM_READ;
  if (role == "monitor") return STATOR_PERM_MONITOR;
  return std::nullopt;
}

}  // namespace stator::system
