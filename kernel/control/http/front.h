// What all HTTP connections of a server share, and whom it lets in by their browser's word.
//
// A web page that somebody opens can send requests to this machine's own addresses. So where nobody
// has to say who they are (trust mode), a request must name a host that cannot be somebody else's:
// a page can point a name of its own at 127.0.0.1 (DNS rebinding), but not localhost. And whatever
// the mode, a page of another origin comes in only where the configuration names it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/limits.h"
#include "control/session/server_stats.h"

namespace stator::http {

struct FrontSettings {
  bool is_trusting = true;           // hosts are looked at although `hosts` is empty
  std::vector<std::string> hosts;    // further names of this server, without port
  std::vector<std::string> origins;  // "https://app.example", or "*"
  std::uint64_t heartbeat_ms = kHttpHeartbeatMsDefault;
  std::uint64_t peer_timeout_ms = kPeerTimeoutSDefault * 1000;
};

// Immutable; any thread.
class Front {
 public:
  Front(FrontSettings settings, const session::StatsSources& stats)
      : settings_(std::move(settings)), stats_(&stats) {}

  // Whether a request for this `Host` is meant for us.
  bool allows_host(std::string_view host) const;
  // Whether a page of `origin` may ask here, at this `Host`.
  bool allows_origin(std::string_view origin, std::string_view host) const;

  // How long an event stream may be silent, or a WebSocket whose client waits for something.
  std::uint64_t heartbeat_ms() const { return settings_.heartbeat_ms; }
  // How long such a client may leave pings without an answer.
  std::uint64_t peer_timeout_ms() const { return settings_.peer_timeout_ms; }

  const session::StatsSources& stats() const { return *stats_; }

 private:
  FrontSettings settings_;
  const session::StatsSources* stats_;
};

}  // namespace stator::http
