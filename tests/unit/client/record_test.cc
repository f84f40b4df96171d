// Lines of a file as documents: what is read, what is refused and with which word.
#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "csv.h"
#include "failure.h"
#include "record_reader.h"
#include "support/server_process.h"

namespace stator::client {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class RecordTest : public ::testing::Test {
 protected:
  std::string write(const std::string& bytes) {
    const std::string path = dir_.path() + "/file";
    std::ofstream(path, std::ios::binary) << bytes;
    return path;
  }
  // A line for each record: "1 id data", "2 !code sentence", "3 trailer N".
  std::vector<std::string> read(const std::string& bytes, const RecordForm& form) {
    Input input(write(bytes));
    const auto reader = make_record_reader(input, form);
    std::vector<std::string> out;
    Record record;
    for (;;) {
      const RecordReader::Taken taken = reader->next(record);
      const std::string line = std::to_string(record.line) + " ";
      if (taken == RecordReader::Taken::kEnd) return out;
      if (taken == RecordReader::Taken::kDocument) {
        out.push_back(line + record.id + " " + std::string(record.data));
      } else if (taken == RecordReader::Taken::kTrailer) {
        out.push_back(line + "trailer " + std::to_string(record.trailer.documents));
      } else {
        EXPECT_EQ(record.fault.line, record.line);
        out.push_back(line + "!" + record.fault.code + " " + record.fault.sentence);
      }
    }
  }
  std::vector<std::string> plain(const std::string& bytes) {
    return read(bytes, {FileFormat::kJsonl, "id"});
  }
  std::vector<std::string> dumped(const std::string& bytes) {
    return read(bytes, {FileFormat::kJsonl, ""});
  }
  std::vector<std::string> csv(const std::string& bytes, const std::string& types = "") {
    RecordForm form{FileFormat::kCsv, "id"};
    if (!types.empty()) form.types = read_columns(types);
    return read(bytes, form);
  }
  std::string refusal_of(const std::string& bytes, const RecordForm& form) {
    try {
      read(bytes, form);
    } catch (const Failure& fault) {
      EXPECT_EQ(fault.exit_code(), kExitUsage);
      return fault.what();
    }
    return "no refusal";
  }

