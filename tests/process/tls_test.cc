// The native protocol under TLS, as a client sees it.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <signal.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/client.h"
#include "support/json_client.h"
#include "support/meddler.h"
#include "support/server_process.h"

namespace stator::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;

constexpr const char* kPut = R"({"op":"point_put","document_id":"a","data":{"x":1}})";
constexpr const char* kGet = R"({"op":"point_get","document_id":"a","payload_format":"json"})";

class TlsTest : public testing::Test {
 protected:
  static ServerProcess::Options options(const TempDir& dir, const std::string& config = "") {
    ServerProcess::Options result;
    result.data_dir = dir.path();
    result.config = config;
    return result;
  }
  static ServerProcess::Options self_signed(const TempDir& dir) {
    ServerProcess::Options result = options(dir);
    result.arguments = {"--tls", "--tls-listen", "127.0.0.1:0"};
    return result;
  }
  static std::string certificate(const TempDir& dir) {
    return dir.path() + "/data/tls/certificate.pem";
  }
  static std::string key(const TempDir& dir) { return dir.path() + "/data/tls/key.pem"; }
  // A server's files, made as `dev --tls` makes them.
  static void make_files(const TempDir& dir) {
    ServerProcess server(self_signed(dir));
    ASSERT_TRUE(server.start()) << server.errors();
    server.stop();
  }
  static std::string tls_table(const TempDir& files, const std::string& more = "") {
    return "[tls]\ncertificate = \"" + certificate(files) + "\"\nkey = \"" + key(files) + "\"\n" +
           more;
  }
  static std::string tls_config(const TempDir& files, const std::string& more = "") {
    return "[server]\nlisten = \"127.0.0.1:0\"\ntls_listen = \"127.0.0.1:0\"\n" + tls_table(files, more);
  }
  std::string refused(const std::string& config) {
    ServerProcess server(options(dir_, config));
    EXPECT_FALSE(server.start());
    EXPECT_EQ(server.exit_code(), 78);
    return server.errors();
  }
  TempDir dir_;
  TempDir other_;
};

TEST_F(TlsTest, BothPortsServeTheSameData) {
  ServerProcess server(self_signed(dir_));
  ASSERT_TRUE(server.start()) << server.errors();
  for (const bool is_old : {false, true}) {
    Client secret(server.tls_port(), {.ca = certificate(dir_), .is_old = is_old});
    EXPECT_THAT(secret.ask(kPut), HasSubstr(R"("status":"ok")"));
    Client plain(server.port());
    EXPECT_THAT(plain.ask(kGet), HasSubstr(R"({"x":1})"));
  }
  const auto mode = std::filesystem::status(key(dir_)).permissions();
  EXPECT_EQ(mode & std::filesystem::perms::mask,
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  EXPECT_EQ(server.stop(), 0);
}

TEST_F(TlsTest, TheCertificateStaysOverARestart) {
  ServerProcess server(self_signed(dir_));
  ASSERT_TRUE(server.start()) << server.errors();
  const auto written = std::filesystem::last_write_time(certificate(dir_));
  server.stop();
  ASSERT_TRUE(server.start()) << server.errors();
  EXPECT_EQ(std::filesystem::last_write_time(certificate(dir_)), written);
}

// A little more than one read of the loop takes (256 KiB): the rest is in OpenSSL's buffer, where
// epoll sees nothing.
TEST_F(TlsTest, BytesThatOnlyTheTlsLayerHoldsAreTakenToo) {
  ServerProcess server(self_signed(dir_));
  ASSERT_TRUE(server.start()) << server.errors();
  Client client(server.tls_port(), {.ca = certificate(dir_)});
  const std::string body =
      R"({"op":"ping","payload_format":"json","collection":")" + std::string(100, 'c') + "\"}";
  constexpr int kRequests = 1800;
  std::string all;
  for (int i = 0; i < kRequests; ++i) {
    all += std::string("\0\0\0", 3) + static_cast<char>(body.size()) + body;
  }
  ASSERT_GT(all.size(), 260u * 1024);
  ASSERT_LT(all.size(), 300u * 1024);
  ::kill(server.pid(), SIGSTOP);  // so that all of it is there when the server looks
  client.send_raw(all);
  ::kill(server.pid(), SIGCONT);
  for (int i = 1; i <= kRequests; ++i) {
    const auto answer = client.receive();
    ASSERT_TRUE(answer) << i;
    ASSERT_THAT(*answer, HasSubstr("\"request_id\":" + std::to_string(i) + ","));
  }
}

