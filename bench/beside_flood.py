#!/usr/bin/env python3
"""What point_get costs beside clients that mean harm: latencies of one client that asks one thing after
the other, alone and beside each of them. Prints microseconds, and the memory that the server has then.
The clients that mean harm share the machine: two cores show more of them than of the server.

  bench/beside_flood.py [SECONDS]     STATOR_BUILD=build/release
"""
import json
import multiprocessing
import os
import resource
import socket
import struct
import subprocess
import sys
import tempfile
import time

SECONDS = float(sys.argv[1]) if len(sys.argv) > 1 else 5.0
ROOT = os.path.join(os.path.dirname(__file__), "..")
STATORD = os.path.join(ROOT, os.environ.get("STATOR_BUILD", "build/release"), "bin", "statord")
IDLE = 10_000
SLOW = 2_000


def connect(port):
    return socket.create_connection(("127.0.0.1", port))


def nothing(port, ready):
    ready.set()


def idle(port, ready):
    """Thousands of connections that do nothing."""
    held = [connect(port) for _ in range(IDLE)]
    ready.set()
    time.sleep(3600)
    del held


def slow(port, ready):
    """Slow-loris: each sends a byte of its frame a second."""
    held = [connect(port) for _ in range(SLOW)]
    for one in held:
        one.sendall(struct.pack(">I", 60_000))
    ready.set()
    while True:
        for one in held:
            one.sendall(b" ")
            time.sleep(1 / SLOW)


def churn(port, ready):
    """Connections that come and go, as fast as one process can."""
    ready.set()
    while True:
        connect(port).close()


def halves(port, ready):
    """Beginnings of large frames, from ever new connections."""
    begin = struct.pack(">I", 16 << 20) + b" " * (1 << 20)
    ready.set()
    held = []
    while True:
        one = connect(port)
        try:
            one.sendall(begin)
        except OSError:
            pass
        held.append(one)
        if len(held) > 2_000:
            held.pop(0).close()


def nonsense(port, ready):
    """Frames that are no requests, without reading the answers."""
    frames = (struct.pack(">I", 9) + b'{"op":"x"') * 2_000
    ready.set()
    while True:
        one = connect(port)
        one.settimeout(0.05)
        try:
            while True:
                one.sendall(frames)
        except OSError:
            one.close()


class Client:
    def __init__(self, port):
        self.socket = connect(port)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, body):
        self.socket.sendall(struct.pack(">I", len(body)) + body)
        answer = self.socket.recv(65536)
        assert b'"status":"ok"' in answer, answer


def latencies(client):
    out = []
    end = time.perf_counter() + SECONDS
    while (start := time.perf_counter()) < end:
        client.ask(b'{"op":"point_get","document_id":"a"}')
        out.append(time.perf_counter() - start)
    return sorted(out)


def memory_mib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) // 1024 for line in status if line.startswith("RssAnon"))


def main():
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with tempfile.TemporaryDirectory() as directory:
        server = subprocess.Popen([STATORD, "dev", "--data-dir", directory + "/d", "--listen", "127.0.0.1:0",
                                   "--lanes", "1"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        try:
            port = int(json.loads(server.stdout.readline())["listen"].rsplit(":", 1)[1])
            client = Client(port)
            client.ask(b'{"op":"point_put","document_id":"a","data":{}}')
            alone = 0.0
            for harm in (nothing, idle, slow, churn, halves, nonsense):
                ready = multiprocessing.Event()
                process = multiprocessing.Process(target=harm, args=(port, ready), daemon=True)
                process.start()
                assert ready.wait(60), harm.__name__
                found = latencies(client)
                memory = memory_mib(server.pid)
                process.kill()
                process.join()
                p99 = found[int(len(found) * .99)] * 1e6
                alone = alone or p99
                print(f"{harm.__name__:10} p50 {found[len(found) // 2] * 1e6:7.0f}  p99 {p99:7.0f}  {p99 / alone:5.2f}x"
                      f"  max {found[-1] * 1e6:7.0f}  gets {len(found):6}  server {memory:5} MiB", flush=True)
        finally:
            server.terminate()
            server.wait()


main()
