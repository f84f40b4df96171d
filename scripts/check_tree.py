#!/usr/bin/env python3
"""The tree keeps its promises: sizes, words, exceptions, third parties, engine-blindness.

    check_tree.py               check the tree this script stands in
    check_tree.py --self-test   prove on planted files that every rule fires

Each rule is data at the top of this file. Who needs an exception adds it there, with the reason.
"""
import argparse
import fnmatch
import json
import pathlib
import re
import sys
import tempfile

CODE = {".h", ".hpp", ".c", ".cc", ".def"}
SCRIPTS = {".py", ".sh", ".mjs", ".js", ".cmake", ".conv"}
TOPS = ("kernel", "plugins", "sdk", "client", "tests", "bench", "scripts", "cmake", "examples")
SKIPPED_FOLDERS = {"node_modules", "build", "__pycache__"}

# ---- sizes: first pattern that matches decides -------------------------------------------------
SIZES = [
    ("tests/*", 800),
    ("bench/*", 800),
    ("plugins/*/*/*", 800),  # algorithm folders: an algorithm is read in one piece
    ("*.h", 300),
    ("*.hpp", 300),
    ("*", 600),
]
SIZE_EXCEPTIONS = {  # file -> (lines, reason)
    "sdk/cpp/stator/engine.hpp": (600, "the whole C++ layer of the SDK in one header to copy"),
    "sdk/cpp/stator/json_reader.hpp": (600, "header-only, so that an engine links nothing"),
    "sdk/cpp/stator/filter/compile.hpp": (400, "header-only; the language in one piece"),
}

# ---- words -------------------------------------------------------------------------------------
# (name, pattern, where, except where, what to do instead). Patterns see code without comments and
# without the contents of string literals.
PRODUCT = ("kernel/*", "plugins/*", "sdk/*", "client/*")
WORDS = [
    ("sleep", r"\b(sleep_for|sleep_until|usleep|nanosleep|sleep)\s*\(",
     ("tests/*", "kernel/*", "plugins/*", "sdk/*"), (),
     "wait on a condition, or step a manual clock"),
    ("shared_ptr", r"\b(shared_ptr|make_shared)\b", PRODUCT, (),
     "give it one owner: a value or a unique_ptr"),
    ("std::thread", r"\bstd::(thread(?!::)|jthread|async)\b", PRODUCT, ("kernel/io/*",),
     "io/thread.h: named threads, joined by their owner"),
    ("new", r"\bnew\b(?!\s*\()", ("kernel/*", "plugins/*", "client/*"), (), "std::make_unique"),
    ("delete", r"(?<!=)(?<!= )\bdelete\b", ("kernel/*", "plugins/*", "client/*"), (),
     "an owner that frees it"),
    ("printf", r"\b(printf|fprintf|vprintf|vfprintf|puts|fputs)\s*\(|\bstd::(cout|cerr|clog)\b",
     ("kernel/*", "plugins/*", "sdk/*"), ("kernel/base/log.cc", "sdk/testkit/*", "sdk/check/*"), "base/log.h"),
    ("detach", r"\.\s*detach\s*\(", PRODUCT, (), "a thread is joined by its owner"),
    ("C random", r"\b(std::)?(rand|srand)\s*\(", PRODUCT + ("tests/*",), (),
     "io/random.h, or a seeded std::mt19937_64 in a test"),
]
WORD_EXCEPTIONS = {  # (file, name of the word) -> reason
    ("sdk/check/watched_engine.cc", "C random"): "defines it, to notice who calls it",
    ("tests/bad_plugins/bad_engine.cc", "C random"): "does what the check must catch",
    ("kernel/base/assert.cc", "printf"): "the process is about to abort: no logger, no allocation",
    ("kernel/server/main.cc", "printf"): "the ready event and what is said before there is a log",
    ("kernel/io/paced_sync.cc", "sleep"): "it leaves the disk to others for so long",
    ("kernel/server/server.cc", "sleep"): "the drain at the end polls the lanes, bounded",
    ("kernel/base/log.cc", "shared_ptr"): "spdlog takes its sinks that way",
}
# Seen in everything, comments and scripts included.
MARKS = [
    (r"\b(FIXME|XXX|HACK)\b", "mend it, or file an issue"),
    (r"\bTODO\b", "do it, or file an issue"),
    (r"^(<<<<<<<|>>>>>>>) ", "finish the merge"),
]
MARK_EXCEPTIONS = {"scripts/check_tree.py"}  # names the words it looks for
VAGUE_NAMES = {"utils", "util", "common", "helpers", "helper", "misc"}

