#!/usr/bin/env python3
"""next_headers.py OUT: the SDK's headers as a next minor of the contract could be: something new at each
place where a contract may grow. Engines and a host built with them meet those of this minor."""
import pathlib
import re
import shutil
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent.parent
OUT = pathlib.Path(sys.argv[1])

# header, end of what grows, what is added before it
ADDED = [
    ("engine.h", "} stator_engine_v1;", "  int (*later)(stator_instance *instance);\n"),
    ("engine.h", "} stator_request;", "  uint64_t later;\n"),
    ("op.h", "} stator_op;", "  const char *later;\n"),
    ("op.h", "} stator_arg;", "  uint64_t later;\n"),
    ("services.h", "} stator_reply_service;", "  int (*later)(stator_call *call);\n"),
    ("services.h", "} stator_claim;", "  uint64_t later;\n"),
    ("services.h", "#endif\n", """#define STATOR_SERVICE_LATER "stator.later/1"
typedef struct stator_later_service {
  uint32_t struct_size;
  uint32_t reserved;
  int (*later)(void);
} stator_later_service;

"""),
]
CHANGED = [
    ("op.h", r"STATOR_ARG_ROWS = (\d+)\n", r"STATOR_ARG_ROWS = \1,\n  STATOR_ARG_LATER\n"),
    ("op.h", r"(STATOR_OP_OWN_COLLECTIONS = 1u << \d+)\n", r"\1,\n  STATOR_OP_LATER = 1u << 15,\n  STATOR_OP_LATER_HINT = 1u << 17\n"),
    ("version.h", r"STATOR_ABI_MINOR (\d+)\n", lambda found: f"STATOR_ABI_MINOR {int(found[1]) + 1}\n"),
]


def main():
    texts = {path.relative_to(ROOT / "sdk"): path.read_text(encoding="utf-8")
             for folder in ("include", "cpp") for path in (ROOT / "sdk" / folder).rglob("*.*")}
    place = pathlib.Path("include/stator")
    for header, end, text in ADDED:
        before, found, behind = texts[place / header].rpartition(end)
        if not found:
            sys.exit(f"{header} has no {end}")
        texts[place / header] = before + text + found + behind
    for header, pattern, text in CHANGED:
        texts[place / header], count = re.subn(pattern, text, texts[place / header])
        if count != 1:
            sys.exit(f"{header} has {pattern} {count} times")
    shutil.rmtree(OUT, ignore_errors=True)
    for path, text in texts.items():
        (OUT / path).parent.mkdir(parents=True, exist_ok=True)
        (OUT / path).write_text(text, encoding="utf-8")


main()
