// What a server looks at before it loads a library, and that it loads.
#include "checks.h"
#include "library/library_rules.h"
#include "watched_engine.h"

namespace stator::check {

void check_library() {
  library::ElfImage image;
  library::Manifest manifest;
  const std::string fault = library::check_library(library_bytes(), image, manifest);
  if (!fault.empty()) broken("a server does not load it: " + fault);
  load_engine();
}

}  // namespace stator::check