# ---- exceptions --------------------------------------------------------------------------------
# The only product files where `throw`, `try` and `catch` may stand.
MAY_THROW = {  # pattern -> reason
    "kernel/plugin/library.cc": "Boost.DLL throws",
    "kernel/control/net/listener.cc": "Poco throws",
    "kernel/control/net/tls_context.cc": "Poco throws",
    "sdk/cpp/stator/*.hpp": "turn an engine's exceptions into status at the C edge",
    "sdk/testkit/*": "tests",
    "sdk/check/*": "a program of its own, and the catcher of what engines throw",
    "client/*": "a program of its own: a failure ends the command with a sentence",
}
# Where `throw` may stand, but neither `try` nor `catch`.
MAY_THROW_ONLY = {  # pattern -> reason
    "plugins/*": "open refuses so, and stored bytes that fail their check; the SDK's edge catches",
}
THROWS = re.compile(r"\b(throw|try|catch)\b")

# ---- third parties: each in these source files of the kernel only, and in no header --------------
THIRD_PARTIES = {
    "Poco": (r"Poco/", ("kernel/control/net/*.cc", "kernel/server/*.cc")),
    "OpenSSL": (r"openssl/", ("kernel/control/net/tls_context.cc",
                              "kernel/control/net/self_signed.cc", "kernel/control/net/peer_certificate.cc",
                              "kernel/control/auth/*.cc",
                              "kernel/io/random.cc", "kernel/io/sha256.cc", "kernel/io/ed25519.cc",
                              "kernel/io/aes_gcm.cc", "kernel/control/http/websocket.cc")),
    "Boost.Beast": (r"boost/beast", ("kernel/control/http/request_reader.cc",)),
    "wslay": (r"wslay/", ("kernel/control/http/websocket.cc",)),
    "Boost.DLL": (r"boost/dll", ("kernel/plugin/library.cc",)),
    "Boost.Context": (r"boost/context", ("kernel/io/fiber.cc",)),
    "LMDB": (r"lmdb\.h", ("kernel/data/store/*.cc",)),
    "jose": (r"jose/|jansson", ("kernel/control/auth/jwt.cc",)),
    "simdjson": (r"simdjson", ("kernel/control/wire/*.cc",)),
    "toml++": (r"toml\+\+/|toml\.hpp", ("kernel/server/config*.cc",)),
    "argon2": (r"argon2", ("kernel/control/auth/*.cc",)),
    "spdlog": (r"spdlog/", ("kernel/base/log.cc",)),
    "CLI11": (r"CLI/", ("kernel/server/main.cc",)),
}
INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', re.MULTILINE)

# ---- the kernel knows no engine ------------------------------------------------------------------
ENGINES = ("document", "vector", "graph", "crdt")
# As an identifier: the bare word (std::vector aside) or the name of something of that engine.
ENGINE_WORDS = re.compile(
    r"(?<!::)\bvector\b|\b(document|graph|crdt)\b"
    r"|\b(document|vector|graph|crdt)_(engine|plugin|op|ops|index|store)\b"
    r"|\b(Document|Vector|Graph|Crdt)(Engine|Plugin|Op|Ops|Index|Store)\b")
ENGINE_WORD_EXCEPTIONS = {  # (file, word) -> reason
    ("kernel/control/session/describe.cc", "document"): "the wire name of STATOR_PLACE_DOCUMENT",
}
STRING = re.compile(r'"((?:[^"\\\n]|\\.)*)"')
# Known without the golden file, so that the rule holds from the first day.
SEED_OPS = {"point_get", "vector_search", "range_scan", "crdt_read", "crdt_apply",
            "graph_rag_fusion", "alter_collection_policy"}
GOLDEN_OPS = "tests/golden/op_table.json"

TOKENS = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"([^()\\ ]{0,16})\(.*?\)\1"|"(?:[^"\\\n]|\\.)*"'
    r"|(?<![0-9a-fA-F])'(?:[^'\\\n]|\\.)+'", re.DOTALL)


def strip(text, strings):
    """Code without comments; without the contents of literals unless `strings`. Lines stay."""
    def blank(match):
        token = match[0]
        if token.startswith("/") or not strings:
            kept = "\n" * token.count("\n")
            return kept if token.startswith("/") else '""' + kept
        return token
    return TOKENS.sub(blank, text)


