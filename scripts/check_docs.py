#!/usr/bin/env python3
"""Documents name things that exist.

In every *.md of the tree a relative link must lead to a file. In docs/request-path.md, moreover,
every path in `back quotes` must exist, from the root or from kernel/: it is the map of the code.
docs/protocol.md has a row for every error of errors.def, as it stands there, and for every field
that requests share. docs/testing.md has a row for every fuzz target.

    check_docs.py               check the tree this script stands in
    check_docs.py --self-test   prove on planted documents that every rule fires
"""
import argparse
import pathlib
import re
import sys
import tempfile

MAP = "docs/request-path.md"
PROTOCOL = "docs/protocol.md"
TESTING = "docs/testing.md"
FUZZ = "tests/fuzz"
ERRORS = "sdk/include/stator/errors.def"
PARSER = "kernel/control/session/shared_fields.cc"
SKIPPED_FOLDERS = {"node_modules", "build", ".git"}
LINK = re.compile(r"\]\(([^)\s]+)\)")
QUOTED = re.compile(r"`([^`\n]+)`")
# A path: no blanks, and a folder or a suffix that is a file's. `{h,cc}` names both.
PATH = re.compile(r"^[\w.{},/-]+$")
SUFFIX = re.compile(r"\.(h|cc|hpp|md|py|def|txt|toml|json|sh|\{h,cc\})$")
ERROR = re.compile(r'^STATOR_ERROR\(\w+, \w+, (\d+), "(\w+)", (\w+), (\d+), "([^"]*)"\)', re.MULTILINE)
SHARED_FIELD = re.compile(r'is_same\(name, "(\w+)"\)')
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def expand(path):
    match = re.search(r"\{([^}]*)\}", path)
    if not match:
        return [path]
    return [path[:match.start()] + option + path[match.end():] for option in match[1].split(",")]


def without_fences(text):
    return FENCE.sub(lambda match: "\n" * match[0].count("\n"), text)


def check_links(root, document, text):
    for number, line in enumerate(text.splitlines(), 1):
        for target in LINK.findall(line):
            if re.match(r"[a-z]+:|#", target):
                continue
            if not (document.parent / target.split("#")[0]).exists():
                yield f"{document.relative_to(root)}:{number}: the link {target} leads nowhere"


def check_map(root, text):
    for number, line in enumerate(text.splitlines(), 1):
        for name in QUOTED.findall(line):
            if not PATH.match(name) or not ("/" in name.strip("/") or SUFFIX.search(name)):
                continue
            for path in expand(name):
                if not (root / path).exists() and not (root / "kernel" / path).exists():
                    yield f"{MAP}:{number}: {path} does not exist"


def check_protocol(root):
    text = (root / PROTOCOL).read_text(encoding="utf-8")
    rows = [f"| `{name}` | {number} | {http} | {'yes' if kind == 'RETRY' else 'no'} | {meaning} |"
            for number, name, kind, http, meaning in ERROR.findall((root / ERRORS).read_text())]
    fields = ["op"] + SHARED_FIELD.findall((root / PARSER).read_text())
    if len(rows) < 2 or len(fields) < 2:
        yield f"{PROTOCOL}:1: {ERRORS} or {PARSER} is written in another way than this check knows"
    for row in rows:
        if row not in text:
            yield f"{PROTOCOL}:1: lacks the row {row}"
    for field in fields:
        if f"\n| `{field}` |" not in text:
            yield f"{PROTOCOL}:1: lacks a row for the field {field}"


def check_fuzz(root):
    text = (root / TESTING).read_text(encoding="utf-8")
    for target in sorted(path.stem for path in (root / FUZZ).glob("*_fuzz.cc")):
        if f"\n| `{target}` |" not in text:
            yield f"{TESTING}:1: lacks a row for {target}"


def check(root):
    problems = []
    for document in sorted(root.rglob("*.md")):
        if SKIPPED_FOLDERS.intersection(document.relative_to(root).parts):
            continue
        text = without_fences(document.read_text(encoding="utf-8"))
        problems += check_links(root, document, text)
        if document.relative_to(root).as_posix() == MAP:
            problems += check_map(root, text)
    if not (root / MAP).is_file():
        problems.append(f"{MAP}:1: is missing")
    return problems + list(check_protocol(root)) + list(check_fuzz(root))


def self_test():
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        (root / "docs").mkdir()
        (root / "kernel/wal").mkdir(parents=True)
        (root / "kernel/wal/log.h").touch()
        (root / ERRORS).parent.mkdir(parents=True)
        (root / ERRORS).write_text('STATOR_ERROR(kA, A, 1, "a", RETRY, 503, "one, (two)")\n'
                                   'STATOR_ERROR(kB, B, 2, "b", CLIENT, 400, "three")\n')
        (root / PARSER).parent.mkdir(parents=True)
        (root / PARSER).write_text('case 2: return is_same(name, "id") ? kId : kNone;\n'
                                   'case 6: return is_same(name, "strict") ? kStrict : kNone;\n')
        (root / PROTOCOL).write_text("\n| `op` | |\n| `strict` | |\n"
                                     "| `a` | 1 | 503 | yes | one, (two) |\n"
                                     "| `b` | 2 | 400 | yes | three |\n", encoding="utf-8")
        (root / FUZZ).mkdir(parents=True)
        (root / FUZZ / "a_fuzz.cc").touch()
        (root / FUZZ / "b_fuzz.cc").touch()
        (root / TESTING).write_text("\n| `a_fuzz` | |\n", encoding="utf-8")
        (root / MAP).write_text("`wal/log.h` `kernel/wal/log.h` `point_get` `wal/`\n"
                                "`wal/log.{h,cc}`\n", encoding="utf-8")
        (root / "README.md").write_text("[ok](docs/request-path.md#a) [web](https://x.y)\n"
                                        "[bad](docs/none.md)\n```\n[code](none.md)\n```\n",
                                        encoding="utf-8")
        problems = check(root)
        (root / MAP).unlink()
        missing = check(root)
    assert problems == ["README.md:2: the link docs/none.md leads nowhere",
                        f"{MAP}:2: wal/log.cc does not exist",
                        f"{PROTOCOL}:1: lacks the row | `b` | 2 | 400 | no | three |",
                        f"{PROTOCOL}:1: lacks a row for the field id",
                        f"{TESTING}:1: lacks a row for b_fuzz"], problems
    assert f"{MAP}:1: is missing" in missing, missing
    print("check_docs: self-test passed")


def main():
    parser = argparse.ArgumentParser(description="Documents name things that exist.")
    parser.add_argument("--self-test", action="store_true")
    if parser.parse_args().self_test:
        self_test()
        return 0
    problems = check(pathlib.Path(__file__).resolve().parent.parent)
    print("\n".join(problems) if problems else "check_docs: every named file exists")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
