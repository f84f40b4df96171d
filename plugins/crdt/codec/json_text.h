// JSON texts inside an update: embeds, the values of formatting marks, legacy JSON content.
//
// JavaScript's JSON.stringify writes half a surrogate pair as an escape ("\ud83d"), which strict
// readers refuse. Such texts are accepted and stored as they came, and repaired when read.
#pragma once

#include <string>
#include <string_view>

namespace stator::crdt {

// One JSON value and nothing else, nested at most kValueDepthMax deep.
bool is_json_text(std::string_view text);

// The text with every lone surrogate escape replaced by \ufffd: JSON that any reader takes.
// `text` must have passed is_json_text.
std::string repaired_json(std::string_view text);

}  // namespace stator::crdt
