#!/usr/bin/env python3
"""The SDK as its users get it: installed from a build into a folder of its own, then used from there.

    sdk_steps.py STEP --build BUILD_DIR --work FOLDER [--label TEXT]

Each step is a test; `install` runs before the others. Python 3 standard library only.
"""
import argparse
import contextlib
import itertools
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
from xml.etree import ElementTree

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
# What a program must bring that brings its own allocator.
ALLOCATOR = {"malloc", "free", "calloc", "realloc", "memalign", "aligned_alloc", "posix_memalign", "valloc", "pvalloc"}
SKIPPED = 77  # ctest's SKIP_RETURN_CODE


class Broken(Exception):
    """What should have been so and was not, in one sentence."""


def expect(condition, sentence):
    if not condition:
        raise Broken(sentence)


def run(*command, cwd=None, env=None, text=None):
    """The command's output, given `text` as its input; a failure shows all of it."""
    done = subprocess.run([str(word) for word in command], cwd=cwd, env=env, input=text, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if done.returncode != 0:
        raise Broken(f"{' '.join(map(str, command))}: exit {done.returncode}\n{done.stdout}")
    return done.stdout


class Place:
    """Where a step works: `usr` holds the installed SDK alone, `server` the programs and the SDK, as a
    user has them, without engines."""

    def __init__(self, build, work):
        self.build, self.work = build, work
        self.usr = work / "usr"
        self.server = work / "server"

    def configure(self, source, build, *options):
        run("cmake", "-S", source, "-B", build, "-G", "Ninja", f"-DCMAKE_PREFIX_PATH={self.usr}", *options,
            env=dict(os.environ, **launchers()))

    def make(self, source, build, *options):
        self.configure(source, build, *options)
        run("cmake", "--build", build, "-j", os.cpu_count() or 1)


def launchers():
    """For the environment: each project compiles the SDK's library and the test kernel, the same for all."""
    ccache = shutil.which("ccache")
    return {f"CMAKE_{language}_COMPILER_LAUNCHER": ccache for language in ("C", "CXX")} if ccache else {}


@contextlib.contextmanager
def served(place, folder, *options, cwd=None, is_new=True):
    """A statord from `place.server`, in `folder`, on a free port: its address and ready line."""
    if is_new:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    with open(folder / "log", "wb") as log:
        process = subprocess.Popen(
            [place.server / "bin/statord", "dev", "--data-dir", folder / "data", "--listen", "127.0.0.1:0",
             "--lanes", "2", *options], cwd=cwd, stdout=subprocess.PIPE, stderr=log, text=True)
    try:
        line = process.stdout.readline()
        expect(line, "statord did not start: " + (folder / "log").read_text(encoding="utf-8"))
        ready = json.loads(line)
        yield ready["listen"], ready
        process.send_signal(signal.SIGTERM)
        expect(process.wait(timeout=60) == 0, "statord did not end well")
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def ask(place, address, request):
    """The payload of the answer; an error answer is a failure."""
    out = run(place.server / "bin/stator", "--host", address, "--json", json.dumps(request))
    return json.loads(out)


# ---- steps ---------------------------------------------------------------------------------------
def install(place):
    shutil.rmtree(place.work, ignore_errors=True)
    run("cmake", "--install", place.build, "--component", "sdk", "--prefix", place.usr)
    for component in ("server", "sdk"):
        run("cmake", "--install", place.build, "--component", component, "--prefix", place.server)
    shutil.rmtree(place.server / "lib")  # the engines of the build; the steps bring their own
    compiled = [path for path in place.usr.rglob("*") if path.suffix in (".so", ".a", ".o")]
    expect(not compiled, f"the SDK holds compiled code: {compiled}")
    expect(not (place.usr / "bin").exists(), "the component sdk brings programs of the server")


def headers(place):
    """Every public header alone, in every language it promises, by every compiler that is here."""
    include = place.usr / "include"
    c_headers = sorted(include.glob("stator/*.h"))
    expect(len(c_headers) >= 8, f"only {len(c_headers)} C headers are installed")
    jobs = [(header, "c", standard) for header in c_headers for standard in ("c11", "c17")]
    jobs += [(header, "c++", standard) for header in c_headers for standard in ("c++17", "c++20")]
    jobs += [(header, "c++", "c++20") for header in sorted(include.rglob("*.hpp"))]
    compilers = [pair for pair in (("gcc", "g++"), ("clang", "clang++")) if all(map(shutil.which, pair))]
    expect(compilers, "there is no compiler")
    twice = '#include "{0}"\n#include "{0}"\ntypedef int something_after_it;\n'
    for (c, cxx), (header, language, standard) in itertools.product(compilers, jobs):
        run(c if language == "c" else cxx, "-x", language, f"-std={standard}", "-pedantic", "-Wall", "-Wextra",
            "-Werror", "-fsyntax-only", f"-I{include}", "-", text=twice.format(header.relative_to(include)))
    print(f"{len(jobs)} header and standard pairs, by {', '.join(c for c, _ in compilers)}")


def pkg_config(place):
    """Without CMake: the C header found by pkg-config compiles."""
    if shutil.which("pkg-config") is None:
        return SKIPPED
    env = dict(os.environ, PKG_CONFIG_PATH=str(place.usr / "share/pkgconfig"))
    flags = run("pkg-config", "--cflags", "stator-sdk", env=env).split()
    source = place.work / "pkg_config.c"
    source.write_text('#include "stator/engine.h"\nint main(void) { return STATOR_OK; }\n', encoding="utf-8")
    run("gcc", "-std=c11", *flags, "-fsyntax-only", source)
    return 0


def first_party(place):
    """The four engines from the installed SDK, and a request to each of them."""
    sources, build = place.work / "plugins", place.work / "first_party"
    shutil.rmtree(sources, ignore_errors=True)
    shutil.copytree(ROOT / "plugins", sources)
    # Their speed is measured elsewhere; here they are to compile soon.
    place.make(ROOT / "tests/sdk/first_party", build, f"-DSOURCES={sources}", "-DCMAKE_CXX_FLAGS=-O1")
    for library in sorted((build / "engines").glob("*.so")):
        exported = run("nm", "-D", "--defined-only", library).split()[2::3]
        expect(exported == ["stator_engine_entry_v1"], f"{library.name} exports {exported}")
        expect("SONAME" not in run("readelf", "-d", library), f"{library.name} has a soname")
        expect("Build ID" in run("readelf", "-n", library), f"{library.name} has no build id")
    # Nor does the server give engines anything but the C++ library's own, memory and a sync (io/paced_sync.h; for
    # their threads it is the C library's): two copies of a library, the server's and one inside an engine, stay two.
    seen = run("nm", "-DC", "--defined-only", place.server / "bin/statord").splitlines()
    own = [line for line in seen if "stator" in line or line.split()[1] in "TDBR" and "@" not in line and line.split()[2] not in ALLOCATOR | {"fdatasync"}]
    expect(not own, f"statord exports {own}")
    with served(place, place.work / "first_party_data", "--engine-path", build / "engines") as (address, ready):
        expect(ready["engines"] == ["crdt", "document", "graph", "vector"], f"it has {ready['engines']}")
        for request in (
                {"op": "point_put", "document_id": "a", "data": {"n": 1}},
                {"op": "get_collection_policy"},
                {"op": "vector_upsert", "document_id": "a", "vector": [1, 0]},
                {"op": "edge_put", "from_node": "a", "to_node": "b", "edge_type": "knows"}):
            ask(place, address, request)
        got = ask(place, address, {"op": "vector_search", "query_vector": [1, 0], "top_k": 1})
        expect("a" in json.dumps(got), f"vector_search answered {got}")


def packages(place):
    """The two Debian packages: what is in them, and that the server of one starts with its engines."""
    if shutil.which("dpkg-deb") is None:
        return SKIPPED
    folder = place.work / "packages"
    shutil.rmtree(folder, ignore_errors=True)
    run("cpack", "--config", place.build / "CPackConfig.cmake", "-B", folder, cwd=place.build)
    sdk, server = next(folder.glob("stator-sdk_*_all.deb")), next(folder.glob("stator_*.deb"))
    for package in (sdk, server):
        run("dpkg-deb", "-x", package, folder / package.stem)
    installed = {path.relative_to(place.usr) for path in place.usr.rglob("*") if path.is_file()}
    packed = {path.relative_to(folder / sdk.stem / "usr") for path in (folder / sdk.stem).rglob("*") if path.is_file()}
    expect(packed == installed, f"in the package and not installed, or the other way: {packed ^ installed}")
    expect("libc6" in run("dpkg-deb", "-f", server, "Depends"), "the server's package depends on nothing")
    other = Place(place.build, place.work)
    other.server = folder / server.stem / "usr"
    with served(other, place.work / "package_data") as (address, ready):
        expect(len(ready["engines"]) == 4, f"it has {ready['engines']}")
        ask(other, address, {"op": "point_put", "document_id": "a", "data": {"n": 1}})
    return 0


def scaffold(place, language):
    """From nothing to an answer: the commands of the new project's README, and the numbers of it."""
    work = place.work / f"scaffold_{language}"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    run(place.server / "bin/stator", "plugin", "new", "orders_seen", "--lang", language, cwd=work)
    project = work / "orders_seen"
    leftover = [path.name for path in project.iterdir() if "ounter" in path.name + path.read_text(encoding="utf-8")]
    expect(not leftover, f"still called counter: {leftover}")
    follow(place, project / "README.md", project)
    expect("100% tests passed" in run("ctest", "--test-dir", project / "build"), "the project has no passing test")
    exported = run("nm", "-D", "--defined-only", project / "build/engines/orders_seen.so").split()[2::3]
    expect(exported == ["stator_engine_entry_v1"], f"it exports {exported}")


def scaffold_cpp(place):
    scaffold(place, "cpp")


def scaffold_c(place):
    scaffold(place, "c")


def scaffold_rust(place):
    if shutil.which("rustc") is None:
        print("no rustc here: the Rust engine is not built")
        return SKIPPED
    rust_layout(place)
    scaffold(place, "rust")
    return 0


def examples(place):
    """sdk/examples as their README says, far from the tree; and what they wrote is there after a restart."""
    folder = place.work / "examples"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(ROOT / "sdk/examples", folder)
    follow(place, folder / "README.md", folder)
    with served(place, place.work / "examples_data", "--engine-path", folder / "build/engines", is_new=False) as (address, _):
        got = ask(place, address, {"op": "series_range", "series": "nile"})
        expect(got == {"points": [[1871, 1120], [1872, 1160]]}, f"after the restart: {got}")


def guide(place):
    """docs/plugin-guide.md: its code in the files it names, its commands, and that its test finds a clock."""
    folder = place.work / "guide"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    text = (ROOT / "docs/plugin-guide.md").read_text(encoding="utf-8")
    files = dict(re.findall(r"^```cpp\n// (\S+\.cc)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE))
    expect(len(files) == 2, f"the guide has the files {list(files)}")
    follow(place, ROOT / "docs/plugin-guide.md", folder, files)
    clock = "std::to_string(std::chrono::steady_clock::now().time_since_epoch().count()));"
    broken = "#include <chrono>\n" + files["notes/notes.cc"].replace("payload.substr(1 + size));", clock)
    expect(clock in broken, "the guide's apply is written otherwise")
    (folder / "notes/notes.cc").write_text(broken, encoding="utf-8")
    run("cmake", "--build", folder / "notes/build")
    try:
        run("ctest", "--test-dir", folder / "notes/build", "--output-on-failure")
    except Broken as failure:
        expect("kernel.dump()" in str(failure), f"it failed otherwise: {failure}")
        return
    raise Broken("an apply that reads a clock passes the guide's test")


def conformance(place):
    """What stator-plugin-check says of an engine goes into a lock, and a server that wants it starts; a part of the check is not enough."""
    folder = place.work / "conformance"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "engines").mkdir(parents=True)
    library, report, lock = folder / "engines/graph.so", folder / "graph.json", folder / "plugins.lock"
    shutil.copy(place.build / "lib/stator/engines/graph.so", library)
    check = place.server / "bin/stator-plugin-check"
    write_lock = (place.server / "bin/statord", "plugin", "lock", library, "--conformance", report, "--output", lock)
    run(check, library, "--only", "examples", "--conformance", report)
    try:
        run(*write_lock)
    except Broken as refusal:
        expect("did not pass, or was not asked all" in str(refusal), f"refused otherwise: {refusal}")
    else:
        raise Broken("a part of the check counts as all of it")
    run(check, "graph.so", "--before", "graph.so", cwd=folder / "engines")  # names as one types them
    run(check, library, "--conformance", report, "--junit", folder / "graph.xml")
    cases = ElementTree.parse(folder / "graph.xml").getroot()
    expect(int(cases.get("tests")) == len(cases) == len(json.loads(report.read_text())["checks"]), "the reports differ")
    run(*write_lock)
    expect(lock.read_text(encoding="utf-8").endswith(" conformance=1\n"), lock.read_text(encoding="utf-8"))
    config = folder / "stator.toml"
    config.write_text(f'plugins_lock = "{lock}"\nplugins_min_conformance = 1\nengine_path = ["{folder}/engines"]\nengines = ["graph"]\n',
                      encoding="utf-8")
    with served(place, folder / "data", "--config", config) as (address, _):
        listed = ask(place, address, {"op": "plugin_list"})["plugins"]
        expect([plugin["conformance"] for plugin in listed] == [1], f"it lists {listed}")


def reference(place):
    """The reference from the headers: it is made without a warning, and says of each function of the contract what it promises."""
    out = place.work / "reference"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    options = (ROOT / "docs/reference.doxyfile").read_text(encoding="utf-8") + f"OUTPUT_DIRECTORY = {out}\n"
    run(ROOT / "scripts/doc_comments.py", "--self-test")
    run("doxygen", "-", cwd=ROOT, text=options)
    functions, silent = 0, []
    for file in (out / "xml").glob("structstator__*.xml"):
        for struct in ElementTree.parse(file).iter("compounddef"):
            for member in struct.iter("memberdef"):
                if "(*" not in "".join(member.find("type").itertext()):
                    continue
                functions += 1
                words = "".join("".join(member.find(part).itertext()) for part in ("briefdescription", "detaileddescription"))
                if not words.strip():
                    silent.append(member.find("qualifiedname").text)
    expect(functions > 30, f"the reference knows {functions} functions")
    expect(not silent, f"nothing is said of {', '.join(silent)}")
    expect((out / "html/index.html").is_file(), "no index.html")


def rust_layout(place):
    """stator.rs says the same sizes and offsets as the C headers, field by field."""
    text = (place.usr / "share/stator-sdk/templates/rust/stator.rs").read_text(encoding="utf-8")
    structs = re.findall(r"#\[repr\(C\)\]\n(?:#\[derive[^\n]*\n)?pub (?:struct|union) (\w+) \{\n(.*?)\n\}", text, re.DOTALL)
    fields = {name: re.findall(r"^    pub (?:r#)?(\w+):", body, re.MULTILINE) for name, body in structs}
    expect(len(fields) >= 14, f"found the structs {list(fields)}")
    c, rust = [], []
    for name, members in fields.items():
        c_name = "stator_" + re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
        c.append(f'printf("{name} %zu\\n", sizeof({c_name}));')
        rust.append(f'println!("{name} {{}}", size_of::<stator::{name}>());')
        for member in members:
            c.append(f'printf("{name}.{member} %zu\\n", offsetof({c_name}, {member}));')
            raw = "r#type" if member == "type" else member
            rust.append(f'println!("{name}.{member} {{}}", std::mem::offset_of!(stator::{name}, {raw}));')
    folder = place.work / "rust_layout"
    folder.mkdir(exist_ok=True)
    (folder / "stator.rs").write_text(text, encoding="utf-8")
    (folder / "layout.rs").write_text("mod stator;\nfn main() {\n" + "\n".join(rust) + "\n}\n", encoding="utf-8")
    (folder / "layout.c").write_text("#include <stddef.h>\n#include <stdio.h>\n#include \"stator/engine.h\"\nint main(void) {\n" +
                                     "\n".join(c) + "\nreturn 0; }\n", encoding="utf-8")
    run("gcc", "-std=c11", f"-I{place.usr / 'include'}", "-o", folder / "c", folder / "layout.c")
    run("rustc", "--edition", "2021", "-o", folder / "rust", folder / "layout.rs")
    in_c, in_rust = run(folder / "c").splitlines(), run(folder / "rust").splitlines()
    expect(in_c == in_rust, f"differ: {[pair for pair in zip(in_c, in_rust) if pair[0] != pair[1]]}")


def follow(place, document, folder, files=()):
    """Runs the ```sh blocks of a document in `folder`: each line by bash; `statord dev ...` goes on in the
    background, on a free port, until the end; after a line, `# -> TEXT` must be in what it printed. `files` (path -> text) are written after
    the first block."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", document.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    expect(blocks, f"{document.name} has no commands")
    env = dict(os.environ, PATH=f"{place.server / 'bin'}:{os.environ['PATH']}", CMAKE_PREFIX_PATH=str(place.usr),
               CMAKE_GENERATOR="Ninja", **launchers())
    said = ""
    with contextlib.ExitStack() as servers:
        for line in (line for block in blocks for line in (*block.splitlines(), "")):
            if not line:
                for name in files:
                    (folder / name).write_text(files[name], encoding="utf-8")
            elif line.startswith("# -> "):
                expect(line[5:] in said, f"{document.name}: expected {line[5:]}, got {said}")
            elif line.startswith("statord dev"):
                options = line.split()[2:]
                env["STATOR_HOST"], _ = servers.enter_context(served(place, folder.with_name(f"{folder.name}_data"), *options, cwd=folder))
            elif not line.startswith("#"):
                said = run("bash", "-c", line, cwd=folder, env=env)


STEPS = {step.__name__: step for step in (install, headers, pkg_config, first_party, packages, scaffold_cpp, scaffold_c,
                                          scaffold_rust, examples, guide, conformance, reference)}


def main():
    os.umask(0o022)
    parser = argparse.ArgumentParser(description="The SDK as its users get it.")
    parser.add_argument("step", choices=STEPS)
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--work", type=pathlib.Path, required=True)
    options = parser.parse_args()
    try:
        return STEPS[options.step](Place(options.build.resolve(), options.work.resolve())) or 0
    except Broken as broken:
        print(f"sdk/{options.step}: {broken}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
