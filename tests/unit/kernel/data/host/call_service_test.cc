// Calls from engine to engine pass the same permissions as a client's.
#include <gtest/gtest.h>

#include "stator/declare.hpp"

#include "bridge/arg_binding.h"
#include "data/host/call_context.h"
#include "support/played_engine.h"

namespace stator::host {
namespace {

constexpr const char* kNeeds[] = {"look_b", "look_c", nullptr};

stator_status answer(const stator_instance*, const stator_request* request) {
  char* room = reply_service().reserve(request->call, 1);
  *room = '1';
  reply_service().commit(request->call, 1);
  return STATOR_OK;
}

// An engine with one READ op.
template <const stator_op& kOp>
const stator_engine_v1* engine(const char* id) {
  static const stator_op* const kOps[] = {&kOp};
  static stator_engine_v1 descriptor = test::played_engine(id, kOps);
  descriptor.read = &answer;
  return &descriptor;
}

constexpr stator_op row(const char* name, std::uint32_t permission, const char* const* needs,
                        std::uint32_t flags = 0) {
  return make_op({.op_class = STATOR_OP_READ,
                  .permission = permission,
                  .placement = STATOR_PLACE_COLLECTION,
                  .name = name,
                  .doc = "",
                  .result = "",
                  .example = "{}",
                  .requires_ops = needs,
                  .flags = flags});
}
constexpr stator_op kCaller = row("look_a", STATOR_PERM_READ, kNeeds);
constexpr stator_op kCalled = row("look_b", STATOR_PERM_MONITOR, nullptr);
constexpr stator_op kAsks = row("look_c", STATOR_PERM_MONITOR, nullptr, STATOR_OP_ROWS_CHECKED);

struct NoArgs final : bridge::ArgBinding {
  Status bind_args(std::uint32_t, ByteView, bridge::AlignedBuffer&) const override { return ok_status(); }
};

class CallServiceTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(catalog_
                    .add([](const stator_kernel_hello*) { return engine<kCaller>("a"); },
                         kernel_hello(), test::library_of("a"))
                    .ok());
    ASSERT_TRUE(catalog_
                    .add([](const stator_kernel_hello*) { return engine<kCalled>("b"); },
                         kernel_hello(), test::library_of("b"))
                    .ok());
    ASSERT_TRUE(catalog_
                    .add([](const stator_kernel_hello*) { return engine<kAsks>("c"); },
                         kernel_hello(), test::library_of("c"))
                    .ok());
    catalog_.seal();
    lane_.catalog = &catalog_;
    lane_.binding = &binding_;
    lane_.instances = {nullptr, nullptr, nullptr};
    lane_.interrupt = &interrupt_;
  }
  stator_status call_with(std::uint32_t permissions, std::string_view op = "look_b",
                          bool is_bound = false) {
    bridge::Task task;
    if (is_bound) task.rows = std::make_unique<const RowRules>();
    task.permissions = permissions;
    stator_call call;
    call.begin(lane_, Phase::kRead, *catalog_.engines()[0], TenantId{1}, "c");
    call.task = &task;
    call.op = catalog_.ops()[0].row;
    result_.is_binary = 7;
    result_.payload.size = 7;
    const stator_status status =
        call_service().read(&call, {op.data(), op.size()}, {"{}", 2}, &result_);
    call.end();
    return status;
  }

  stator_call_result result_{sizeof(stator_call_result), 0, {}, {}};
  plugin::Catalog catalog_;
  NoArgs binding_;
  std::uint32_t interrupt_ = 0;
  LaneHost lane_;
};

TEST_F(CallServiceTest, TheCalledOpsPermissionIsAskedFor) {
  EXPECT_EQ(call_with(STATOR_PERM_READ), STATOR_E_REJECTED_AUTHZ);
  EXPECT_EQ(call_with(STATOR_PERM_READ | STATOR_PERM_MONITOR), STATOR_OK);
}

TEST_F(CallServiceTest, OfTheResultAsMuchIsWrittenAsTheEngineKnows) {
  constexpr std::uint32_t kAll = STATOR_PERM_READ | STATOR_PERM_MONITOR;
  result_.struct_size = offsetof(stator_call_result, payload);
  EXPECT_EQ(call_with(kAll), STATOR_OK);
  EXPECT_EQ(result_.is_binary, 0u);
  EXPECT_EQ(result_.payload.size, 7u);
  EXPECT_EQ(result_.struct_size, offsetof(stator_call_result, payload));
  result_.struct_size = sizeof result_ + 64;  // a later engine's
  EXPECT_EQ(call_with(kAll), STATOR_OK);
  EXPECT_EQ(result_.payload.size, 1u);
}

TEST_F(CallServiceTest, WhereRowPoliciesBindTheCalledOpMustAskForRows) {
  constexpr std::uint32_t kAll = STATOR_PERM_READ | STATOR_PERM_MONITOR;
  EXPECT_EQ(call_with(kAll, "look_b", true), STATOR_E_REJECTED_AUTHZ);
  EXPECT_EQ(call_with(kAll, "look_c", true), STATOR_OK);
  EXPECT_EQ(call_with(kAll, "look_c", false), STATOR_OK);
}

}  // namespace
}  // namespace stator::host
