// point_get allocates nothing: run over services that do not allocate either, with every operator
// new of the program counted.
#include <cstdlib>
#include <cstring>
#include <map>
#include <new>
#include <string>

#include <gtest/gtest.h>

#include "stator/engine.hpp"

#include "document_fixture.h"
#include "storage.h"

namespace {

std::size_t allocations = 0;

void* counted(std::size_t bytes) {
  ++allocations;
  void* memory = std::malloc(bytes == 0 ? 1 : bytes);
  if (memory == nullptr) std::abort();
  return memory;
}

}  // namespace

void* operator new(std::size_t bytes) { return counted(bytes); }
void* operator new[](std::size_t bytes) { return counted(bytes); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }

namespace stator::document {
namespace {

// One document, one reply buffer.
struct Stage {
  std::string stored;
  char reply[1 << 16];
  std::size_t replied = 0;
};
Stage stage;

const stator_reply_service kReply = {
    sizeof(stator_reply_service),
    0,
    [](stator_call*, std::size_t bytes) -> char* {
      return stage.replied + bytes > sizeof stage.reply ? nullptr : stage.reply + stage.replied;
    },
    [](stator_call*, std::size_t bytes) { stage.replied += bytes; },
    [](stator_call*) {},
    [](stator_call*) {},
    [](stator_call*, stator_status code, const char*, const char*, std::size_t) { return code; },
    [](stator_call*, stator_str) {}};

stator_kv_service kv_service() {
  stator_kv_service kv{};
  kv.struct_size = sizeof kv;
  kv.get = [](stator_call*, std::uint8_t, stator_bytes, stator_bytes* value) {
    *value = as_bytes(stage.stored);
    return 1;
  };
  kv.visit_all = [](stator_call*, std::uint8_t, stator_kv_visitor, void*) {};
  return kv;
}
const stator_kv_service kKv = kv_service();

const void* find_service(const char* id) {
  if (std::strcmp(id, STATOR_SERVICE_REPLY) == 0) return &kReply;
  return std::strcmp(id, STATOR_SERVICE_KV) == 0 ? &kKv : nullptr;
}

std::uint32_t index_of(const stator_engine_v1& engine, std::string_view op) {
  for (std::uint32_t i = 0; i < engine.op_count; ++i) {
    if (engine.ops[i]->name == op) return i;
  }
  ADD_FAILURE() << "no such op: " << op;
  return 0;
}

struct GetArguments {
  stator_arg_block block;
  stator_value values[2];
  char id[8];
};

TEST(PointGetHeapTest, AllocatesNothing) {
  std::string text = R"({"text":")" + std::string(9000, 'x') + R"(","deep":[[[{"a":1e400}]]])";
  for (int i = 0; i < 500; ++i)
    text += ",\"k" + std::to_string(i) + "\":" + std::to_string(i) + ".5";
  text += "}";
  std::string value;
  Encoder encoder;
  ASSERT_TRUE(encoder.encode(text, value));
  seal_document(9, value, stage.stored);

  stator_kernel_hello hello{};
  hello.struct_size = sizeof hello;
  hello.abi_major = STATOR_ABI_MAJOR;
  hello.get_service = &find_service;
  const stator_engine_v1& engine = *stator_engine_entry_v1(&hello);

  stator_open open{};
  open.struct_size = sizeof open;
  stator_instance* instance = nullptr;
  char error[64] = {};
  ASSERT_EQ(engine.open(&open, &instance, error, sizeof error), STATOR_OK);

  alignas(64) GetArguments arguments{};
  arguments.block = {sizeof(stator_arg_block), sizeof arguments, 1, 1, 0, 2};
  arguments.values[0].slice = {offsetof(GetArguments, id), 1};
  arguments.id[0] = 'a';
  const std::uint32_t interrupt = 0;
  stator_request request{};
  request.struct_size = sizeof request;
  request.op_index = index_of(engine, "point_get");
  request.args = &arguments.block;
  request.interrupt = &interrupt;

  const std::size_t before = allocations;
  const stator_status status = engine.read(instance, &request);
  const std::size_t after = allocations;
  engine.close(instance);
  EXPECT_EQ(status, STATOR_OK);
  EXPECT_EQ(std::string_view(stage.reply, stage.replied), text);
  EXPECT_EQ(after - before, 0u);
}

}  // namespace
}  // namespace stator::document
