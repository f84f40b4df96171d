// The numbers of the server as Prometheus reads them: text exposition format 0.0.4.
#pragma once

#include <string>

#include "control/session/server_stats.h"

namespace stator::http {

inline constexpr std::string_view kMetricsType = "text/plain; version=0.0.4; charset=utf-8";

std::string metrics(const session::StatsSources& sources, std::uint64_t now_ns);

}  // namespace stator::http
