// `stator plugin new NAME --lang cpp|c|rust`: a project of one's own engine, copied from the
// templates of the package stator-sdk. A template is a whole engine called `counter`; the copy is
// called NAME.
#pragma once

#include <span>
#include <string>

namespace stator::client {

// Makes the folder NAME in the current one and returns what to do next, for people. `words` is the
// command line from "plugin" on. Throws Failure (usage): a malformed name, a folder that is there
// already, templates that are not installed.
std::string new_plugin(std::span<const std::string> words);

}  // namespace stator::client
