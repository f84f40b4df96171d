"""Connections for op_fuzz.py: frames over TCP, HTTP and WebSocket, with a ledger of what was asked and what came back."""
import base64
import json
import os
import select
import socket
import struct
import time


HASHES = (b"auth", b"user_create", b"user_set_password")


class Broken(Exception):
    """The connection ended."""


class Fault(Exception):
    """The server did what it must not."""


def check_answer(answer, codes):
    """Of the documented form, whatever was asked."""
    if not isinstance(answer, dict) or answer.get("status") not in ("ok", "error", "partial"):
        raise Fault(f"no answer: {str(answer)[:300]}")
    missing = [field for field in ("request_id", "watermark_lsn", "error_code") if field not in answer]
    if missing:
        raise Fault(f"an answer without {missing}: {str(answer)[:300]}")
    if answer["status"] != "error":
        if answer["error_code"] is not None:
            raise Fault(f"an error that is none: {str(answer)[:300]}")
        return
    name = answer["error_code"]
    if name not in codes or (answer.get("code"), answer.get("retryable")) != codes[name][:2]:
        raise Fault(f"not of errors.def: {str(answer)[:300]}")
    if not isinstance(answer.get("error"), str) or not answer["error"] or answer.get("payload", 0) is not None:
        raise Fault(f"a refusal without a sentence: {str(answer)[:300]}")
    if codes[name][2] or name == "engine_quarantined":
        raise Fault(f"a fault of the server: {str(answer)[:500]}")


class Frames:
    """The native port."""
    in_order, may_end = True, False

    def __init__(self, port, codes, address):
        self.codes, self.buffer, self.sent, self.open, self.last = codes, b"", 0, {}, []
        self.socket = socket.create_connection(("127.0.0.1", port), 10, (address, 0))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.slowest = {}
        self._greet()
        self.socket.setblocking(False)

    def _greet(self):
        pass

    @staticmethod
    def ends_it(body):
        """The server may end the connection: too many guesses, too long for a stranger, no object."""
        return b"auth" in body or body[:1] != b"{" or len(body) > 60_000

    def encode(self, body, request):
        return struct.pack(">I", len(body)) + body

    def messages(self):
        """Whole ones that stand in the buffer."""
        while len(self.buffer) >= 4 and len(self.buffer) >= 4 + (size := int.from_bytes(self.buffer[:4], "big")):
            body, self.buffer = self.buffer[4:4 + size], self.buffer[4 + size:]
            yield body

    def ask(self, requests, on_answer, until=lambda peer: not peer.open):
        """Sends them all, reads until every one has its last answer; requests are pairs of a request and its text."""
        out = bytearray()
        for request, body in requests:
            self.sent += 1
            now, deadline = time.monotonic(), request.get("deadline_ms") if isinstance(request, dict) else 0
            deadline = deadline / 1000 if type(deadline) is int and 0 < deadline < 600_001 else 30
            if any(op in body for op in HASHES):  # hashed one after the other; what is behind it is not read
                deadline = 60
            if self.in_order:  # it waits for those before it
                deadline = max([deadline, *(entry[2] for entry in self.open.values())])
            self.open[self.sent] = (request, now, deadline)
            self.may_end |= self.ends_it(body)
            self.last = self.last[-40:] + [(self.sent, body[:3000], None)]
            out += self.encode(body, request)
        while out or not until(self):
            readable, writable, _ = select.select([self.socket], [self.socket] if out else [], [], 1)
            if writable:
                try:
                    del out[:self.socket.send(out[:65536])]
                except (BrokenPipeError, ConnectionResetError):
                    out.clear()
            if readable:
                self._read(on_answer)
            self._check_times()

    def _read(self, on_answer):
        try:
            data = self.socket.recv(1 << 20)
        except BlockingIOError:
            return
        except ConnectionResetError:
            raise Broken() from None
        if not data:
            raise Broken()
        self.buffer += data
        for body in self.messages():
            self._take(body, on_answer)

    def _take(self, body, on_answer):
        try:
            answer = json.loads(body)
        except ValueError as error:
            raise Fault(f"not JSON ({error}): {body[:500]!r}") from None
        number = answer.get("request_id") if isinstance(answer, dict) else None
        if not self.in_order:  # HTTP says what belongs to what by its order; its numbers have holes
            number = min(self.open, default=None)
        try:
            check_answer(answer, self.codes)
        except Fault as fault:
            raise Fault(f"{fault} to {str(self.open.get(number, '?'))[:1500]}") from None
        if number not in self.open:
            raise Fault(f"an answer more: {str(answer)[:500]}, open are {list(self.open)}")
        request = self.open[number][0]
        if answer["status"] != "partial":
            _, began, _ = self.open.pop(number)
            name = request.get("op") if isinstance(request, dict) else "?"
            took = time.monotonic() - (began if self.in_order else max(began, self.answered))
            self.answered = time.monotonic()
            if isinstance(name, str) and took > self.slowest.get(name, 0):
                self.slowest[name] = took
            self.last[:] = [(n, sent, str(answer)[:400] if n == number else said) for n, sent, said in self.last]
        on_answer(request, answer)

    SLACK = 20  # a machine may have much else to do

    def _check_times(self):
        now = time.monotonic()
        for number, (request, began, deadline) in list(self.open.items())[:None if self.in_order else 1]:
            began = began if self.in_order else max(began, self.answered)
            streams = isinstance(request, dict) and (request.get("stream") or request.get("op") in ("subscribe", "backup_stream", "batch"))
            if now - began > (60 if streams else deadline) + self.SLACK:
                raise Fault(f"no answer for {now - began:.1f} s, deadline {deadline} s: request {number} {str(request)[:500]}")

    def close(self):
        self.socket.close()


