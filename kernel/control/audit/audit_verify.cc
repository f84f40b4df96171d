#include "control/audit/audit_verify.h"

namespace stator::audit {
namespace {

Error damaged(const std::string& place, const std::string& why) {
  return Error(ErrorCode::kCorrupted, place + ": " + why);
}

class Verifier {
 public:
  Verifier(io::FileSystem& files, const std::string& directory) : files_(files), directory_(directory) {}

  // Must be a line of the log: the position is compared when it is passed.
  void expect(const char* who, const Position& position) {
    if (position.sequence != 0) expected_.push_back({who, position});
  }

  Result<VerifyReport> run() {
    STATOR_TRY(const std::vector<std::string> names, files_.list(directory_));
    std::uint64_t first = 0;
    for (const std::string& name : names) {
      if (!parse_file_name(name, first)) continue;
      if (report_.has_torn_line) return damaged(directory_ + "/" + name, "the file before it has a line without an end");
      if (first != report_.last.sequence + 1) {
        return damaged(directory_ + "/" + name, "it begins with " + std::to_string(first) + " where " +
                                                    std::to_string(report_.last.sequence + 1) +
                                                    " is due: a file is missing or was cut");
      }
      STATOR_CHECK(read(directory_ + "/" + name));
      ++report_.files;
    }
    for (const auto& [who, position] : expected_) {
      if (position.sequence <= report_.last.sequence) continue;
      return damaged(directory_, "the log ends with " + std::to_string(report_.last.sequence) + ", and " + who +
                                     " knows line " + std::to_string(position.sequence) + ": lines were cut off");
    }
    return report_;
  }

 private:
  struct Expected {
    const char* who;
    Position position;
  };

  Status read(const std::string& path) {
    STATOR_TRY(const std::string text, io::read_file(files_, path));
    std::size_t number = 1;
    std::size_t at = 0;
    for (std::size_t end = text.find('\n'); end != std::string::npos; end = text.find('\n', at), ++number) {
      const std::string place = path + ":" + std::to_string(number);
      auto status = follow(report_.last, std::string_view(text).substr(at, end - at));
      if (!status.ok()) return damaged(place, status.error().sentence());
      STATOR_CHECK(compare(place));
      at = end + 1;
    }
    report_.has_torn_line = at != text.size();
    return ok_status();
  }

  Status compare(const std::string& place) const {
    for (const auto& [who, position] : expected_) {
      if (position.sequence != report_.last.sequence || position.hash == report_.last.hash) continue;
      return damaged(place, std::string("its hash is not the one that ") + who +
                                " knows: the log was written anew");
    }
    return ok_status();
  }

  io::FileSystem& files_;
  const std::string& directory_;
  std::vector<Expected> expected_;
  VerifyReport report_;
};

}  // namespace

Result<VerifyReport> verify(io::FileSystem& files, const std::string& directory, const Position& expected) {
  Verifier verifier(files, directory);
  const std::string head_path = directory + "/HEAD";
  STATOR_TRY(const bool has_head, files.exists(head_path));
  Position head;
  if (has_head) {
    STATOR_TRY(const std::string text, io::read_file(files, head_path));
    STATOR_TRY(head, read_head(text));
  }
  verifier.expect("HEAD", head);
  verifier.expect("the expected position", expected);
  auto report = verifier.run();
  // A server syncs its first line within moments; a log with lines and no HEAD lost it.
  if (report.ok() && !has_head && report.value().last.sequence > 1) {
    return damaged(directory, "HEAD is missing");
  }
  return report;
}

}  // namespace stator::audit