def matches(path, patterns):
    return any(fnmatch.fnmatchcase(path, pattern) for pattern in patterns)


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def engine_ops(root):
    """Names of the ops that engines bring; the kernel's own are not among them."""
    found = set(SEED_OPS)
    golden = root / GOLDEN_OPS

    def walk(node, engine):
        if isinstance(node, dict):
            engine = node.get("engine", engine)
            name = node.get("name") or node.get("op")
            if isinstance(name, str) and "args" in node and engine in ENGINES:
                found.update([name, *node.get("aliases", [])])
            for key, value in node.items():
                walk(value, key if key in ENGINES else engine)
        elif isinstance(node, list):
            for value in node:
                walk(value, engine)

    if golden.is_file():
        walk(json.loads(golden.read_text(encoding="utf-8")), None)
    return found


def check_size(path, text):
    if path in SIZE_EXCEPTIONS:
        limit = SIZE_EXCEPTIONS[path][0]
    else:
        limit = next(lines for pattern, lines in SIZES if fnmatch.fnmatchcase(path, pattern))
    lines = text.count("\n")
    if lines > limit:
        yield f"{path}:{limit}: {lines} lines, at most {limit}: split it by reason to change"


def check_words(path, bare):
    for name, pattern, where, but, instead in WORDS:
        if not matches(path, where) or matches(path, but) or (path, name) in WORD_EXCEPTIONS:
            continue
        for match in re.finditer(pattern, bare):
            yield f"{path}:{line_of(bare, match.start())}: '{match[0].strip()}': use {instead}"


def check_marks(path, text):
    if path in MARK_EXCEPTIONS:
        return
    for pattern, instead in MARKS:
        for match in re.finditer(pattern, text, re.MULTILINE):
            yield f"{path}:{line_of(text, match.start())}: '{match[0].strip()}': {instead}"


def check_throws(path, bare):
    if not matches(path, PRODUCT) or matches(path, MAY_THROW):
        return
    for match in THROWS.finditer(bare):
        if match[0] == "throw" and matches(path, MAY_THROW_ONLY):
            continue
        yield (f"{path}:{line_of(bare, match.start())}: '{match[0]}': return a Result; adapters of "
               "what throws are listed in scripts/check_tree.py")


def check_third_parties(path, code):
    if not path.startswith("kernel/"):
        return
    for match in INCLUDE.finditer(code):
        for name, (pattern, where) in THIRD_PARTIES.items():
            if re.match(pattern, match[1]) and not matches(path, where):
                yield (f"{path}:{line_of(code, match.start(1))}: {name} belongs in "
                       f"{', '.join(where)} only ({match[1]})")


def check_engine_blind(path, code, bare, ops):
    if not path.startswith("kernel/"):
        return
    message = "the kernel knows no engine and no op of one: bring it as a row of the op table"
    for number, line in enumerate(bare.splitlines(), 1):
        if line.lstrip().startswith("#"):
            continue
        for match in ENGINE_WORDS.finditer(line):
            yield f"{path}:{number}: '{match[0]}': {message}"
        for word in ops.intersection(re.findall(r"\w+", line)):
            yield f"{path}:{number}: '{word}': {message}"
    for match in STRING.finditer(code):
        words = set(re.findall(r"\w+", match[1]))
        named = [match[1]] if match[1] in ENGINES else []
        for word in sorted(ops & words) + named:
            if (path, word) in ENGINE_WORD_EXCEPTIONS:
                continue
            yield f"{path}:{line_of(code, match.start())}: \"{word}\": {message}"


def files_of(root):
    for top in TOPS:
        for path in sorted((root / top).rglob("*")):
            relative = path.relative_to(root)
            if not SKIPPED_FOLDERS.intersection(relative.parts) and path.is_file():
                yield path, relative.as_posix()


def check(root):
    problems = []
    ops = engine_ops(root)
    for path, name in files_of(root):
        parts = [part.split(".")[0] for part in name.split("/")]
        vague = VAGUE_NAMES.intersection(parts)
        if vague:
            problems.append(f"{name}:1: '{vague.pop()}' says nothing: name it by what it does")
        if path.suffix not in CODE | SCRIPTS and path.name != "CMakeLists.txt":
            continue
        text = path.read_text(encoding="utf-8")
        problems += check_marks(name, text)
        if path.suffix not in CODE:
            continue
        code, bare = strip(text, strings=True), strip(text, strings=False)
        problems += check_size(name, text)
        problems += check_words(name, bare)
        problems += check_throws(name, bare)
        problems += check_third_parties(name, code)
        problems += check_engine_blind(name, code, bare, ops)
    return problems


