// The first line is a client's first SCRAM message, the rest its last. Oracle: no crash; a name
// that is taken is as long as names may be; and whoever does not know the password is not let in.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "base/limits.h"
#include "control/auth/scram.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace stator;
  // One round: the fuzzer is to look at messages. The RFC's nonce, so that its exchange is in the
  // corpus.
  static const system::Scram kStored = auth::make_scram("not in the corpus", "salt", 1);
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t line = std::min(input.find('\n'), size);
  auth::ScramExchange exchange;
  if (!exchange.begin(input.substr(0, line)).ok()) return 0;
  if (exchange.username().empty() || exchange.username().size() > kUsernameBytesMax) std::abort();
  const std::string challenge = exchange.challenge(kStored, "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0");
  if (line == size) return 0;
  auto finished = exchange.finish(input.substr(line + 1));
  if (finished.ok()) std::abort();
  if (finished.error().sentence().empty()) std::abort();
  return 0;
}