  test::TempDir dir_;
};

TEST_F(RecordTest, ReadsLinesThatAreDocuments) {
  EXPECT_THAT(
      plain("{\"id\":\"a\",\"n\":1}\n\n  {\"n\":{\"x\":[1,2]},\"id\":17}\t\n{\"id\":\"z\"}"),
      ElementsAre(R"(1 a {"id":"a","n":1})", R"(3 17   {"n":{"x":[1,2]},"id":17})",
                  R"(4 z {"id":"z"})"));
}

TEST_F(RecordTest, ReadsTheLinesOfADump) {
  EXPECT_THAT(dumped("{\"document_id\":\"\\u0061\\n\",\"data\":{\"a\":1}}\n"
                     "{\"data\": {} ,\"document_id\":\"b\"}\n"
                     "{\"stator_dump\":1,\"documents\":2,\"sha256\":\"00\"}\n"),
              ElementsAre("1 a\n {\"a\":1}", "2 b {}", "3 trailer 2"));
}

TEST_F(RecordTest, RefusesWhatIsNoDocument) {
  EXPECT_THAT(
      plain("nonsense\n[1]\n{\"id\":\"a\"\n{\"id\":\"a\"} x\n{\"id\":\"a\",}\n{\"id\":01}\n"),
      ElementsAre("1 !bad_json the line is not a JSON object",
                  "2 !bad_json the line is not a JSON object", HasSubstr("3 !bad_json "),
                  "4 !bad_json text behind the object at byte 11", HasSubstr("5 !bad_json "),
                  HasSubstr("6 !bad_json ")));
}

TEST_F(RecordTest, RefusesADocumentWithoutAnId) {
  const std::string must = "'id' must be a string that is not empty, or a whole number";
  EXPECT_THAT(
      plain("{\"n\":1}\n{\"id\":\"\"}\n{\"id\":1.5}\n{\"id\":null}\n{\"id\":{\"id\":\"a\"}}\n"),
      ElementsAre("1 !missing_id there is no 'id'", "2 !missing_id " + must,
                  "3 !missing_id " + must, "4 !missing_id " + must, "5 !missing_id " + must));
  EXPECT_THAT(
      dumped("{\"data\":{}}\n{\"document_id\":\"\",\"data\":{}}\n{\"document_id\":1,\"data\":"
             "{}}\n{\"document_id\":\"a\"}\n{\"document_id\":\"a\",\"data\":[]}\n"
             "{\"document_id\":\"a\",\"data\":{},\"x\":1}\n{}\n"),
      ElementsAre("1 !missing_id there is no 'document_id'", "2 !missing_id 'document_id' is empty",
                  "3 !missing_id 'document_id' must be a string",
                  "4 !bad_record there is no 'data'", "5 !bad_record 'data' must be an object",
                  HasSubstr("6 !bad_record the key 'x' is none of a dump"),
                  "7 !missing_id there is no 'document_id'"));
}

TEST_F(RecordTest, RefusesAKeyThatComesTwice) {
  EXPECT_THAT(plain("{\"id\":\"a\",\"n\":1,\"n\":1}\n"
                    "{\"id\":\"a\",\"o\":[{\"x\":1,\"\\u0078\":2}]}\n"
                    "{\"id\":\"a\",\"o\":{\"id\":1},\"p\":{\"id\":2}}\n"),
              ElementsAre("1 !duplicate_key the key 'n' comes twice",
                          "2 !duplicate_key the key 'x' comes twice",
                          R"(3 a {"id":"a","o":{"id":1},"p":{"id":2}})"));
  EXPECT_THAT(dumped("{\"document_id\":\"a\",\"document_id\":\"b\",\"data\":{}}\n"
                     "{\"document_id\":\"a\",\"data\":{\"k\":{\"x\":1,\"x\":1}}}\n"),
              ElementsAre("1 !duplicate_key the key 'document_id' comes twice",
                          "2 !duplicate_key the key 'x' comes twice"));
}

TEST_F(RecordTest, RefusesBytesThatAreNoText) {
  EXPECT_THAT(plain("{\"id\":\"\xFF\"}\n{\"id\":\"\xC0\xAF\"}\n{\"id\":\"\xED\xA0\x80\"}\n" +
                    std::string("{\"id\":\"a\0\"}\n", 12) + std::string("{\"id\":\"a\"\0}\n", 12) +
                    "{\"id\":\"\xC3\xA9\"}\n"),
              ElementsAre("1 !bad_utf8 the line is not valid UTF-8",
                          "2 !bad_utf8 the line is not valid UTF-8",
                          "3 !bad_utf8 the line is not valid UTF-8", HasSubstr("4 !bad_json "),
                          HasSubstr("5 !bad_json "), "6 \xC3\xA9 {\"id\":\"\xC3\xA9\"}"));
  EXPECT_THAT(csv(std::string("id\n\xFF\na\0b\n", 9)),
              ElementsAre("2 !bad_utf8 the line is not valid UTF-8", "3 !bad_csv a NUL byte"));
}

TEST_F(RecordTest, TakesMarksAndLineEndsOfOtherSystems) {
  EXPECT_THAT(plain("\xEF\xBB\xBF{\"id\":\"a\"}\r\n\r\n{\"id\":\"b\"}\r\n"),
              ElementsAre(R"(1 a {"id":"a"})", R"(3 b {"id":"b"})"));
  EXPECT_THAT(csv("\xEF\xBB\xBFid,n\r\na,1\r\n\r\nb,\"x\r\ny\"\r\nc,\"q\"\r\n"),
              ElementsAre(R"(2 a {"id":"a","n":"1"})", R"(4 b {"id":"b","n":"x\r\ny"})",
                          R"(6 c {"id":"c","n":"q"})"));
  EXPECT_THAT(refusal_of(std::string("\xFF\xFE{\0", 4), {FileFormat::kJsonl, "id"}),
              HasSubstr("UTF-16"));
}

TEST_F(RecordTest, PassesOverALineThatIsTooLarge) {
  const std::string large(kLineBytesMax + 1, 'x');
  EXPECT_THAT(plain("{\"id\":\"a\"}\n{\"id\":\"" + large + "\"}\n{\"id\":\"b\"}\n" + large),
              ElementsAre(R"(1 a {"id":"a"})", "2 !too_large the line exceeds 12 MiB",
                          R"(3 b {"id":"b"})", "4 !too_large the line exceeds 12 MiB"));
  std::string lines;
  while (lines.size() < kLineBytesMax) lines += std::string(1'000'000, 'x') + "\n";
  EXPECT_THAT(csv("id\na\n" + large + "\n\"b" + lines),
              ElementsAre(R"(2 a {"id":"a"})", "3 !too_large the line exceeds 12 MiB",
                          "4 !too_large the record exceeds 12 MiB"));
  const std::string fits(kLineBytesMax - 9, 'x');
  EXPECT_EQ(plain("{\"id\":\"" + fits + "\"}\n").front().substr(0, 7), "1 xxxxx");
}

TEST_F(RecordTest, ReadsCsvWithQuotesOverLines) {
  EXPECT_THAT(csv("id,n\n\"a\",\"say \"\"hi\"\", then\n\nnext\"\n\"b,c\",\n\"d\",\"\"\n"),
              ElementsAre(R"(2 a {"id":"a","n":"say \"hi\", then\n\nnext"})",
                          R"(5 b,c {"id":"b,c"})", R"(6 d {"id":"d","n":""})"));
}

