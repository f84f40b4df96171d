// Tokens of other issuers: what is accepted, and that nothing else is.
#include "control/auth/jwt.h"

#include <filesystem>
#include <fstream>
#include <jansson.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
extern "C" {
#include <jose/b64.h>
#include <jose/jwk.h>
#include <jose/jws.h>
}

#include "base/limits.h"

namespace stator::auth {
namespace {

using testing::HasSubstr;

constexpr std::uint64_t kNowMs = 1'700'000'000'000;
constexpr const char* kGood =
    R"({"iss":"https://login","aud":"stator","sub":"ada","exp":1700000100})";

class JwtTest : public testing::Test {
 protected:
  JwtTest() {
    std::string pattern = std::filesystem::temp_directory_path() / "stator-jwt-XXXXXX";
    dir_ = mkdtemp(pattern.data());
    rsa_ = generate(R"({"alg":"RS256","kid":"r"})");
    ec_ = generate(R"({"alg":"ES256","kid":"e"})");
    write("[" + public_of(rsa_) + "," + public_of(ec_) + "]");
  }
  ~JwtTest() override {
    json_decref(rsa_);
    json_decref(ec_);
    std::filesystem::remove_all(dir_);
  }
  static json_t* generate(const std::string& shape) {
    json_t* key = json_loads(shape.c_str(), 0, nullptr);
    EXPECT_TRUE(jose_jwk_gen(nullptr, key));
    return key;
  }
  static std::string text(const json_t* json) {
    char* dumped = json_dumps(json, 0);
    std::string found = dumped;
    free(dumped);
    return found;
  }
  static std::string public_of(const json_t* key) {
    json_t* copy = json_deep_copy(key);
    EXPECT_TRUE(jose_jwk_pub(nullptr, copy));
    std::string found = text(copy);
    json_decref(copy);
    return found;
  }
  static std::string base64(const std::string& bytes) {
    json_t* coded = jose_b64_enc(bytes.data(), bytes.size());
    std::string found = json_string_value(coded);
    json_decref(coded);
    return found;
  }
  // `header` is what is protected beside `alg`.
  static std::string sign(const json_t* key, const std::string& claims,
                          const std::string& header = "{}") {
    json_t* jws = json_pack("{s:o}", "payload", jose_b64_enc(claims.data(), claims.size()));
    json_t* shape = json_pack("{s:o}", "protected", json_loads(header.c_str(), 0, nullptr));
    EXPECT_TRUE(jose_jws_sig(nullptr, jws, shape, key));
    const auto part = [&](const char* name) {
      return std::string(json_string_value(json_object_get(jws, name)));
    };
    std::string token = part("protected") + "." + part("payload") + "." + part("signature");
    json_decref(shape);
    json_decref(jws);
    return token;
  }
  std::string path() const { return dir_ + "/keys.json"; }
  void write(const std::string& keys) {
    std::ofstream(path(), std::ios::trunc) << "{\"keys\":" << keys << "}";
  }
  Result<std::unique_ptr<JwtVerifier>> load() {
    return JwtVerifier::load(
        {.keys_file = path(), .issuer = "https://login", .audience = "stator"});
  }
  // The name, or the sentence.
  std::string verify(const std::string& token, std::uint64_t now_ms = kNowMs) {
    auto verifier = load();
    if (!verifier.ok()) return verifier.error().sentence();
    auto user = verifier.value()->verify(token, now_ms);
    return user.ok() ? user.value().username : user.error().sentence();
  }
  std::string refusal_of_file(const std::string& keys) {
    write(keys);
    auto verifier = load();
    return verifier.ok() ? "" : verifier.error().sentence();
  }

