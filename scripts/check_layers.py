#!/usr/bin/env python3
"""Includes point down the layer table, or the build fails.

A layer is a folder. It may include itself, what MAY_INCLUDE lists for it, and whatever those may
include in turn. Reads the #include lines of every C and C++ file of the product (tests and
benchmarks may look anywhere) and the DEPENDS of kernel/CMakeLists.txt, which must agree.

    check_layers.py               check the tree this script stands in
    check_layers.py --self-test   prove on a planted tree that each kind of breach is found
"""
import argparse
import pathlib
import re
import sys
import tempfile

# layer -> what it may include directly. Folders of kernel/ go by their path below kernel/.
MAY_INCLUDE = {
    "sdk/include": [],
    "sdk/cpp": ["sdk/include"],
    # What an engine and its library must be, to the server and to who writes it.
    "sdk/library": ["sdk/include", "sdk/json"],
    "sdk/testkit": ["sdk/cpp", "sdk/library"],
    "sdk/check": ["sdk/testkit"],
    "sdk/templates": ["sdk/testkit"],
    "sdk/examples": ["sdk/testkit"],
    # Log lines are JSON, and the SDK's writer is the one that escapes.
    "base": ["sdk/errors", "sdk/json"],
    "bridge": ["base", "sdk/include", "sdk/views"],
    "io": ["base"],
    "control/wire": ["base"],
    "plugin": ["base", "io", "sdk/include", "sdk/views", "sdk/library"],
    "wal": ["base", "io"],
    "data/store": ["base", "io"],
    # The permissions of the contract are the permissions of an identity; what the kernel's own engine
    # stores (system/stored_form.h) is what identities are made of.
    "control/auth": ["base", "io", "sdk/include", "system"],
    "control/audit": ["base", "io"],
    "control/dispatch": ["bridge"],
    # What an engine adds as a record goes straight into the log's batch form.
    # Row policies arrive as compiled filters and are evaluated on packed JSON.
    "data/host": ["plugin", "data/store", "bridge", "wal", "sdk/include", "sdk/filter"],
    "control/ops": ["plugin", "bridge", "control/wire", "sdk/include"],
    "data/core": ["bridge", "data/host", "sdk/include"],
    "control/gate": ["control/auth", "control/ops", "control/dispatch"],
    "control/session": ["control/wire", "control/audit", "control/auth", "control/ops", "control/gate",
                        "control/dispatch"],
    "control/http": ["io", "control/wire", "control/session"],
    "control/net": ["io", "control/wire", "control/session", "control/http"],
    # The kernel's own state, written as an engine: it sees what an engine sees.
    "system": ["sdk/include", "sdk/cpp"],
    "server": ["control/net", "data/core", "system"],
    "client": ["sdk/json", "base", "control/wire"],
    # Parts of the SDK that are smaller than a folder: the error table, the JSON headers, and views
    # on the C structs.
    "sdk/errors": [],
    "sdk/json": [],
    "sdk/views": [],
    "sdk/filter": [],
}
# An engine is its own layer, plugins/NAME, and may include this.
PLUGIN_MAY_INCLUDE = ["sdk/include", "sdk/cpp"]

# Parts of the SDK that are a layer of their own; a user of the whole SDK may include them too.
SDK_PARTS = {
    "stator/errors.def": "sdk/errors",
    "stator/json_reader.hpp": "sdk/json",
    "stator/json_scan.hpp": "sdk/json",
    "stator/json_writer.hpp": "sdk/json",
    "stator/args.hpp": "sdk/views",
    "stator/declare.hpp": "sdk/views",
    "stator/filter/matches.hpp": "sdk/filter",
    "stator/filter/program.hpp": "sdk/filter",
    "stator/packed/value.hpp": "sdk/filter",
}
SDK_PART_OF = {"sdk/errors": "sdk/include", "sdk/json": "sdk/cpp", "sdk/views": "sdk/cpp",
               "sdk/filter": "sdk/cpp"}

