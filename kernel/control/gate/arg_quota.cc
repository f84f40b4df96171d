#include "control/gate/arg_quota.h"

#include <cstdint>
#include <span>
#include <string>

#include "stator/args.hpp"

namespace stator::gate {
namespace {

struct ArgLimits {
  std::uint64_t vector_dims;
  std::uint64_t walk_depth;
};

Status over(const std::string& field, const stator_arg& arg, std::uint64_t asked,
            std::uint64_t limit) {
  const std::string unit = arg.type == STATOR_ARG_F32VEC ? " dimensions" : " steps";
  return Error(ErrorCode::kOverQuota, field,
               "'" + field + "' has " + std::to_string(asked) + unit + "; the tenant's quota '" +
                   quota_of(arg) + "' is " + std::to_string(limit));
}

// `place`: of the arguments in the request, with a dot behind it; empty: its own.
Status check(const ArgLimits& limits, std::span<const stator_arg> args, const Args& values,
             const std::string& place) {
  for (std::size_t i = 0; i < args.size(); ++i) {
    const stator_arg& arg = args[i];
    if (!values.has(i)) continue;
    if (arg.type == STATOR_ARG_ROWS) {
      for (std::size_t k = 0; k < values.count(i); ++k) {
        const std::string row = place + arg.name + "[" + std::to_string(k) + "].";
        STATOR_CHECK(check(limits, {arg.fields, arg.field_count}, values.row(i, k), row));
      }
      continue;
    }
    const char* quota = quota_of(arg);
    if (quota == nullptr) continue;
    const bool is_walk = arg.type != STATOR_ARG_F32VEC;
    const std::uint64_t asked = is_walk ? values.u64(i) : values.f32vec(i).size();
    const std::uint64_t limit = is_walk ? limits.walk_depth : limits.vector_dims;
    if (limit != 0 && asked > limit) return over(place + arg.name, arg, asked, limit);
  }
  return ok_status();
}

}  // namespace

const char* quota_of(const stator_arg& arg) {
  if (arg.type == STATOR_ARG_F32VEC) return "vector_dims";
  return (arg.flags & STATOR_ARG_DEPTH) != 0 ? "walk_depth" : nullptr;
}

Status check_arg_quotas(const auth::TenantMeter& meter, const stator_op& row,
                        const bridge::Task& task) {
  const ArgLimits limits = {meter.vector_dims_max(), meter.walk_depth_max()};
  if (limits.vector_dims == 0 && limits.walk_depth == 0) return ok_status();
  const Args values(reinterpret_cast<const stator_arg_block*>(task.args.data()));
  return check(limits, {row.args, row.arg_count}, values, {});
}

}  // namespace stator::gate
