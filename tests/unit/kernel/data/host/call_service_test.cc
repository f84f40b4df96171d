// Calls from engine to engine pass the same permissions as a client's.
#include <gtest/gtest.h>

#include "bridge/arg_binding.h"
#include "data/host/call_context.h"
#include "stator/declare.hpp"

namespace stator::host {
namespace {

constexpr const char* kNeeds[] = {"look_b", nullptr};

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
  static stator_engine_v1 descriptor{};
  descriptor.struct_size = sizeof descriptor;
  descriptor.abi_major = STATOR_ABI_MAJOR;
  descriptor.op_count = 1;
  descriptor.id = id;
  descriptor.version = "1";
  descriptor.ops = kOps;
  descriptor.open = [](const stator_open*, stator_instance**, char*, std::uint64_t) { return stator_status{STATOR_OK}; };
  descriptor.close = [](stator_instance*) {};
  descriptor.read = &answer;
  descriptor.apply = [](stator_instance*, const stator_record*) { return stator_status{STATOR_OK}; };
  return &descriptor;
}

constexpr stator_op row(const char* name, std::uint32_t permission, const char* const* needs) {
  return make_op({.op_class = STATOR_OP_READ,
                  .permission = permission,
                  .placement = STATOR_PLACE_COLLECTION,
                  .name = name,
                  .doc = "",
                  .result = "",
                  .example = "{}",
                  .requires_ops = needs});
}
constexpr stator_op kCaller = row("look_a", STATOR_PERM_READ, kNeeds);
constexpr stator_op kCalled = row("look_b", STATOR_PERM_MONITOR, nullptr);

plugin::LibraryFile library_of(const std::string& id) {
  plugin::LibraryFile library;
  library.path = id + ".so";
  library.manifest = {id, "1", STATOR_ABI_MAJOR, 0};
  return library;
}

struct NoArgs final : bridge::ArgBinding {
  Status bind_args(std::uint32_t, ByteView, bridge::AlignedBuffer&) const override { return ok_status(); }
};

class CallServiceTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(catalog_.add([](const stator_kernel_hello*) { return engine<kCaller>("a"); }, kernel_hello(), library_of("a")).ok());
    ASSERT_TRUE(catalog_.add([](const stator_kernel_hello*) { return engine<kCalled>("b"); }, kernel_hello(), library_of("b")).ok());
    catalog_.seal();
    lane_.catalog = &catalog_;
    lane_.binding = &binding_;
    lane_.instances = {nullptr, nullptr};
    lane_.interrupt = &interrupt_;
  }
  stator_status call_with(std::uint32_t permissions) {
    bridge::Task task;
    task.permissions = permissions;
    stator_call call;
    call.begin(lane_, Phase::kRead, *catalog_.engines()[0], TenantId{1}, "c");
    call.task = &task;
    call.op = catalog_.ops()[0].row;
    const stator_call_result result = call_service().read(&call, {"look_b", 6}, {"{}", 2});
    call.end();
    return result.status;
  }

  plugin::Catalog catalog_;
  NoArgs binding_;
  std::uint32_t interrupt_ = 0;
  LaneHost lane_;
};

TEST_F(CallServiceTest, TheCalledOpsPermissionIsAskedFor) {
  EXPECT_EQ(call_with(STATOR_PERM_READ), STATOR_E_REJECTED_AUTHZ);
  EXPECT_EQ(call_with(STATOR_PERM_READ | STATOR_PERM_MONITOR), STATOR_OK);
}

}  // namespace
}  // namespace stator::host
