#!/usr/bin/env python3
"""A client that means harm, against a running server: every op that it describes, with arguments made and mutated (op_requests.py),
over frames, HTTP and WebSocket (op_peers.py), on several connections, with kill -9, restarts and other numbers of lanes between.

    tests/torture/op_fuzz.py STATORD [--seed N] [--seconds N] [--connections N] [--auth trust|password] [--lanes N]

The server must live and be silent on standard error but for its log; each request has one last answer, which is JSON as documented and
no `internal` error, soon after its deadline; a restart changes no answer. The seed makes the requests; how connections interleave it
does not. When something fails, the last requests of each connection are printed, and the data directory is kept.
"""
import argparse
import base64
import json
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

from op_peers import Broken, Fault, Frames, Http, WebSocket, noise
from op_requests import Known, Maker, conversations, write

ERRORS = pathlib.Path(__file__).resolve().parents[2] / "sdk/include/stator/errors.def"
PASSWORD = "test-password"
USERS = {"reader": "readonly", "writer": "readwrite", "boss": "tenant_admin"}
NEVER = {"admin", *USERS}  # whom no request is to lock out
PAGE_FIELDS = ["n", "x", "v", "g", "age", "city", "name", "t"]  # of what conversations sort, group and count by
PULSE_MAX_S = 12  # lanes stand still for five seconds at most, kernel/server/maintenance.cc
RSS_MAX_KIB = int(os.environ.get("OP_FUZZ_RSS_MIB", "3000")) * 1024


def error_codes():
    """name -> (code, retryable, ours)"""
    found = re.findall(r'^STATOR_ERROR\(\w+, \w+, (\d+), "(\w+)", (\w+),', ERRORS.read_text(encoding="utf-8"), re.M)
    ours = {"internal", "corrupted", "storage", "wal", "crypto", "lane_stuck", "disk_full"}
    return {name: (int(code), kind == "RETRY", name in ours) for code, name, kind in found}


class Server:
    def __init__(self, program, folder, auth):
        self.program, self.folder, self.auth, self.process = program, folder, auth, None
        self.most_kib = 0
        config = f'[backup]\ndirectory = "{folder}/backups"\n[server]\nmemory_limit_mib = 1024\nmemtable_mib = 4\nlog_segment_mib = 4\n'
        if auth == "password":
            config += '[auth]\nmode = "password"\n'
        (folder / "stator.toml").write_text(config, encoding="utf-8")

    def start(self, lanes):
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(
                [self.program, "serve" if self.auth == "password" else "dev", "--config", self.folder / "stator.toml", "--data-dir", self.folder / "data",
                 "--lanes", str(lanes), "--listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0", "--insecure-plugins"],
                env=dict({"UBSAN_OPTIONS": "print_stacktrace=1", "ASAN_OPTIONS": "quarantine_size_mb=32"}, **os.environ, STATOR_ADMIN_PASSWORD=PASSWORD), stdout=subprocess.PIPE, stderr=log, text=True)
        line = self.process.stdout.readline()
        if not line:
            raise Fault("the server did not start: " + self.last_words())
        ready = json.loads(line)
        self.port, self.http = (int(ready[name].rsplit(":", 1)[1]) for name in ("listen", "http_listen"))

    def stop(self, how):
        self.process.send_signal(how)
        try:
            code = self.process.wait(timeout=120)
        except subprocess.TimeoutExpired:
            raise Fault("the server does not end") from None
        finally:
            self.process.stdout.close()
        if code != (0 if how == signal.SIGTERM else -9):
            raise Fault(f"the server ended with {code}: " + self.last_words())

    def look(self):
        """Alive, small and silent."""
        if self.process.poll() is not None:
            raise Fault(f"the server ended with {self.process.returncode}: " + self.last_words())
        try:
            status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text(encoding="utf-8")
        except FileNotFoundError:  # it ended this moment
            return self.look()
        self.most_kib = max(self.most_kib, int((re.search(r"VmRSS:\s+(\d+)", status) or "00")[1]))
        if self.most_kib > RSS_MAX_KIB:
            raise Fault(f"the server has {self.most_kib // 1024} MiB")
        return None

    def last_words(self):
        text = (self.folder / "log").read_text(encoding="utf-8", errors="replace")
        at = re.search(r"ERROR: \w+Sanitizer|runtime error", text)
        return text[at.start() - 200 if at and at.start() > 200 else 0:][:6000] if at else text[-3000:]


