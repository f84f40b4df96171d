#!/usr/bin/env python3
"""The engine contract stays what it was.

sdk/abi/contract.lock says in words how the SDK's C headers lie in memory: every struct with the
places of its members, every enumerator, every function type, every constant. It is made from what
the compiler says (DWARF, read by abidw) and compared with the headers of the tree. Once its first
line says `frozen`, only what an older engine or server cannot notice may change: a new struct, enum
or constant, a new enumerator, a new member at the end of a struct that begins with struct_size.

A break of a frozen contract that is meant nevertheless (nobody can have used what is changed) stands in
sdk/abi/accepted.txt, one a line: what this script says of it, " because ", the reason. It stays there.

    check_abi.py               compare; needs gcc and abidw (apt-get install abigail-tools)
    check_abi.py --update      write the lock anew; if it is frozen, only what may change, and with a
                               STATOR_ABI_MINOR above the frozen one (who releases it edits the first line)
    check_abi.py --self-test   prove on planted headers that the rules fire
"""
import argparse
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

ROOT = pathlib.Path(__file__).resolve().parent.parent
LOCK = ROOT / "sdk/abi/contract.lock"
ACCEPTED = ROOT / "sdk/abi/accepted.txt"
HEADERS = ROOT / "sdk/include"
NOT_LOCKED = re.compile(r"STATOR_(ABI_MINOR|\w+_H|EXPORT)$")
HINT = "scripts/check_abi.py --update, and a line under ABI in CHANGELOG.md"


class Types:
    """What abidw found, as C would say it."""

    def __init__(self, root):
        self.by_id = {one.get("id"): one for one in root.iter() if one.get("id")}

    def name(self, type_id):
        one = self.by_id[type_id]
        if one.tag == "pointer-type-def":
            to = self.by_id[one.get("type-id")]
            return self.function(to) if to.tag == "function-type" else self.name(one.get("type-id")) + "*"
        if one.tag == "qualified-type-def":
            word = "const" if one.get("const") else "volatile"
            name = self.name(one.get("type-id"))
            return f"{name} {word}" if name.endswith("*") else f"{word} {name}"
        if one.tag == "array-type-def":
            return self.name(one.get("type-id")) + "".join(f"[{d.get('length')}]" for d in one.iter("subrange"))
        return one.get("name")

    def function(self, one):
        arguments = [self.name(argument.get("type-id")) for argument in one.findall("parameter")]
        return f"{self.name(one.find('return').get('type-id'))}({', '.join(arguments)})"


def describe_types(root):
    """Lists of lines, one list for each struct, union, enum and function type: its name first."""
    types = Types(root)
    for one in root.iter():
        if one.tag in ("class-decl", "union-decl") and (one.get("name") or "").startswith("stator_"):
            if one.get("is-declaration-only"):
                yield [f"opaque {one.get('name')}"]
                continue
            kind = "union" if one.tag == "union-decl" else "struct"
            lines = [f"{kind} {one.get('name')} {int(one.get('size-in-bits')) // 8} bytes"]
            for member in one.findall("data-member"):
                variable = member.find("var-decl")
                place = int(member.get("layout-offset-in-bits") or 0) // 8
                lines.append(f"  {place} {types.name(variable.get('type-id'))} {variable.get('name')}")
            yield lines
        elif one.tag == "enum-decl":
            for value in one.findall("enumerator"):
                if not value.get("name").endswith("_END"):
                    yield [f"constant {value.get('name')} {value.get('value')}"]
        elif one.tag == "typedef-decl" and one.get("name").startswith("stator_"):
            to = types.by_id[one.get("type-id")]
            if to.tag == "pointer-type-def":
                yield [f"function {one.get('name')} {types.name(one.get('type-id'))}"]


def describe_macros(headers, source):
    text = subprocess.run(["gcc", "-std=c11", "-dM", "-E", f"-I{headers}", source],
                          check=True, capture_output=True, text=True).stdout
    for name, value in re.findall(r"^#define (STATOR_\w+) (.+)$", text, re.MULTILINE):
        if not NOT_LOCKED.match(name):
            yield [f"constant {name} {value}"]


def describe(headers):
    """The contract of these headers: blocks of lines, sorted by their first."""
    with tempfile.TemporaryDirectory() as folder:
        source = pathlib.Path(folder) / "anchor.c"
        names = sorted(header.name for header in (headers / "stator").glob("*.h"))
        source.write_text("".join(f'#include "stator/{name}"\n' for name in names) +
                          "int stator_anchor(void) { return 0; }\n", encoding="utf-8")
        library = source.with_suffix(".so")
        subprocess.run(["gcc", "-std=c11", "-g", "-fno-eliminate-unused-debug-types", "-shared", "-fPIC",
                        f"-I{headers}", source, "-o", library], check=True)
        described = subprocess.run(["abidw", "--load-all-types", "--no-show-locs", library],
                                   check=True, capture_output=True, text=True).stdout
        blocks = list(describe_types(xml.etree.ElementTree.fromstring(described)))
        blocks += describe_macros(headers, source)
    return sorted({block[0]: block for block in blocks}.values())


