#!/usr/bin/env python3
"""No floating point where a tier or money is decided: looks at the instructions of object files, whatever the source looked like.

    float_instructions.py OBJECT...

Arithmetic, comparison and conversion count; moves do not, for compilers copy memory with them. Checks itself first: an object with one division of doubles
and one with a conversion of a 128-bit integer must be found. Files that match EXEMPT draw pages.
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

EXEMPT = re.compile(r"/statement/(render_)?pdf[a-z_]*\.c\.o$")
X86 = (r"v?(cvt\w+|(u?comi|add|sub|mul|div|sqrt|min|max|round|cmp\w*?|hadd|hsub|addsub|dp)(ss|sd|ps|pd)|fn?m(add|sub)\w+|vf\w+(ss|sd|ps|pd))"
       r"|f(ild|ist|add|sub|mul|div|com|ucom|sqrt|prem|scale|abs|chs|rndint|xtract|yl2x|2xm1|sin|cos|patan|ptan)\w*")
ARM = r"f(add|sub|mul|div|sqrt|cmp|cmpe|ccmp|cvt\w+|madd|msub|nmadd|nmsub|rint\w+|min|max|minnm|maxnm|abs|neg)|[su]cvtf"
HELPERS = r"__(float|fix|fixuns|floatun)(ti|tf|di|si|df|sf|xf|undi|unti)+|\bl?l?(round|rint|floor|ceil|pow|fmod)f?l?\b@"
INSTRUCTION = re.compile(rf"^\s+[0-9a-f]+:\s+({X86}|{ARM})(\s|$)")
CALL = re.compile(rf"R_\w+\s+({HELPERS})")
FUNCTION = re.compile(r"^[0-9a-f]+ <(.+)>:$")
PLANTED = {
    "a division of doubles": "double f(double a, double b) { return a / b; }",
    "a conversion": "unsigned g(float a) { return (unsigned)a; }",
    "a conversion of 128 bits": "double h(__int128 a) { return (double)a; }",
}


def findings(path):
    listing = subprocess.run(["objdump", "-dr", "--no-show-raw-insn", path], capture_output=True, text=True, check=True).stdout
    function = "?"
    for line in listing.splitlines():
        if match := FUNCTION.match(line):
            function = match[1]
        elif INSTRUCTION.match(line) or CALL.search(line):
            yield f"{path}: {function}: {' '.join(line.split()[1:])}"


def self_test():
    with tempfile.TemporaryDirectory() as folder:
        for what, text in PLANTED.items():
            source, target = Path(folder, "a.c"), Path(folder, "a.o")
            source.write_text(text + "\n", encoding="utf-8")
            subprocess.run([os.environ.get("CC", "cc"), "-O1", "-c", source, "-o", target], check=True)
            if not list(findings(target)):
                sys.exit(f"{what} is not found")


def main():
    objects = [path for path in sys.argv[1:] if not EXEMPT.search(path)]
    if not objects:
        sys.exit("no object files")
    self_test()
    found = [line for path in objects for line in findings(path)]
    if found:
        sys.exit("\n".join(found))
    print(f"{len(objects)} objects without floating point")


if __name__ == "__main__":
    main()
