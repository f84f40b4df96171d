// A server in a thread: answers each frame of one connection at a time by a function of the test.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <Poco/Net/ServerSocket.h>

namespace stator::client {

class FakeServer {
 public:
  // Frames to send for the request that has this number (from 1). A body that begins with '!' is
  // sent without a length, as raw bytes; "close" ends the connection.
  using Handler = std::function<std::vector<std::string>(std::uint64_t, const std::string&)>;

  explicit FakeServer(Handler handler);
  ~FakeServer();
  FakeServer(const FakeServer&) = delete;
  FakeServer& operator=(const FakeServer&) = delete;

  std::string address() const;
  // What has arrived.
  std::vector<std::string> requests() const;

 private:
  void serve();
  void serve_one(Poco::Net::StreamSocket& socket);

  Handler handler_;
  Poco::Net::ServerSocket listener_;
  mutable std::mutex mutex_;
  std::vector<std::string> requests_;
  std::atomic<bool> is_stopping_ = false;  // set before the connection that wakes the thread
  std::thread thread_;
};

}  // namespace stator::client