TEST_F(RecordTest, RefusesCsvThatIsNone) {
  EXPECT_THAT(csv("id,n\na\na,b,c\na,b\"c\na,\"b\"c\na,b\rc\n,1\nb,2\na,\"open\nto the end\n"),
              ElementsAre("2 !bad_csv 1 fields where the header has 2",
                          "3 !bad_csv 3 fields where the header has 2",
                          "4 !bad_csv a quote inside a field without quotes",
                          "5 !bad_csv text behind the quote that ends a field",
                          "6 !bad_csv a carriage return that ends no line, outside of quotes",
                          "7 !missing_id 'id' is empty", R"(8 b {"id":"b","n":"2"})",
                          "9 !bad_csv a field in quotes does not end"));
}

TEST_F(RecordTest, GivesCellsTheTypeOfTheirColumnAndGuessesNone) {
  const std::string text = "id,s,i,f,b,j\n7,7,7,7,true,7\n8,true,,,,\n";
  EXPECT_THAT(csv(text, "i:int,f:float,b:bool,j:json"),
              ElementsAre(R"(2 7 {"id":"7","s":"7","i":7,"f":7,"b":true,"j":7})",
                          R"(3 8 {"id":"8","s":"true"})"));
  EXPECT_THAT(csv(text), ElementsAre(R"(2 7 {"id":"7","s":"7","i":"7","f":"7","b":"true","j":"7"})",
                                     R"(3 8 {"id":"8","s":"true"})"));
  EXPECT_THAT(csv("id,j\na,\"{\"\"x\"\":[1, 2]}\"\nb,\"\"\"t\"\"\"\n", "j:json,id:int").front(),
              "2 !bad_value 'id' must be a whole number of 64 bits");
}

TEST_F(RecordTest, RefusesCellsThatAreNotOfTheirType) {
  const std::string types = "i:int,f:float,b:bool,j:json";
  EXPECT_THAT(
      csv("id,i,f,b,j\na,1.0,,,\na,18446744073709551616,,,\na,,1e,,\na,,nan,,\na,,,True,\n"
          "a,,,1,\na,,,,{\na,,,,\"{\"\"x\"\":1,\"\"x\"\":1}\"\na, 1,,,\na,\"\",,,\n"
          "a,9223372036854775808,-1e-7,false,null\n",
          types),
      ElementsAre("2 !bad_value 'i' must be a whole number of 64 bits",
                  "3 !bad_value 'i' must be a whole number of 64 bits",
                  "4 !bad_value 'f' must be a number", "5 !bad_value 'f' must be a number",
                  "6 !bad_value 'b' must be true or false",
                  "7 !bad_value 'b' must be true or false", "8 !bad_value 'j' must be JSON",
                  "9 !bad_value 'j' must be JSON without a key twice",
                  "10 !bad_value 'i' must be a whole number of 64 bits",
                  "11 !bad_value 'i' must be a whole number of 64 bits",
                  R"(12 a {"id":"a","i":9223372036854775808,"f":-1e-7,"b":false,"j":null})"));
}