# (file, included file) -> reason. Empty: nothing needs an exception.
EXCEPTIONS = {}

SUFFIXES = {".h", ".hpp", ".c", ".cc", ".def"}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
STATOR_LAYER = re.compile(r"^\s*stator_layer\(\s*([^\s)]+)([^)]*)\)", re.MULTILINE)


def allowed_from(layer):
    """All layers that `layer` may include, itself and transitive ones among them."""
    direct = PLUGIN_MAY_INCLUDE if layer.startswith("plugins/") else MAY_INCLUDE[layer]
    found, todo = {layer}, list(direct)
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            todo += MAY_INCLUDE[name]
    return found | {part for part, whole in SDK_PART_OF.items() if whole in found}


def layer_of(path):
    """The layer of a path relative to the root, or None where the table does not rule."""
    parts = path.split("/")
    if parts[0] == "kernel":
        for depth in (3, 2):
            name = "/".join(parts[1:depth])
            if len(parts) > depth and name in MAY_INCLUDE:
                return name
        return "kernel/?" if len(parts) > 2 else None
    if parts[0] == "plugins" and len(parts) > 2:
        return "/".join(parts[:2])
    if parts[0] == "sdk" and len(parts) > 2:
        inside = "/".join(parts[2:])
        if inside in SDK_PARTS:
            return SDK_PARTS[inside]
        return "/".join(parts[:2])
    return "client" if parts[0] == "client" else None


def resolve(root, source, name, quoted):
    """The included file relative to the root; None when it is not of this project."""
    bases = ["sdk/include", "sdk/cpp", "sdk", "kernel"]
    if source.startswith("plugins/"):
        bases.insert(0, "/".join(source.split("/")[:2]))
    if quoted:
        bases.insert(0, str(pathlib.PurePosixPath(source).parent))
    for base in bases:
        candidate = (root / base / name).resolve()
        if candidate.is_file() and candidate.is_relative_to(root):
            return candidate.relative_to(root).as_posix()
    # A file that does not exist (yet, or generated) still names its layer.
    for layer in MAY_INCLUDE:
        if quoted and name.startswith(layer + "/") and not layer.startswith("sdk/"):
            return "kernel/" + name
    return None


def product_files(root):
    for top in ("kernel", "plugins", "sdk", "client"):
        for path in sorted((root / top).rglob("*")):
            if path.suffix in SUFFIXES and path.is_file():
                yield path.relative_to(root).as_posix()


def check_includes(root):
    problems = []
    allowed = {}
    for source in product_files(root):
        layer = layer_of(source)
        if layer is None:
            continue
        if layer not in MAY_INCLUDE and not layer.startswith("plugins/"):
            problems.append(f"{source}:1: folder has no row in the layer table of "
                            "scripts/check_layers.py")
            continue
        # A part of the SDK is also a user of the rest of it.
        layer = SDK_PART_OF.get(layer, layer)
        if layer not in allowed:
            allowed[layer] = allowed_from(layer)
        lines = (root / source).read_text(encoding="utf-8").splitlines()
        for number, line in enumerate(lines, 1):
            match = INCLUDE.match(line)
            target = match and resolve(root, source, match[2], match[1] == '"')
            if not target or (source, target) in EXCEPTIONS:
                continue
            to = layer_of(target)
            if to is not None and to not in allowed[layer]:
                problems.append(f"{source}:{number}: layer '{layer}' may not include layer '{to}' "
                                f"({match[2]})")
    return problems


def check_cmake(root):
    path = root / "kernel/CMakeLists.txt"
    if not path.is_file():
        return []
    text = re.sub(r"#[^\n]*", "", path.read_text(encoding="utf-8"))
    problems = []
    for match in STATOR_LAYER.finditer(text):
        layer = match[1]
        number = text.count("\n", 0, match.start(1)) + 1
        where = f"kernel/CMakeLists.txt:{number}: layer '{layer}'"
        if layer not in MAY_INCLUDE:
            problems.append(f"{where} has no row in the layer table of scripts/check_layers.py")
            continue
        words = match[2].split()
        words = words[words.index("DEPENDS") + 1:] if "DEPENDS" in words else []
        if "LIBRARIES" in words:
            words = words[:words.index("LIBRARIES")]
        allowed = allowed_from(layer)
        problems += [f"{where} may not depend on layer '{word}'"
                     for word in words if word not in allowed]
    return problems


