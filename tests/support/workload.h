// Clients that use every engine of a real server at once, remember what they were told, and say
// afterwards what of it is not true. For tests that end the server in the middle: run(), wait for
// answered(), end the server, join(), start it again, verify(); as often as one likes.
//
//   registers  two clients put and get documents under idempotency keys, one request at a time: the
//              witness (history.h). A put without an answer is asked again after the restart.
//   pairs      a batch of document, vector and two edges: all or none
//   index      documents with an indexed field, put and deleted: index = full scan = what was told
//   vectors    search = brute force over point reads
//   graph      out of one end = into the other
//   crdt       documents that are acknowledged can be read
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "support/history.h"

namespace stator::test {

class Workload {
 public:
  explicit Workload(unsigned seed) : random_(seed) {}
  ~Workload() { join(); }
  Workload(const Workload&) = delete;
  Workload& operator=(const Workload&) = delete;

  // Begins a round: the clients work until the server is gone, or stop().
  void run(std::uint16_t port);
  // Answers of this round so far.
  std::size_t answered() const { return answered_.load(); }
  // Clients end by themselves when the server is gone; with one that is stopped, cut() their
  // sockets.
  void cut() { is_cut_ = true; }
  void join();

  // Empty, or what a server that was restarted does not keep of what was promised.
  std::string verify(std::uint16_t port);

  std::size_t writes() const { return history_.size(); }

 private:
  struct Put {
    Operation operation;
    std::string key;      // of idempotency
    std::string payload;  // of its first answer
  };
  struct Known {
    std::int64_t value = -1;  // -1: no document
    int open = 0;             // changes without an answer: while there are any, nothing is known
  };

  void use_registers(std::uint16_t port, unsigned client, unsigned seed);
  void use_engines(std::uint16_t port, unsigned seed);
  void mix(class Pipeline& pipeline, std::mt19937& random);
  Operation begin(bool is_write, std::uint32_t key, std::uint64_t value);
  void end(Put put, const nlohmann::json& answer);
  void end_read(Operation operation, const nlohmann::json& answer);

  std::string ask_again(class Client& client);
  std::string verify_registers(Client& client);
  std::string verify_pairs(Client& client);
  std::string verify_index(Client& client);
  std::string verify_vectors(Client& client);
  std::string verify_crdt(Client& client);
  void fail(const std::string& what);

  std::mt19937 random_;
  std::atomic<bool> is_cut_{false};
  std::atomic<std::size_t> answered_{0};
  std::atomic<std::uint64_t> now_{0};  // one order for all clients
  std::atomic<std::uint64_t> last_value_{0};
  std::vector<std::thread> clients_;
  unsigned round_ = 0;

  std::mutex mutex_;  // guards what follows, while clients run
  std::vector<Operation> history_;
  std::vector<Put> open_;          // without an answer
  std::vector<Put> acknowledged_;  // of this round
  std::string failure_;            // an answer that nobody may give
  // By the client of the engines alone, and by verify().
  std::uint64_t last_pair_ = 0;
  std::uint64_t first_pair_ = 1;  // of this round
  std::set<std::uint64_t> sure_pairs_;
  std::set<std::uint64_t> sure_crdt_;
  std::map<std::uint64_t, Known> indexed_;
};

}  // namespace stator::test
