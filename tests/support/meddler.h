// Stands between one client and the server and spoils what the client sends, at one byte of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <thread>

namespace stator::test {

// What becomes of that byte: one of its bits is another, it is missing, it comes twice.
enum class Spoil : std::uint8_t { kFlip, kDrop, kRepeat };

class Meddler {
 public:
  static constexpr std::size_t kNever = SIZE_MAX;

  // Takes one connection and makes one to `server_port`. `at`: which byte of those that the client
  // sends. The server gets what came together with it, and then the client's end of input, so that
  // nobody waits for bytes that will not come. Throws.
  Meddler(std::uint16_t server_port, std::size_t at = kNever, Spoil how = Spoil::kFlip);
  // Waits until both sides are gone; the client must be, or go by itself.
  ~Meddler();
  Meddler(const Meddler&) = delete;
  Meddler& operator=(const Meddler&) = delete;

  std::uint16_t port() const { return port_; }
  // Waits until both sides are gone. How many bytes the client has sent, to `at` or to its end.
  std::size_t finish();

 private:
  void stand_between(std::uint16_t server_port);
  // True: it was the last chunk for the server.
  bool pass_on(int from, int to);

  std::size_t at_;
  Spoil how_;
  int listener_;
  std::uint16_t port_ = 0;
  std::size_t sent_ = 0;
  std::thread thread_;
};

}  // namespace stator::test
