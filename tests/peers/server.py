"""A statord in a process of its own, for the Python peers."""
import contextlib
import json
import os
import signal
import subprocess
import tempfile


class Server:
    def __init__(self, ready, process, folder):
        self.ready, self.process, self.folder = ready, process, folder

    def port(self, name="http_listen"):
        return int(self.ready[name].rsplit(":", 1)[1])

    def pause(self):
        os.kill(self.process.pid, signal.SIGSTOP)

    def go_on(self):
        os.kill(self.process.pid, signal.SIGCONT)


@contextlib.contextmanager
def serve(program, config="", command="dev", arguments=(), lanes=1):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "stator.toml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(config)
        with open(os.path.join(folder, "log"), "wb") as log:
            process = subprocess.Popen(
                [program, command, "--config", path, "--data-dir", os.path.join(folder, "data"), "--lanes", str(lanes),
                 "--listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0", "--insecure-plugins", *arguments],
                env=dict(os.environ, STATOR_ADMIN_PASSWORD="test-password"), stdout=subprocess.PIPE, stderr=log, text=True)
        try:
            line = process.stdout.readline()
            if not line:
                with open(os.path.join(folder, "log"), encoding="utf-8") as log:
                    raise RuntimeError("statord did not start: " + log.read())
            yield Server(json.loads(line), process, folder)
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=30) == 0, "statord did not end well"
        finally:
            process.kill()
            process.wait()
            process.stdout.close()