class Worker(threading.Thread):
    """One connection after the other, with its own seed."""

    def __init__(self, run, index, seed):
        super().__init__(name=f"connection {index}")
        self.run_, self.index, self.rng = run, index, random.Random(seed)
        self.maker = Maker(run.ops, run.known, self.rng)
        self.peer, self.asked, self.streams = None, 0, 0

    def run(self):
        try:
            while not self.run_.is_over():
                self._connection()
        except Fault as fault:
            self.run_.fail(f"{self.name}: {fault}")
        except Exception as error:  # a fault of this program ends the run, too
            self.run_.fail(f"{self.name}: {error!r}")
            raise

    def _connection(self):
        run, rng = self.run_, self.rng
        if rng.random() < 0.08:
            self._noise()
            return
        try:
            self.peer = run.connect(rng.choice([Frames, Frames, WebSocket, Http]), rng, rng.choice(["admin", "admin", *USERS]))
            for _ in range(rng.choice([1, 3, 20])):
                if run.is_over():
                    break
                self._burst()
            if rng.random() < 0.3:  # leaves in the middle
                self.peer.may_end = True
                for request, body in self._requests(rng.randrange(1, 20)):
                    self.peer.socket.send(self.peer.encode(body, request))
        except Broken:
            run.explain_end(self.peer)
        except (OSError, ConnectionError) as error:
            run.explain_end(self.peer, error)
        finally:
            if self.peer:
                run.note(self.peer)
                self.peer.close()

    def _requests(self, count):
        made = []
        for _ in range(count):
            request = self.maker.request()
            if self._would_lock_out(request):
                continue
            if isinstance(self.peer, Http) and (request["op"] in ("subscribe", "backup_stream") or request.get("stream")):
                if self.rng.random() < 0.9 or request["op"] == "subscribe":
                    continue
            body = write(request)
            if self.rng.random() < 0.02 and "min_lsn" not in request:
                body, request = self.maker.spoil_bytes(body), {"op": "?"}
            if len(body) < 16 << 20:
                made.append((request, body))
        return made

    def _would_lock_out(self, request):
        text = str(request)
        if "quota_set" in text and "'tenant': 1," in text + ",":
            return True
        return any(op in text for op in ("user_drop", "user_set_password", "revoke_role", "user_create", "'auth'")) and any(name in text for name in NEVER)

    def _burst(self):
        rng, peer, run = self.rng, self.peer, self.run_
        peer.fragments = rng.choice([1, 1, 2, 5])
        requests = self._requests(rng.choice([1, 1, 2, 5, 30]))
        if not isinstance(peer, Http):
            number = peer.sent + 1
            for at in sorted((rng.randrange(len(requests) + 1) for _ in range(rng.choice([0, 0, 1, 3]))), reverse=True):
                cancel = {"op": rng.choice(["cancel", "cancel", "unsubscribe"]), "request_id": number + rng.randrange(max(1, at) + 2), "deadline_ms": 2000}
                requests.insert(at, (cancel, write(cancel)))
        self.asked += len(requests)
        last = peer.sent + len(requests)
        peer.ask(requests, run.known.learn, lambda peer: peer.sent >= last and all(self._goes_on(entry[0]) for entry in peer.open.values()))
        while peer.open:  # what streams until it is told
            ends = [{"op": "cancel", "request_id": number} for number in peer.open]
            peer.ask([(end, write(end)) for end in ends], run.known.learn)
        run.count(len(requests))

    @staticmethod
    def _goes_on(request):
        return isinstance(request, dict) and str(request.get("op")).rsplit(".", 1)[-1] in ("subscribe", "?")

    def _noise(self):
        rng, run = self.rng, self.run_
        bodies = [(request, write(request)) for request in (self.maker.request() for _ in range(rng.choice([1, 3, 8]))) if not self._would_lock_out(request)]
        kind = rng.choice([Frames, WebSocket, Http])
        shape = kind.__new__(kind)
        data = [shape.encode(body, request) for request, body in bodies]
        if kind is WebSocket:
            data.insert(0, b"GET /v1/ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
        if data:
            noise(run.server.port if kind is Frames else run.server.http, rng, data)


class Pulse(threading.Thread):
    """Another client: the server must have time for it, whatever the others ask."""

    def __init__(self, run):
        super().__init__(name="pulse")
        self.run_, self.slowest = run, 0

    def run(self):
        run = self.run_
        try:
            peer = run.connect(Frames, random.Random(1), "admin")
            while not run.is_over():
                began = time.monotonic()
                request = {"op": "point_get", "collection": "pulse", "document_id": "p", "deadline_ms": 30000, "priority": "high"}
                peer.ask([(request, write(request))], lambda request, answer: None)
                self.slowest = max(self.slowest, time.monotonic() - began)
                if self.slowest > PULSE_MAX_S:
                    raise Fault(f"one who asks for a document waits {self.slowest:.1f} s")
                time.sleep(0.05)
            peer.close()
        except (Broken, OSError) as error:
            if not run.is_over():
                run.fail(f"pulse: {error!r}")
        except Fault as fault:
            run.fail(f"pulse: {fault}")


class Run:
    def __init__(self, options, folder):
        self.rng, self.options, self.folder = random.Random(options.seed), options, folder
        self.codes, self.known = error_codes(), Known()
        self.server = Server(options.statord, folder, options.auth)
        self.faults, self.requests, self.lock, self.slowest, self.until = [], 0, threading.Lock(), {}, 0
        self.is_ending, self.workers, self.ops, self.pulse_slowest = False, [], [], 0

    def is_over(self):
        return bool(self.faults) or self.is_ending or time.monotonic() > self.until

    def fail(self, text):
        with self.lock:
            if not (self.is_ending and "ended with -9" in text):
                self.faults.append(text)

    def count(self, requests):
        self.requests += requests
        if not self.is_ending:
            self.server.look()

    def note(self, peer):
        with self.lock:
            for name, seconds in peer.slowest.items():
                self.slowest[name] = max(seconds, self.slowest.get(name, 0))
            peer.slowest.clear()

    def explain_end(self, peer, error=None):
        """The server may end a connection that guessed too often, or said what is no message."""
        if self.is_ending:
            return
        time.sleep(0.2)
        if self.is_ending:
            return
        self.server.look()
        if peer and peer.may_end:
            return
        raise Fault(f"the server ended a connection ({type(peer).__name__}, {error!r})")

    def connect(self, kind, rng, user):
        address = f"127.{rng.randrange(1, 255)}.{rng.randrange(255)}.{rng.randrange(1, 255)}"  # failures are counted by address
        peer = kind(self.server.http if kind is not Frames else self.server.port, self.codes, address)
        words = {"username": user, "password": PASSWORD}
        if kind is Http:
            peer.credentials = base64.b64encode(f"{user}:{PASSWORD}".encode()).decode() if self.options.auth == "password" else None
        elif self.options.auth == "password":
            self._must(peer, op="auth", method="password", **words)
        return peer

    @staticmethod
    def _must(peer, **request):
        got = []
        peer.ask([(request, write(request))], lambda _, answer: got.append(answer))
        if got[-1]["status"] != "ok" and got[-1]["error_code"] not in ("duplicate_write", "account_locked"):
            raise Fault(f"{request}: {got[-1]}")
        return got[-1].get("payload")

    def phase(self, seconds):
        self.until, self.is_ending = time.monotonic() + seconds, False
        self.workers = [Worker(self, i, self.rng.randrange(1 << 60)) for i in range(self.options.connections)]
        self.pulse = Pulse(self)
        for worker in [self.pulse, *self.workers]:
            worker.start()
        if self.rng.random() < 0.3 and not self.faults:  # kill -9 under load
            for worker in self.workers:
                worker.join(timeout=seconds * self.rng.random() / len(self.workers))
            if not self.faults:
                self.is_ending = True
                self.server.stop(signal.SIGKILL)
        for worker in [*self.workers, self.pulse]:
            worker.join()
        self.pulse_slowest = max(self.pulse_slowest, self.pulse.slowest)
        return not self.is_ending

    # ---- the same before and after a restart
    def reads(self):
        """Reads that were answered well in this run, and the digest of everything."""
        names = {op["name"] for op in self.ops if op["class"] == "read" and op["engine"] != "kernel"}
        kept = [dict(request) for name in sorted(names) for request in self.known.good.get(name, [])[-4:]]
        for request in kept:
            for field in ("deadline_ms", "min_lsn", "id", "stream", "priority", "trace_id"):
                request.pop(field, None)
        return kept

    def answers(self, reads):
        peer = self.connect(Frames, self.rng, "admin")
        got = []
        for request in reads:
            peer.ask([(request, write(request))], lambda _, answer: got.append((answer["status"], answer["error_code"], answer.get("payload"))))
        digest = self._must(peer, op="digest", payload_format="json")
        peer.close()
        return got, digest

    def restart(self):
        """Stops or kills the server, starts it with another number of lanes, wants the same answers."""
        reads, lanes = self.reads(), self.options.lanes or self.rng.choice([1, 2, 3])
        before = self.answers(reads)
        self.server.stop(self.rng.choice([signal.SIGKILL, signal.SIGTERM]))
        self.server.start(lanes)
        after = self.answers(reads)
        for request, old, new in zip(reads, before[0], after[0]):
            if old != new and old[0] == "ok":
                raise Fault(f"another answer after a restart: {str(request)[:600]}\n  {str(old)[:1500]}\n  {str(new)[:1500]}")
        if before[1]["engines"] != after[1]["engines"]:
            raise Fault(f"another digest after a restart: {before[1]}\n  {after[1]}")

    def prepare(self):
        self.server.start(self.options.lanes or self.rng.choice([1, 2]))
        peer = self.connect(Frames, self.rng, "admin")
        self.ops = self._must(peer, op="describe", payload_format="json")["ops"]
        if self.options.auth == "password":
            for name, role in USERS.items():
                self._must(peer, op="user_create", username=name, password=PASSWORD, role=role, replace=True)
        self.first_pages(peer)
        peer.close()

    def first_pages(self, peer):
        """What the conversations ask for page by page, of documents with values of every type: cursors to spoil."""
        values = [7, -1, 0.5, 10**25, "text", True, None, [1, "a"], {"x": 1}]
        for i in range(40):
            self._must(peer, op="point_put", collection="pages", document_id=f"d{i}", data={
                name: values[(i + k) % len(values)] for k, name in enumerate(PAGE_FIELDS)})
        asked = conversations()
        for op in self.ops:
            if any(arg["name"] == "cursor" for arg in op["args"]):
                for request in asked.get(op["name"], []):
                    made = {name: value for name, value in request.items() if name not in ("cursor", "id", "stream", "min_lsn")}
                    made.update(collection="pages", limit=2, payload_format="json")
                    peer.ask([(made, write(made))], self.known.learn)

    def go(self):
        end = time.monotonic() + self.options.seconds
        self.prepare()
        while not self.faults and time.monotonic() < end:
            if self.phase(min(self.options.phase, end - time.monotonic())):
                if not self.faults:
                    self.restart()
            elif not self.faults:
                self.server.start(self.options.lanes or self.rng.choice([1, 2, 3]))
        if not self.faults:
            self.server.stop(signal.SIGTERM)


def report(run):
    good = set(run.known.good)
    print(f"seed {run.options.seed}, never answered well: " + ", ".join(sorted(op["name"] for op in run.ops if op["name"] not in good and op["canonical"] not in good)))
    print(f"{run.requests} requests, the pulse {run.pulse_slowest:.2f} s, {run.server.most_kib // 1024} MiB at most, slowest: " +
          ", ".join(f"{name} {seconds:.2f} s" for name, seconds in sorted(run.slowest.items(), key=lambda entry: -entry[1])[:6]))
    for worker in run.workers if run.faults else []:
        print(f"---- {worker.name}")
        last = worker.peer.last if worker.peer else []
        for number, body, said in [entry for entry in last[:-12] if entry[0] in worker.peer.open] + last[-12:]:
            print(f"  {number} {body[:500].decode(errors='replace')}\n      -> {said}")
    for fault in run.faults:
        print("FAULT", fault)


def main():
    options = argparse.ArgumentParser()
    options.add_argument("statord")
    for name, default in (("seed", None), ("seconds", 20), ("connections", 4), ("lanes", 0), ("phase", 10)):
        options.add_argument("--" + name, type=int, default=default)
    options.add_argument("--auth", choices=["trust", "password"])
    options = options.parse_args()
    options.seed = options.seed if options.seed is not None else random.SystemRandom().randrange(1 << 32)
    options.auth = options.auth or ("password" if options.seed % 2 else "trust")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="stator-op-fuzz-"))
    print(f"seed {options.seed}, {options.auth}, in {folder}", flush=True)
    run = Run(options, folder)
    try:
        run.go()
    except (Fault, Broken) as fault:
        run.fail(repr(fault) if isinstance(fault, Broken) else str(fault))
    finally:
        if run.server.process and run.server.process.poll() is None:
            run.server.process.kill()
            run.server.process.wait()
    report(run)
    if not run.faults:
        shutil.rmtree(folder)
    return 1 if run.faults else 0


if __name__ == "__main__":
    sys.exit(main())
