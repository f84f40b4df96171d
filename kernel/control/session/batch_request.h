// The requests inside a batch: read, admitted and placed one by one.
#pragma once

#include "base/result.h"
#include "base/thread_role.h"
#include "bridge/task.h"
#include "control/auth/identity.h"
#include "control/session/request_parser.h"

namespace stator::session {

struct SessionHost;

struct BatchReading {
  RequestParser& parser;
  SessionHost& host;
  const auth::Identity& identity;
  const ParseDefaults& defaults;
};

// Makes batch.items of the batch's `ops`, ready for Dispatcher::dispatch_batch(). Errors name the
// field as ops[3].document_id.
Status read_batch(const BatchReading& reading, bridge::Task& batch) STATOR_ON(lane);

// The payload of a batch that was not atomic: an answer or an error for each item.
void write_each_answer(bridge::Task& batch);

}  // namespace stator::session
