// document_validate, and what a schema refuses on every way to write.
#include "schema/schema.h"

#include <string>

#include "document_fixture.h"

namespace stator::document {
namespace {

using testkit::Answer;

// "" if the document is valid, else path:rule.
std::string fault_of(std::string_view schema, std::string_view document) {
  std::string error;
  const auto compiled = Schema::compile(schema, error);
  EXPECT_NE(compiled, nullptr) << error;
  std::string stored;
  Encoder encoder;
  EXPECT_TRUE(encoder.encode(document, stored)) << document;
  SchemaFault fault;
  if (compiled == nullptr || compiled->check(read_value(stored), fault)) return {};
  return fault.path + ":" + fault.rule;
}

std::string refusal_of(std::string_view schema) {
  std::string error;
  EXPECT_EQ(Schema::compile(schema, error), nullptr) << schema;
  return error;
}

TEST(SchemaTest, ChecksTypes) {
  const struct {
    const char* type;
    const char* good;
    const char* bad;
  } kCases[] = {{"null", "null", "0"},        {"boolean", "false", "0"},
                {"number", "1e400", "\"1\""}, {"integer", "1.0", "1.5"},
                {"integer", "1e30", "0.1"},   {"integer", "-0", "null"},
                {"string", "\"\"", "1"},      {"array", "[]", "{}"},
                {"object", "{}", "[]"},       {"integer", "18446744073709551616", "1e-400"}};
  for (const auto& c : kCases) {
    const std::string schema = "{\"type\":\"" + std::string(c.type) + "\"}";
    EXPECT_EQ(fault_of(schema, c.good), "") << c.type << c.good;
    EXPECT_EQ(fault_of(schema, c.bad), ":type") << c.type << c.bad;
  }
  EXPECT_EQ(fault_of(R"({"type":["null","integer"]})", "null"), "");
  EXPECT_EQ(fault_of(R"({"type":["null","integer"]})", "true"), ":type");
}

TEST(SchemaTest, ChecksValues) {
  EXPECT_EQ(fault_of(R"({"enum":[1,"a",null]})", "1.0"), "");
  EXPECT_EQ(fault_of(R"({"enum":[]})", "1"), ":enum");
  EXPECT_EQ(fault_of(R"({"const":{"a":1}})", R"({"a":1})"), "");
  EXPECT_EQ(fault_of(R"({"const":{"a":1}})", R"({"a":2})"), ":const");
  EXPECT_EQ(fault_of(R"({"const":{"a":1,"b":null}})", R"({"b":null,"a":1.0})"), "");
  EXPECT_EQ(fault_of(R"({"const":null})", "0"), ":const");
  // Both hold, one of them is not enough.
  EXPECT_EQ(fault_of(R"({"enum":[1,2],"const":3})", "1"), ":const");
  EXPECT_EQ(fault_of(R"({"enum":[1,2],"const":3})", "3"), ":enum");
  EXPECT_EQ(fault_of(R"({"const":2,"enum":[1,2]})", "2"), "");
  EXPECT_EQ(fault_of(R"({"minimum":1,"maximum":2})", "1"), "");
  EXPECT_EQ(fault_of(R"({"minimum":1})", "0.9999999999999999999"), ":minimum");
  EXPECT_EQ(fault_of(R"({"maximum":9007199254740992})", "9007199254740993"), ":maximum");
  EXPECT_EQ(fault_of(R"({"exclusiveMinimum":1})", "1"), ":exclusiveMinimum");
  EXPECT_EQ(fault_of(R"({"exclusiveMaximum":1})", "1.0"), ":exclusiveMaximum");
  EXPECT_EQ(fault_of(R"({"minimum":1})", "\"text\""), "");
  EXPECT_EQ(fault_of(R"({"minLength":2,"maxLength":2})", "\"h\u00e9\""), "");
  EXPECT_EQ(fault_of(R"({"minLength":2})", "\"\u00e9\""), ":minLength");
  EXPECT_EQ(fault_of(R"({"maxLength":1})", "\"ab\""), ":maxLength");
}

TEST(SchemaTest, ChecksContainersAndNamesThePath) {
  const char* schema = R"({"type":"object","required":["name"],"properties":{
      "name":{"type":"string"},"tags":{"items":{"type":"string"},"minItems":1,"maxItems":2},
      "address":{"properties":{"zip":{"maximum":99999}},"additionalProperties":false}},
      "maxProperties":3})";
  EXPECT_EQ(fault_of(schema, R"({"name":"x","tags":["a"],"address":{"zip":1}})"), "");
  EXPECT_EQ(fault_of(schema, R"({"tags":["a"]})"), "name:required");
  EXPECT_EQ(fault_of(schema, R"({"name":1})"), "name:type");
  EXPECT_EQ(fault_of(schema, R"({"name":"","tags":[]})"), "tags:minItems");
  EXPECT_EQ(fault_of(schema, R"({"name":"","tags":["a","b","c"]})"), "tags:maxItems");
  EXPECT_EQ(fault_of(schema, R"({"name":"","tags":["a",5]})"), "tags.1:type");
  EXPECT_EQ(fault_of(schema, R"({"name":"","address":{"zip":100000}})"), "address.zip:maximum");
  EXPECT_EQ(fault_of(schema, R"({"name":"","address":{"x":1}})"), "address.x:additionalProperties");
  EXPECT_EQ(fault_of(schema, R"({"name":"","a":1,"b":2,"c":3})"), ":maxProperties");
  EXPECT_EQ(fault_of(R"({"additionalProperties":{"type":"null"}})", R"({"a":1})"), "a:type");
  EXPECT_EQ(fault_of(R"({"minProperties":1})", "{}"), ":minProperties");
  EXPECT_EQ(fault_of(R"({"properties":{"a":false}})", R"({"a":1})"), "a:false");
}

