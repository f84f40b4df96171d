#!/usr/bin/python3
"""The HTTP port against other people's clients: http.client of Python, curl, prometheus_client's
parser, jsonschema; and raw sockets for what no good client sends.

    tests/peers/http_peer.py STATORD [NAME...]     NAME: only these tests
"""
import base64
import contextlib
import hashlib
import http.client
import json
import os
import re
import socket
import ssl
import subprocess
import sys
import time
import urllib.request

import jsonschema
from prometheus_client.parser import text_string_to_metric_families

from server import serve

PASSWORD = '[auth]\nmode = "password"\n'


class Http:
    """One keep-alive connection."""

    def __init__(self, server, headers=None):
        self.peer = http.client.HTTPConnection("127.0.0.1", server.port(), timeout=30)
        self.headers = headers or {}

    def ask(self, method, path, body=None, headers=None):
        all_headers = {**self.headers, **(headers or {})}
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body)
            all_headers.setdefault("Content-Type", "application/json")
        self.peer.request(method, path, body, all_headers)
        self.answer = self.peer.getresponse()
        return self.answer.status, self.answer.read()

    def op(self, op, /, headers=None, **fields):
        """The answer; of a stream the last one."""
        status, body = self.ask("POST", "/v1/ops/" + op, fields, headers)
        return status, json.loads(body.splitlines()[-1])

    def ok(self, op, /, **fields):
        status, answer = self.op(op, **fields)
        assert status == 200 and answer["status"] == "ok", (op, status, answer)
        return answer.get("payload")


def raw(server, data, is_whole=True, timeout=30):
    """Sends bytes, returns everything until the server closes, or what came when it was silent."""
    with socket.create_connection(("127.0.0.1", server.port()), timeout=timeout) as peer:
        peer.sendall(data)
        if is_whole:
            peer.shutdown(socket.SHUT_WR)
        answer = b""
        while part := peer.recv(65536):
            answer += part
        return answer


def statuses(answer):
    return [int(code) for code in re.findall(rb"HTTP/1\.1 (\d\d\d) ", answer)]


def basic(user, password):
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def test_ops(program):
    with serve(program, lanes=2) as server:
        web = Http(server)
        web.ok("point_put", collection="users", document_id="u1", data={"name": "Ada", "text": "\n\"<\u20ac"})
        assert web.answer.getheader("Content-Type") == "application/json"
        assert web.answer.getheader("X-Request-Id") == "1"
        assert web.ok("point_get", collection="users", document_id="u1") == {"name": "Ada", "text": "\n\"<\u20ac"}
        assert web.answer.getheader("X-Request-Id") == "2", "one connection"
        assert json.loads(base64.b64decode(web.ok("point_get", collection="users", document_id="u1", payload_format="base64")))
        status, answer = web.op("point_get", collection="users", document_id="nobody", id="mine")
        assert (status, answer["error_code"], answer["id"]) == (404, "not_found", "mine")
        status, answer = web.op("point_get", collection="users")
        assert (status, answer["error_code"], answer["field"]) == (400, "bad_request", "document_id")
        status, answer = web.op("point_gte")
        assert (status, answer["error_code"]) == (404, "unknown_op") and "point_get" in answer["hint"]
        assert web.op("point_put", document_id="x", data={}, strict=True, nonsense=1)[0] == 400
        assert web.op("_user_put")[0] == 404, "inner ops are not there"
        for body in ("[]", "{", "nonsense", "{} {}", b"\xff"):
            status, answer = web.ask("POST", "/v1/ops/ping", body, {"Content-Type": "application/json"})
            assert status == 400 and json.loads(answer)["error_code"] == "bad_request", (body, status, answer)
        assert web.ask("POST", "/v1/ops/ping")[0] == 200, "no body is an empty one"
        status, answer = web.op("vector_search", query_vector=[1.0], collection="none")
        assert (status, answer["error_code"]) == (404, "collection_not_found")
        assert web.op("batch", ops=[{"op": "point_put", "document_id": str(i), "data": {}} for i in range(9)])[0] == 200


