// The first line is the time in Unix seconds, the rest a bearer's token, as an API key and as one
// of another issuer whose keys are those of RFC 7515. Oracle: no crash, and nobody is let in: there
// is no key, and what the RFC has signed has no audience.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "control/auth/jwt.h"
#include "control/auth/policy_book.h"

namespace {

using namespace stator;

// RFC 7515, appendices A.2 and A.3.
constexpr const char* kKeys =
    R"({"keys":[{"kty":"RSA","e":"AQAB","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"},
    {"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]})";

std::unique_ptr<auth::JwtVerifier> make_verifier() {
  std::string folder = std::filesystem::temp_directory_path() / "stator-fuzz-XXXXXX";
  if (mkdtemp(folder.data()) == nullptr) std::abort();
  std::ofstream(folder + "/keys.json") << kKeys;
  auto verifier = auth::JwtVerifier::load(
      {.keys_file = folder + "/keys.json", .issuer = "joe", .audience = "stator"});
  std::filesystem::remove_all(folder);
  return verifier.take();
}

template <typename R>
void expect_refused(R result) {
  if (result.ok() || result.error().sentence().empty()) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::unique_ptr<auth::JwtVerifier> kVerifier = make_verifier();
  static const auth::PolicyBook kNobody;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t line = input.find('\n');
  if (line == std::string_view::npos) return 0;
  const std::string seconds(input.substr(0, std::min<std::size_t>(line, 12)));
  const std::uint64_t wall_ms = std::strtoull(seconds.c_str(), nullptr, 10) * 1000;
  const std::string_view token = input.substr(line + 1);
  expect_refused(kVerifier->verify(token, wall_ms));
  expect_refused(kNobody.identify_key(token, wall_ms, 1));
  return 0;
}
