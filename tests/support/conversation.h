// Conversations: text files that say what is sent to a real server and what must come back.
//
//   # comment
//   > {"op":"ping"}                 send a frame
//   + {"op":"ping"}                 send a frame together with the next one: they arrive at once
//   < {"status":"ok"}               the next frame matches: objects may have more members, arrays
//                                   must be equal, "_" matches anything
//   ! restart | kill                stop (SIGTERM, must exit 0) or kill -9 the server, start again
//   ! connection NAME               go on as another client (the first is "a")
//   ! closed                        the server closes this connection
//   ! raw HEX                       send bytes
//   ! config LINE                   a line of the config; before the first frame; $DIR is a directory
//                                   of this conversation alone
//   ! lanes N                       restart with another number of lanes
//   ! no_restart REASON             not to be run with a restart after every frame
// Requests are sent with "payload_format":"json" unless they say otherwise; payloads are compared
// as JSON.
#pragma once

#include <string>

namespace stator::test {

struct ConversationOptions {
  unsigned lanes = 1;
  bool restart_after_every_frame = false;
  bool is_tls = false;
  bool is_encrypted = false;
  bool is_websocket = false;
};

// Empty if the conversation went as written, else what differed, with the line.
std::string run_conversation(const std::string& path, const ConversationOptions& options);

}  // namespace stator::test