def test_every_op_has_a_path(program):
    """What is refused of an example is refused with a status of the table, and nothing is unknown."""
    with serve(program) as server:
        web = Http(server)
        golden = web.ok("describe")["ops"]
        assert len(golden) > 60
        for op in golden:
            if op["name"] in ("subscribe", "discard_to", "vshard_move"):
                continue  # an answer without end; the others change the server
            status, answer = web.op(op["name"], **{key: value for key, value in op["example"].items() if key != "op"})
            assert status != 404 or answer["error_code"] in ("not_found", "collection_not_found"), (op["name"], answer)
            assert (status == 200) == (answer["status"] == "ok"), (op["name"], status, answer)
            assert status < 500 or answer["error_code"] == "unsupported", (op["name"], status, answer)


def test_a_backup_comes_as_lines(program):
    with serve(program) as server:
        web = Http(server)
        web.ok("point_put", document_id="a", data={"n": 1})
        status, body = web.ask("POST", "/v1/ops/backup_stream", {"name": "x"})
        assert status == 200 and web.answer.getheader("Content-Type") == "application/x-ndjson", (status, body[:200])
        lines = [json.loads(line) for line in body.splitlines()]
        assert [line["status"] for line in lines] == ["partial"] * (len(lines) - 1) + ["ok"]
        files = {}
        for line in lines[1:-1]:
            piece = line["payload"]
            assert piece["offset"] == len(files.setdefault(piece["file"], b"")), piece["file"]
            files[piece["file"]] += base64.b64decode(piece["data"])
        assert hashlib.sha256(files["MANIFEST"]).hexdigest() == files["MANIFEST.sha256"].split()[0].decode()
        for named in json.loads(files["MANIFEST"])["files"]:
            assert hashlib.sha256(files[named["name"]]).hexdigest() == named["sha256"], named
        assert lines[-1]["payload"]["files"] == len(files) - 2


def test_methods_and_types(program):
    with serve(program) as server:
        web = Http(server)
        assert web.ask("GET", "/v1/ops/ping")[0] == 405 and "POST" in web.answer.getheader("Allow")
        assert web.ask("DELETE", "/healthz")[0] == 405
        assert web.ask("GET", "/nothing")[0] == 404
        assert web.ask("GET", "/")[0] == 404
        status, body = web.ask("HEAD", "/healthz")
        assert (status, body) == (200, b"") and int(web.answer.getheader("Content-Length")) > 0
        assert web.ask("GET", "/healthz?x=1") == (200, b'{"status":"ok"}')
        status, body = web.ask("OPTIONS", "*")
        assert (status, body) == (204, b"") and "POST" in web.answer.getheader("Allow")
        for content_type in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""):
            peer = Http(server)
            assert peer.ask("POST", "/v1/ops/ping", "{}", {"Content-Type": content_type})[0] == 415, content_type
            assert peer.answer.getheader("Connection") == "close", "its body was not read"
        assert web.ask("POST", "/v1/ops/ping", "{}", {"Content-Type": "Application/JSON; charset=utf-8"})[0] == 200
        assert Http(server).ask("POST", "/v1/ops/ping", "{}", {"Content-Type": "application/json", "Content-Encoding": "gzip"})[0] == 415
        assert Http(server).ask("POST", "/v1/ops/ping", "{}", {"Content-Type": "application/json", "Expect": "wonders"})[0] == 417
        assert Http(server).ask("GET", "/" + "a" * 3000)[0] == 414
        assert Http(server).ask("GET", "/healthz", headers={"X": "a" * 17000})[0] == 431