def parse(text):
    blocks = []
    for line in text.splitlines():
        if line.startswith("  "):
            blocks[-1].append(line)
        elif line:
            blocks.append([line])
    return blocks


def key(block):
    return tuple(block[0].split(" ")[:2])


def may_grow(block):
    return block[0].startswith("struct ") and len(block) > 1 and block[1] == "  0 uint32_t struct_size"


def broken(locked, now):
    """What an older engine or server would notice."""
    present = {key(block): block for block in now}
    for block in locked:
        other = present.get(key(block))
        if other is None:
            yield f"{' '.join(key(block))} is gone"
        elif may_grow(block) and other[1:len(block)] == block[1:]:
            if len(other) == len(block) and other[0] != block[0]:
                yield f"{block[0]} became {other[0]}"
            # Padding is counted by an older side's struct_size, and nobody wrote zeros there.
            size = int(block[0].split(" ")[2])
            yield from (f"{block[0]}: {line.strip()} lies in what was padding"
                        for line in other[len(block):] if int(line.split()[0]) < size)
        elif other != block:
            lost = [line.strip() for line in block if line not in other]
            yield f"{' '.join(key(block))} differs: {'; '.join(lost) or 'its members grew, and it has no struct_size'}"


def minor_of(headers):
    text = (headers / "stator/version.h").read_text(encoding="utf-8")
    return int(re.search(r"#define STATOR_ABI_MINOR (\d+)\n", text)[1])


def frozen_minor(state):
    """Of the first line: the minor that is released, None for a draft."""
    found = re.fullmatch(r"(draft|frozen) 1\.(\d+)", state)
    if not found:
        sys.exit(f"{LOCK.name} begins with neither 'draft 1.N' nor 'frozen 1.N': {state}")
    return int(found[2]) if found[1] == "frozen" else None


def outgrown(frozen, minor, is_new):
    """What is wrong with the version that the headers say."""
    if frozen is not None and minor < frozen:
        yield f"1.{frozen} is released, and STATOR_ABI_MINOR is {minor}"
    if frozen is not None and is_new and minor <= frozen:
        yield f"something is new behind the released 1.{frozen}: make STATOR_ABI_MINOR {frozen + 1}"


def accepted(text):
    """The problems that are accepted, each with a reason."""
    for line in text.splitlines():
        if line and not line.startswith("#"):
            problem, word, reason = line.partition(" because ")
            if not word or len(reason.split()) < 3:
                sys.exit(f"{ACCEPTED.name}: no reason: {line}")
            yield problem


def render(state, blocks):
    return "\n".join([state, ""] + ["\n".join(block) for block in blocks]) + "\n"


# What an older engine or server would notice, planted in the real headers: file, what stands there, what
# is put instead, what must be said of it.
BREAKS = [
    ("engine.h", "  uint32_t tenant;\n  uint32_t vshard; /* 0..1023 */", "  uint32_t tenant;\n  uint32_t more;\n  uint32_t vshard;",
     "struct stator_request differs"),  # a member in the middle
    ("engine.h", "  uint64_t trace_id; /* 0 = none */\n", "", "struct stator_request differs"),  # one that is gone
    ("engine.h", "  uint64_t lsn;\n  uint64_t time_ms; /* of", "  uint64_t time_ms;\n  uint64_t lsn; /* of",
     "struct stator_record differs"),  # two that changed places
    ("engine.h", "  uint32_t type; /* as given", "  uint16_t type; /* as given", "struct stator_record differs"),
    ("engine.h", "  uint64_t time_ms; /* of", "  int64_t time_ms; /* of", "struct stator_record differs"),
    ("engine.h", "  const char *version;\n", "  const char *release;\n", "struct stator_engine_v1 differs"),
    ("engine.h", "  void (*close)(stator_instance *instance);", "  void (*close)(stator_instance *instance, uint32_t lane);",
     "struct stator_engine_v1 differs"),  # an argument more
    ("engine.h", "  void (*commit)(struct stator_sink *sink, uint64_t bytes);",
     "  uint64_t (*commit)(struct stator_sink *sink, uint64_t bytes);", "struct stator_sink differs"),  # another result
    ("engine.h", "  char *(*reserve)(struct stator_sink", "  const char *(*reserve)(struct stator_sink", "struct stator_sink differs"),
    ("engine.h", "enum stator_interrupt { STATOR_INTERRUPT_STOP = 1, STATOR_INTERRUPT_ASK = 2 };",
     "enum stator_interrupt { STATOR_INTERRUPT_ASK = 1, STATOR_INTERRUPT_STOP = 2 };", "constant STATOR_INTERRUPT_ASK differs"),
    ("engine.h", ", STATOR_INTERRUPT_ASK = 2 };", " };", "constant STATOR_INTERRUPT_ASK is gone"),
    ("engine.h", "#define STATOR_OP_INDEX_WORK 0xffffffffu", "#define STATOR_OP_INDEX_WORK 0xfffffffeu",
     "constant STATOR_OP_INDEX_WORK"),
    ("bytes.h", "} stator_bytes;", "  uint64_t more;\n} stator_bytes;", "struct stator_bytes differs"),  # it has no struct_size
    ("engine.h", "stator_open;", "stator_opening;\ntypedef struct stator_opening stator_open;", None),  # harmless: another name for it
    ("engine.h", "  stator_call* call;      /* kv.visit_all", "  stator_call* call;\n  uint64_t more; /* kv.visit_all", None),  # at the end
]