def check(root):
    root = root.resolve()
    return check_includes(root) + check_cmake(root)


PLANTED = {  # file -> (content, what the check must say, or None for no complaint)
    "kernel/base/error.h": ('#include "stator/errors.def"\n', None),
    "kernel/base/up.h": ('#include <string>\n\n#include "wal/log.h"\n',
                         "kernel/base/up.h:3: layer 'base' may not include layer 'wal'"),
    "kernel/base/engine.h": ('#include "stator/engine.h"\n', "layer 'sdk/include'"),
    "kernel/control/wire/json.cc": ('#include "stator/json_reader.hpp"\n'
                                    '#include "base/error.h"\n', None),
    "kernel/control/net/cheat.cc": ('#include "../../data/core/lane.h"\n',
                                    "'control/net' may not include layer 'data/core'"),
    "kernel/data/core/lane.h": ('#include "wal/log.h"\n#include "base/error.h"\n', None),
    "kernel/data/core/other_plane.cc": ('#include "control/gate/not_there.h"\n',
                                        "'data/core' may not include layer 'control/gate'"),
    "kernel/new_folder/a.h": ("\n", "has no row in the layer table"),
    "kernel/wal/log.h": ('#include "base/error.h"\n', None),
    "plugins/a/own.h": ('#include "stator/engine.h"\n#include "own.h"\n', None),
    "plugins/b/thief.cc": ('#include "base/error.h"\n',
                           "'plugins/b' may not include layer 'base'"),
    "plugins/b/neighbour.cc": ('#include "../a/own.h"\n',
                               "'plugins/b' may not include layer 'plugins/a'"),
    "sdk/include/stator/engine.h": ('#include <stdint.h>\n', None),
    "sdk/cpp/stator/args.hpp": ('#include "stator/engine.h"\n', None),
    "kernel/bridge/views.cc": ('#include "stator/args.hpp"\n', None),
    "kernel/wal/views.cc": ('#include "stator/args.hpp"\n', "layer 'sdk/views'"),
    "sdk/include/stator/errors.def": ("\n", None),
    "sdk/cpp/stator/json_reader.hpp": ("\n", None),
    "kernel/CMakeLists.txt": ("stator_layer(base)\nstator_layer(wal DEPENDS base control/net)\n",
                              "kernel/CMakeLists.txt:2: layer 'wal' may not depend on layer "
                              "'control/net'"),
}


def self_test():
    for layer in MAY_INCLUDE:  # acyclic: nobody below may lead back up
        for lower in allowed_from(layer) - {layer, *SDK_PARTS.values()}:
            assert layer not in allowed_from(lower), f"cycle: {layer} <-> {lower}"
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        for name, (content, _) in PLANTED.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(content, encoding="utf-8")
        problems = check(root)
    for name, (_, expected) in PLANTED.items():
        mine = [problem for problem in problems if problem.startswith(name + ":")]
        if expected is None:
            assert not mine, f"false alarm: {mine}"
        else:
            assert len(mine) == 1 and expected in mine[0], f"{name}: expected {expected}: {mine}"
    print(f"check_layers: self-test passed, {len(PLANTED)} planted files")


def main():
    parser = argparse.ArgumentParser(description="Includes point down the layer table.")
    parser.add_argument("--self-test", action="store_true")
    if parser.parse_args().self_test:
        self_test()
        return 0
    problems = check(pathlib.Path(__file__).resolve().parent.parent)
    print("\n".join(problems) if problems else "check_layers: every include points down")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
