#include "support/workload.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <functional>

#include "support/client.h"

namespace stator::test {

using nlohmann::json;

namespace {

constexpr std::uint32_t kRegisters = 12;
constexpr std::uint64_t kIndexed = 40;
constexpr std::uint64_t kVectors = 40;
constexpr std::size_t kInFlight = 8;
// new Y.Doc(); getMap('m').set('a', 1), clientID 1
constexpr const char* kYjsUpdate = "AQEBACgBAW0BYQF9AQA=";

std::string text(const char* prefix, std::uint64_t number) {
  return prefix + std::to_string(number);
}

json request(const char* op, const char* collection) {
  return {{"op", op}, {"collection", collection}, {"payload_format", "json"}};
}

bool is_ok(const json& answer) { return answer["status"] == "ok"; }
bool is_missing(const json& answer) {
  const std::string code = answer.value("error_code", "");
  return code == "not_found" || code == "collection_not_found";
}

// Deterministic, so that brute force knows nothing that the server does not.
std::vector<double> vector_of(std::uint64_t number) {
  const auto part = [&](std::uint64_t step) { return static_cast<double>((number * step) % 97); };
  return {part(31), part(57), part(7), part(11)};
}

// All answers, in order.
std::vector<json> ask_all(Client& client, const std::vector<json>& requests) {
  std::vector<json> answers;
  constexpr std::size_t kAtOnce = 64;
  for (std::size_t begin = 0; begin < requests.size(); begin += kAtOnce) {
    const std::size_t end = std::min(begin + kAtOnce, requests.size());
    for (std::size_t i = begin; i < end; ++i) client.send(requests[i].dump());
    for (std::size_t i = begin; i < end; ++i) {
      auto answer = client.receive();
      if (!answer) throw std::runtime_error("the server closed the connection");
      answers.push_back(json::parse(*answer));
    }
  }
  return answers;
}

json ask(Client& client, const json& request) { return ask_all(client, {request})[0]; }

}  // namespace

// Requests in flight, each with what its answer means.
class Pipeline {
 public:
  using OnAnswer = std::function<void(const json&)>;
  explicit Pipeline(std::uint16_t port) : client_(port) {}

  void send(const json& request, OnAnswer on_answer) {
    client_.send(request.dump());
    open_.push_back(std::move(on_answer));
  }
  // False: the server is gone.
  bool receive_down_to(std::size_t left) {
    while (open_.size() > left) {
      const auto answer = client_.receive();
      if (!answer) return false;
      open_.front()(json::parse(*answer));
      open_.pop_front();
    }
    return true;
  }