def test_breaks():
    locked = describe(HEADERS)
    for file, old, new, said in BREAKS:
        with tempfile.TemporaryDirectory() as folder:
            headers = pathlib.Path(folder)
            shutil.copytree(HEADERS / "stator", headers / "stator")
            text = (headers / "stator" / file).read_text(encoding="utf-8")
            assert text.count(old) == 1, f"{file} has {text.count(old)} times: {old}"
            (headers / "stator" / file).write_text(text.replace(old, new), encoding="utf-8")
            problems = list(broken(locked, describe(headers)))
        assert (not problems) if said is None else any(said in one for one in problems), f"{new}: {problems}"


def self_test():
    lock = parse("struct a 8 bytes\n  0 uint32_t struct_size\n  4 int x\nstruct b 4 bytes\n  0 int x\nconstant C 1\n")
    grown = parse("struct a 16 bytes\n  0 uint32_t struct_size\n  4 int x\n  8 int y\nstruct b 4 bytes\n"
                  "  0 int x\nconstant C 1\nconstant D 2\n")
    assert list(broken(lock, lock)) == [] and list(broken(lock, grown)) == []
    padded = parse("struct a 8 bytes\n  0 uint32_t struct_size\n  4 char x\n")
    filled = parse("struct a 8 bytes\n  0 uint32_t struct_size\n  4 char x\n  5 char y\n")
    assert list(broken(padded, filled)) == ["struct a 8 bytes: 5 char y lies in what was padding"]
    worse = parse("struct a 8 bytes\n  0 uint32_t struct_size\n  4 long x\nstruct b 8 bytes\n  0 int x\n  4 int y\n")
    assert list(broken(lock, worse)) == ["struct a differs: 4 int x", "struct b differs: struct b 4 bytes",
                                         "constant C is gone"], list(broken(lock, worse))
    assert frozen_minor("draft 1.0") is None and frozen_minor("frozen 1.2") == 2
    assert list(outgrown(None, 0, True)) == [] and list(outgrown(0, 0, False)) == [] and list(outgrown(0, 1, True)) == []
    assert len(list(outgrown(0, 0, True))) == 1 and len(list(outgrown(1, 0, False))) == 1
    assert list(accepted("# comment\n\nconstant C is gone because nobody had it yet\n")) == ["constant C is gone"]
    with tempfile.TemporaryDirectory() as folder:
        headers = pathlib.Path(folder)
        (headers / "stator").mkdir()
        (headers / "stator/x.h").write_text(
            "typedef struct stator_other stator_other;\n"
            "typedef int (*stator_f)(const stator_other *, const char *const *);\n"
            "enum { STATOR_E = 3 };\n#define STATOR_M \"m\"\n"
            "typedef struct stator_a { int x; stator_f f; int (*g)(void); } stator_a;\n")
        assert describe(headers) == [
            ["constant STATOR_E 3"], ['constant STATOR_M "m"'],
            ["function stator_f int(const stator_other*, const char* const*)"], ["opaque stator_other"],
            ["struct stator_a 24 bytes", "  0 int x", "  8 stator_f f", "  16 int() g"]], describe(headers)
    test_breaks()
    print(f"check_abi: self-test passed, {len(BREAKS)} changes planted")


def main():
    parser = argparse.ArgumentParser(description="The engine contract stays what it was.")
    parser.add_argument("--self-test", action="store_true")
    parser.add_argument("--update", action="store_true")
    options = parser.parse_args()
    if options.self_test:
        self_test()
        return 0
    state, _, text = LOCK.read_text(encoding="utf-8").partition("\n")
    now = describe(HEADERS)
    frozen = frozen_minor(state)
    passed = set(accepted(ACCEPTED.read_text(encoding="utf-8")))
    problems = [problem for problem in broken(parse(text), now) if problem not in passed]
    is_new = render(state, now) != state + "\n" + text
    problems += outgrown(frozen, minor_of(HEADERS), is_new)
    if options.update and (not problems or frozen is None):
        LOCK.write_text(render(state, now), encoding="utf-8")
        print(f"check_abi: {len(now)} parts written")
        return 0
    for problem in problems:
        print(f"{LOCK.relative_to(ROOT)}: {problem}")
    if problems:
        print(f"if it is meant: {HINT}" if frozen is None else "a released contract keeps what it has")
        return 1
    if is_new:
        print(f"{LOCK.relative_to(ROOT)}: the headers have something new: {HINT}")
        return 1
    print(f"check_abi: the contract's {len(now)} parts are as they were")
    return 0


if __name__ == "__main__":
    sys.exit(main())