  std::string dir_;
  json_t* rsa_;
  json_t* ec_;
};

TEST_F(JwtTest, BothAlgorithmsAndBothFormsOfAudienceAreTaken) {
  EXPECT_EQ(verify(sign(rsa_, kGood)), "ada");
  EXPECT_EQ(verify(sign(ec_, kGood, R"({"kid":"e","typ":"JWT"})")), "ada");
  EXPECT_EQ(
      verify(sign(
          ec_, R"({"iss":"https://login","aud":["x","stator"],"sub":"ada","exp":1700000100.5})")),
      "ada");
}

// RFC 7515, appendices A.2 and A.3: their claims have no `aud`, which is asked for after the
// signature.
TEST_F(JwtTest, TheExamplesOfTheRfcAreSigned) {
  write(
      R"([{"kty":"RSA","e":"AQAB","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"},
    {"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}])");
  auto verifier = JwtVerifier::load({.keys_file = path(), .issuer = "joe", .audience = "stator"});
  ASSERT_TRUE(verifier.ok()) << verifier.error().sentence();
  const std::string claims =
      "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVl"
      "fQ";
  const std::string rs256 =
      "eyJhbGciOiJSUzI1NiJ9." + claims +
      ".cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_"
      "O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_"
      "nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-"
      "eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0i"
      "gcN_IoypGlUPQGe77Rw";
  const std::string es256 =
      "eyJhbGciOiJFUzI1NiJ9." + claims +
      ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
  for (const std::string& token : {rs256, es256}) {
    auto user = verifier.value()->verify(token, kNowMs);
    ASSERT_FALSE(user.ok());
    EXPECT_THAT(user.error().sentence(), HasSubstr("'aud'"));
    std::string other = token;
    other[token.size() - 10] = other[token.size() - 10] == 'A' ? 'B' : 'A';
    EXPECT_THAT(verifier.value()->verify(other, kNowMs).error().sentence(), HasSubstr("signed"));
  }
}

TEST_F(JwtTest, WhatNoKeyHasSignedIsRefused) {
  const std::string good = sign(rsa_, kGood);
  const std::string header = good.substr(0, good.find('.'));
  const std::string payload = good.substr(header.size() + 1, good.rfind('.') - header.size() - 1);
  const std::string signature = good.substr(good.rfind('.') + 1);
  json_t* stranger = generate(R"({"alg":"RS256"})");
  json_t* secret = generate(R"({"alg":"HS256"})");
  const std::string none = base64(R"({"alg":"none"})");
  const std::string more =
      base64(R"({"iss":"https://login","aud":"stator","sub":"eve","exp":1700000100})");
  for (const std::string& token : {
           std::string(),
           std::string("."),
           std::string(".."),
           std::string("a.b.c"),
           std::string("a.b.c.d"),
           header + "." + payload,
           header + "." + payload + ".",
           good + ".",
           good + "=",
           header + "." + more + "." + signature,
           none + "." + payload + ".",
           none + "." + payload + "." + signature,
           base64(R"({"alg":"ES256"})") + "." + payload + "." + signature,
           base64(R"({"alg":"RS256","kid":"e"})") + "." + payload + "." + signature,
           sign(stranger, kGood),
           sign(secret, kGood),
           sign(rsa_, kGood, R"({"kid":"somebody"})"),
           sign(rsa_, kGood, R"({"crit":["b64"],"b64":true})"),
           base64("[1]") + "." + payload + "." + signature,
           std::string("\xff.\xff.\xff"),
           std::string(kJwtBytesMax, 'A') + "." + payload + "." + signature,
       }) {
    EXPECT_THAT(verify(token), HasSubstr("no key of the server has signed it"))
        << token.substr(0, 200);
  }
  json_decref(stranger);
  json_decref(secret);
}

TEST_F(JwtTest, ClaimsMustBeThereAndMeanUsNow) {
  const struct {
    const char* claims;
    const char* sentence;
  } cases[] = {
      {R"({"iss":"https://evil","aud":"stator","sub":"ada","exp":1700000100})", "'iss'"},
      {R"({"aud":"stator","sub":"ada","exp":1700000100})", "'iss'"},
      {R"({"iss":"https://login","aud":"other","sub":"ada","exp":1700000100})", "'aud'"},
      {R"({"iss":"https://login","aud":[["stator"]],"sub":"ada","exp":1700000100})", "'aud'"},
      {R"({"iss":"https://login","sub":"ada","exp":1700000100})", "'aud'"},
      {R"({"iss":"https://login","aud":"stator","sub":"ada"})", "'exp'"},
      {R"({"iss":"https://login","aud":"stator","sub":"ada","exp":"1700000100"})", "'exp'"},
      {R"({"iss":"https://login","aud":"stator","sub":"ada","exp":1e300})", "'exp'"},
      {R"({"iss":"https://login","aud":"stator","sub":"ada","exp":-1})", "'exp'"},
      {R"({"iss":"https://login","aud":"stator","sub":"ada","exp":1700000100,"nbf":1700000061})",
       "'nbf'"},
      {R"({"iss":"https://login","aud":"stator","sub":"ada","exp":1700000100,"nbf":"x"})", "'nbf'"},
      {R"({"iss":"https://login","aud":"stator","sub":"ada","exp":1699999940})", "has expired"},
      {R"({"iss":"https://login","aud":"stator","exp":1700000100})", "'sub'"},
      {R"({"iss":"https://login","aud":"stator","sub":7,"exp":1700000100})", "'sub'"},
      {R"({"iss":"https://login","aud":"stator","sub":"","exp":1700000100})", "'sub'"},
      {R"({"iss":"https://login","aud":"stator","sub":"ada","sub":"eve","exp":1700000100})",
       "not a JSON object"},
      {R"([1])", "not a JSON object"},
  };
  for (const auto& one : cases)
    EXPECT_THAT(verify(sign(ec_, one.claims)), HasSubstr(one.sentence)) << one.claims;
  // The issuer's clock may be off by a minute.
  EXPECT_EQ(
      verify(sign(ec_, R"({"iss":"https://login","aud":"stator","sub":"ada","exp":1699999941})")),
      "ada");
  EXPECT_EQ(
      verify(sign(
          ec_,
          R"({"iss":"https://login","aud":"stator","sub":"ada","exp":1700000100,"nbf":1700000060})")),
      "ada");
}

TEST_F(JwtTest, TheEndOfTheTokenIsTold) {
  auto user = load().value()->verify(sign(ec_, kGood), kNowMs);
  ASSERT_TRUE(user.ok());
  EXPECT_EQ(user.value().ends_ms, kNowMs + 100'000 + 60'000);
}

TEST_F(JwtTest, NewKeysAreTakenAndUnusableOnesAreNot) {
  auto verifier = load().take();
  json_t* next = generate(R"({"alg":"RS256","kid":"next"})");
  const std::string token = sign(next, kGood);
  EXPECT_FALSE(verifier->verify(token, kNowMs).ok());
  write("[");
  EXPECT_FALSE(verifier->reload().ok());
  EXPECT_TRUE(verifier->verify(sign(rsa_, kGood), kNowMs).ok());
  write("[" + public_of(next) + "]");
  ASSERT_TRUE(verifier->reload().ok());
  EXPECT_TRUE(verifier->verify(token, kNowMs).ok());
  EXPECT_FALSE(verifier->verify(sign(rsa_, kGood), kNowMs).ok());
  json_decref(next);
}

TEST_F(JwtTest, AFileOfKeysThatMakesNoSenseIsRefusedAtTheStart) {
  EXPECT_THAT(refusal_of_file("7"), HasSubstr("not a JWK set"));
  EXPECT_THAT(refusal_of_file("[]"), HasSubstr("no key for RS256"));
  EXPECT_THAT(refusal_of_file("[" + text(rsa_) + "]"), HasSubstr("key 0 of it is a private key"));
  EXPECT_THAT(refusal_of_file(R"([{"kty":"RSA","n":"AQAB","e":"AQAB"}])"),
              HasSubstr("not a public key for RS256"));
  EXPECT_THAT(refusal_of_file(R"([{"kty":"EC","crv":"P-256","x":"AQAB","y":"AQAB"}])"),
              HasSubstr("for ES256"));
  EXPECT_THAT(refusal_of_file(R"([{"kty":"oct","k":"AQAB"},{"kty":"RSA","use":"enc"},7])"),
              HasSubstr("no key for"));
  std::string many = "[" + public_of(ec_);
  for (std::size_t i = 0; i < kJwtKeysMax; ++i) many += "," + public_of(ec_);
  EXPECT_THAT(refusal_of_file(many + "]"), HasSubstr("more than"));
  const auto missing =
      JwtVerifier::load({.keys_file = "/none.json", .issuer = "a", .audience = "b"});
  EXPECT_FALSE(missing.ok());
}

}  // namespace
}  // namespace stator::auth
