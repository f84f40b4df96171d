#!/usr/bin/env python3
"""A header of the SDK with its comments as Doxygen reads them, on stdout: `/* ... */` and `// ...` that stand
before a declaration, or behind one, are its documentation. Input filter of docs/reference.doxyfile.

    scripts/doc_comments.py FILE
    scripts/doc_comments.py --self-test
"""
import re
import sys


def converted(text):
    lines = []
    is_in_block = False
    for line in text.split("\n"):
        code = line.split("//")[0].split("/*")[0].strip()
        if is_in_block:
            is_in_block = "*/" not in line
        elif "/*" in line:
            line = line.replace("/*", "/**<" if code else "/**", 1)
            is_in_block = "*/" not in line.split("/*", 1)[1]
        elif re.search(r"(^|\s)//", line):
            line = re.sub(r"(^|\s)//", r"\1///<" if code else r"\1///", line, count=1)
        lines.append(line)
    # The first comment of a file is about the file, whatever follows it.
    return re.sub(r"^/\*\*", "/** @file\n", re.sub(r"^///", "/// @file\n///", "\n".join(lines)))


def self_test():
    for before, after in (
        ("/* About. */\nint a; /* What\n * it is. */\n", "/** @file\n About. */\nint a; /**< What\n * it is. */\n"),
        ("// About.\n// More.\nint f();  // 1 or 2\n", "/// @file\n/// About.\n/// More.\nint f();  ///< 1 or 2\n"),
        ("int a;\n/* B. */\nint b = 8 / 2;\n", "int a;\n/** B. */\nint b = 8 / 2;\n"),
    ):
        found = converted(before)
        if found != after:
            sys.exit(f"doc_comments: {before!r} became {found!r}, not {after!r}")
    print("doc_comments: self-test passed")


if __name__ == "__main__":
    if sys.argv[1:] == ["--self-test"]:
        self_test()
    else:
        with open(sys.argv[1], encoding="utf-8") as file:
            sys.stdout.write(converted(file.read()))