 private:
  Client client_;
  std::deque<OnAnswer> open_;
};

void Workload::run(std::uint16_t port) {
  ++round_;
  answered_ = 0;
  is_cut_ = false;
  acknowledged_.clear();
  sure_pairs_.clear();
  sure_crdt_.clear();
  first_pair_ = last_pair_ + 1;
  for (unsigned client = 0; client < 2; ++client) {
    clients_.emplace_back([this, port, client, seed = static_cast<unsigned>(random_())] {
      use_registers(port, client, seed);
    });
  }
  clients_.emplace_back(
      [this, port, seed = static_cast<unsigned>(random_())] { use_engines(port, seed); });
}

void Workload::join() {
  for (std::thread& client : clients_) client.join();
  clients_.clear();
}

void Workload::fail(const std::string& what) {
  const std::lock_guard lock(mutex_);
  if (failure_.empty()) failure_ = what;
}

Operation Workload::begin(bool is_write, std::uint32_t key, std::uint64_t value) {
  Operation operation;
  operation.is_write = is_write;
  operation.key = key;
  operation.value = value;
  operation.began = ++now_;
  return operation;
}

void Workload::end(Put put, const json& answer) {
  put.operation.ended = ++now_;
  put.operation.lsn = answer["payload"]["lsn"];
  put.operation.watermark = answer["watermark_lsn"];
  put.payload = answer["payload"].dump();
  const std::lock_guard lock(mutex_);
  history_.push_back(put.operation);
  acknowledged_.push_back(std::move(put));
}

void Workload::end_read(Operation operation, const json& answer) {
  operation.ended = ++now_;
  operation.watermark = answer["watermark_lsn"];
  operation.value = is_ok(answer) ? answer["payload"]["v"].get<std::uint64_t>() : 0;
  const std::lock_guard lock(mutex_);
  history_.push_back(operation);
}

namespace {

json put_of(std::uint32_t key, std::uint64_t value, const std::string& idempotency_key) {
  json put = request("point_put", "registers");
  put["document_id"] = text("r", key);
  put["data"] = {{"v", value}, {"filler", std::string(value % 7 * 300, 'f')}};
  put["idempotency_key"] = idempotency_key;
  return put;
}

json get_of(std::uint32_t key) {
  json get = request("point_get", "registers");
  get["document_id"] = text("r", key);
  return get;
}

}  // namespace

void Workload::use_registers(std::uint16_t port, unsigned number, unsigned seed) {
  std::mt19937 random(seed);
  Put put;
  bool is_open = false;  // `put` waits for its answer
  try {
    Client client(port);
    while (!is_cut_) {
      const auto key = static_cast<std::uint32_t>(random() % kRegisters);
      const bool is_write = random() % 10 < 6;
      put = {begin(is_write, key, is_write ? ++last_value_ : 0), {}, {}};
      put.key = text("k", put.operation.value) + text("c", number);
      is_open = is_write;
      client.send((is_write ? put_of(key, put.operation.value, put.key) : get_of(key)).dump());
      const auto answer = client.receive();
      if (!answer) break;
      const json told = json::parse(*answer);
      is_open = false;
      if (!is_ok(told) && (is_write || !is_missing(told))) fail("unexpected: " + told.dump());
      is_write ? end(put, told) : end_read(put.operation, told);
      ++answered_;
    }
  } catch (const std::exception&) {
    // The server is gone.
  }
  const std::lock_guard lock(mutex_);
  if (is_open) open_.push_back(std::move(put));
}

// ---- every engine -------------------------------------------------------------------------------

namespace {

json pair_of(std::uint64_t number, unsigned round) {
  const std::string node = text("n", number);
  const std::string hub = text("hub", round);
  json batch = {{"op", "batch"}, {"payload_format", "json"}, {"ops", json::array()}};
  batch["ops"].push_back({{"op", "point_put"},
                          {"collection", "pairs"},
                          {"document_id", node},
                          {"data", {{"n", number}}}});
  batch["ops"].push_back({{"op", "vector_upsert"},
                          {"collection", "pairs"},
                          {"document_id", node},
                          {"metric", "l2"},
                          {"vector", vector_of(number)}});
  batch["ops"].push_back({{"op", "edge_batch_put"},
                          {"collection", "pairs"},
                          {"edges",
                           {{{"from_node", node}, {"to_node", hub}, {"edge_type", "t"}},
                            {{"from_node", hub}, {"to_node", node}, {"edge_type", "back"}}}}});
  return batch;
}

}  // namespace

void Workload::mix(Pipeline& pipeline, std::mt19937& random) {
  const auto count = [this](const json& answer) {
    if (!is_ok(answer)) fail("unexpected: " + answer.dump());
    ++answered_;
    return is_ok(answer);
  };
  const auto choice = random() % 100;
  if (choice < 30) {
    const std::uint64_t number = ++last_pair_;
    pipeline.send(pair_of(number, round_), [this, count, number](const json& answer) {
      if (count(answer)) sure_pairs_.insert(number);
    });
  } else if (choice < 55) {
    json upsert = request("vector_upsert", "vectors");
    const std::uint64_t number = random();
    upsert["document_id"] = text("v", number % kVectors);
    upsert["vector"] = vector_of(number);
    upsert["metric"] = "l2";
    pipeline.send(upsert, count);
  } else if (choice < 85) {
    const std::uint64_t document = random() % kIndexed;
    const bool is_put = random() % 3 != 0;
    const auto value = static_cast<std::int64_t>(random() % 10);
    json change = request(is_put ? "point_put" : "point_delete", "indexed");
    change["document_id"] = text("x", document);
    if (is_put) change["data"] = {{"g", value}, {"filler", std::string(400, 'g')}};
    ++indexed_[document].open;
    pipeline.send(change, [this, count, document, value = is_put ? value : -1](const json& answer) {
      --indexed_[document].open;
      if (count(answer)) indexed_[document].value = value;
    });
  } else if (choice < 99) {
    const std::uint64_t number = ++last_value_;
    json apply = request("crdt_apply", "crdt");
    apply["document_id"] = text("c", number);
    apply["delta"] = kYjsUpdate;
    pipeline.send(apply, [this, count, number](const json& answer) {
      if (count(answer)) sure_crdt_.insert(number);
    });
  } else {
    pipeline.send({{"op", "checkpoint"}}, count);
  }
}

void Workload::use_engines(std::uint16_t port, unsigned seed) {
  std::mt19937 random(seed);
  try {
    Pipeline pipeline(port);
    if (round_ == 1) {
      json index = request("index_create", "indexed");
      index["path"] = "g";
      pipeline.send(index, [](const json&) {});
    }
    while (!is_cut_) {
      mix(pipeline, random);
      if (!pipeline.receive_down_to(random() % kInFlight)) return;
    }
  } catch (const std::exception&) {
    return;  // the server is gone
  }
}

// ---- afterwards ---------------------------------------------------------------------------------

std::string Workload::verify(std::uint16_t port) {
  if (!failure_.empty()) return failure_;
  try {
    Client client(port);
    using Check = std::string (Workload::*)(Client&);
    for (const Check check :
         {&Workload::ask_again, &Workload::verify_registers, &Workload::verify_pairs,
          &Workload::verify_index, &Workload::verify_vectors, &Workload::verify_crdt}) {
      if (std::string error = (this->*check)(client); !error.empty()) return error;
    }
  } catch (const std::exception& error) {
    return error.what();
  }
  return failure_;
}

// What had an answer must get the same one again; what had none is done now, if it was not done
// then.
std::string Workload::ask_again(Client& client) {
  const std::size_t sample = std::min<std::size_t>(acknowledged_.size(), 30);
  std::vector<Put> sure(acknowledged_.end() - static_cast<std::ptrdiff_t>(sample),
                        acknowledged_.end());
  std::vector<json> requests;
  for (const Put& put : sure)
    requests.push_back(put_of(put.operation.key, put.operation.value, put.key));
  const std::vector<json> answers = ask_all(client, requests);
  for (std::size_t i = 0; i < sure.size(); ++i) {
    if (answers[i]["payload"].dump() != sure[i].payload) {
      return "another answer under the same idempotency key: " + sure[i].payload + "; now " +
             answers[i].dump();
    }
  }
  for (Put& put : open_) {
    const json answer = ask(client, put_of(put.operation.key, put.operation.value, put.key));
    if (!is_ok(answer)) return "asked again: " + answer.dump();
    end(std::move(put), answer);
  }
  open_.clear();
  return {};
}

std::string Workload::verify_registers(Client& client) {
  for (std::uint32_t key = 0; key < kRegisters; ++key) {
    const Operation operation = begin(false, key, 0);
    end_read(operation, ask(client, get_of(key)));
  }
  return check_history(history_);
}

std::string Workload::verify_pairs(Client& client) {
  std::vector<json> requests;
  json in = request("graph_neighbors", "pairs");
  in["node_id"] = text("hub", round_);
  in["direction"] = "in";
  in["limit"] = 10000;
  json out = in;
  out["direction"] = "out";
  std::set<std::string> into;
  std::set<std::string> from;
  for (const auto& [request, nodes] : {std::pair(in, &into), std::pair(out, &from)}) {
    const json answer = ask(client, request);
    if (!is_ok(answer) && !is_missing(answer)) return answer.dump();
    if (is_ok(answer))
      for (const json& neighbor : answer["payload"]["neighbors"]) nodes->insert(neighbor["node"]);
  }
  for (std::uint64_t number = first_pair_; number <= last_pair_; ++number) {
    const std::string node = text("n", number);
    json get = request("point_get", "pairs");
    get["document_id"] = node;
    json vector = request("vector_get", "pairs");
    vector["document_id"] = node;
    json neighbors = request("graph_neighbors", "pairs");
    neighbors["node_id"] = node;
    neighbors["direction"] = "both";
    requests.insert(requests.end(), {get, vector, neighbors});
  }
  const std::vector<json> answers = ask_all(client, requests);
  for (std::uint64_t number = first_pair_; number <= last_pair_; ++number) {
    const std::size_t at = (number - first_pair_) * 3;
    const std::string node = text("n", number);
    const std::size_t edges =
        is_ok(answers[at + 2]) ? answers[at + 2]["payload"]["neighbors"].size() : 0;
    const std::size_t parts = (is_ok(answers[at]) ? 1u : 0u) + (is_ok(answers[at + 1]) ? 1u : 0u) +
                              edges + into.count(node) + from.count(node);
    if (parts != 0 && parts != 6) {
      return "half a batch: " + node + ": " + answers[at].dump() + answers[at + 1].dump() +
             answers[at + 2].dump();
    }
    if (parts == 0 && sure_pairs_.contains(number)) return "an acknowledged batch is gone: " + node;
  }
  return {};
}

std::string Workload::verify_index(Client& client) {
  json scan = request("document_scan", "indexed");
  scan["limit"] = 1000;
  json range = request("range_scan", "indexed");
  range["field"] = "g";
  range["limit"] = 1000;
  const json scanned = ask(client, scan);
  const json ranged = ask(client, range);
  if (!is_ok(scanned) || !is_ok(ranged)) return scanned.dump() + ranged.dump();
  std::map<std::string, std::int64_t> by_scan;
  std::map<std::string, std::int64_t> by_index;
  for (const json& row : scanned["payload"]["rows"]) by_scan[row["document_id"]] = row["data"]["g"];
  for (const json& row : ranged["payload"]["rows"]) by_index[row["document_id"]] = row["value"];
  if (by_scan != by_index || by_index.size() != ranged["payload"]["rows"].size()) {
    return "the index is not what a rebuild would be: " + json(by_scan).dump() +
           json(by_index).dump();
  }
  for (auto& [document, known] : indexed_) {
    const auto found = by_scan.find(text("x", document));
    const std::int64_t value = found == by_scan.end() ? -1 : found->second;
    if (known.open == 0 && known.value != value) {
      return "document " + text("x", document) + " should hold " + std::to_string(known.value) +
             ", not " + std::to_string(value);
    }
    known = {value, 0};  // what was unsure is known now
  }
  return {};
}

std::string Workload::verify_vectors(Client& client) {
  std::vector<json> requests;
  for (std::uint64_t number = 0; number < kVectors; ++number) {
    requests.push_back(request("vector_get", "vectors"));
    requests.back()["document_id"] = text("v", number);
  }
  const std::vector<double> query = vector_of(random_());
  std::vector<double> expected;
  for (const json& answer : ask_all(client, requests)) {
    if (!is_ok(answer)) continue;
    double sum = 0;
    for (std::size_t i = 0; i < query.size(); ++i) {
      const double difference = answer["payload"]["vector"][i].get<double>() - query[i];
      sum += difference * difference;
    }
    expected.push_back(sum);
  }
  json search = request("vector_search", "vectors");
  search["query_vector"] = query;
  search["top_k"] = kVectors;
  const json answer = ask(client, search);
  if (!is_ok(answer)) return expected.empty() ? std::string() : answer.dump();
  std::vector<double> found;
  std::set<std::string> names;
  for (const json& row : answer["payload"]["results"]) {
    found.push_back(row["distance"]);
    names.insert(row["document_id"]);
  }
  std::sort(expected.begin(), expected.end());
  if (found != expected || names.size() != found.size()) {
    return "search is not what brute force finds: " + json(expected).dump() + answer.dump();
  }
  return {};
}

std::string Workload::verify_crdt(Client& client) {
  std::vector<json> requests;
  for (const std::uint64_t number : sure_crdt_) {
    requests.push_back(request("crdt_read", "crdt"));
    requests.back()["document_id"] = text("c", number);
  }
  for (const json& answer : ask_all(client, requests)) {
    const bool is_there = is_ok(answer) && answer["payload"] == json{{"m", {{"a", 1}}}};
    if (!is_there) return "an acknowledged crdt document is gone: " + answer.dump();
  }
  return {};
}

}  // namespace stator::test
