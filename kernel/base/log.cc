#include "base/log.h"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <memory>

#include "stator/json_writer.hpp"

namespace stator::log {
namespace {

struct Sink {
  std::unique_ptr<spdlog::logger> logger;
  bool is_json = isatty(STDERR_FILENO) == 0;

  Sink() {
    logger = std::make_unique<spdlog::logger>("statord",
                                              std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
    logger->set_pattern(is_json ? R"({"time":"%Y-%m-%dT%H:%M:%S.%e%z","level":"%l","message":%v})"
                                : "%H:%M:%S.%e %^%-5l%$ %v");
    logger->flush_on(spdlog::level::debug);
  }
};

Sink& sink() {
  static Sink instance;
  return instance;
}

spdlog::level::level_enum to_spdlog(Level level) {
  switch (level) {
    case Level::kDebug: return spdlog::level::debug;
    case Level::kInfo: return spdlog::level::info;
    case Level::kWarn: return spdlog::level::warn;
    case Level::kError: break;
  }
  return spdlog::level::err;
}

}  // namespace

void set_level(Level level) { sink().logger->set_level(to_spdlog(level)); }

void write(Level level, std::string_view message) {
  Sink& to = sink();
  if (!to.logger->should_log(to_spdlog(level))) return;
  if (!to.is_json) {
    to.logger->log(to_spdlog(level), message);
    return;
  }
  json::StringOut out;
  json::write_string(out, message);
  to.logger->log(to_spdlog(level), out.view());
}

}  // namespace stator::log
