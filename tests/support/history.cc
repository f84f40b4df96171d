#include "support/history.h"

#include <algorithm>
#include <map>
#include <sstream>

namespace stator::test {
namespace {

std::string text_of(const Operation& operation) {
  std::ostringstream text;
  text << (operation.is_write ? "write" : "read") << " of register " << operation.key << ", value "
       << operation.value << ", LSN " << operation.lsn << ", watermark " << operation.watermark
       << ", " << operation.began << ".." << operation.ended;
  return text.str();
}

std::string broken(const std::string& rule, const Operation& before, const Operation& after) {
  return rule + ": " + text_of(before) + "; then " + text_of(after);
}

class Checker {
 public:
  explicit Checker(std::vector<Operation> operations) : operations_(std::move(operations)) {}

  std::string run() {
    for (const auto check :
         {&Checker::know_writes, &Checker::place_reads, &Checker::check_real_time}) {
      if (std::string error = (this->*check)(); !error.empty()) return error;
    }
    return {};
  }

 private:
  std::string know_writes() {
    for (const Operation& operation : operations_) {
      if (!operation.is_write) continue;
      if (!by_value_.emplace(operation.value, &operation).second) {
        return broken("a value was written twice", *by_value_[operation.value], operation);
      }
      if (!by_lsn_.emplace(operation.lsn, &operation).second) {
        return broken("two writes have one LSN", *by_lsn_[operation.lsn], operation);
      }
      lsns_[operation.key].push_back(operation.lsn);
    }
    for (auto& [key, lsns] : lsns_) std::sort(lsns.begin(), lsns.end());
    return {};
  }

  // From here on a read has the LSN of the write it saw.
  std::string place_reads() {
    for (Operation& operation : operations_) {
      if (!operation.is_write && operation.value != 0) {
        const auto seen = by_value_.find(operation.value);
        if (seen == by_value_.end() || seen->second->key != operation.key) {
          return "phantom: nobody wrote what was read: " + text_of(operation);
        }
        operation.lsn = seen->second->lsn;
      }
      if (operation.watermark < operation.lsn)
        return "told before it was durable: " + text_of(operation);
    }
    return {};
  }

  // Operations in the order of their beginnings, with what had ended by then.
  std::string check_real_time() {
    std::vector<const Operation*> by_begin;
    for (const Operation& operation : operations_) by_begin.push_back(&operation);
    std::vector<const Operation*> by_end = by_begin;
    std::sort(by_begin.begin(), by_begin.end(),
              [](auto* a, auto* b) { return a->began < b->began; });
    std::sort(by_end.begin(), by_end.end(), [](auto* a, auto* b) { return a->ended < b->ended; });
    auto ended = by_end.begin();
    for (const Operation* operation : by_begin) {
      for (; ended != by_end.end() && (*ended)->ended < operation->began; ++ended) end(**ended);
      if (std::string error = check(*operation); !error.empty()) return error;
    }
    return {};
  }

  void end(const Operation& operation) {
    const auto raise = [&](const Operation*& newest, auto member) {
      if (newest == nullptr || operation.*member > newest->*member) newest = &operation;
    };
    raise(watermark_, &Operation::watermark);
    if (operation.is_write) raise(write_, &Operation::lsn);
    raise(of_key_[operation.key], &Operation::lsn);
  }

  std::string check(const Operation& now) const {
    if (watermark_ != nullptr && watermark_->watermark > now.watermark) {
      return broken("the watermark went back", *watermark_, now);
    }
    if (now.is_write && write_ != nullptr && write_->lsn > now.lsn) {
      return broken("LSNs against the order of time", *write_, now);
    }
    const auto before = of_key_.find(now.key);
    if (before != of_key_.end()) {
      const std::uint64_t lsn = before->second->lsn;
      if (lsn > now.lsn) return broken("stale: time went back", *before->second, now);
      if (now.is_write && lsn == now.lsn)
        return broken("read before it was written", *before->second, now);
    }
    return now.is_write ? std::string() : check_fresh(now);
  }

  std::string check_fresh(const Operation& read) const {
    const auto lsns = lsns_.find(read.key);
    if (lsns == lsns_.end() || watermark_ == nullptr) return {};
    const auto behind =
        std::upper_bound(lsns->second.begin(), lsns->second.end(), watermark_->watermark);
    if (behind == lsns->second.begin() || *std::prev(behind) <= read.lsn) return {};
    return broken("a durable write was not seen", *by_lsn_.at(*std::prev(behind)), read);
  }

  std::vector<Operation> operations_;
  std::map<std::uint64_t, const Operation*> by_value_;
  std::map<std::uint64_t, const Operation*> by_lsn_;
  std::map<std::uint32_t, std::vector<std::uint64_t>> lsns_;
  // Of what has ended: the highest of each kind.
  const Operation* watermark_ = nullptr;
  const Operation* write_ = nullptr;
  std::map<std::uint32_t, const Operation*> of_key_;
};

}  // namespace

std::string check_history(std::vector<Operation> operations) {
  return Checker(std::move(operations)).run();
}

}  // namespace stator::test