TEST_F(TlsTest, LargeFramesGoBothWays) {
  ServerProcess server(self_signed(dir_));
  ASSERT_TRUE(server.start()) << server.errors();
  Client client(server.tls_port(), {.ca = certificate(dir_)});
  const std::string text(3'000'000, 'x');
  EXPECT_THAT(client.ask(R"({"op":"point_put","document_id":"a","data":{"x":")" + text + R"("}})"),
              HasSubstr(R"("status":"ok")"));
  EXPECT_THAT(client.ask(kGet), HasSubstr(text));
}

TEST_F(TlsTest, StrangersAreClosedAndDisturbNobody) {
  make_files(other_);
  ServerProcess server(self_signed(dir_));
  ASSERT_TRUE(server.start()) << server.errors();
  Client good(server.tls_port(), {.ca = certificate(dir_)});
  EXPECT_THAT(good.ask(kPut), HasSubstr(R"("status":"ok")"));
  // Trusts somebody else.
  EXPECT_THROW(Client(server.tls_port(), {.ca = certificate(other_)}), std::runtime_error);
  // Speaks no TLS: a frame, bytes that mean nothing, and nothing at all.
  for (const std::string& bytes :
       {std::string("\0\0\0\x0d{\"op\":\"ping\"}", 17), std::string(5000, '\xff')}) {
    Client stranger(server.tls_port());
    stranger.send_raw(bytes);
    while (const auto answer = stranger.receive())
      EXPECT_THAT(*answer, testing::Not(HasSubstr("status")));
  }
  { const Client silent(server.tls_port()); }
  EXPECT_THAT(good.ask(kGet), HasSubstr(R"({"x":1})"));
  EXPECT_EQ(server.stop(), 0);
}

// Each costs a signature: who only connects and leaves must not take the lane from those who ask.
TEST_F(TlsTest, HandshakesASecondAreLimitedAndTheNextSecondHasItsOwn) {
  ServerProcess server(self_signed(dir_));
  ASSERT_TRUE(server.start()) << server.errors();
  const auto comes_in = [&] {
    try {
      Client client(server.tls_port(), {.ca = certificate(dir_)});
      return client.ask(kPut).find(R"("status":"ok")") != std::string::npos;
    } catch (const std::runtime_error&) {
      return false;
    }
  };
  EXPECT_TRUE(comes_in());
  bool is_refused = false;
  for (int i = 0; i < 50 && !is_refused; ++i) {
    for (int k = 0; k < 200; ++k) Client(server.tls_port()).reset();
    is_refused = !comes_in();
  }
  EXPECT_TRUE(is_refused);
  EXPECT_THAT(server.errors(), HasSubstr("too many handshakes a second"));
  Client plain(server.port());
  EXPECT_THAT(plain.ask(kGet), HasSubstr(R"({"x":1})"));
  EXPECT_GT(must(plain, {{"op", "server_stats"}})["lanes"][0]["ended"]["handshake_rate"], 0);
  while (!comes_in()) continue;
  EXPECT_EQ(server.stop(), 0) << server.errors();
}

// Every byte that a client sends, from the first one of its handshake to the last one of a request.
class SpoiledTlsTest : public TlsTest, public testing::WithParamInterface<bool> {
 protected:
  // How many bytes a client sends, who puts a document in the second case.
  std::size_t talk(std::uint16_t port, bool puts, std::size_t at = Meddler::kNever,
                   Spoil how = Spoil::kFlip) {
    Meddler meddler(port, at, how);
    try {
      Client client(meddler.port(), {.ca = certificate(dir_), .is_old = GetParam()});
      if (puts) client.ask(at == Meddler::kNever ? kPut : kSpoiledPut);
    } catch (const std::runtime_error&) {  // the handshake came to nothing, or nobody answered
    }
    return meddler.finish();
  }
  // As long as kPut.
  static constexpr const char* kSpoiledPut =
      R"({"op":"point_put","document_id":"b","data":{"x":1}})";
};