TEST(SchemaTest, Combines) {
  EXPECT_EQ(fault_of(R"({"allOf":[{"minimum":1},{"maximum":2}]})", "3"), ":maximum");
  EXPECT_EQ(fault_of(R"({"anyOf":[{"type":"string"},{"minimum":5}]})", "4"), ":anyOf");
  EXPECT_EQ(fault_of(R"({"anyOf":[{"type":"string"},{"minimum":5}]})", "5"), "");
  EXPECT_EQ(fault_of(R"({"oneOf":[{"minimum":1},{"maximum":5}]})", "3"), ":oneOf");
  EXPECT_EQ(fault_of(R"({"oneOf":[{"minimum":1},{"maximum":5}]})", "6"), "");
  EXPECT_EQ(fault_of(R"({"not":{"type":"null"}})", "null"), ":not");
  EXPECT_EQ(fault_of("true", "1"), "");
}

TEST(SchemaTest, RefusesWhatItDoesNotKeep) {
  EXPECT_EQ(refusal_of(R"({"properties":{"a":{"pattern":"x"}}})"),
            "'schema.properties.a.pattern' is no keyword that is kept here");
  EXPECT_EQ(refusal_of(R"({"type":"text"})"), "'schema.type' names no type");
  EXPECT_EQ(refusal_of(R"({"type":[]})"), "'schema.type' expects a type or an array of types");
  EXPECT_EQ(refusal_of(R"({"minimum":"1"})"), "'schema.minimum' expects a number");
  EXPECT_EQ(refusal_of(R"({"minLength":-1})"), "'schema.minLength' expects an integer from 0");
  EXPECT_EQ(refusal_of(R"({"anyOf":[{"not":1}]})"),
            "'schema.anyOf[0].not' expects an object, true or false");
  EXPECT_EQ(refusal_of(R"({"allOf":[]})"), "'schema.allOf' expects an array of schemas");
  std::string deep = "true";
  for (int i = 0; i < 40; ++i) deep = "{\"not\":" + deep + "}";
  EXPECT_NE(refusal_of(deep).find("nested deeper than 32"), std::string::npos);
  std::string wide = "{\"enum\":[0";
  for (int i = 0; i < 2000; ++i) wide += ",0";
  EXPECT_NE(refusal_of(wide + "]}").find("more than 2000 terms"), std::string::npos);
}

