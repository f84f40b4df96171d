#!/usr/bin/python3
"""npm's EventSource reads /v1/changes while the server is killed again and again: every change
comes, once and in order.

    tests/peers/sse_peer.py STATORD     exit 77 (skipped) where node or the npm registry is not there
"""
import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
KILLS, WRITES = 4, 150


def install(folder):
    for name in ("package.json", "sse_peer.mjs"):
        shutil.copy(os.path.join(HERE, name), folder)
    return subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund"], cwd=folder, timeout=120,
                          capture_output=True, check=False).returncode == 0


def start(program, folder, port):
    process = subprocess.Popen(
        [program, "dev", "--data-dir", os.path.join(folder, "data"), "--lanes", "2", "--listen", "127.0.0.1:0",
         "--http-listen", f"127.0.0.1:{port}"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    ready = json.loads(process.stdout.readline())
    return process, int(ready["http_listen"].rsplit(":", 1)[1])


def write(port, first, count):
    peer = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    for n in range(first, first + count):
        body = json.dumps({"collection": "c", "document_id": str(n), "data": {"n": n}})
        peer.request("POST", "/v1/ops/point_put", body, {"Content-Type": "application/json"})
        answer = peer.getresponse()
        assert json.loads(answer.read())["status"] == "ok"


def read_until_subscribed(client, seen):
    """It has come back."""
    while (line := client.stdout.readline()) != "subscribed\n":
        assert line, "the client has ended"
        seen.append(int(line))


def main():
    with tempfile.TemporaryDirectory() as folder:
        if shutil.which("node") is None or shutil.which("npm") is None or not install(folder):
            print("skipped: no node, no npm, or npm install failed")
            return 77
        server, port = start(sys.argv[1], folder, 0)
        total = (KILLS + 1) * WRITES
        client = subprocess.Popen(["node", "sse_peer.mjs", f"http://127.0.0.1:{port}/v1/changes?collection=c", str(total)],
                                  cwd=folder, stdout=subprocess.PIPE, text=True)
        try:
            seen = []
            read_until_subscribed(client, seen)
            for round_ in range(KILLS):
                write(port, round_ * WRITES, WRITES)
                server.send_signal(signal.SIGKILL)
                server.wait()
                server, port = start(sys.argv[1], folder, port)
                read_until_subscribed(client, seen)
            write(port, KILLS * WRITES, WRITES)
            seen += [int(line) for line in client.stdout]  # communicate() forgets what readline() has read ahead
            assert client.wait(timeout=60) == 0
            assert seen == list(range(total)), seen
        finally:
            client.kill()
            server.kill()
            server.wait()
    print(f"ok {total} changes through {KILLS} kills")
    return 0


if __name__ == "__main__":
    sys.exit(main())