TEST_P(SpoiledTlsTest, EndsItsConnectionAndNothingElse) {
  ServerProcess server(self_signed(dir_));
  ASSERT_TRUE(server.start()) << server.errors();
  Client good(server.port());
  const std::size_t hello = talk(server.tls_port(), false);
  const std::size_t all = talk(server.tls_port(), true);
  ASSERT_GT(hello, 100U);
  ASSERT_GT(all, hello + std::string_view(kPut).size());
  EXPECT_EQ(must(good, json::parse(kGet)), json::parse(R"({"x":1})"));
  for (std::size_t at = 0; at < all; ++at) {
    EXPECT_GT(talk(server.tls_port(), at >= hello, at, static_cast<Spoil>(at % 3)), at);
    if (at % 50 == 0) must(good, {{"op", "ping"}});
  }
  const json spoiled = ask(good, {{"op", "point_get"}, {"document_id", "b"}});
  EXPECT_EQ(spoiled["error_code"], "not_found");
  while (must(good, {{"op", "server_stats"}})["connections"] != 1) {
  }
  EXPECT_EQ(server.stop(), 0) << server.errors();
}

INSTANTIATE_TEST_SUITE_P(Versions, SpoiledTlsTest, testing::Values(false, true),
                         [](const auto& version) { return version.param ? "Tls12" : "Tls13"; });

TEST_F(TlsTest, WhereClientCertificatesAreRequiredNobodyComesInWithoutOne) {
  make_files(other_);
  const std::string more =
      "client_ca = \"" + certificate(other_) + "\"\nclient_certificates = \"required\"\n";
  ServerProcess server(options(dir_, tls_config(other_, more)));
  ASSERT_TRUE(server.start()) << server.errors();
  Client known(server.tls_port(),
               {.ca = certificate(other_), .certificate = certificate(other_), .key = key(other_)});
  EXPECT_THAT(known.ask(kPut), HasSubstr(R"("status":"ok")"));
  // In TLS 1.3 the client learns of the refusal with its first read.
  const auto ask_without = [&] {
    Client unknown(server.tls_port(), {.ca = certificate(other_)});
    unknown.send(kGet);
    return unknown.receive();
  };
  EXPECT_FALSE(ask_without().has_value());
  EXPECT_THAT(known.ask(kGet), HasSubstr(R"({"x":1})"));
}

// By the signal that reads the log's keys again, too.
TEST_F(TlsTest, ANewCertificateIsTakenWithoutARestart) {
  make_files(other_);
  TempDir third;
  make_files(third);
  ServerProcess server(options(dir_, tls_config(other_) + encryption_config(dir_.path(), 1)));
  ASSERT_TRUE(server.start()) << server.errors();
  Client before(server.tls_port(), {.ca = certificate(other_)});
  EXPECT_THAT(before.ask(kPut), HasSubstr(R"("status":"ok")"));

  const std::string old = dir_.path() + "/old.pem";
  std::filesystem::copy(certificate(other_), old);
  const auto overwrite = std::filesystem::copy_options::overwrite_existing;
  std::filesystem::copy(certificate(third), certificate(other_), overwrite);
  // Half of a pair: the old one stays.
  ::kill(server.pid(), SIGHUP);
  while (server.errors().find("stays in use") == std::string::npos) sched_yield();
  EXPECT_NO_THROW(Client(server.tls_port(), {.ca = old}));

  std::filesystem::copy(key(third), key(other_), overwrite);
  encryption_config(dir_.path(), 2);
  ::kill(server.pid(), SIGHUP);
  while (server.errors().find("was read again") == std::string::npos) sched_yield();
  EXPECT_THAT(server.errors(), HasSubstr("is encrypted with key 2"));
  EXPECT_THROW(Client(server.tls_port(), {.ca = old}), std::runtime_error);
  EXPECT_NO_THROW(Client(server.tls_port(), {.ca = certificate(third)}));
  EXPECT_THAT(before.ask(kGet), HasSubstr(R"({"x":1})"));
}

// Whoever renews it puts files there one by one, and they may be older than what was there.
TEST_F(TlsTest, ANewCertificateIsNoticedWhateverItsAge) {
  make_files(other_);
  TempDir third;
  make_files(third);
  const auto long_ago = std::filesystem::last_write_time(key(other_)) - std::chrono::hours(24);
  std::filesystem::last_write_time(key(third), long_ago);
  std::filesystem::last_write_time(certificate(third), long_ago);
  ServerProcess server(options(dir_, tls_config(other_)));
  ASSERT_TRUE(server.start()) << server.errors();
  const auto await = [&](const char* words) {
    while (server.errors().find(words) == std::string::npos) sched_yield();
  };
  const auto put = [](const std::string& file, const std::string& place) {
    std::filesystem::copy(file, place + ".new");
    std::filesystem::last_write_time(place + ".new", std::filesystem::last_write_time(file));
    std::filesystem::rename(place + ".new", place);
  };
  put(key(third), key(other_));
  await("stays in use");
  put(certificate(third), certificate(other_));
  await("was read again");
  EXPECT_NO_THROW(Client(server.tls_port(), {.ca = certificate(third)}));
}

