#include "ops/arguments.h"

#include <limits>
#include <string>

namespace stator::vector {

Status fail_no_collection(const Request& request, Reply& reply) {
  return reply.fail(STATOR_E_COLLECTION_NOT_FOUND, "collection",
                    "collection '" + std::string(request.collection()) + "' has no vectors");
}

Rule rule_for(const Collection* collection, const Args& args, std::size_t metric_arg,
              std::size_t dim) {
  if (collection != nullptr) return collection->rule();
  Rule rule = {Metric::kCosine, static_cast<std::uint32_t>(dim)};
  if (args.has(metric_arg)) rule.metric = static_cast<Metric>(args.u64(metric_arg));
  return rule;
}

Status check_metric(const Rule& rule, const Args& args, std::size_t metric_arg, Reply& reply) {
  if (!args.has(metric_arg)) return STATOR_OK;
  const auto given = static_cast<Metric>(args.u64(metric_arg));
  if (given == rule.metric) return STATOR_OK;
  return reply.fail(STATOR_E_BAD_REQUEST, "metric",
                    std::string("'metric' is ") + name_of(given) +
                        ", the collection was begun with " + name_of(rule.metric));
}

Status check_room(const Collection* collection, std::size_t more, Reply& reply) {
  constexpr std::size_t kCountMax = std::numeric_limits<std::uint32_t>::max();
  const std::size_t count = collection == nullptr ? 0 : collection->count();
  if (more <= kCountMax - count) return STATOR_OK;
  return reply.fail(STATOR_E_RESOURCES_EXHAUSTED, nullptr,
                    "a collection holds at most 4294967295 vectors");
}

}  // namespace stator::vector
