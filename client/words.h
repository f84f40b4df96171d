// Splits a typed line into words, as a shell does: white space separates; '…' is literal; in "…" a
// backslash protects " and \; outside of quotes it protects any character.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace stator::client {

// Throws Failure (usage) at a quote without end. A word that begins with { or [ outside of quotes
// runs to its closing bracket, so that JSON needs no quoting.
std::vector<std::string> split_words(std::string_view line);

}  // namespace stator::client
