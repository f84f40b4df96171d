#include "control/auth/jwt.h"

#include <cmath>
#include <jansson.h>
#include <optional>
extern "C" {
#include <jose/b64.h>
#include <jose/jws.h>
#include <jose/openssl.h>
}

#include "base/limits.h"
#include "control/auth/secrets.h"
#include "io/file_stamp.h"
#include "io/file_system.h"

namespace stator::auth {
namespace {

struct JsonDelete {
  void operator()(json_t* json) const { json_decref(json); }
};
using Json = std::unique_ptr<json_t, JsonDelete>;

Json parse(std::string_view text) {
  return Json(json_loadb(text.data(), text.size(), JSON_REJECT_DUPLICATES, nullptr));
}

std::string_view text_at(const json_t* object, const char* name) {
  const json_t* value = json_object_get(object, name);
  if (!json_is_string(value)) return {};
  return {json_string_value(value), json_string_length(value)};
}

// The JSON object in one part of a token; null if it is none.
Json decode(std::string_view part) {
  const std::size_t bytes = jose_b64_dec_buf(part.data(), part.size(), nullptr, 0);
  if (bytes == SIZE_MAX) return nullptr;
  std::string text(bytes, '\0');
  if (jose_b64_dec_buf(part.data(), part.size(), text.data(), bytes) != bytes) return nullptr;
  Json found = parse(text);
  return json_is_object(found.get()) ? std::move(found) : nullptr;
}

struct Parts {
  std::string_view header, payload, signature;
};

std::optional<Parts> split(std::string_view token) {
  const std::size_t first = token.find('.');
  const std::size_t last = token.rfind('.');
  if (first == std::string_view::npos || first == last) return std::nullopt;
  const Parts parts = {token.substr(0, first), token.substr(first + 1, last - first - 1),
                       token.substr(last + 1)};
  if (parts.payload.find('.') != std::string_view::npos) return std::nullopt;
  return parts;
}

Error wrong_file(const std::string& path, const std::string& why) {
  return Error(ErrorCode::kBadRequest, "auth.jwt.keys",
               "the keys file '" + path + "' cannot be used: " + why);
}

Error not_accepted(const std::string& why) {
  return Error(ErrorCode::kUnauthenticated, "token", "the token is not accepted: " + why);
}

// Which algorithm a key of the set is good for; empty: none of ours.
std::string_view algorithm_of(const json_t* key) {
  const std::string_view use = text_at(key, "use");
  if (!use.empty() && use != "sig") return {};
  std::string_view found;
  if (text_at(key, "kty") == "RSA") found = "RS256";
  if (text_at(key, "kty") == "EC" && text_at(key, "crv") == "P-256") found = "ES256";
  const std::string_view alg = text_at(key, "alg");
  return alg.empty() || alg == found ? found : std::string_view();
}

// What verification needs of a key and nothing else; null if it is no key, or too weak (RFC
// 7518, 3.3).
Json public_part(const json_t* key, bool is_rsa) {
  Json part(json_object());
  for (const char* name : {"kty", "crv", "n", "e", "x", "y"}) {
    if (json_t* value = json_object_get(key, name)) json_object_set(part.get(), name, value);
  }
  if (is_rsa && jose_b64_dec(json_object_get(key, "n"), nullptr, 0) < kJwtRsaBytesMin)
    return nullptr;
  EVP_PKEY* usable = jose_openssl_jwk_to_EVP_PKEY(nullptr, part.get());
  EVP_PKEY_free(usable);
  return usable == nullptr ? nullptr : std::move(part);
}

// A time of the claims in milliseconds; nothing if it is absent; negative if it is no time.
std::optional<double> time_at(const json_t* claims, const char* name) {
  constexpr double kSecondsMax = 1e12;
  const json_t* value = json_object_get(claims, name);
  if (value == nullptr) return std::nullopt;
  const double seconds = json_is_number(value) ? json_number_value(value) : -1;
  return seconds >= 0 && seconds <= kSecondsMax ? seconds * 1000 : -1;
}

bool is_for(const json_t* claims, const std::string& audience) {
  const json_t* value = json_object_get(claims, "aud");
  if (!json_is_array(value)) return text_at(claims, "aud") == audience;
  for (std::size_t i = 0; i < json_array_size(value); ++i) {
    const json_t* one = json_array_get(value, i);
    if (json_is_string(one) &&
        audience == std::string_view(json_string_value(one), json_string_length(one))) {
      return true;
    }
  }
  return false;
}

}  // namespace

bool is_jwt(std::string_view token) {
  ApiKey key;
  return !parse_token(token, key) && split(token).has_value();
}

Result<std::unique_ptr<JwtVerifier>> JwtVerifier::load(JwtRules rules) {
  auto verifier = std::make_unique<JwtVerifier>(std::move(rules));
  STATOR_CHECK(verifier->reload());
  return verifier;
}

Status JwtVerifier::reload() {
  STATOR_TRY(std::vector<Key> fresh, read_keys(rules_.keys_file));
  const std::lock_guard lock(mutex_);
  keys_ = std::move(fresh);
  return ok_status();
}

std::uint64_t JwtVerifier::stamp() const { return io::file_stamp({rules_.keys_file}); }

Result<std::vector<JwtVerifier::Key>> JwtVerifier::read_keys(const std::string& path) {
  auto text = io::read_file(io::posix_file_system(), path);
  if (!text.ok()) return wrong_file(path, text.error().sentence());
  const Json set = parse(text.value());
  const json_t* list = json_object_get(set.get(), "keys");
  if (!json_is_array(list)) return wrong_file(path, "it is not a JWK set: {\"keys\":[…]}");
  std::vector<Key> found;
  for (std::size_t i = 0; i < json_array_size(list); ++i) {
    const json_t* key = json_array_get(list, i);
    const std::string which = "key " + std::to_string(i) + " of it ";
    // Whoever can read the file could make tokens.
    if (json_object_get(key, "d") != nullptr) return wrong_file(path, which + "is a private key");
    const std::string_view alg = algorithm_of(key);
    if (alg.empty()) continue;
    const Json part = public_part(key, alg == "RS256");
    if (part == nullptr)
      return wrong_file(path, which + "is not a public key for " + std::string(alg));
    char* dumped = json_dumps(part.get(), JSON_COMPACT);
    found.push_back({std::string(text_at(key, "kid")), std::string(alg), dumped});
    free(dumped);
  }
  if (found.empty()) return wrong_file(path, "it has no key for RS256 (RSA) or ES256 (EC, P-256)");
  if (found.size() > kJwtKeysMax) {
    return wrong_file(path, "it has more than " + std::to_string(kJwtKeysMax) + " keys");
  }
  return found;
}

bool JwtVerifier::is_signed(std::string_view token) const {
  const auto parts = split(token);
  if (!parts) return false;
  const Json header = decode(parts->header);
  // `crit` names extensions without which the token must not be understood (RFC 7515, 4.1.11).
  if (header == nullptr || json_object_get(header.get(), "crit") != nullptr) return false;
  const std::string_view alg = text_at(header.get(), "alg");
  const std::string_view id = text_at(header.get(), "kid");
  std::vector<std::string> candidates;
  {
    const std::lock_guard lock(mutex_);
    for (const Key& key : keys_) {
      if (key.alg == alg && (id.empty() || key.id == id)) candidates.push_back(key.json);
    }
  }
  const Json jws(json_pack("{s:s%,s:s%,s:s%}", "protected", parts->header.data(),
                           parts->header.size(), "payload", parts->payload.data(),
                           parts->payload.size(), "signature", parts->signature.data(),
                           parts->signature.size()));
  if (jws == nullptr) return false;
  for (const std::string& key : candidates) {
    const Json parsed = parse(key);
    if (jose_jws_ver(nullptr, jws.get(), nullptr, parsed.get(), true)) return true;
  }
  return false;
}

Result<JwtUser> JwtVerifier::verify(std::string_view token, std::uint64_t wall_ms) const {
  if (!is_signed(token))
    return not_accepted("no key of the server has signed it with RS256 or ES256");
  const Json claims = decode(split(token)->payload);
  if (claims == nullptr) return not_accepted("its claims are not a JSON object");
  if (text_at(claims.get(), "iss") != rules_.issuer)
    return not_accepted("'iss' is not the issuer that is trusted");
  if (!is_for(claims.get(), rules_.audience)) return not_accepted("'aud' is not this server");
  const auto ends = time_at(claims.get(), "exp");
  const auto begins = time_at(claims.get(), "nbf");
  if (!ends || *ends < 0) return not_accepted("it needs a time in 'exp'");
  const auto now = static_cast<double>(wall_ms);
  if (begins && (*begins < 0 || *begins > now + kJwtLeewayMs))
    return not_accepted("'nbf' is not over");
  if (*ends + kJwtLeewayMs <= now)
    return Error(ErrorCode::kAuthExpired, "token", "the token has expired");
  const std::string_view user = text_at(claims.get(), rules_.user_claim.c_str());
  if (user.empty() || user.size() > kUsernameBytesMax) {
    return not_accepted("'" + rules_.user_claim + "' is not a user's name");
  }
  return JwtUser{std::string(user), static_cast<std::uint64_t>(*ends + kJwtLeewayMs)};
}

}  // namespace stator::auth