PLANTED = {  # file -> (content, what each complaint must contain, in order)
    "kernel/base/good.cc": (
        '#include <vector>\n// new, throw, "vector" and point_get in a comment are fine\n'
        'std::vector<int> a(1\'000);\nconst char* text = "throw new printf(";\n'
        "Good(const Good&) = delete;\nauto kind = STATOR_ARG_F32VEC;\n", []),
    "kernel/base/long.h": ("\n" * 301, ["301 lines, at most 300"]),
    "kernel/base/long.cc": ("\n" * 601, ["601 lines, at most 600"]),
    "plugins/vector/hnsw/search.cc": ("\n" * 801, ["801 lines, at most 800"]),
    "tests/unit/long_test.cc": ("\n" * 801, ["801 lines, at most 800"]),
    "tests/unit/sleepy_test.cc": ("std::this_thread::sleep_for(1s);\n", ["sleep_for"]),
    "kernel/data/owner.cc": ("std::shared_ptr<int> p;\nauto q = new int;\ndelete q;\n",
                             [":1: 'shared_ptr'", ":2: 'new'", ":3: 'delete'"]),
    "kernel/control/net/spawn.cc": ("std::thread t;\n", ["std::thread"]),
    "kernel/io/thread.cc": ("std::thread t;\n", []),
    "kernel/wal/loud.cc": ('printf("x");\nstd::cerr << 1;\n', ["printf", "std::cerr"]),
    "client/table.cc": ('printf("x");\n', []),
    "kernel/wal/later.cc": ("// FIXME\n", ["FIXME"]),
    "scripts/later.py": ("# TODO\n", ["TODO"]),
    "kernel/wal/throws.cc": ("void f() { throw 1; }\n", ["'throw'"]),
    "plugins/graph/catches.cc": ("try { throw 1; } catch (...) { }\n", ["'try'", "'catch'"]),
    "kernel/plugin/library.cc": ("#include <boost/dll/shared_library.hpp>\n"
                                 "try { } catch (...) { }\n", []),
    "kernel/plugin/library.h": ("#include <boost/dll/shared_library.hpp>\n", ["Boost.DLL"]),
    "kernel/io/fiber.h": ("#include <boost/context/fiber.hpp>\n", ["Boost.Context"]),
    "kernel/control/net/a.h": ("#include <Poco/Net/SocketAddress.h>\n", ["Poco"]),
    "kernel/data/core/a.cc": ("#include <lmdb.h>\n#include <openssl/rand.h>\n#include <argon2.h>\n"
                              "#include <simdjson.h>\n#include <toml++/toml.h>\n#include <jose/jws.h>\n"
                              "#include <spdlog/spdlog.h>\n",
                              ["LMDB", "OpenSSL", "argon2", "simdjson", "toml++", "jose", "spdlog"]),
    "kernel/control/ops/knows.cc": ('if (name == "planted_op") {}\nif (engine == "crdt") {}\n'
                                    "VectorIndex index;\nvector x;\nint graph;\n",
                                    ["VectorIndex", "'vector'", "'graph'", "planted_op",
                                     '"crdt"']),
    "kernel/control/ops/own.cc": ('if (name == "ping") {}\n', []),
    "kernel/base/utils.h": ("\n", ["says nothing"]),
    GOLDEN_OPS: ('[{"name":"planted_op","engine":"crdt","args":[]},'
                 '{"name":"ping","engine":"kernel","args":[]}]\n', []),
}


def self_test():
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        for name, (content, _) in PLANTED.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(content, encoding="utf-8")
        problems = check(root)
    for name, (_, expected) in PLANTED.items():
        mine = [problem for problem in problems if problem.startswith(name + ":")]
        fits = len(mine) == len(expected) and all(e in m for e, m in zip(expected, mine))
        assert fits, f"{name}: expected {expected}, found {mine}"
    print(f"check_tree: self-test passed, {len(PLANTED)} planted files")


def main():
    parser = argparse.ArgumentParser(description="Sizes, words, exceptions, third parties.")
    parser.add_argument("--self-test", action="store_true")
    if parser.parse_args().self_test:
        self_test()
        return 0
    problems = check(pathlib.Path(__file__).resolve().parent.parent)
    print("\n".join(problems) if problems else "check_tree: the tree keeps its promises")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
