#!/usr/bin/env python3
"""Small rules about the tree, kept by a test so that review can talk about design.

    check.py RULE        checks the tree; one line per finding, exit status 1 if there is any
    check.py --list      names the rules
    check.py --self-test shows for each rule that it finds a planted fault and passes a clean tree
"""

import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CODE_FOLDERS = ("base", "schemas", "consumers", "aggregator", "jobs")
TOP_LEVEL = {
    "CMakeLists.txt", "CMakePresets.json", "LICENSE", "README.md",
    "aggregator", "base", "consumers", "docs", "infra", "jobs", "schemas", "tests",
}
LINES_MAX = 600
# Where floating point may appear: the histogram's bounds, the numbers that Avro itself brings as float or double, and lengths on paper.
FLOAT_FILES = re.compile(r"aggregator/histogram\.c|consumers/(convert|number)[a-z_]*\.[ch]|jobs/statement/render_pdf[a-z_]*\.[ch]")


class Tree:
    """The files of a source tree, as paths relative to its root."""

    def __init__(self, root):
        self.root = Path(root)
        self.paths = sorted(self._git_paths() or self._walked_paths())

    def _git_paths(self):
        if not (self.root / ".git").exists():
            return None
        listing = subprocess.run(
            ["git", "-c", f"safe.directory={self.root}", "ls-files", "-co", "--exclude-standard"],
            cwd=self.root, capture_output=True, text=True, check=True)
        return [p for p in listing.stdout.splitlines() if (self.root / p).is_file()]

    def _walked_paths(self):
        found = []
        for folder, folders, files in os.walk(self.root):
            here = Path(folder).relative_to(self.root)
            top = here == Path(".")
            folders[:] = [f for f in folders
                          if not f.startswith(".") and f != "__pycache__"
                          and not (top and (f == "build" or f.startswith("build-") or f == "demo"))]
            found += [str(here / f) for f in files if not f.endswith((".db", ".db-wal", ".db-shm"))]
        return found

    def select(self, *suffixes, under=None):
        return [p for p in self.paths
                if p.endswith(suffixes) and (under is None or p.split("/")[0] in under)]

    def text(self, path):
        return (self.root / path).read_text(encoding="utf-8", errors="replace")

    def texts(self):
        """Every file that is text, with its content."""
        for path in self.paths:
            raw = (self.root / path).read_bytes()
            if b"\0" not in raw[:8192]:
                yield path, raw.decode("utf-8", errors="replace")


def numbered(text):
    return enumerate(text.split("\n"), start=1)


def without_comments(text):
    """C text with comments, strings and characters blanked; line breaks stay where they are."""
    token = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
    return token.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), text)


# --- the rules: each takes a tree and yields findings ---------------------------------------------


def rule_arrows(tree):
    """Includes go only where tests/tidy/arrows.txt lets them."""
    arrows = {}
    for line in tree.text("tests/tidy/arrows.txt").splitlines():
        if line and not line.startswith("#"):
            folder, _, allowed = line.partition(":")
            arrows[folder] = set(allowed.split()) | {folder}

    def owner(path):
        folders = [f for f in arrows if path.startswith(f + "/")]
        return max(folders, key=len, default=None)

    for path in tree.select(".c", ".h", under=CODE_FOLDERS):
        for number, line in numbered(tree.text(path)):
            match = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
            if not match:
                continue
            target = match.group(1)
            if target not in tree.paths:
                yield f"{path}:{number}: no such header by its full path: {target}"
            elif owner(target) not in arrows.get(owner(path), ()):
                yield f"{path}:{number}: {owner(path)} may not include {target}"


def rule_headers(tree):
    """Every header compiles alone."""
    packages = "rdkafka avro-c libcurl sqlite3 libpq yaml-0.1 jansson zlib libsodium nettle pangocairo pangoft2 fontconfig"
    flags = subprocess.run(["pkg-config", "--cflags", *packages.split()],
                           capture_output=True, text=True, check=False).stdout
    for path in tree.select(".h", under=CODE_FOLDERS):
        source = f'#include "{path}"\n#include "{path}"\nextern int tidy;\n'
        done = subprocess.run(
            ["cc", "-std=c17", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-fsyntax-only",
             "-I", ".", *shlex.split(flags), "-x", "c", "-"],
            cwd=tree.root, input=source, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            yield f"{path}: does not compile alone: {done.stderr.strip().splitlines()[0]}"


def rule_format(tree):
    """clang-format has nothing to change."""
    # One call for all: most of the time of a call is its start.
    done = subprocess.run(["clang-format-16", "--style=file", "--dry-run", *tree.select(".c", ".h")],
                          cwd=tree.root, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        yield f"clang-format-16: {done.stderr.strip()}"
    for path in sorted(set(re.findall(r"^(\S+?):\d+:\d+: warning:", done.stderr, re.M))):
        yield f"{path}: clang-format-16 -i would change it"


def rule_size(tree):
    """No file of code over 600 lines: look for the second noun in it."""
    for path in tree.select(".c", ".h", ".py", ".sh", ".sql", ".txt"):
        lines = tree.text(path).count("\n")
        if lines > LINES_MAX:
            yield f"{path}: {lines} lines, at most {LINES_MAX}"


def rule_names(tree):
    """No drawer for everything."""
    drawer = re.compile(r"(^|[._-])(utils?|common|helpers?|misc)([._-]|$)")
    for path in tree.paths:
        for part in path.split("/"):
            if drawer.search(part):
                yield f"{path}: a function without a home belongs to the type it works on"


def rule_notes(tree):
    """No notes to self: work that is left stands in an issue."""
    note = re.compile(r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "X" * 3]) + r")\b")
    for path, text in tree.texts():
        for number, line in numbered(text):
            if note.search(line):
                yield f"{path}:{number}: {line.strip()}"


