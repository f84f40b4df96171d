#include "control/auth/scram.h"

#include <gtest/gtest.h>

#include "base/base64.h"

namespace stator::auth {
namespace {

std::string unbase64(std::string_view text) {
  std::string out(base64_decoded_bytes(text), '\0');
  EXPECT_TRUE(base64_decode(text, out.data()));
  return out;
}

// RFC 7677, section 3.
constexpr const char* kClientFirst = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
constexpr const char* kServerNonce = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
constexpr const char* kServerFirst =
    "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
constexpr const char* kClientFinal =
    "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
    "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
constexpr const char* kServerFinal = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

system::Scram of_rfc(const char* password = "pencil") {
  return make_scram(password, unbase64("W22ZaJ0SNY7soEsUEjb6gQ=="), 4096);
}

TEST(ScramTest, GoesAsInTheRfc) {
  ScramExchange exchange;
  ASSERT_TRUE(exchange.begin(kClientFirst).ok());
  EXPECT_EQ(exchange.username(), "user");
  EXPECT_EQ(exchange.challenge(of_rfc(), kServerNonce), kServerFirst);
  auto finished = exchange.finish(kClientFinal);
  ASSERT_TRUE(finished.ok()) << finished.error().sentence();
  EXPECT_EQ(finished.value(), kServerFinal);
}

TEST(ScramTest, RefusesAnotherPasswordNonceOrBinding) {
  const auto finish = [](const system::Scram& scram, std::string message) {
    ScramExchange exchange;
    EXPECT_TRUE(exchange.begin(kClientFirst).ok());
    exchange.challenge(scram, kServerNonce);
    auto finished = exchange.finish(message);
    return finished.ok() ? ErrorCode::kOk : finished.error().code();
  };
  EXPECT_EQ(finish(of_rfc("pencils"), kClientFinal), ErrorCode::kUnauthenticated);
  EXPECT_EQ(finish(nobodys_scram("user"), kClientFinal), ErrorCode::kUnauthenticated);
  std::string message = kClientFinal;
  message[12] ^= 1;
  EXPECT_EQ(finish(of_rfc(), message), ErrorCode::kUnauthenticated);
  message = kClientFinal;
  message.replace(2, 4, "eSws");  // "y,,"
  EXPECT_EQ(finish(of_rfc(), message), ErrorCode::kUnauthenticated);
  EXPECT_EQ(finish(of_rfc(), "c=biws,r=x"), ErrorCode::kBadRequest);
  EXPECT_EQ(finish(of_rfc(), ""), ErrorCode::kBadRequest);
  EXPECT_EQ(finish(of_rfc(), std::string(kClientFinal) + "AAAA"), ErrorCode::kBadRequest);
}

TEST(ScramTest, RefusesWhatIsNoFirstMessage) {
  for (const char* message : {"", "n", "n,,", "n,,n=user", "n,a=other,n=user,r=x", "p=tls-unique,,n=user,r=x",
                              "n,,r=x,n=user", "n,,n=,r=x", "n,,n=a=b,r=x", "n,,n=user,r="}) {
    EXPECT_FALSE(ScramExchange().begin(message).ok()) << message;
  }
  ScramExchange exchange;
  ASSERT_TRUE(exchange.begin("y,,n=a=2Cb=3Dc,r=x").ok());
  EXPECT_EQ(exchange.username(), "a,b=c");
  ScramExchange of_libpq;
  ASSERT_TRUE(of_libpq.begin("n,,n=,r=x", "anna").ok());
  EXPECT_EQ(of_libpq.username(), "anna");
}

TEST(ScramTest, NobodyLooksTheSameEachTime) {
  EXPECT_EQ(nobodys_scram("x").salt, nobodys_scram("x").salt);
  EXPECT_NE(nobodys_scram("x").salt, nobodys_scram("y").salt);
  EXPECT_EQ(nobodys_scram("x").iterations, make_scram("password").iterations);
  EXPECT_EQ(nobodys_scram("x").salt.size(), make_scram("password").salt.size());
}

}  // namespace
}  // namespace stator::auth
