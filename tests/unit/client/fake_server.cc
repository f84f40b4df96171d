#include "fake_server.h"

#include <Poco/Exception.h>
#include <Poco/Net/SocketAddress.h>
#include <Poco/Net/StreamSocket.h>

namespace stator::client {
namespace {

bool read_exactly(Poco::Net::StreamSocket& socket, char* to, std::size_t size) {
  for (std::size_t at = 0; at < size;) {
    const int bytes = socket.receiveBytes(to + at, static_cast<int>(size - at));
    if (bytes <= 0) return false;
    at += static_cast<std::size_t>(bytes);
  }
  return true;
}

bool read_frame(Poco::Net::StreamSocket& socket, std::string& body) {
  unsigned char prefix[4];
  if (!read_exactly(socket, reinterpret_cast<char*>(prefix), sizeof prefix)) return false;
  std::size_t size = 0;
  for (const unsigned char byte : prefix) size = size << 8 | byte;
  body.resize(size);
  return read_exactly(socket, body.data(), size);
}

std::string framed(const std::string& body) {
  std::string frame;
  for (int shift = 24; shift >= 0; shift -= 8)
    frame += static_cast<char>(body.size() >> shift & 0xff);
  return frame + body;
}

void send_all(Poco::Net::StreamSocket& socket, const std::string& bytes) {
  for (std::size_t at = 0; at < bytes.size();) {
    const int sent = socket.sendBytes(bytes.data() + at, static_cast<int>(bytes.size() - at));
    if (sent <= 0) return;
    at += static_cast<std::size_t>(sent);
  }
}

}  // namespace

FakeServer::FakeServer(Handler handler)
    : handler_(std::move(handler)),
      listener_(Poco::Net::SocketAddress("127.0.0.1", 0)),
      thread_([this] { serve(); }) {}

FakeServer::~FakeServer() {
  is_stopping_ = true;
  try {
    Poco::Net::StreamSocket wake(listener_.address());
    thread_.join();
  } catch (const Poco::Exception&) {
    thread_.join();
  }
}

std::string FakeServer::address() const { return listener_.address().toString(); }

std::vector<std::string> FakeServer::requests() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return requests_;
}

void FakeServer::serve() {
  for (;;) {
    Poco::Net::StreamSocket socket = listener_.acceptConnection();
    if (is_stopping_) return;
    try {
      serve_one(socket);
    } catch (const Poco::Exception&) {
      // The client left; the next one may come.
    }
  }
}

void FakeServer::serve_one(Poco::Net::StreamSocket& socket) {
  std::string body;
  for (std::uint64_t number = 1; read_frame(socket, body); ++number) {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      requests_.push_back(body);
    }
    for (const std::string& answer : handler_(number, body)) {
      if (answer == "close") return;
      send_all(socket, answer.starts_with('!') ? answer.substr(1) : framed(answer));
    }
  }
}

}  // namespace stator::client