// Certificates of a small authority, made by the openssl command, as operators do.
class CertificateUserTest : public TlsTest {
 protected:
  void SetUp() override {
    make_files(other_);
    run("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem "
        "-days 2 "
        "-subj /CN=authority");
  }
  std::string file(const std::string& name) const { return other_.path() + "/" + name; }
  void run(const std::string& command) {
    const std::string line = "cd " + other_.path() + " && openssl " + command + " 2>>openssl.log";
    ASSERT_EQ(std::system(line.c_str()), 0) << line;
  }
  // NAME.pem and NAME.key.
  void issue(const std::string& name, const std::string& subject, const std::string& names = "") {
    std::ofstream(file("extensions"))
        << (names.empty() ? "basicConstraints=CA:FALSE\n" : "subjectAltName=" + names + "\n");
    run("req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout " + name +
        ".key -out request.pem -subj '" + subject + "'");
    run("x509 -req -in request.pem -CA ca.pem -CAkey ca.key -CAcreateserial -days 1 -extfile "
        "extensions -out " +
        name + ".pem");
  }
  std::string config(const std::string& auth = "certificate_users = true\n") const {
    return tls_config(other_, "client_ca = \"" + file("ca.pem") +
                                  "\"\nclient_certificates = \"optional\"\n") +
           "[auth]\nmode = \"password\"\n" + auth;
  }
  static std::string auth(const std::string& more = "") {
    return R"({"op":"auth","method":"certificate")" + more + "}";
  }
  std::string ask_as(const ServerProcess& server, const std::string& name,
                     const std::string& request) {
    ClientTls tls = {.ca = certificate(other_)};
    if (!name.empty())
      tls = {.ca = certificate(other_),
             .certificate = file(name + ".pem"),
             .key = file(name + ".key")};
    Client client(server.tls_port(), tls);
    return client.ask(request);
  }
};

TEST_F(CertificateUserTest, TheNameInACertificateIsAUserIfThereIsOne) {
  issue("ada", "/O=x/CN=ada");
  issue("eve", "/CN=eve");
  issue("mail", "/O=x", "email:ada@example,DNS:host.example");
  issue("twice", "/CN=ada/CN=eve");
  ServerProcess server(options(dir_, config()));
  ASSERT_TRUE(server.start()) << server.errors();
  Client admin(server.port());
  EXPECT_THAT(
      admin.ask(
          R"({"op":"auth","method":"password","username":"admin","password":"test-password"})"),
      HasSubstr(R"("status":"ok")"));
  for (const char* name : {"ada", "ada@example"}) {
    EXPECT_THAT(admin.ask(R"({"op":"user_create","password":"not used at all","username":")" +
                          std::string(name) + "\"}"),
                HasSubstr(R"("status":"ok")"));
  }
  EXPECT_THAT(ask_as(server, "ada", auth()), HasSubstr(R"("username":"ada","tenant_id":1)"));
  EXPECT_THAT(ask_as(server, "ada", auth(R"(,"username":"ada")")),
              HasSubstr(R"("username":"ada")"));
  EXPECT_THAT(ask_as(server, "mail", auth(R"(,"username":"ada@example")")),
              HasSubstr(R"("username":"ada@example")"));
  EXPECT_THAT(ask_as(server, "ada", auth(R"(,"username":"admin")")), HasSubstr("no such name"));
  EXPECT_THAT(ask_as(server, "mail", auth()), HasSubstr("several names"));
  EXPECT_THAT(ask_as(server, "eve", auth()), HasSubstr("there is no user 'eve'"));
  EXPECT_THAT(ask_as(server, "twice", auth()), HasSubstr("names nobody"));
  EXPECT_THAT(ask_as(server, "", auth()), HasSubstr("no client certificate was shown"));
  EXPECT_THAT(admin.ask(auth()), HasSubstr("no client certificate was shown"));

  Client ada(server.tls_port(),
             {.ca = certificate(other_), .certificate = file("ada.pem"), .key = file("ada.key")});
  EXPECT_THAT(ada.ask(kPut), HasSubstr("unauthenticated"));  // a certificate alone is no login
  EXPECT_THAT(ada.ask(auth()), HasSubstr(R"("status":"ok")"));
  EXPECT_THAT(ada.ask(kPut), HasSubstr(R"("status":"ok")"));
  EXPECT_THAT(
      admin.ask(
          R"({"op":"auth","method":"password","username":"admin","password":"test-password"})"),
      HasSubstr(R"("status":"ok")"));
  EXPECT_THAT(admin.ask(R"({"op":"user_drop","username":"ada"})"), HasSubstr(R"("status":"ok")"));
  EXPECT_THAT(ada.ask(kGet), HasSubstr("unauthenticated"));
}

