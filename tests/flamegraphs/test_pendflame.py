#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""test_pendflame.py - pendflame as a program: recorded samples, broken input, hostile names.

Usage: test_pendflame.py PENDFLAME [--write]
The folded text of each sample is compared with golden/; --write makes them anew.
"""
import pathlib
import random
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

HERE = pathlib.Path(__file__).parent
GOLDEN = {
    "cpu": ("cpu", []),
    "cpu-within": ("cpu", ["--within", "measure_lane", "--operations", "1000000"]),
    "cpu-base": ("cpu-base", ["--within", "measure_lane", "--operations", "1000000"]),
    "cpu-threads": ("cpu", ["--threads", "keep"]),
    "off-cpu": ("off-cpu", ["--off-cpu"]),
    "off-cpu-within": ("off-cpu", ["--off-cpu", "--within", "mutex_lookup"]),
}
failures = 0


def check(right, what):
    global failures
    if not right:
        failures += 1
        print(f"FAILED: {what}")


def flame(program, arguments, given=b"", expected=(0,)):
    result = subprocess.run([program, *arguments], input=given, capture_output=True, timeout=60)
    check(result.returncode in expected,
          f"{arguments}: status {result.returncode}: {result.stderr.decode()[:200]}")
    return result.stdout


def goldens(program, write):
    for name, (sample, arguments) in GOLDEN.items():
        given = (HERE / "samples" / f"{sample}.perf").read_bytes()
        folded = flame(program, ["fold", *arguments], given)
        path = HERE / "golden" / f"{name}.folded"
        if write:
            path.write_bytes(folded)
        check(folded == path.read_bytes(), f"{name}: differs from {path}")
    off = (HERE / "golden" / "off-cpu.folded").read_text()
    check("blocked;" in off and "preempted;" in off, "off-cpu: one kind only")


def is_well_formed(svg, what):
    try:
        root = ElementTree.fromstring(svg)
    except ElementTree.ParseError as error:
        check(False, f"{what}: {error}")
        return
    check(root.tag == "{http://www.w3.org/2000/svg}svg", f"{what}: no svg")
    for element in root.iter():
        check("id" not in element.attrib, f"{what}: an id, of which a page may have one only")
        for name, value in element.attrib.items():
            check("href" not in name and "http:" not in value.replace("http://www.w3.org/", ""),
                  f"{what}: refers to {value}")


def pictures(program):
    for name in GOLDEN:
        folded = (HERE / "golden" / f"{name}.folded").read_bytes()
        svg = flame(program, ["svg", "--title", "a <title> & more", "--unit", "ps-each"], folded)
        is_well_formed(svg, name)
        check(len(svg) < 200000, f"{name}: {len(svg)} bytes")
    base = str(HERE / "golden" / "cpu-base.folded")
    new = str(HERE / "golden" / "cpu-within.folded")
    is_well_formed(flame(program, ["svg", "--base", base], pathlib.Path(new).read_bytes()), "diff")
    changes = flame(program, ["diff", "--unit", "ps-each", base, new]).decode().splitlines()
    amounts = [sum(int(line.rsplit(" ", 1)[1]) for line in pathlib.Path(path).read_text()
                   .splitlines()) / 1000 for path in (base, new)]
    last = changes[-1].split("\t")
    check(last[3] == "(all)" and abs(float(last[1].split()[0]) - amounts[0]) < 0.1 and
          abs(float(last[2].split()[0]) - amounts[1]) < 0.1, f"diff: {last} is not {amounts}")


def hostile(program):
    for name in ("</script><script>alert(1)</script>", "]]>", "\"><svg onload=x>", "&amp;", "%s%n",
                 "\u202e\ufffe", "a b c", "<!--", "']]>'", "\\", "\U0001f525" * 50):
        line = f"{name};{name}x 10\nall;{name} 90\n".encode()
        svg = flame(program, ["svg", "--title", name], line)
        is_well_formed(svg, name)
        check(name != "%s%n" or b"%s%n" in svg, "a format was interpreted")
    for raw in (b"\xff\xfe;\x80\x80 5\n", b"\x00\x01;b 5\n", b"a;\xf0\x9f\x94 5\n"):
        is_well_formed(flame(program, ["svg"], raw, (0, 1)), repr(raw)) \
            if b"\x00" not in raw else flame(program, ["svg"], raw, (0, 1))


def broken(program):
    """What is cut off anywhere, or changed, is folded as far as it can be."""
    chance = random.Random(1)
    for sample, arguments in (("cpu", []), ("off-cpu", ["--off-cpu"])):
        given = (HERE / "samples" / f"{sample}.perf").read_bytes()
        for length in (0, 1, 7, *sorted(chance.sample(range(len(given)), 25))):
            folded = flame(program, ["fold", *arguments], given[:length], (0, 1))
            if folded:
                is_well_formed(flame(program, ["svg"], folded), f"{sample}, {length} bytes")
        for _ in range(25):
            changed = bytearray(given)
            for _ in range(200):
                changed[chance.randrange(len(changed))] = chance.choice(b"\0\n\t ;()/:+x09af\xff")
            folded = flame(program, ["fold", *arguments], bytes(changed), (0, 1))
            if folded:
                is_well_formed(flame(program, ["svg"], folded, (0, 1)), f"{sample}, changed")
    deep = b"a 1/1 1.0: 5 e: \n" + b"".join(b"\t%x f%d (x)\n" % (n + 1, n) for n in range(3000))
    svg = flame(program, ["svg"], flame(program, ["fold"], deep))
    is_well_formed(svg, "deep")
    check(b"[deeper]" in svg, "a deep stack does not say so")


def refusals(program):
    for arguments in ([], ["draw"], ["fold", "--what"], ["fold", "--operations", "0"],
                      ["fold", "--operations", "3x"], ["fold", "--threads", "some"],
                      ["fold", "file"], ["svg", "--unit", "m"], ["svg", "--palette", "red"],
                      ["diff", "one"], ["fold", "--within"]):
        flame(program, arguments, b"", (2,))
    flame(program, ["svg", "--base", "/nowhere"], b"a 1\n", (3,))
    flame(program, ["fold"], b"", (1,))
    flame(program, ["svg"], b"", (1,))
    check(b"usage" in flame(program, ["--help"]), "no help")


def main():
    program = sys.argv[1]
    goldens(program, "--write" in sys.argv)
    pictures(program)
    hostile(program)
    broken(program)
    refusals(program)
    print(f"{failures} failed" if failures else "all as expected")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
