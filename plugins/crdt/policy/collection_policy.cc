#include "policy/collection_policy.h"

#include <array>
#include <limits>
#include <span>

#include "stator/json_reader.hpp"

namespace stator::crdt {
namespace {

constexpr std::size_t kUrlBytesMax = 2048;

struct NamedResolution {
  std::string_view name;
  Resolution resolution;
};
constexpr std::array<NamedResolution, 5> kResolutions{{
    {"LastWriterWins", Resolution::kLastWriterWins},
    {"RenameSuffix", Resolution::kRenameSuffix},
    {"EscalateToDlq", Resolution::kEscalateToDlq},
    {"CascadeDefer", Resolution::kCascadeDefer},
    {"Custom", Resolution::kCustom},
}};

struct NamedRule {
  std::string_view name;
  ConflictRule CollectionPolicy::*rule;
};
constexpr std::array<NamedRule, 4> kRules{{
    {"unique", &CollectionPolicy::unique},
    {"foreign_key", &CollectionPolicy::foreign_key},
    {"not_null", &CollectionPolicy::not_null},
    {"check", &CollectionPolicy::check},
}};
constexpr std::string_view kStrictConsistency = "strict_consistency";

bool is_http_url(std::string_view url) {
  if (url.size() > kUrlBytesMax) return false;
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!url.starts_with(scheme)) continue;
    const std::string_view rest = url.substr(scheme.size());
    for (const char c : url) {
      if (static_cast<unsigned char>(c) <= ' ' || c == '\x7f') return false;
    }
    return !rest.empty() && rest.front() != '/' && rest.front() != ':' && rest.front() != '?' &&
           rest.front() != '#';
  }
  return false;
}

class PolicyParser {
 public:
  PolicyParser(std::string_view text, std::string& why) : reader_(text), why_(why) {}

  bool parse(CollectionPolicy& out) {
    std::array<bool, kRules.size() + 1> seen{};
    json::RawString raw;
    if (!reader_.enter_object()) return refuse("policy", "must be an object");
    while (reader_.next_key(raw)) {
      const std::string key = json::unescape(raw);
      const std::size_t index = index_of(key);
      if (index > kRules.size()) return refuse(key, "is not a key of a policy");
      if (seen[index]) return refuse(key, "is given twice");
      seen[index] = true;
      if (!(index == kRules.size() ? flag(out) : rule(key, out.*kRules[index].rule))) return false;
    }
    if (reader_.failed() || !reader_.at_end()) return refuse("policy", "is not valid JSON");
    for (std::size_t i = 0; i < seen.size(); ++i) {
      if (!seen[i]) return refuse(name_of(i), "is missing");
    }
    return true;
  }

 private:
  // A member of {"CascadeDefer":{...}} or {"Custom":{...}}.
  struct Parameter {
    std::string_view name;
    std::uint64_t* number;  // or:
    std::string* url;
    std::uint64_t max = std::numeric_limits<std::uint64_t>::max();
    bool seen = false;
  };

