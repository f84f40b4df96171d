#!/usr/bin/env python3
"""What point_get costs beside clients that mean harm: latencies of one client that asks one thing after
the other, alone and beside each of them. Prints microseconds, and the memory that the server has then.
The clients that mean harm share the machine, and on two cores the scheduler alone makes others wait. So each
is also let loose on another server, while ours has nothing to do but answer (`elsewhere`): what the p99 is
beside that is not our server's doing. The last ratio is that of the p99 here to the p99 there, in pairs that
alternate: least, median and most of them.

  bench/beside_flood.py [SECONDS [PAIRS [KIND...]]]     STATOR_BUILD=build/release
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

SECONDS = float(sys.argv[1]) if len(sys.argv) > 1 else 1.0
PAIRS = int(sys.argv[2]) if len(sys.argv) > 2 else 3
ROOT = os.path.join(os.path.dirname(__file__), "..")
STATORD = os.path.join(ROOT, os.environ.get("STATOR_BUILD", "build/release"), "bin", "statord")
IDLE = 10_000
SLOW = 2_000


def connect(port):
    return socket.create_connection(("127.0.0.1", port))


def burner(port, ready):
    """No client at all: it takes a core."""
    ready.set()
    while True:
        pass


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


class Server:
    def __init__(self, directory):
        self.process = subprocess.Popen([STATORD, "dev", "--data-dir", directory, "--listen", "127.0.0.1:0",
                                         "--lanes", "1"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.port = int(json.loads(self.process.stdout.readline())["listen"].rsplit(":", 1)[1])

    def end(self):
        self.process.terminate()
        self.process.wait()


def beside(harm, port, client, server):
    """Latencies of the client while `harm` is done at `port`, and what memory our server has then."""
    ready = multiprocessing.Event()
    process = multiprocessing.Process(target=harm, args=(port, ready), daemon=True)
    process.start()
    assert ready.wait(60), harm.__name__
    found = latencies(client)
    memory = memory_mib(server.process.pid)
    process.kill()
    process.join()
    return found, memory


def at(found, share):
    return found[int(len(found) * share)] * 1e6


def report(harm, client, server, other, alone):
    here, there, memory = [], [], 0
    for _ in range(PAIRS):
        found, memory = beside(harm, server.port, client, server)
        here.append(found)
        there.append(beside(harm, other.port, client, server)[0])
    p99 = [at(found, .99) for found in here]
    base = [at(found, .99) for found in there]
    ratios = sorted(one / two for one, two in zip(p99, base))
    median = sorted(p99)[PAIRS // 2]
    print(f"{harm.__name__:10} p50 {sorted(at(found, .5) for found in here)[PAIRS // 2]:6.0f}  p99 {median:6.0f} {median / alone:6.2f}x alone"
          f"  elsewhere {sorted(base)[PAIRS // 2]:6.0f}  {ratios[0]:5.2f} / {ratios[PAIRS // 2]:5.2f} / {ratios[-1]:5.2f}x"
          f"  max {max(found[-1] for found in here) * 1e6:7.0f}  server {memory:5} MiB", flush=True)


def main():
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    kinds = [one for one in (burner, idle, slow, churn, halves, nonsense)
             if not sys.argv[3:] or one.__name__ in sys.argv[3:]]
    with tempfile.TemporaryDirectory() as directory:
        server, other = Server(directory + "/ours"), Server(directory + "/other")
        try:
            client = Client(server.port)
            client.ask(b'{"op":"point_put","document_id":"a","data":{}}')
            alone = sorted(at(latencies(client), .99) for _ in range(PAIRS))[PAIRS // 2]
            print(f"alone      p99 {alone:6.0f}")
            for harm in kinds:
                report(harm, client, server, other, alone)
        finally:
            server.end()
            other.end()


main()
