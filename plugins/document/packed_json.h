// Documents are the SDK's packed JSON (stator/packed/): its names, as this engine uses them.
#pragma once

#include "stator/packed/check.hpp"
#include "stator/packed/decimal.hpp"
#include "stator/packed/encode.hpp"
#include "stator/packed/order.hpp"
#include "stator/packed/path.hpp"
#include "stator/packed/value.hpp"
#include "stator/packed/write_json.hpp"

namespace stator::document {

using packed::compare_decimals;
using packed::compare_values;
using packed::Decimal;
using packed::decimal_of;
using packed::Digits;
using packed::Elements;
using packed::Encoder;
using packed::find_path;
using packed::is_valid_path;
using packed::kPathBytesMax;
using packed::Members;
using packed::NumberRoom;
using packed::read_value;
using packed::Tag;
using packed::take_checked;
using packed::type_class;
using packed::TypeClass;
using packed::Value;
using packed::write_json;

}  // namespace stator::document
