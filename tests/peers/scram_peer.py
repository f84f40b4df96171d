#!/usr/bin/env python3
"""libpq's SCRAM-SHA-256 against ours: psql logs in through a small gateway that hands the messages of
the PostgreSQL protocol's SASL exchange to `auth` frames and back. Both sides prove themselves: libpq
refuses a server whose signature is wrong.

    tests/peers/scram_peer.py STATORD     exit 77 (skipped) where psql is not installed
"""
import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading


def read_exactly(peer, count):
    data = b""
    while len(data) < count:
        part = peer.recv(count - len(data))
        if not part:
            raise EOFError
        data += part
    return data


class Stator:
    def __init__(self, port):
        self.peer = socket.create_connection(("127.0.0.1", port))

    def ask(self, **request):
        body = json.dumps(request).encode()
        self.peer.sendall(struct.pack(">I", len(body)) + body)
        return json.loads(read_exactly(self.peer, struct.unpack(">I", read_exactly(self.peer, 4))[0]))


def send(peer, kind, payload):
    peer.sendall(kind + struct.pack(">I", len(payload) + 4) + payload)


def receive(peer):
    kind = read_exactly(peer, 1)
    return kind, read_exactly(peer, struct.unpack(">I", read_exactly(peer, 4))[0] - 4)


def refuse(peer, answer):
    send(peer, b"E", b"SFATAL\0C28P01\0M" + answer["error"].encode() + b"\0\0")


def gateway(peer, port):
    """One psql: PostgreSQL's protocol 3.0 up to the login, then every query is empty."""
    with peer:
        stator = Stator(port)
        startup = read_exactly(peer, struct.unpack(">I", read_exactly(peer, 4))[0] - 4)
        fields = startup[4:].split(b"\0")
        user = fields[fields.index(b"user") + 1].decode()
        send(peer, b"R", struct.pack(">I", 10) + b"SCRAM-SHA-256\0\0")
        _, initial = receive(peer)
        mechanism, rest = initial.split(b"\0", 1)
        assert mechanism == b"SCRAM-SHA-256", mechanism
        first = stator.ask(op="auth", method="scram", username=user, data=rest[4:].decode())
        if first["status"] != "ok":
            return refuse(peer, first)
        send(peer, b"R", struct.pack(">I", 11) + first["data"].encode())
        _, final = receive(peer)
        last = stator.ask(op="auth", method="scram", data=final.decode())
        if last["status"] != "ok":
            return refuse(peer, last)
        send(peer, b"R", struct.pack(">I", 12) + last["data"].encode())
        send(peer, b"R", struct.pack(">I", 0))
        send(peer, b"Z", b"I")
        while True:
            try:
                kind, _ = receive(peer)
            except EOFError:
                return None
            if kind == b"Q":
                send(peer, b"I", b"")
                send(peer, b"Z", b"I")


def serve(listener, port):
    while True:
        peer, _ = listener.accept()
        threading.Thread(target=gateway, args=(peer, port), daemon=True).start()


def psql(port, user, password):
    environment = dict(os.environ, PGPASSWORD=password, PGSSLMODE="disable", PGGSSENCMODE="disable", PGCONNECT_TIMEOUT="30")
    return subprocess.run(["psql", "-X", "-h", "127.0.0.1", "-p", str(port), "-U", user, "-d", "any", "-c", "select"],
                          env=environment, capture_output=True, text=True, timeout=60, check=False)


def check(port):
    admin = Stator(port)
    assert admin.ask(op="auth", method="password", username="admin", password="test-password")["status"] == "ok"
    # The =2C and =3D of the RFC do not come from libpq; a plain name and one with spaces do.
    for name, password in (("anna", "correct horse"), ("bert b", "pass,word=with p=signs")):
        made = admin.ask(op="user_create", username=name, password=password, role="readonly")
        assert made["status"] == "ok", made
    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=serve, args=(listener, port), daemon=True).start()
    gate = listener.getsockname()[1]
    for name, password in (("anna", "correct horse"), ("bert b", "pass,word=with p=signs")):
        good = psql(gate, name, password)
        assert good.returncode == 0, good.stderr
    for name, password in (("anna", "correct horsE"), ("nobody", "correct horse")):
        bad = psql(gate, name, password)
        assert bad.returncode != 0 and "wrong credentials" in bad.stderr, bad
    print("scram: libpq logged in twice and was turned away twice")


def main():
    if shutil.which("psql") is None:
        print("skipped: no psql")
        return 77
    with tempfile.TemporaryDirectory() as folder:
        config = os.path.join(folder, "stator.toml")
        with open(config, "w", encoding="utf-8") as file:
            file.write('[auth]\nmode = "password"\n')
        server = subprocess.Popen(
            [sys.argv[1], "serve", "--config", config, "--data-dir", os.path.join(folder, "data"), "--listen", "127.0.0.1:0",
             "--insecure-plugins"],
            env=dict(os.environ, STATOR_ADMIN_PASSWORD="test-password"), stdout=subprocess.PIPE, text=True)
        try:
            check(int(json.loads(server.stdout.readline())["listen"].rsplit(":", 1)[1]))
        finally:
            server.terminate()
            server.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
