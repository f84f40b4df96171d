#!/usr/bin/python3
"""WebSocket at /v1/ws against the client of the Python package websockets, and a raw socket for what
no good client sends.

    tests/peers/websocket_peer.py STATORD [NAME...]
"""
import asyncio
import base64
import contextlib
import json
import os
import socket
import struct
import sys

import websockets

from server import serve

JSON = "json"


def connect(server, **more):
    more.setdefault("max_size", None)
    return websockets.connect(f"ws://127.0.0.1:{server.port()}/v1/ws", **more)


async def ask(peer, **request):
    await peer.send(json.dumps(request))
    return json.loads(await asyncio.wait_for(peer.recv(), 30))


def run(program, talk, *more):
    with serve(program, *more) as server:
        asyncio.run(asyncio.wait_for(talk(server), 120))


def test_messages(program):
    async def talk(server):
        async with connect(server) as peer:
            assert (await ask(peer, op="hello", payload_format=JSON))["payload"]["protocol"] == 1
            put = await ask(peer, op="point_put", document_id="a", data={"t": "\u20ac"})
            assert put["status"] == "ok" and put["request_id"] == 2
            await peer.send(json.dumps({"op": "point_get", "document_id": "a"}).encode())  # binary
            answer = await peer.recv()
            assert isinstance(answer, str) and json.loads(answer)["payload"] == {"t": "\u20ac"}
            await peer.send([json.dumps({"op": "point_get", "document_id": "a"})[i:i + 5] for i in range(0, 45, 5)])  # fragments
            assert json.loads(await peer.recv())["payload"] == {"t": "\u20ac"}
            assert (await ask(peer, op="nonsense"))["error_code"] == "unknown_op"
            assert (await ask(peer, op="point_get"))["field"] == "document_id"
            await peer.send("")
            assert json.loads(await peer.recv())["error_code"] == "bad_request"
            for _ in range(3):
                await asyncio.wait_for(await peer.ping(os.urandom(20)), 30)
            big = {"t": "x" * 5_000_000}
            assert (await ask(peer, op="point_put", document_id="big", data=big))["status"] == "ok"
            assert (await ask(peer, op="point_get", document_id="big"))["payload"] == big
    run(program, talk)


def test_pipelining(program):
    async def talk(server):
        async with connect(server) as peer:
            await ask(peer, op="hello", payload_format=JSON)
            for i in range(2000):
                await peer.send(json.dumps({"op": "point_put", "document_id": str(i), "data": {"i": i}}))
            for i in range(2000):
                answer = json.loads(await peer.recv())
                assert answer["request_id"] == i + 2 and answer["status"] == "ok", answer
            for i in range(2000):
                await peer.send(json.dumps({"op": "point_get", "document_id": str(i), "id": i}))
            seen = {}
            for _ in range(2000):
                answer = json.loads(await peer.recv())
                seen[answer["id"]] = answer["payload"]["i"]
            assert seen == {i: i for i in range(2000)}
    run(program, talk)


def test_streams(program):
    async def talk(server):
        async with connect(server) as peer, connect(server) as other:
            first = await ask(peer, op="subscribe", collection="c", payload_format=JSON, id="s")
            assert first["status"] == "partial" and first["payload"]["event"] == "subscribed"
            for i in range(100):
                await ask(other, op="point_put", collection="c", document_id=str(i), data={"i": i})
            for i in range(100):
                event = json.loads(await asyncio.wait_for(peer.recv(), 30))
                assert event["id"] == "s" and event["payload"]["value"] == {"i": i}, event
            await peer.send(json.dumps({"op": "cancel", "id": "s"}))
            ends = {answer["request_id"]: answer for answer in (json.loads(await peer.recv()), json.loads(await peer.recv()))}
            assert ends[1]["error_code"] == "cancelled" and ends[2]["status"] == "ok", ends
    run(program, talk)


def test_login(program):
    async def talk(server):
        async with connect(server) as peer:
            assert (await ask(peer, op="point_get", document_id="a"))["error_code"] == "unauthenticated"
            assert (await ask(peer, op="auth", method="password", username="admin", password="test-password"))["status"] == "ok"
            assert (await ask(peer, op="user_list"))["status"] == "ok"
        words = {"Authorization": "Basic " + base64.b64encode(b"admin:test-password").decode()}
        async with connect(server, extra_headers=words) as peer:
            assert (await ask(peer, op="user_list"))["status"] == "ok"
        try:
            async with connect(server, extra_headers={"Authorization": "Bearer nonsense"}):
                raise AssertionError("it was let in")
        except websockets.InvalidStatusCode as refused:
            assert refused.status_code == 401
        async with connect(server) as peer:
            await expect_close(peer, 1009, json.dumps({"op": "ping", "x": "y" * 70_000}))
        async with connect(server) as peer:
            for _ in range(5):
                await ask(peer, op="auth", method="password", username="admin", password="wrong-password")
            await expect_close(peer, 1008)
    run(program, talk, '[auth]\nmode = "password"\n', "serve")


async def expect_close(peer, code, message=None):
    """The server may say goodbye while the message is still being sent."""
    try:
        if message is not None:
            with contextlib.suppress(websockets.InvalidState):  # it has said so already
                await peer.send(message)
        while True:
            await asyncio.wait_for(peer.recv(), 30)
    except websockets.ConnectionClosed as closed:
        assert closed.rcvd is not None and closed.rcvd.code == code, (code, closed)


