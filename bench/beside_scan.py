#!/usr/bin/env python3
"""What point_get costs beside a read that takes long: latencies of one client that asks one thing
after the other, alone and while another client repeats each long read. Prints microseconds.

  bench/beside_scan.py [DOCUMENTS [SECONDS]]     STATOR_BUILD=build/release
"""
import json
import os
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

DOCUMENTS = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
SECONDS = float(sys.argv[2]) if len(sys.argv) > 2 else 3.0
ROOT = os.path.join(os.path.dirname(__file__), "..")
STATORD = os.path.join(ROOT, os.environ.get("STATOR_BUILD", "build/release"), "bin", "statord")

LONG_READS = {
    "document_scan": {"op": "document_scan", "sort": [{"n": "desc"}], "limit": 10},
    "document_count": {"op": "document_count", "filter": {"n": {"gte": 3}}},
    "document_aggregate": {"op": "document_aggregate", "aggs": {"s": {"sum": "n"}}},
    "range_scan": {"op": "range_scan", "field": "n", "limit": 10},
    "vector_search": {"op": "vector_search", "collection": "v", "query_vector": [0.5] * 128},
    "graph_hop": {"op": "graph_hop", "collection": "g", "start_nodes": ["n0"], "depth": 20,
                  "limit": 10, "max_visited": 1_000_000},
}


class Client:
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.rest = b""

    def exactly(self, size):
        while len(self.rest) < size:
            got = self.socket.recv(65536)
            if not got:
                sys.exit("the server closed the connection")
            self.rest += got
        out, self.rest = self.rest[:size], self.rest[size:]
        return out

    def ask(self, request):
        body = request if isinstance(request, bytes) else json.dumps(request).encode()
        self.socket.sendall(struct.pack(">I", len(body)) + body)
        return self.exactly(struct.unpack(">I", self.exactly(4))[0])


def fill(client):
    for begin in range(0, DOCUMENTS, 1000):
        rows = [{"document_id": f"d{i}", "data": {"n": i * 7919 % 100_003, "text": "x" * 80}}
                for i in range(begin, begin + 1000)]
        client.ask({"op": "document_batch_insert", "documents": rows})
        vectors = [{"document_id": f"v{i}", "vector": [((i * k) % 97 + 1) / 97 for k in range(1, 129)]}
                   for i in range(begin, begin + 1000)]
        client.ask({"op": "vector_batch_upsert", "collection": "v", "rows": vectors})
        edges = [{"from_node": f"n{i}", "edge_type": "x", "to_node": f"n{(i * k + 1) % DOCUMENTS}"}
                 for i in range(begin, begin + 1000) for k in (2, 3)]
        client.ask({"op": "edge_batch_put", "collection": "g", "edges": edges})


def latencies(client):
    out = []
    end = time.perf_counter() + SECONDS
    i = 0
    while (start := time.perf_counter()) < end:
        client.ask(b'{"op":"point_get","document_id":"d%d"}' % (i * 31 % DOCUMENTS))
        out.append(time.perf_counter() - start)
        i += 1
    out.sort()
    return out


def report(name, found, reads):
    at = lambda share: found[int(len(found) * share)] * 1e6
    print(f"{name:20} p50 {at(.5):8.0f}  p99 {at(.99):8.0f}  p99.9 {at(.999):8.0f}  max {found[-1] * 1e6:8.0f}"
          f"  gets {len(found):6}  long reads {reads}", flush=True)


def main():
    with tempfile.TemporaryDirectory() as directory:
        server = subprocess.Popen([STATORD, "dev", "--data-dir", directory + "/d", "--listen", "127.0.0.1:0",
                                   "--lanes", "1"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        try:
            port = int(json.loads(server.stdout.readline())["listen"].rsplit(":", 1)[1])
            client = Client(port)
            fill(client)
            report("alone", latencies(client), 0)
            for name, request in LONG_READS.items():
                stop = threading.Event()
                reads = [0]

                def repeat():
                    other = Client(port)
                    while not stop.is_set():
                        answer = json.loads(other.ask(request))
                        if answer["status"] != "ok":
                            print(f"{name}: {answer}")
                            os._exit(1)
                        reads[0] += 1

                thread = threading.Thread(target=repeat)
                thread.start()
                found = latencies(client)
                stop.set()
                thread.join()
                report(name, found, reads[0])
        finally:
            server.terminate()
            server.wait()


main()
