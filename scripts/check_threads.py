#!/usr/bin/env python3
"""Threads keep to their roles (kernel/base/thread_role.h): clang's -Wthread-safety over the kernel.

    check_threads.py              check every source of kernel/ that sees the roles
    check_threads.py --self-test  prove that a call from the wrong thread is found

Parses only, and needs no build. A file that was clean is not looked at again until it, a header of the
tree that it includes, or clang changed (build/threads). Exit code: 0 clean, 1 breaches, 2 cannot run.
"""
import argparse
import concurrent.futures
import contextlib
import hashlib
import io
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

from tidy import with_headers

ROLES = "base/thread_role.h"
# Nothing but this: what else clang thinks of the code is clang-tidy's to say.
FLAGS = ["-std=c++20", "-fsyntax-only", "-Wno-everything", "-Wthread-safety", "-Werror=thread-safety",
         '-DSTATOR_VERSION="checked"']


def breaches_of(path, command):
    run = subprocess.run([*command, str(path)], capture_output=True, text=True)
    return [] if run.returncode == 0 else [run.stderr.strip() or f"{path}: clang ended with {run.returncode}"]


def check(root, jobs):
    """Every breach, as a text."""
    command = ["clang++", *FLAGS, *(f"-I{root / folder}" for folder in ("kernel", "sdk", "sdk/include", "sdk/cpp"))]
    version = subprocess.run(["clang++", "--version"], capture_output=True, text=True, check=True).stdout
    seen = (root / "kernel" / ROLES).resolve()
    stamps_in = root / "build" / "threads"
    stamps_in.mkdir(parents=True, exist_ok=True)
    known, stamps = {}, {}
    for path in sorted((root / "kernel").rglob("*.cc")):
        headers = with_headers(path.resolve(), command, known)
        if seen not in headers:
            continue
        digest = hashlib.sha256(repr((version, command)).encode())
        for header in sorted(headers):
            digest.update(hashlib.sha256(header.read_bytes()).digest())
        stamps[path] = stamps_in / digest.hexdigest()
    todo = [path for path, stamp in stamps.items() if not stamp.exists()]
    print(f"check_threads: {len(stamps)} sources, {len(stamps) - len(todo)} of them known to be clean", flush=True)
    breaches = []
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        for path, found in zip(todo, pool.map(lambda path: breaches_of(path, command), todo)):
            if not found:
                stamps[path].touch()
            print("\n".join(found), end="\n" if found else "", flush=True)
            breaches += found
    return breaches


def self_test():
    """The roles as they are; a store that is a lane's; and who writes it."""
    here = pathlib.Path(__file__).resolve().parent.parent
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        root = pathlib.Path(folder).resolve()
        (root / "kernel" / "base").mkdir(parents=True)
        shutil.copy(here / "kernel" / ROLES, root / "kernel" / ROLES)
        header, source = root / "kernel" / "store.h", root / "kernel" / "a.cc"
        header.write_text(f'#include "{ROLES}"\nvoid put() STATOR_ON(lane);\n')
        writer = '#include "store.h"\nvoid run() STATOR_ON({}) {{ put(); }}\n'
        source.write_text(writer.format("lane"))
        assert not check(root, 1)
        source.write_text(writer.format("log_writer"))
        assert "requires holding thread role 'lane'" in "".join(check(root, 1))
        source.write_text('#include "store.h"\nvoid between() { put(); }\n')
        assert check(root, 1), "who says nothing hides a call"
        source.write_text(writer.format("lane"))
        assert not check(root, 1)
        header.write_text(f'#include "{ROLES}"\nvoid put() STATOR_ON(checkpointer);\n')
        assert check(root, 1), "a stamp outlived its header"
    print("check_threads: self-test passed")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-j", "--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--self-test", action="store_true")
    options = parser.parse_args()
    if not shutil.which("clang++"):
        print("check_threads: no clang++; run: apt-get install clang", file=sys.stderr)
        return 2
    if options.self_test:
        self_test()
        return 0
    return 1 if check(pathlib.Path(__file__).resolve().parent.parent, options.jobs) else 0


if __name__ == "__main__":
    sys.exit(main())