  static std::string_view name_of(std::size_t index) {
    return index < kRules.size() ? kRules[index].name : kStrictConsistency;
  }
  static std::size_t index_of(std::string_view key) {
    std::size_t index = 0;
    while (index <= kRules.size() && name_of(index) != key) ++index;
    return index;
  }
  bool refuse(std::string_view key, std::string_view problem) {
    if (why_.empty()) why_.append(key).append(" ").append(problem);
    return false;
  }
  bool flag(CollectionPolicy& out) {
    return reader_.boolean(out.strict_consistency) ||
           refuse(kStrictConsistency, "must be true or false");
  }
  bool rule(const std::string& key, ConflictRule& out) {
    json::RawString raw;
    const json::Kind kind = reader_.peek();
    if (kind == json::Kind::kString) {
      return reader_.string(raw) && resolution(key, json::unescape(raw), false, out);
    }
    if (kind != json::Kind::kObject) return refuse(key, "must be a name or an object");
    if (!reader_.enter_object() || !reader_.next_key(raw)) {
      return refuse(key, "must name one resolution");
    }
    if (!resolution(key, json::unescape(raw), true, out)) return false;
    const bool ok =
        out.resolution == Resolution::kCascadeDefer ? cascade(key, out) : custom(key, out);
    if (!ok) return false;
    return !reader_.next_key(raw) || refuse(key, "must name one resolution");
  }
  bool resolution(const std::string& key, std::string_view name, bool has_parameters,
                  ConflictRule& out) {
    for (const NamedResolution& known : kResolutions) {
      if (known.name != name) continue;
      out.resolution = known.resolution;
      const bool wants_parameters =
          known.resolution == Resolution::kCascadeDefer || known.resolution == Resolution::kCustom;
      if (wants_parameters == has_parameters) return true;
      return refuse(key + "." + std::string(name),
                    wants_parameters ? "needs its parameters" : "takes no parameters");
    }
    return refuse(key + ": " + std::string(name), "is not a resolution");
  }
  bool cascade(const std::string& key, ConflictRule& out) {
    std::array<Parameter, 2> parameters{{
        {"max_retries", &out.max_retries, nullptr, std::numeric_limits<std::uint32_t>::max()},
        {"ttl_secs", &out.ttl_secs, nullptr},
    }};
    return members(key + ".CascadeDefer", parameters);
  }
  bool custom(const std::string& key, ConflictRule& out) {
    std::array<Parameter, 2> parameters{{
        {"webhook_url", nullptr, &out.webhook_url},
        {"timeout_secs", &out.timeout_secs, nullptr},
    }};
    return members(key + ".Custom", parameters);
  }
  bool members(const std::string& path, std::span<Parameter> parameters) {
    json::RawString raw;
    if (!reader_.enter_object()) return refuse(path, "must be an object");
    while (reader_.next_key(raw)) {
      const std::string name = json::unescape(raw);
      std::string full = path;
      full.append(".").append(name);
      Parameter* parameter = nullptr;
      for (Parameter& p : parameters) {
        if (p.name == name) parameter = &p;
      }
      if (parameter == nullptr) return refuse(full, "is not a parameter");
      if (parameter->seen) return refuse(full, "is given twice");
      parameter->seen = true;
      if (!value(full, *parameter)) return false;
    }
    if (reader_.failed()) return refuse(path, "is not valid JSON");
    for (const Parameter& p : parameters) {
      if (!p.seen) return refuse(path + "." + std::string(p.name), "is missing");
    }
    return true;
  }
  bool value(const std::string& path, Parameter& parameter) {
    if (parameter.url != nullptr) {
      json::RawString raw;
      if (reader_.peek() != json::Kind::kString || !reader_.string(raw)) {
        return refuse(path, "must be a string");
      }
      *parameter.url = json::unescape(raw);
      return is_http_url(*parameter.url) || refuse(path, "must be an http or https URL");
    }
    std::string_view token;
    if (reader_.peek() != json::Kind::kNumber || !reader_.number(token) ||
        !json::to_integer(token, *parameter.number) || *parameter.number == 0 ||
        *parameter.number > parameter.max) {
      return refuse(path, "must be an integer above 0");
    }
    return true;
  }

  json::Reader reader_;
  std::string& why_;
};

void write_rule(const ConflictRule& rule, json::Writer& out) {
  const std::string_view name = kResolutions[static_cast<std::size_t>(rule.resolution)].name;
  if (rule.resolution == Resolution::kCascadeDefer) {
    out.begin_object().key(name).begin_object();
    out.field("max_retries", rule.max_retries).field("ttl_secs", rule.ttl_secs);
    out.end_object().end_object();
  } else if (rule.resolution == Resolution::kCustom) {
    out.begin_object().key(name).begin_object();
    out.field("webhook_url", std::string_view(rule.webhook_url));
    out.field("timeout_secs", rule.timeout_secs).end_object().end_object();
  } else {
    out.string(name);
  }
}

}  // namespace

CollectionPolicy default_policy() {
  CollectionPolicy out;
  out.unique.resolution = Resolution::kRenameSuffix;
  out.foreign_key.resolution = Resolution::kCascadeDefer;
  out.foreign_key.max_retries = 3;
  out.foreign_key.ttl_secs = 300;
  out.not_null.resolution = Resolution::kLastWriterWins;
  out.check.resolution = Resolution::kEscalateToDlq;
  return out;
}

bool parse_policy(std::string_view json, CollectionPolicy& out, std::string& why) {
  why.clear();
  out = CollectionPolicy{};
  return PolicyParser(json, why).parse(out);
}

void write_policy_members(const CollectionPolicy& policy, json::Writer& out) {
  for (const NamedRule& named : kRules) {
    out.key(named.name);
    write_rule(policy.*named.rule, out);
  }
  out.field(kStrictConsistency, policy.strict_consistency);
}

std::string policy_json(const CollectionPolicy& policy) {
  json::StringOut text;
  json::Writer writer(text);
  writer.begin_object();
  write_policy_members(policy, writer);
  writer.end_object();
  return text.take();
}

}  // namespace stator::crdt