TEST_F(RecordTest, RefusesAHeaderBeforeAnythingElse) {
  const RecordForm foreign{FileFormat::kCsv, "id"};
  const RecordForm dump{FileFormat::kCsv, ""};
  EXPECT_THAT(refusal_of("", foreign), HasSubstr("has no header"));
  EXPECT_THAT(refusal_of("id,a,a\n", foreign), HasSubstr("'a' twice"));
  EXPECT_THAT(refusal_of("a,b\n", foreign), HasSubstr("--id-field: the header has no column 'id'"));
  EXPECT_THAT(refusal_of("id,a\"b\n", foreign), HasSubstr("a quote inside"));
  EXPECT_THAT(refusal_of("id\n", {FileFormat::kCsv, "id", {{"x", CellType::kInt}}}),
              HasSubstr("--types: the header has no column 'x'"));
  EXPECT_THAT(refusal_of("id,a\n", dump), HasSubstr("--id-field"));
  EXPECT_THAT(refusal_of("document_id,a\n", dump), HasSubstr("'a' needs a type"));
  EXPECT_THAT(refusal_of("document_id,a:text\n", dump), HasSubstr("'a:text' needs a type"));
  EXPECT_THAT(refusal_of("document_id,a:document,b:int\n", dump), HasSubstr("stands alone"));
}

TEST_F(RecordTest, ReadsACsvDumpWithTheTypesOfItsHeader) {
  EXPECT_THAT(read("document_id,document_id:string,a:b:int\r\nx,y,3\r\n\"#{\",,\r\n"
                   "#{\"stator_dump\":1,\"documents\":2,\"sha256\":\"0\"}\r\n#{\r\n",
                   {FileFormat::kCsv, ""}),
              ElementsAre(R"(2 x {"document_id":"y","a:b":3})", "3 #{ {}", "4 trailer 2",
                          "5 !bad_csv the line begins as a trailer and is none"));
  EXPECT_THAT(
      read("document_id,data:document\nx,\"{\"\"a\"\":1}\"\ny,[]\nz,\n", {FileFormat::kCsv, ""}),
      ElementsAre(R"(2 x {"a":1})", "3 !bad_value 'data' must be a JSON object",
                  "4 !bad_value 'data' must be a JSON object"));
  // A file of somebody else has no trailer, whatever its lines look like.
  EXPECT_THAT(csv("id\n#{x}\n"), ElementsAre(R"(2 #{x} {"id":"#{x}"})"));
}

TEST_F(RecordTest, FieldsComeBackAsTheyWere) {
  const std::vector<std::string> fields = {"",         "a",    "a,b", "\"",     "a\"\"b",
                                           "\r\n",     "\n\n", " x ", "#",      "#{\"a\"",
                                           "\xC3\xA9", "a\rb", ",,",  "\"\r\n,"};
  std::string line;
  for (const std::string& field : fields) {
    if (!line.empty()) line += ',';
    write_csv_field(field, line);
  }
  Input input(write(line + "\r\n" + line + "\n"));
  CsvReader reader(input, true);
  for (int i = 0; i < 2; ++i) {
    ASSERT_EQ(reader.next(), CsvReader::Taken::kRecord) << reader.fault();
    std::vector<std::string> read;
    for (const CsvField& field : reader.fields()) read.emplace_back(field.text);
    EXPECT_EQ(read, fields);
  }
  EXPECT_EQ(reader.next(), CsvReader::Taken::kEnd);
}

TEST_F(RecordTest, GoesOnInTheMiddleOfAFileWithTheSameDigest) {
  std::string text = "\xEF\xBB\xBF";
  for (int i = 0; i < 100'000; ++i) text += "{\"id\":" + std::to_string(i) + "}\n";
  const std::string path = write(text);
  Input whole(path);
  std::string_view line;
  for (int i = 0; i < 70'000; ++i) ASSERT_EQ(whole.next_line(line), Input::Taken::kLine);
  Input rest(path);
  ASSERT_TRUE(rest.skip_to(whole.offset(), 70'000));
  EXPECT_EQ(rest.digest(), whole.digest());
  ASSERT_EQ(rest.next_line(line), Input::Taken::kLine);
  EXPECT_EQ(line, "{\"id\":70000}");
  EXPECT_EQ(rest.line_number(), 70'001u);
  EXPECT_FALSE(Input(path).skip_to(text.size() + 1, 0));
}

TEST_F(RecordTest, SaysWhyAFileCannotBeRead) {
  EXPECT_THROW(Input(dir_.path() + "/none"), Failure);
  EXPECT_THROW(Input(dir_.path()), Failure);
  EXPECT_THAT(plain(""), IsEmpty());
}

}  // namespace
}  // namespace stator::client
