// What an EventSource of a browser needs: it can only GET, and it says with Last-Event-ID what it
// saw last (HTML, section 9.2, "Server-sent events").
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "bridge/task.h"

namespace stator::http {

// The arguments of subscribe, as JSON, from the query of GET /v1/changes
// ("collection=users&values=0", percent-encoded) and from Last-Event-ID (empty: none), which goes
// before from_lsn. Error: kBadRequest.
Result<std::string> changes_request(std::string_view query, std::string_view last_event_id);

// Of a part of the changes, by the number of its event: the last LSN that the client has seen with
// it; 0: the event says none.
Lsn seen_with(const bridge::Task& part, std::size_t index);

}  // namespace stator::http