class WebSocket(Frames):
    """Messages of /v1/ws, masked and sometimes in fragments."""
    fragments = 1

    @staticmethod
    def ends_it(body):
        return Frames.ends_it(body) or body != body.decode(errors="replace").encode()  # not UTF-8

    def _greet(self):
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall((f"GET /v1/ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                             f"Sec-WebSocket-Key: {key}\r\n\r\n").encode())
        head = b""
        while b"\r\n\r\n" not in head:
            data = self.socket.recv(4096)
            if not data:
                raise Broken()
            head += data
        if b" 101 " not in head.split(b"\r\n")[0]:
            raise Fault(f"no WebSocket: {head[:200]!r}")
        self.buffer = head.split(b"\r\n\r\n", 1)[1]

    def encode(self, body, request):
        cuts = [len(body) * i // self.fragments for i in range(self.fragments + 1)]
        return b"".join(self.frame(body[cuts[i]:cuts[i + 1]], 1 if i == 0 else 0, i == self.fragments - 1) for i in range(self.fragments))

    @staticmethod
    def frame(body, opcode, is_last=True):
        size, mask = len(body), os.urandom(4)
        head = bytes([opcode | (0x80 if is_last else 0)])
        if size < 126:
            head += bytes([0x80 | size])
        else:
            head += bytes([0x80 | 126]) + struct.pack(">H", size) if size < 65536 else bytes([0x80 | 127]) + struct.pack(">Q", size)
        key = (mask * (size // 4 + 1))[:size]
        return head + mask + (int.from_bytes(body, "big") ^ int.from_bytes(key, "big")).to_bytes(size, "big")

    def messages(self):
        while len(self.buffer) >= 2:
            opcode, size, at = self.buffer[0] & 15, self.buffer[1] & 127, 2
            if size > 125:
                more = 2 if size == 126 else 8
                size, at = int.from_bytes(self.buffer[2:2 + more], "big"), 2 + more
            if len(self.buffer) < at + size:
                return
            body, self.buffer = self.buffer[at:at + size], self.buffer[at + size:]
            if opcode == 8:
                raise Broken(body)
            if opcode in (0, 1, 2):
                yield body


class Http(Frames):
    """POST /v1/ops/OP; a stream is read to its end, or cut by close()."""
    credentials, in_order, answered = None, False, 0  # one is carried out after the other

    def encode(self, body, request):
        name = request.get("op") if isinstance(request, dict) else "ping"
        name = "".join(c if c.isascii() and c.isalnum() or c in "_." else f"%{ord(c) & 255:02X}" for c in str(name)[:200]) or "ping"
        words = f"Authorization: Basic {self.credentials}\r\n" if self.credentials else ""
        return (f"POST /v1/ops/{name} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{words}"
                f"Content-Length: {len(body)}\r\n\r\n").encode() + body

    def messages(self):
        while True:
            if not hasattr(self, "chunked"):
                head, found, rest = self.buffer.partition(b"\r\n\r\n")
                if not found:
                    return
                fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
                if b"application/json" not in fields.get(b"content-type", b"") and b"ndjson" not in fields.get(b"content-type", b""):
                    raise Fault(f"not JSON: {head[:400]!r}")
                self.chunked, self.left = fields.get(b"transfer-encoding") == b"chunked", int(fields.get(b"content-length", 0))
                self.buffer, self.lines = rest, b""
            if not self.chunked:
                if len(self.buffer) < self.left:
                    return
                body, self.buffer = self.buffer[:self.left], self.buffer[self.left:]
                del self.chunked
                yield body
                continue
            line, found, rest = self.buffer.partition(b"\r\n")
            if not found or len(rest) < int(line, 16) + 2:
                return
            size = int(line, 16)
            self.lines, self.buffer = self.lines + rest[:size], rest[size + 2:]
            if size == 0:
                del self.chunked
            *whole, self.lines = self.lines.split(b"\n")
            yield from (body for body in whole if body)


def noise(port, rng, bodies):
    """Mutated frames, messages and requests, then the end, without looking at the answers."""
    try:
        with socket.create_connection(("127.0.0.1", port), 10) as peer:
            data = bytearray(b"".join(bodies))
            for _ in range(rng.choice([0, 1, 2, 10])):
                at = rng.randrange(len(data) + 1)
                data[at:at + rng.choice([0, 1, 4, 100])] = rng.choice([b"", b"\0", b"\xff\xff\xff\xff", b"\r\n", rng.randbytes(4), b"\x80" * 14])
            peer.settimeout(2)
            peer.sendall(data[:rng.choice([len(data), rng.randrange(len(data) + 1)])])
            way = rng.random()
            if way < 0.3:
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            elif way < 0.6:
                peer.shutdown(socket.SHUT_WR)
                while peer.recv(65536):
                    pass
    except OSError:
        pass