class ValidateTest : public testing::TestWithParam<std::uint32_t> {
 protected:
  Answer call(std::string_view op, std::string_view args) {
    return documents.kernel.call(op, args);
  }
  std::string validate(std::string_view args) {
    const Answer answer = call("document_validate", args);
    return answer.status == STATOR_OK ? answer.payload : answer.field + "|" + answer.detail;
  }
  Documents documents{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(Lanes, ValidateTest, testing::Values(1u, 3u));

constexpr const char* kSet =
    R"({"mode":"set","schema":{"required":["n"],"properties":{"n":{"type":"integer"}}}})";

TEST_P(ValidateTest, RefusesOnEveryWayToWrite) {
  documents.put("a", R"({"n":1,"l":[]})");
  EXPECT_EQ(validate(kSet), R"({"set":true})");
  const auto before = documents.kernel.dump();
  const auto refused = [&](const Answer& answer, const std::string& naming = "") {
    EXPECT_EQ(answer.status, STATOR_E_REJECTED_CONSTRAINT) << answer.detail;
    EXPECT_EQ(answer.detail, "'n' breaks 'type' of the collection's schema" + naming);
  };
  refused(documents.put("b", R"({"n":"x"})"));
  refused(call("point_update", R"({"document_id":"a","set":{"n":"x"}})"));
  refused(call("document_upsert", R"({"document_id":"a","data":{"n":"x"}})"));
  refused(call("document_batch_insert", R"({"documents":[{"document_id":"c","data":{"n":"x"}}]})"),
          " (document 'c')");
  refused(call("document_update_many", R"({"filter":{},"set":{"n":"x"}})"), " (document 'a')");
  EXPECT_EQ(documents.put("b", "{}").detail, "'n' breaks 'required' of the collection's schema");
  EXPECT_EQ(documents.kernel.dump(), before);
  EXPECT_EQ(documents.put("b", R"({"n":2})").status, STATOR_OK);
}

TEST_P(ValidateTest, LastsOverRestartAndReplayAndCanBeDropped) {
  validate(kSet);
  documents.kernel.restart();
  EXPECT_EQ(documents.put("b", "{}").status, STATOR_E_REJECTED_CONSTRAINT);
  const auto before = documents.kernel.dump();
  documents.kernel.replay();
  EXPECT_EQ(documents.kernel.dump(), before);
  EXPECT_EQ(documents.put("b", "{}").status, STATOR_E_REJECTED_CONSTRAINT);
  EXPECT_EQ(documents.kernel.call("point_put", R"({"document_id":"b","data":{}})", "other").status,
            STATOR_OK);
  const std::uint64_t lsn = documents.kernel.last_lsn();
  validate(kSet);
  EXPECT_EQ(documents.kernel.last_lsn(), lsn);
  EXPECT_EQ(validate(R"({"mode":"off"})"), R"({"set":false})");
  EXPECT_EQ(documents.put("b", "{}").status, STATOR_OK);
  documents.kernel.replay();
  EXPECT_EQ(documents.put("c", "{}").status, STATOR_OK);
}

TEST_P(ValidateTest, ADryRunNamesTheDocumentsThereAre) {
  for (int i = 0; i < 20; ++i) {
    documents.put("d" + std::to_string(i),
                  "{\"n\":" + std::to_string(i) + (i % 5 == 0 ? ".5}" : "}"));
  }
  EXPECT_EQ(validate("{}"), "schema|missing 'schema'");
  EXPECT_EQ(validate(R"({"schema":{"properties":{"n":{"type":"integer"}}},"limit":2})"),
            R"({"checked":20,"invalid":4,"documents":[)"
            R"({"document_id":"d0","fault":"'n' breaks 'type' of the collection's schema"},)"
            R"({"document_id":"d10","fault":"'n' breaks 'type' of the collection's schema"}]})");
  validate(kSet);
  EXPECT_EQ(member(validate("{}"), "invalid"), "4");
  EXPECT_EQ(validate(R"({"mode":"set"})"), "schema|missing 'schema'");
  EXPECT_EQ(validate(R"({"mode":"set","schema":{"format":"date"}})"),
            "schema|'schema.format' is no keyword that is kept here");
}

}  // namespace
}  // namespace stator::document
