#include "support/places.h"

namespace stator::test {

std::string in_tests(const std::string& path) { return TESTS_DIR "/" + path; }
std::string in_build(const std::string& path) { return BUILD_DIR "/" + path; }

}  // namespace stator::test
