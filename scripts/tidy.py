#!/usr/bin/env python3
"""clang-tidy over the product's own sources, with the list in .clang-tidy.

    tidy.py                    every .cc of kernel/, plugins/, client/ and sdk/
    tidy.py FILE...            these files
    tidy.py --since REF        those that changed since REF, or include a header that did
    tidy.py --self-test        prove on a planted tree that findings are found, and changes noticed

Wants a configured build/dev (`cmake --preset dev`): its compile_commands.json says how each file is
compiled. A file that was clean is looked at again when its text, a header of the tree that it includes,
its command, .clang-tidy or clang-tidy changed. Exit code: 0 clean, 1 findings, 2 cannot run.
"""
import argparse
import concurrent.futures
import contextlib
import hashlib
import io
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

TOPS = ("kernel", "plugins", "client", "sdk")
# Options of g++ that clang does not know.
GNU_ONLY = {"-fno-gnu-unique", "-Wno-restrict"}
INCLUDE = re.compile(rb'^[ \t]*#[ \t]*include[ \t]*"([^"]+)"', re.MULTILINE)
# An exception names its check and its reason.
REASONED = re.compile(r"// NOLINT(?:NEXTLINE)?\([\w.-]+\): \S")
NOISE = re.compile(r"^(\d+ warnings? |Error while processing |Suppressed \d+ warnings|Use -header-filter)")
NEXT_FINDING = re.compile(r"\n(?=\S+:\d+:\d+: (?:error|warning): )")


class CannotRun(Exception):
    pass


def compile_commands(build):
    """Arguments by source; written for clang-tidy to build/dev/tidy, without what clang refuses."""
    if not (build / "compile_commands.json").exists():
        raise CannotRun("no build/dev/compile_commands.json; run: cmake --preset dev")
    entries = json.loads((build / "compile_commands.json").read_text(encoding="utf-8"))
    for entry in entries:
        entry["arguments"] = [word for word in shlex.split(entry.pop("command")) if word not in GNU_ONLY]
    (build / "tidy").mkdir(exist_ok=True)
    (build / "tidy" / "compile_commands.json").write_text(json.dumps(entries), encoding="utf-8")
    return {pathlib.Path(entry["file"]): entry["arguments"] for entry in entries}


def with_headers(path, arguments, known):
    """`path` and every file of the tree that it includes, directly or not. `known` is kept between calls."""
    folders = [pathlib.Path(word[2:]) for word in arguments if word.startswith("-I")]
    found, todo = set(), [path]
    while todo:
        here = todo.pop()
        if here in found:
            continue
        found.add(here)
        if here not in known:
            known[here] = [name.decode() for name in INCLUDE.findall(here.read_bytes())]
        for name in known[here]:
            places = [folder / name for folder in (here.parent, *folders)]
            todo += [place.resolve() for place in places if place.exists()][:1]
    return found


def key_of(root, files, arguments, version):
    digest = hashlib.sha256(repr((version, arguments)).encode())
    for path in [root / ".clang-tidy", *sorted(files)]:
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def changed_since(root, ref):
    """Files that differ from `ref`, and those that git does not know yet."""
    found = set()
    for command in (["diff", "--name-only", "-z", ref, "--"], ["ls-files", "--others", "--exclude-standard", "-z"]):
        names = subprocess.run(["git", *command], cwd=root, capture_output=True, text=True)
        if names.returncode != 0:
            raise CannotRun(names.stderr.strip())
        found |= {root / name for name in names.stdout.split("\0") if name}
    return found


def findings_of(root, path):
    run = subprocess.run(["clang-tidy", "-p", str(root / "build" / "dev" / "tidy"), "--quiet", str(path)], cwd=root,
                         capture_output=True, text=True)
    lines = [line for line in (run.stdout + run.stderr).splitlines() if not NOISE.match(line)]
    if run.returncode == 0:
        return []
    return NEXT_FINDING.split("\n".join(lines) or f"{path}: clang-tidy ended with {run.returncode}")


def bare_exceptions(paths):
    for path in sorted(paths):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if "NOLINT" in line and not REASONED.search(line):
                yield f"{path}:{number}:1: error: an exception without its reason; write NOLINT(check): reason"