def test_pipelining(program):
    with serve(program, lanes=2) as server:
        Http(server).ok("point_put", document_id="k", data={"n": 1})
        heads = []
        for i in range(50):
            body = json.dumps({"document_id": "k" if i % 2 else "none", "id": i}).encode()
            heads.append(b"POST /v1/ops/point_get HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                         b"Content-Length: %d\r\n\r\n" % len(body) + body)
        answer = raw(server, b"".join(heads))
        assert statuses(answer) == [200 if i % 2 else 404 for i in range(50)], statuses(answer)
        assert [int(number) for number in re.findall(rb'"id":(\d+)', answer)] == list(range(50))
        # Half of them and then nothing: what is owed still comes.
        assert len(statuses(raw(server, b"".join(heads)[:-10]))) == 49
        assert statuses(raw(server, b"GET /healthz HTTP/1.0\r\n\r\n")) == [403], "a host has to be named in trust mode"
        closing = raw(server, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n" * 2, is_whole=False)
        assert statuses(closing) == [200], "nothing is read behind the last request"


def test_bodies(program):
    with serve(program) as server:
        web = Http(server)
        text = "x" * 3_000_000
        chunks = [b'{"document_id":"big","data":', json.dumps({"t": text}).encode(), b"}"]
        web.peer.request("POST", "/v1/ops/point_put", iter(chunks), {"Content-Type": "application/json"}, encode_chunked=True)
        answer = web.peer.getresponse()
        assert answer.status == 200, answer.read()
        answer.read()
        assert web.ok("point_get", document_id="big") == {"t": text}
        # A body that is too large is refused although its client is still sending.
        refused = Http(server)
        assert refused.ask("POST", "/v1/ops/ping", b"x" * (17 << 20), {"Content-Type": "application/json"})[0] == 413
        # 100-continue: what comes first is the permission, or the refusal.
        for length, expected in ((2, [100, 200]), (17 << 20, [413])):
            with socket.create_connection(("127.0.0.1", server.port()), timeout=30) as peer:
                peer.sendall(b"POST /v1/ops/ping HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                             b"Connection: close\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n" % length)
                answer = peer.recv(65536)
                if expected[0] == 100:
                    assert statuses(answer) == [100], answer
                    peer.sendall(b"{}")
                while part := peer.recv(65536):
                    answer += part
                assert statuses(answer) == expected, answer


def test_smuggling(program):
    with serve(program) as server:
        head = b"POST /v1/ops/ping HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        hidden = b"POST /v1/ops/checkpoint HTTP/1.1\r\nHost: localhost\r\n\r\n"
        for fields in (b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
                       b"Transfer-Encoding: xchunked\r\n", b"Content-Length: 2\r\nContent-Length: 9\r\n", b"X: a\r\n b\r\n",
                       b"X: a\rContent-Length: 2\r\n", b"X: a\nContent-Length: 2\r\n", b"Transfer-Encoding : chunked\r\n"):
            answer = raw(server, head + fields + b"\r\n0\r\n\r\n" + hidden)
            assert statuses(answer) in ([400], [501]) and b"Connection: close" in answer, (fields, answer)


def test_login(program):
    with serve(program, PASSWORD, "serve") as server:
        stranger = Http(server)
        status, answer = stranger.op("point_get", document_id="a")
        assert (status, answer["error_code"]) == (401, "unauthenticated")
        assert "Basic" in stranger.answer.getheader("WWW-Authenticate")
        assert stranger.ask("GET", "/healthz")[0] == 200 and stranger.ask("GET", "/readyz")[0] == 200
        assert stranger.ask("GET", "/metrics")[0] == 401 and stranger.ask("GET", "/v1/openapi.json")[0] == 401
        assert stranger.ask("POST", "/v1/ops/ping", b"x" * 70000, {"Content-Type": "application/json"})[0] == 401
        admin = Http(server, basic("admin", "test-password"))
        admin.ok("user_create", username="anna", password="correct horse", role="readonly")
        admin.ok("user_create", username="eye", password="correct horse", role="monitor")
        admin.ok("point_put", document_id="a", data={"x": 1})
        anna = Http(server, basic("anna", "correct horse"))
        assert anna.ok("point_get", document_id="a") == {"x": 1}
        status, answer = anna.op("point_put", document_id="a", data={})
        assert (status, answer["error_code"]) == (403, "rejected_authz") and "readonly" in answer["error"]
        assert anna.ask("GET", "/metrics")[0] == 403 and anna.ask("GET", "/v1/openapi.json")[0] == 200
        assert Http(server, basic("eye", "correct horse")).ask("GET", "/metrics")[0] == 200
        # A connection is nobody's: the next request on it has to say who it is, again.
        assert anna.op("point_get", headers={"Authorization": ""}, document_id="a")[0] == 401
        assert anna.op("ping", headers=basic("admin", "test-password"))[0] == 200
        assert anna.op("user_list")[0] == 403, "the admin's request before it gives it nothing"
        anna.ok("auth", method="password", username="admin", password="test-password")
        assert anna.op("user_list")[0] == 403, "nor does a login in a body"
        token = admin.ok("api_key_create", username="anna")["token"]
        key = Http(server, {"Authorization": "Bearer " + token})
        assert key.ok("point_get", document_id="a") == {"x": 1}
        admin.ok("api_key_drop", key_id=token.split("_")[1])
        assert key.op("point_get", document_id="a")[0] == 401, "also on an open connection"
        for bad in ({"Authorization": "Bearer nonsense"}, {"Authorization": "Basic !"}, {"Authorization": "Digest x"},
                    basic("anna", "wrong"), basic("nobody", "wrong"), {"Authorization": "Basic " + base64.b64encode(b"no colon").decode()}):
            status, answer = Http(server, bad).op("ping")
            assert (status, answer["error_code"]) == (401, "unauthenticated"), (bad, status, answer)
        anna.ok("user_set_password", username="anna", password="battery staple")
        assert anna.op("point_get", document_id="a")[0] == 401, "the old password is none, on an old connection neither"
        assert Http(server, basic("anna", "battery staple")).op("point_get", document_id="a")[0] == 200
        guesser = Http(server, basic("anna", "wrong"))
        closed = [guesser.ask("GET", "/metrics")[0] == 401 and guesser.answer.getheader("Connection") for _ in range(5)]
        assert closed == [None, None, None, None, "close"], closed
        locked = 0
        for _ in range(40):
            status, _ = Http(server, basic("eye", "wrong")).op("ping")
            locked += status == 429
        assert locked > 0, "guesses are slowed down"


def test_browsers(program):
    config = '[http]\ncors_origins = ["https://app.example"]\nallowed_hosts = ["db.lan"]\n'
    with serve(program, config) as server:
        web = Http(server)
        for host, expected in (("localhost", 200), ("db.lan:6480", 200), ("evil.example:6480", 403)):
            for path in ("/healthz", "/metrics", "/v1/openapi.json"):
                assert web.ask("GET", path, headers={"Host": host})[0] == expected, (host, path)
        assert Http(server).op("point_put", headers={"Host": "evil.example"}, document_id="a", data={})[0] == 403
        for origin in ("https://evil.example", "null", "http://localhost:3000"):
            status, _ = Http(server).op("ping", headers={"Origin": origin})
            assert status == 403, origin
            status, _ = web.ask("OPTIONS", "/v1/ops/ping", headers={"Origin": origin, "Access-Control-Request-Method": "POST"})
            assert status == 403 and web.answer.getheader("Access-Control-Allow-Origin") is None
        page = {"Origin": "https://app.example"}
        status, _ = web.ask("OPTIONS", "/v1/ops/ping", headers={**page, "Access-Control-Request-Method": "POST"})
        assert status == 204 and web.answer.getheader("Access-Control-Allow-Origin") == "https://app.example"
        assert "Content-Type" in web.answer.getheader("Access-Control-Allow-Headers")
        for name, expected in (("ping", 200), ("nonsense", 404)):
            assert web.op(name, headers=page)[0] == expected
            assert web.answer.getheader("Access-Control-Allow-Origin") == "https://app.example", "errors can be read, too"
            assert web.answer.getheader("Vary") == "Origin"
        assert web.op("ping")[0] == 200 and web.answer.getheader("Access-Control-Allow-Origin") is None
        assert web.op("ping", headers={"Origin": f"http://127.0.0.1:{server.port()}"})[0] == 200, "our own"


def read_metrics(text):
    families = {family.name: family for family in text_string_to_metric_families(text)}
    assert families, "nothing was read"
    return families


def sample(families, name, suffix="", **labels):
    found = [one.value for one in families[name].samples if one.name == name + suffix and labels.items() <= one.labels.items()]
    assert len(found) == 1, (name, suffix, labels, found)
    return found[0]


def test_metrics(program):
    with serve(program, lanes=2) as server:
        web = Http(server)
        for i in range(20):
            web.ok("point_put", document_id=str(i), data={"i": i})
        for _ in range(3):
            web.op("point_get", document_id="none")
        web.op("nonsense")
        status, body = web.ask("GET", "/metrics")
        assert status == 200 and web.answer.getheader("Content-Type").startswith("text/plain; version=0.0.4")
        families = read_metrics(body.decode())
        times = "stator_request_duration_seconds"
        assert families[times].type == "histogram"
        assert sample(families, times, "_count", op="point_put") == 20
        assert sample(families, times, "_count", op="point_get") == 3
        assert sample(families, times, "_count", op="none") == 1
        assert sample(families, "stator_errors", "_total", code="not_found") == 3
        assert sample(families, "stator_errors", "_total", code="unknown_op") == 1
        buckets = [(float(one.labels["le"]), one.value) for one in families[times].samples
                   if one.name.endswith("_bucket") and one.labels["op"] == "point_put"]
        assert buckets == sorted(buckets) and buckets[-1] == (float("inf"), 20), buckets
        mean = sample(families, times, "_sum", op="point_put") / 20
        assert 1e-6 < mean < 10, "seconds: a durable write takes some time"
        assert buckets[0][1] < 20, "and is not counted as none"
        assert sample(families, "stator_log_durable_lsn") >= 20
        assert sample(families, "stator_log_state", state="ok") == 1 and sample(families, "stator_ready") == 1
        lanes = {one.labels["lane"]: one.value for one in families["stator_lane_connections"].samples}
        assert set(lanes) == {"0", "1"} and sum(lanes.values()) == 1, lanes
        assert sum(one.value for one in families["stator_lane_requests"].samples) == 24, "the scrape itself is not told yet"
        for family in families.values():
            assert family.documentation and family.type in ("gauge", "counter", "histogram"), family


def test_readiness(program):
    with serve(program) as server:
        assert Http(server).ask("GET", "/readyz") == (200, b'{"status":"ok"}')
    with serve(program, "[server]\nmemory_limit_mib = 64\n") as server:
        web = Http(server)
        for i in range(400):
            status, _ = web.op("point_put", document_id=str(i), data={"t": "x" * 1_000_000})
            if status == 503:
                break
        assert status == 503, "the limit was not reached"
        status, body = web.ask("GET", "/readyz")
        assert status == 503 and "memory" in json.loads(body)["reasons"][0], body
        assert web.ask("GET", "/healthz")[0] == 200
        assert sample(read_metrics(web.ask("GET", "/metrics")[1].decode()), "stator_ready") == 0


def lint(folder, text):
    """openapi_spec_validator of whichever Python has it: Debian does not."""
    with open(folder + "/openapi.json", "wb") as file:
        file.write(text)
    program = "import json, sys, openapi_spec_validator as v; v.validate(json.load(open(sys.argv[1])))"
    has_it = subprocess.run(["python3", "-c", "import openapi_spec_validator"], capture_output=True, check=False).returncode == 0
    if has_it:
        subprocess.run(["python3", "-c", program, folder + "/openapi.json"], check=True)
    print("openapi: " + ("valid" if has_it else "no openapi_spec_validator here, the schemas alone are checked"))


def test_openapi(program):
    with serve(program) as server:
        web = Http(server)
        status, body = web.ask("GET", "/v1/openapi.json")
        assert status == 200
        api = json.loads(body)
        ops = {op["name"]: op for op in web.ok("describe")["ops"]}
        assert {path.removeprefix("/v1/ops/") for path in api["paths"]} == set(ops), "every op has its path"
        lint(server.folder, body)
        for name, op in ops.items():
            post = api["paths"]["/v1/ops/" + name]["post"]
            request = post["requestBody"]["content"]["application/json"]
            schema = {**request["schema"], "components": api["components"]}
            jsonschema.Draft202012Validator.check_schema(schema)
            validator = jsonschema.Draft202012Validator(schema)
            validator.validate(request["example"])
            for arg in op["args"]:
                if arg["required"] and not arg.get("alias"):
                    broken = {key: value for key, value in request["example"].items() if key != arg["name"]}
                    assert not validator.is_valid(broken), (name, arg["name"])
        # The schema tells what the server does.
        put = api["paths"]["/v1/ops/point_put"]["post"]["requestBody"]["content"]["application/json"]
        validator = jsonschema.Draft202012Validator({**put["schema"], "components": api["components"]})
        for body in ({"document_id": 7, "data": {}}, {"data": {}}, {"document_id": "", "data": {}}, {"document_id": "a", "data": {}, "priority": "low"}):
            assert not validator.is_valid(body) and web.op("point_put", **body)[0] == 400, body


class Stream:
    """An op that answers in parts."""

    def __init__(self, server, accept, receive_buffer=None, op="subscribe", **fields):
        self.peer = http.client.HTTPConnection("127.0.0.1", server.port(), timeout=30)
        self.peer.sock = socket.socket()
        if receive_buffer:
            self.peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.peer.sock.settimeout(30)
        self.peer.sock.connect(("127.0.0.1", server.port()))
        self.peer.request("POST", "/v1/ops/" + op, json.dumps(fields), {"Content-Type": "application/json", "Accept": accept})
        self.answer = self.peer.getresponse()

    def line(self):
        return json.loads(self.answer.readline())

    def event(self):
        name, data = "message", None
        while line := self.answer.readline().rstrip(b"\n"):
            key, _, value = line.partition(b": ")
            if key == b"event":
                name = value.decode()
            if key == b"data":
                data = json.loads(value)
        return name, data


def until(condition):
    """Waits for it; the test's own limit of time is the end."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < 60, "it did not come"


def test_streams(program):
    with serve(program, lanes=2) as server:
        web = Http(server)
        lines = Stream(server, "application/x-ndjson", collection="c", id="mine")
        assert (lines.answer.status, lines.answer.getheader("Content-Type")) == (200, "application/x-ndjson")
        assert lines.answer.getheader("Transfer-Encoding") == "chunked"
        first = lines.line()
        assert (first["status"], first["payload"]["event"], first["id"]) == ("partial", "subscribed", "mine")
        events = Stream(server, "text/event-stream", collection="c")
        assert events.answer.getheader("Content-Type") == "text/event-stream"
        assert events.event()[1]["payload"]["event"] == "subscribed"
        for i in range(300):
            web.ok("point_put", collection="c", document_id=str(i), data={"i": i, "t": "a\nb\r\n"})
        for i in range(300):
            one = lines.line()
            assert one["payload"]["value"] == {"i": i, "t": "a\nb\r\n"}, one
            name, two = events.event()
            assert name == "message" and two["payload"] == one["payload"], (name, two)
        # An error before the first part is an error of HTTP.
        far = Stream(server, "application/x-ndjson", collection="c", from_lsn=1 << 40)
        assert far.answer.status == 400 and json.loads(far.answer.read())["error_code"] == "bad_request"
        # Who goes has asked for nothing more.
        def open_streams():
            return sum(lane["streams"] for lane in web.ok("server_stats")["lanes"])
        assert open_streams() == 2
        lines.peer.sock.close()
        lines.answer.close()
        until(lambda: open_streams() == 1)
        # The server that stops says so, with where to go on.
        server.process.terminate()
        name, last = events.event()
        assert name == "end" and last["error_code"] == "busy", (name, last)
        assert events.answer.read() == b"", "the last chunk came"


def test_pages(program):
    """All pages of a scan: lines or events, the last one the end, and then the next request."""
    with serve(program, lanes=2) as server:
        web = Http(server)
        web.ok("document_batch_insert", documents=[{"document_id": f"d{i:03}", "data": {"n": i}} for i in range(250)])
        ids = [f"d{i:03}" for i in range(250)]
        lines = Stream(server, "application/json", op="document_scan", stream=True, limit=60)
        assert (lines.answer.status, lines.answer.getheader("Content-Type")) == (200, "application/x-ndjson")
        frames = [json.loads(line) for line in lines.answer.read().splitlines()]
        assert [frame["status"] for frame in frames] == ["partial"] * 4 + ["ok"]
        assert [row["document_id"] for frame in frames for row in frame["payload"]["rows"]] == ids
        lines.peer.request("POST", "/v1/ops/ping", "{}", {"Content-Type": "application/json"})
        assert json.loads(lines.peer.getresponse().read())["status"] == "ok", "the connection goes on"
        events = Stream(server, "text/event-stream", op="document_scan", stream=True, limit=200, sort=[{"n": "desc"}])
        assert events.answer.getheader("Content-Type") == "text/event-stream"
        name, first = events.event()
        assert (name, first["payload"]["rows"][0]["document_id"]) == ("message", "d249")
        name, last = events.event()
        assert (name, last["status"], len(last["payload"]["rows"])) == ("end", "ok", 50)
        # One page is a stream of one part; what is refused before the first one is an error of HTTP.
        one = Stream(server, "application/x-ndjson", op="document_scan", stream=True, limit=1000)
        assert one.answer.getheader("Content-Type") == "application/x-ndjson"
        assert len(one.line()["payload"]["rows"]) == 250 and one.answer.read() == b""
        wrong = Stream(server, "application/x-ndjson", op="document_scan", stream=True, cursor="00")
        assert wrong.answer.status == 400 and json.loads(wrong.answer.read())["field"] == "cursor"
        # Who ends his side gets all pages: it is no subscription.
        body = b'{"stream":true,"limit":10}'
        for version in (b"1.1", b"1.0"):
            answer = raw(server, b"POST /v1/ops/document_scan HTTP/" + version + b"\r\nHost: localhost\r\n"
                         b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            assert answer.count(b'"partial"') == 24 and answer.count(b'"document_id"') == 250, answer[-300:]


def test_streams_of_slow_readers(program):
    with serve(program) as server:
        web = Http(server)
        slow = Stream(server, "application/x-ndjson", receive_buffer=65536, collection="c")
        assert slow.line()["payload"]["event"] == "subscribed"
        text = "x" * 200_000
        for i in range(60):
            web.ok("point_put", collection="c", document_id=str(i), data={"t": text})

        def lane():
            return web.ok("server_stats")["lanes"][0]
        until(lambda: lane()["streams_paused"] == 1)
        assert lane()["unsent_bytes"] < 1_000_000, "it is not kept for who does not read"
        for i in range(60):
            assert slow.line()["payload"]["key"] == str(i)
        until(lambda: lane()["streams_paused"] == 0)


def test_streams_without_chunks(program):
    """HTTP/1.0: the end is the end of the connection."""
    with serve(program) as server:
        with socket.create_connection(("127.0.0.1", server.port()), timeout=30) as peer:
            peer.sendall(b"POST /v1/ops/subscribe HTTP/1.0\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")
            peer.shutdown(socket.SHUT_WR)  # nobody could end it any more: it ends
            answer = b""
            while part := peer.recv(65536):
                answer += part
        head, _, body = answer.partition(b"\r\n\r\n")
        assert b"chunked" not in head and b"Connection: close" in head, head
        assert [json.loads(line)["status"] for line in body.splitlines()] == ["partial", "error"], body


def test_limits_of_time(program):
    """A client that sends its head in drops is closed; one that is silent is not yet."""
    with serve(program) as server:
        slow = socket.create_connection(("127.0.0.1", server.port()), timeout=40)
        slow.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n")
        idle = Http(server)
        assert idle.ask("GET", "/healthz")[0] == 200
        began = time.monotonic()
        slow.settimeout(0.5)
        while True:
            assert time.monotonic() - began < 30, "it is still open"
            try:
                if slow.recv(1) == b"":
                    break
            except TimeoutError:
                with contextlib.suppress(OSError):
                    slow.sendall(b"X: drop\r\n")
            except ConnectionResetError:
                break
        assert time.monotonic() - began > 9, "not before its time"
        assert idle.ask("GET", "/healthz")[0] == 200
        slow.close()


def test_curl(program):
    with serve(program) as server:
        url = f"http://127.0.0.1:{server.port()}"

        def curl(*arguments):
            done = subprocess.run(["curl", "-sS", "--max-time", "30", *arguments], capture_output=True, text=True, check=True)
            return done.stdout
        assert curl(url + "/healthz") == '{"status":"ok"}'
        assert curl("-w", "%{http_code}", "-o", "/dev/null", "-X", "POST", url + "/v1/ops/ping") == "200"
        big = json.dumps({"document_id": "a", "data": {"t": "x" * 2_000_000}})
        with open(server.folder + "/big.json", "w", encoding="utf-8") as file:
            file.write(big)
        answer = json.loads(curl("--json", "@" + server.folder + "/big.json", url + "/v1/ops/point_put"))
        assert answer["status"] == "ok"
        with urllib.request.urlopen(url + "/readyz", timeout=30) as got:
            assert got.status == 200


def test_docs(program):
    """The commands of docs/http.md answer what stands there; "…" stands for anything."""
    page = os.path.join(os.path.dirname(__file__), "..", "..", "docs", "http.md")
    with open(page, encoding="utf-8") as file:
        blocks = re.findall(r"^```\w*\n(.*?)^```\n", file.read(), re.DOTALL | re.MULTILINE)
    commands = [re.match(r"\$ ([^\n]*)\n(.*)", part, re.DOTALL).groups()
                for block in blocks for part in re.split(r"^(?=\$ )", block, flags=re.MULTILINE) if part.startswith("$ ")]
    assert len(commands) >= 6, commands
    with serve(program) as server:
        for command, expected in commands:
            done = subprocess.run(["bash", "-c", command.replace("127.0.0.1:6480", f"127.0.0.1:{server.port()}")],
                                  capture_output=True, text=True, timeout=60, check=True)
            pattern = re.escape(expected.strip()).replace("…", ".*")
            assert re.fullmatch(pattern, done.stdout.strip()), (command, done.stdout, expected)


class Events:
    """GET /v1/changes, as an EventSource asks."""

    def __init__(self, server, query="", **headers):
        self.peer = http.client.HTTPConnection("127.0.0.1", server.port(), timeout=30)
        self.peer.request("GET", "/v1/changes" + query, headers={"Accept": "text/event-stream", **headers})
        self.answer = self.peer.getresponse()

    def fields(self):
        """Of the next event, or comment."""
        lines = []
        while line := self.answer.readline().decode().rstrip("\n"):
            lines.append(line)
        return dict(line.split(": ", 1) if ": " in line else (line, None) for line in lines)


def test_event_source(program):
    with serve(program, config="[http]\nheartbeat_s = 1\n", lanes=2) as server:
        web = Http(server)
        web.ok("point_put", collection="c d", document_id="a", data={"n": 0})
        events = Events(server, "?collection=c%20d")
        assert (events.answer.status, events.answer.getheader("Content-Type")) == (200, "text/event-stream")
        first = events.fields()
        assert first["retry"] == "1000" and json.loads(first["data"])["payload"]["event"] == "subscribed", first
        # Somebody who lost the connection here sees everything since.
        began = time.monotonic()
        assert events.fields() == {":": None}
        assert events.fields() == {":": None} and 1 < time.monotonic() - began < 10
        for n in range(1, 4):
            web.ok("point_put", collection="c d", document_id="a", data={"n": n})
        seen = [events.fields() for _ in range(3)]
        assert [json.loads(one["data"])["payload"]["value"]["n"] for one in seen] == [1, 2, 3], seen
        assert [int(one["id"]) for one in seen] == [json.loads(one["data"])["payload"]["lsn"] for one in seen]
        for last, wanted in ((first["id"], [1, 2, 3]), (seen[1]["id"], [3])):
            again = Events(server, "?collection=c+d&from_lsn=1", **{"Last-Event-ID": last})
            assert json.loads(again.fields()["data"])["payload"]["event"] == "subscribed"
            for n in wanted:
                assert json.loads(again.fields()["data"])["payload"]["value"] == {"n": n}
        # It is another server: an EventSource does not ask again.
        assert Events(server, **{"Last-Event-ID": "99999999"}).answer.status == 400


def test_ended_sides(program):
    """Who sends no more gets its answer, with the byte of it that was sent ahead."""
    with serve(program) as server:
        body = json.dumps({"document_id": "a", "min_lsn": 999999, "deadline_ms": 500}).encode()
        with socket.create_connection(("127.0.0.1", server.port()), timeout=30) as peer:
            peer.sendall(b"POST /v1/ops/point_get HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                         b"Content-Length: %d\r\n\r\n" % len(body) + body)
            peer.shutdown(socket.SHUT_WR)
            answer = http.client.HTTPResponse(peer)
            answer.begin()
            assert answer.status == 504 and json.loads(answer.read())["error_code"] == "deadline_exceeded"


def test_https(program):
    with serve(program, arguments=("--tls", "--tls-listen", "127.0.0.1:0", "--https-listen", "127.0.0.1:0")) as server:
        context = ssl.create_default_context(cafile=server.folder + "/data/tls/certificate.pem")
        peer = http.client.HTTPSConnection("localhost", server.port("https_listen"), timeout=30, context=context)
        web = Http(server)
        web.peer = peer
        big = {"t": "x" * 2_000_000}
        web.ok("point_put", document_id="a", data=big)
        assert web.ok("point_get", document_id="a") == big
        assert web.ask("GET", "/readyz")[0] == 200
        assert web.ask("POST", "/v1/ops/ping", b"x" * (17 << 20), {"Content-Type": "application/json"})[0] == 413
        plain = Http(server)
        assert plain.ok("point_get", document_id="a") == big, "the plain port has the same data"
        assert raw(server, b"\x16\x03\x01\x00\x05hello").startswith(b"HTTP/1.1 400 "), "and speaks no TLS"


def main():
    tests = {name.removeprefix("test_"): value for name, value in globals().items() if name.startswith("test_")}
    wanted = sys.argv[2:] or list(tests)
    for name in wanted:
        tests[name](sys.argv[1])
        print("ok", name, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
