// Where the sources of the tests are, and what the build made for them. The paths are compiled into
// places.cc alone, so that every other source is the same wherever the tree stands (for ccache).
#pragma once

#include <string>

namespace stator::test {

// tests/`path` of the sources, and `path` of the build's folder; both absolute.
std::string in_tests(const std::string& path);
std::string in_build(const std::string& path);

}  // namespace stator::test