TEST_F(CertificateUserTest, OverHttpsItIsTheUserOfEveryRequestThatSaysNothingElse) {
  issue("admin", "/CN=admin");
  issue("eve", "/CN=eve");
  std::string text = config();
  text.replace(text.find("[server]\n"), 9, "[server]\nhttps_listen = \"127.0.0.1:0\"\n");
  ServerProcess server(options(dir_, text));
  ASSERT_TRUE(server.start()) << server.errors();
  const auto status = [&](const std::string& more) {
    run("version >status.txt && curl -s -o answer.txt -w '%{http_code}' --cacert " +
        certificate(other_) + " -H 'Content-Type: application/json' -d '{\"document_id\":\"a\"}' " +
        more + " https://localhost:" + std::to_string(server.https_port()) +
        "/v1/ops/point_get >status.txt");
    std::ifstream answer(file("status.txt"));
    std::string code;
    answer >> code;
    return code;
  };
  EXPECT_EQ(status("--cert admin.pem --key admin.key"), "404");
  EXPECT_EQ(status("--cert admin.pem --key admin.key -u admin:wrong-password"), "401");
  EXPECT_EQ(status("--cert eve.pem --key eve.key"), "401");
  EXPECT_EQ(status(""), "401");
}

TEST_F(CertificateUserTest, CertificatesNameUsersOnlyWhereTheConfigurationSaysSo) {
  issue("ada", "/CN=ada");
  ServerProcess server(options(dir_, config("")));
  ASSERT_TRUE(server.start()) << server.errors();
  EXPECT_THAT(ask_as(server, "ada", auth()), HasSubstr("certificate_users = true"));
  server.stop();
  EXPECT_THAT(
      refused(tls_config(other_) + "[auth]\nmode = \"password\"\ncertificate_users = true\n"),
      HasSubstr("needs [tls] client_ca"));
}

TEST_F(TlsTest, ThePlainPortCanBeLeftOut) {
  make_files(other_);
  ServerProcess server(
      options(dir_, "[server]\nlisten = \"\"\ntls_listen = \"127.0.0.1:0\"\n" + tls_table(other_)));
  ASSERT_TRUE(server.start()) << server.errors();
  EXPECT_EQ(server.port(), 0);
  Client client(server.tls_port(), {.ca = certificate(other_)});
  EXPECT_THAT(client.ask(kPut), HasSubstr(R"("status":"ok")"));
}

TEST_F(TlsTest, WhatIsWrongIsSaidAtTheStart) {
  make_files(other_);
  TempDir third;
  make_files(third);
  EXPECT_THAT(refused("[server]\ntls_listen = \"127.0.0.1:0\"\n"),
              HasSubstr("certificate and key"));
  EXPECT_THAT(refused("[server]\ntls_listen = \"127.0.0.1:0\"\n[tls]\ncertificate = "
                      "\"/none.pem\"\nkey = \"/none.pem\"\n"),
              HasSubstr("'/none.pem' is not a file"));
  EXPECT_THAT(refused("[server]\ntls_listen = \"127.0.0.1:0\"\n[tls]\ncertificate = \"" +
                      certificate(other_) + "\"\nkey = \"" + key(third) + "\"\n"),
              HasSubstr("not the certificate's"));
  EXPECT_THAT(refused(tls_config(other_, "client_certificates = \"required\"\n")),
              HasSubstr("belong together"));
  EXPECT_THAT(refused(tls_config(other_, "client_certificates = \"maybe\"\n")),
              HasSubstr("must be \"none\""));
  EXPECT_THAT(refused("[server]\ntls_listen = \"0.0.0.0:0\"\n" + tls_table(other_)),
              HasSubstr("without authentication"));
  EXPECT_THAT(refused("[server]\nlisten = \"\"\n"), HasSubstr("nothing to listen on"));
}

}  // namespace
}  // namespace stator::test
