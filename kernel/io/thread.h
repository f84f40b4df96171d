// A named thread that is joined when its owner dies. The only place that makes threads.
#pragma once

#include <functional>
#include <string>
#include <thread>

namespace stator::io {

class Thread {
 public:
  Thread() = default;
  Thread(const std::string& name, std::function<void()> body);
  Thread(Thread&&) = default;
  Thread& operator=(Thread&&) = default;
  ~Thread();
  void join();

 private:
  std::thread thread_;
};

}  // namespace stator::io