def look_at(root, stamps, jobs):
    """Looks at the files of `stamps` (path -> stamp) that have none. Prints and returns the findings, each
    once however many files include its place."""
    todo = [path for path, stamp in stamps.items() if not stamp.exists()]
    print(f"tidy: {len(stamps)} files, {len(stamps) - len(todo)} of them known to be clean; {jobs} at a time", flush=True)
    findings = {}
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        running = {pool.submit(findings_of, root, path): path for path in todo}
        for count, future in enumerate(concurrent.futures.as_completed(running), 1):
            path, found = running[future], future.result()
            if not found:
                stamps[path].touch()
            print(f"[{count}/{len(todo)}] {path.relative_to(root)}", flush=True)
            for finding in found:
                if finding not in findings:
                    print(finding, flush=True)
                findings[finding] = path
    return list(findings)


def tidy(root, files=(), since=None, jobs=1):
    """All findings in `files` (none: in everything), as texts."""
    if not shutil.which("clang-tidy"):
        raise CannotRun("no clang-tidy; run: apt-get install clang-tidy")
    version = subprocess.run(["clang-tidy", "--version"], capture_output=True, text=True, check=True).stdout
    build = root / "build" / "dev"
    commands = compile_commands(build)
    tops = [root / top for top in TOPS]
    sources = sorted(path for path in commands if any(top in path.parents for top in tops))
    if files:
        strangers = sorted(str(path) for path in set(files) - set(sources))
        if strangers:
            raise CannotRun("not a source of the product: " + ", ".join(strangers))
        sources = sorted(files)
    known = {}
    headers = {path: with_headers(path, commands[path], known) for path in sources}
    if since:
        changed = changed_since(root, since)
        sources = [path for path in sources if headers[path] & changed]
    stamps = {path: build / "tidy" / key_of(root, headers[path], commands[path], version) for path in sources}
    bare = list(bare_exceptions(set().union(*(headers[path] for path in sources))))
    print("\n".join(bare), end="\n" if bare else "")
    return bare + look_at(root, stamps, jobs)


def self_test():
    """Two sources share a header that has a finding; one of them has its own. Then both are put right."""
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        root = pathlib.Path(folder).resolve()
        shutil.copy(pathlib.Path(__file__).resolve().parent.parent / ".clang-tidy", root)
        first, second, header = (root / "kernel" / name for name in ("a.cc", "b.cc", "h.h"))
        (root / "build" / "dev").mkdir(parents=True)
        first.parent.mkdir()
        first.write_text('#include "h.h"\nint one() { return 1; }\n')
        second.write_text('#include "h.h"\nint Two() { return 2; }\n')
        header.write_text("#pragma once\nclass shared_name {};\n")
        command = f"c++ -std=c++20 -fno-gnu-unique -Wno-restrict -I{root}/kernel -c "
        (root / "build" / "dev" / "compile_commands.json").write_text(json.dumps(
            [{"directory": folder, "file": str(path), "command": command + str(path)} for path in (first, second)]))
        found = tidy(root)
        assert len(found) == 2 and "shared_name" in "".join(found) and "Two" in "".join(found), found
        header.write_text("#pragma once\nclass SharedName {};\n")
        found = tidy(root)
        assert len(found) == 1 and "Two" in found[0], found
        second.write_text('#include "h.h"\nint two() { return 2; }\n')
        assert not tidy(root)
        header.write_text("#pragma once\nclass again_wrong {};\n")
        assert len(tidy(root)) == 1, "a stamp outlived its header"
        assert len(tidy(root, [first])) == 1
        header.write_text("#pragma once\nclass again_wrong {};  // NOLINT\n")
        assert "without its reason" in "".join(tidy(root))
        header.write_text("#pragma once\nclass as_c_has_it {};  // NOLINT(readability-identifier-naming): as C has it\n")
        assert not tidy(root)
    print("tidy: self-test passed")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", metavar="FILE", type=lambda name: pathlib.Path(name).resolve())
    parser.add_argument("--since", metavar="REF")
    parser.add_argument("-j", "--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--self-test", action="store_true")
    options = parser.parse_args()
    try:
        if options.self_test:
            self_test()
            return 0
        found = tidy(pathlib.Path(__file__).resolve().parent.parent, options.files, options.since, options.jobs)
    except CannotRun as reason:
        print(f"tidy: {reason}", file=sys.stderr)
        return 2
    print(f"tidy: {len(found)} findings" if found else "tidy: clean")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