def test_closing(program):
    async def talk(server):
        for code in (1000, 1001, 3000, 4999):
            peer = await connect(server)
            await ask(peer, op="ping")
            await peer.close(code, "bye")
            assert peer.close_code == code, peer.close_code
        peer = await connect(server)
        await expect_close(peer, 1009, json.dumps({"op": "ping", "x": "y" * (16 << 20)}))
        peer = await connect(server)
        await expect_close(peer, 1009, ["y" * (6 << 20)] * 3)  # each is allowed, together they are not
    run(program, talk)


def test_stop(program):
    async def talk(server):
        idle, streaming = await connect(server), await connect(server)
        first = await ask(streaming, op="subscribe")
        assert first["status"] == "partial"
        server.process.terminate()
        await expect_close(idle, 1001)
        last = json.loads(await streaming.recv())
        assert last["error_code"] == "busy", last
        await expect_close(streaming, 1001)
    run(program, talk)


def test_origins(program):
    async def talk(server):
        for origin in ("https://evil.example", "null"):
            try:
                async with connect(server, origin=origin):
                    raise AssertionError("a foreign page was let in")
            except websockets.InvalidStatusCode as refused:
                assert refused.status_code == 403
        async with connect(server, origin="https://app.example") as peer:
            assert (await ask(peer, op="ping"))["status"] == "ok"
    run(program, talk, '[http]\ncors_origins = ["https://app.example"]\n')


class Raw:
    """Frames as bytes."""

    def __init__(self, server, fields=b"", key=b"dGhlIHNhbXBsZSBub25jZQ=="):
        self.peer = socket.create_connection(("127.0.0.1", server.port()), timeout=30)
        self.peer.sendall(b"GET /v1/ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                          b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + key + b"\r\n" + fields + b"\r\n")
        self.head = b""
        while not self.head.endswith(b"\r\n\r\n"):
            self.head += self.peer.recv(1)

    def send(self, first, payload, is_masked=True, length=None):
        length = len(payload) if length is None else length
        bit = 0x80 if is_masked else 0
        head = bytes([first]) + (bytes([bit | length]) if length < 126 else bytes([bit | 126]) + struct.pack(">H", length)
                                 if length < 65536 else bytes([bit | 127]) + struct.pack(">Q", length))
        mask = b"\x01\x02\x03\x04"
        body = bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload)) if is_masked else payload
        self.peer.sendall(head + (mask if is_masked else b"") + body)

    def receive(self):
        """The next frame; (8, code) for the end."""
        first = self.read(1)[0]
        length = self.read(1)[0]
        if length == 126:
            length = struct.unpack(">H", self.read(2))[0]
        payload = self.read(length)
        if first & 15 == 8:
            return 8, struct.unpack(">H", payload[:2])[0] if payload else None
        return first & 15, payload

    def read(self, count):
        data = b""
        while len(data) < count:
            part = self.peer.recv(count - len(data))
            if not part:
                raise EOFError
            data += part
        return data


def test_rules(program):
    ping = json.dumps({"op": "ping"}).encode()
    with serve(program) as server:
        raw = Raw(server)
        assert b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in raw.head, "the example of RFC 6455"
        assert raw.head.startswith(b"HTTP/1.1 101 ")
        for i in range(0, len(ping), 3):  # fragments, with a ping between them
            raw.send((0x01 if i == 0 else 0x00) | (0x80 if i + 3 >= len(ping) else 0), ping[i:i + 3])
            raw.send(0x89, b"between")
        seen = [raw.receive() for _ in range(len(range(0, len(ping), 3)) + 1)]
        assert [kind for kind, _ in seen].count(10) == len(seen) - 1 and seen.count((10, b"between")) == len(seen) - 1
        assert json.loads(next(payload for kind, payload in seen if kind == 1))["status"] == "ok"

        def broken(code, *frames, **more):
            raw = Raw(server)
            for frame in frames:
                raw.send(*frame, **more)
            kind, got = raw.receive()
            assert (kind, got) in ((8, code), (8, None)) and (got or code != 1007), (frames, kind, got, code)
            try:
                assert raw.peer.recv(1) == b"", "it stays open"
            except ConnectionResetError:
                pass
        broken(1002, (0x81, ping), is_masked=False)
        broken(1002, (0xC1, ping))  # a reserved bit
        broken(1002, (0x83, ping))  # a reserved opcode
        broken(1002, (0x80, ping))  # goes on with nothing
        broken(1002, (0x01, ping), (0x81, ping))  # begins a second message inside the first
        broken(1002, (0x09, ping))  # a control frame in pieces
        broken(1002, (0x89, b"x" * 126))  # a long one
        broken(1002, (0x88, b"\x03\xed"))  # code 1005
        broken(1007, (0x81, b"\xff\xfe"))  # not UTF-8
        broken(1009, (0x82, b"x", True, (16 << 20) + 1))  # not even waited for
        raw = Raw(server)
        raw.send(0x82, b"\xff\xfe")  # binary may be anything; the session refuses it
        assert json.loads(raw.receive()[1])["error_code"] == "bad_request"
        # What is no upgrade.
        for key, status in ((b"short", b"400"), (b"", b"400"), (b"*" * 24, b"400")):
            assert Raw(server, key=key).head.startswith(b"HTTP/1.1 " + status), key
        with socket.create_connection(("127.0.0.1", server.port()), timeout=30) as peer:
            peer.sendall(b"GET /v1/ws HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert peer.recv(4096).startswith(b"HTTP/1.1 426 ")


def main():
    tests = {name.removeprefix("test_"): value for name, value in globals().items() if name.startswith("test_")}
    for name in sys.argv[2:] or list(tests):
        tests[name](sys.argv[1])
        print("ok", name, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