def rule_paths(tree):
    """No path of somebody's machine."""
    machine = re.compile(r"(?<![\w.}])/(work|root|tmp/wt|home/\w+)(/|\b)|\.\./shared\b")
    for path, text in tree.texts():
        for number, line in numbered(text):
            if machine.search(line) and path != "tests/tidy/check.py":
                yield f"{path}:{number}: {line.strip()}"


def rule_top(tree):
    """Only the agreed entries at the top."""
    for entry in sorted({p.split("/")[0] for p in tree.paths}):
        if entry not in TOP_LEVEL and not entry.startswith("."):
            yield f"{entry}: not an agreed entry at the top of the tree"


def rule_checks(tree):
    """One condition per CHECK, so that its message says which one failed."""
    for path in tree.select(".c", ".h", under=CODE_FOLDERS):
        text = without_comments(tree.text(path))
        for match in re.finditer(r"\bCHECK\(", text):
            depth, end = 1, match.end()
            while end < len(text) and depth > 0:
                depth += {"(": 1, ")": -1}.get(text[end], 0)
                if depth == 1 and text.startswith("&&", end):
                    number = text.count("\n", 0, match.start()) + 1
                    yield f"{path}:{number}: two conditions in one CHECK"
                    break
                end += 1


def rule_floats(tree):
    """No floating point where a tier or money could be decided."""
    for path in tree.select(".c", ".h", under=CODE_FOLDERS):
        if FLOAT_FILES.fullmatch(path):
            continue
        for number, line in numbered(without_comments(tree.text(path))):
            if re.search(r"\b(float|double)\b", line):
                yield f"{path}:{number}: floating point"


def rule_links(tree):
    """Links between documents lead somewhere."""
    for path in tree.select(".md"):
        for number, line in numbered(tree.text(path)):
            for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", line):
                if re.match(r"[a-z]+:", target):
                    continue
                if not (tree.root / path).parent.joinpath(target).exists():
                    yield f"{path}:{number}: no such file: {target}"


RULES = {name[5:]: function for name, function in list(globals().items())
         if name.startswith("rule_")}

# --- the self-test: a clean tree passes, one planted fault per rule is found ----------------------

CLEAN = {
    "tests/tidy/arrows.txt": "# order\nbase:\njobs: base\njobs/commands: base jobs\n",
    ".clang-format": "BasedOnStyle: LLVM\n",
    "base/err.h": "#ifndef E\n#define E\nint err(int code); /* a double negation */\n#endif\n",
    "jobs/stop.h": "#ifndef S\n#define S\n#include \"base/err.h\"\n#endif\n",
    "jobs/commands/run.c": "#include \"jobs/stop.h\"\n\nvoid run(void) { CHECK(a == 0 || b); }\n",
    "README.md": "[errors](base/err.h) and [the web](https://example.org/)\n",
}
PLANTED = {
    "arrows": ("base/str.c", "#include \"jobs/stop.h\"\n"),
    "headers": ("base/str.h", "struct a { size_t size; };\n"),
    "format": ("base/str.c", "int   a ;\n"),
    "size": ("base/str.c", "\n" * (LINES_MAX + 1)),
    "names": ("base/string_util.c", "\n"),
    "notes": ("docs/notes.md", "later: TO" "DO\n"),
    "paths": ("docs/notes.md", "see /ro" "ot/notes\n"),
    "top": ("src/main.c", "\n"),
    "checks": ("base/str.c", "void f(void) { CHECK(a == 0 &&\n b == 0); }\n"),
    "floats": ("base/str.c", "double a;\n"),
    "links": ("docs/notes.md", "[gone](gone.md)\n"),
}


def write_tree(folder, files):
    for path, text in files.items():
        file = Path(folder, path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return Tree(folder)


def self_test():
    failures = [f"{name}: has no self-test" for name in RULES if name not in PLANTED]
    for name, (path, text) in PLANTED.items():
        with tempfile.TemporaryDirectory() as folder:
            clean = list(RULES[name](write_tree(folder, CLEAN)))
            if clean:
                failures.append(f"{name}: finds fault with a clean tree: {clean}")
            found = list(RULES[name](write_tree(folder, {path: text})))
            if not any(finding.startswith(path.split("/")[0]) for finding in found):
                failures.append(f"{name}: does not find the fault in {path}")
    return failures


def main(arguments):
    if arguments == ["--list"]:
        print("\n".join(RULES))
        return 0
    if arguments == ["--self-test"]:
        findings = self_test()
    elif len(arguments) == 1 and arguments[0] in RULES:
        findings = list(RULES[arguments[0]](Tree(ROOT)))
    else:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    print("\n".join(findings), end="\n" if findings else "")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
