// Bytes of a client through a whole HTTP connection, WebSocket included, as the lane hands them on.
// There are no ops, so every request is refused. Oracle: no crash, and what is said is HTTP.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "control/http/exchange.h"

namespace {

using namespace stator;

struct Nothing {
  Nothing() {
    host.table = &table;
    host.pool = &pool;
    host.policy = &policy;
    host.watermark = [] { return Lsn{1}; };
    stats.log = [] { return session::LogFacts{}; };
    stats.table = &table;
  }
  plugin::Catalog catalog;
  ops::OpTable table = ops::OpTable::build(catalog, {}).take();
  bridge::TaskPool pool;
  auth::PolicyBook policy;
  session::SessionHost host;
  session::StatsSources stats;
  http::Front front{{}, stats};
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Nothing nothing;
  if (size == 0) return 0;
  session::Session session(nothing.host, 0, 1);
  http::Exchange exchange(nothing.front, session, 1);
  // The first byte says how the rest comes.
  const std::size_t step = data[0] % 16 == 0 ? size : data[0] % 16;
  ByteView input(reinterpret_cast<const char*>(data) + 1, size - 1);
  ByteBuffer waiting;
  for (std::uint64_t now = 1; !input.empty(); ++now) {
    waiting.append(input.substr(0, step));
    input.remove_prefix(std::min(step, input.size()));
    const std::size_t taken = exchange.on_bytes(waiting.view(), now);
    if (taken > waiting.size()) std::abort();
    waiting.consume(taken);
  }
  const ByteView said = session.output().view();
  if (!said.empty() && !said.starts_with("HTTP/1.1 ")) std::abort();
  return 0;
}
