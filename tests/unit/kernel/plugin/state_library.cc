// An engine library of which two versions are loaded into one process, in every way in which C++
// keeps something for ever. Each call of the entry counts them all up; `doc` says the counts.
#include <array>
#include <cstdio>

#include "stator/engine.h"

namespace shared_name {  // the same in both versions, as in two builds of one engine

inline int inline_variable = 0;
template <class T>
struct OfTemplate {
  static inline int member = 0;
};
inline int& in_function() {
  static int counter = 0;
  return counter;
}
inline thread_local int of_thread = 0;

struct Made {
  Made() : at(this) {}
  const void* at;
  int counter = 0;
};
// With a guard: it is made when it is first asked for.
inline Made& made() {
  static Made one;
  return one;
}

}  // namespace shared_name

static int of_file = 0;

STATOR_ENGINE_NOTE("state", STATE_VERSION)

extern "C" STATE_EXPORT const stator_engine_v1* stator_engine_entry_v1(const stator_kernel_hello*) {
  using namespace shared_name;
  static std::array<char, 128> doc;
  static stator_engine_v1 engine{};
  std::snprintf(doc.data(), doc.size(), "%d %d %d %d %d %d", ++of_file, ++inline_variable,
                ++OfTemplate<int>::member, ++in_function(), ++of_thread, ++made().counter);
  engine.struct_size = sizeof engine;
  engine.version = STATE_VERSION;
  engine.doc = doc.data();
  return &engine;
}
