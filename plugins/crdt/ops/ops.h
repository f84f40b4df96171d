// The rows of the op table that this engine brings; one file per op.
#pragma once

#include "engine.h"

namespace stator::crdt {

extern const Op<CrdtEngine> kCrdtApply;
extern const Op<CrdtEngine> kCrdtRead;
extern const Op<CrdtEngine> kAlterCollectionPolicy;
extern const Op<CrdtEngine> kGetCollectionPolicy;

}  // namespace stator::crdt
