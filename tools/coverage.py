#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""coverage.py - which lines, branches and conditions of the library do the tests reach?

Reads what the programs of the coverage preset left (clang's source-based coverage). Every line
and every side of every branch of engine/, epoch/ and platform/ must be reached, or be listed in
tests/coverage/justified*.txt with the reason; what is listed and reached is an offence too. Of the
conditions, so many in a hundred must be shown to decide alone (MC/DC).

An entry of the list names the text of a line, not its number:

	file: engine/map/example.c
	line: if (broken || unlucky)
	miss: true of unlucky
	why: what reaches it only by chance, and what shows it

`line:` and `miss:` (line, true of CONDITION, false of CONDITION) may be repeated: the reason holds
for each miss of each line. `sometimes: yes`: chance decides, both are fine. `in: FUNCTION` tells
equal lines apart. Entries are separated by empty lines; # begins a comment.

What is merged: a function of a header that many units compiled, and the copies of the engine that
other tests compile with other atomics, count as one. Macros count where they are used, but those
of the atomics where they are defined, and those of others not at all.

Usage: coverage.py BUILD [--root ROOT] [--profiles FOLDER] [--markdown FILE] [--list [PREFIX]]
                         [--json FILE]     write, or read again, what llvm-cov exports
"""
import argparse
import collections
import json
import pathlib
import re
import subprocess
import sys
import tempfile

FOLDERS = ("engine", "epoch", "platform")
ATOMICS = "platform/atomic"  # so begin the names of what defines them
MCDC_LIMIT = 95.0
LLVM_COV, LLVM_PROFDATA = "llvm-cov-19", "llvm-profdata-19"
CODE, EXPANSION, MCDC_BRANCH = 0, 1, 6  # kinds of regions
TRUE, FALSE = 0, 1


# ---- what llvm says ----

def instrumented(build):
    """The programs and libraries of the build that carry a coverage map."""
    for path in sorted(build.rglob("*")):
        if path.is_file() and not path.is_symlink() and path.stat().st_mode & 0o111:
            with path.open("rb") as file:
                if file.read(4) == b"\x7fELF" and b"__llvm_covfun" in file.read():
                    yield path


def export(build, profiles):
    objects = list(instrumented(build))
    raw = sorted(profiles.glob("*.profraw"))
    if not objects or not raw:
        sys.exit(f"coverage: {len(objects)} instrumented programs, {len(raw)} profiles: "
                 "build the coverage preset and run its tests")
    with tempfile.TemporaryDirectory() as scratch:
        names = pathlib.Path(scratch, "names")
        names.write_text("".join(f"{path}\n" for path in raw))
        merged = pathlib.Path(scratch, "merged.profdata")
        subprocess.run([LLVM_PROFDATA, "merge", "-sparse", "-failure-mode=all",
                        "-input-files", names, "-o", merged], check=True)
        arguments = [LLVM_COV, "export", "-format=text", "-skip-expansions",
                     f"-instr-profile={merged}", objects[0]]
        for path in objects[1:]:
            arguments += ["-object", path]
        done = subprocess.run(arguments, check=True, stdout=subprocess.PIPE)
    return json.loads(done.stdout)["data"][0]


# ---- what it means ----

class Source:
    """One file: its lines, and what of them is reached."""

    def __init__(self, root, name):
        self.name = name
        self.text = (root / name).read_text().split("\n")
        self.lines = {}  # number -> times
        self.branches = collections.defaultdict(lambda: [0, 0])  # place -> times true, false
        self.conditions = {}  # decision place -> [shown, for each condition]
        self.places = {}  # decision place -> places of its conditions
        self.functions = []  # (first line, last line, name)

    def function(self, line):
        inside = [entry for entry in self.functions if entry[0] <= line <= entry[1]]
        return max(inside)[2] if inside else ""

    def line(self, number):
        return self.text[number - 1].strip()

    def read(self, begin, end):
        (line, column), (last, end_column) = begin, end
        text = "\n".join([*self.text[line - 1:last - 1], self.text[last - 1][:end_column - 1]])
        text = text[column - 1:]
        if re.fullmatch(r"\w+", text):  # a macro, without what it is given
            rest = "\n".join([self.text[last - 1][end_column - 1:], *self.text[last:last + 8]])
            depth = 0
            for index, c in enumerate(rest if rest.startswith("(") else ""):
                depth += (c == "(") - (c == ")")
                if not depth:
                    text += rest[:index + 1]
                    break
        return re.sub(r"\s+", " ", text).strip()


def line_counts(segments):
    """The algorithm of llvm-cov: the largest count of what begins on or reaches into a line."""
    counts, wrapped, index = {}, None, 0
    if not segments:
        return counts
    for line in range(segments[0][0], segments[-1][0] + 1):
        here = []
        while index < len(segments) and segments[index][0] == line:
            here.append(segments[index])
            index += 1
        begin = [s for s in here if s[4] and s[3] and not s[5]]
        skipped = bool(here) and not here[0][3] and here[0][4]
        mapped = any(s[4] and s[3] for s in here) or (
            not skipped and ((wrapped is not None and wrapped[3]) or bool(begin)))
        if mapped:
            count = wrapped[2] if wrapped is not None else 0
            counts[line] = max([count, *(s[2] for s in begin)])
        if here:
            wrapped = here[-1]
    return counts


class Reader:
    """Merges what each copy of each function says."""

    def __init__(self, root, data):
        self.root = root
        self.sources = {}
        for file in data["files"]:
            source = self.source(file["filename"])
            if source:
                source.lines = line_counts(file["segments"])
        for function in data["functions"]:
            self.add(function)
        for source in self.sources.values():  # a macro's own lines count where it is used
            source.lines = {n: c for n, c in source.lines.items() if source.function(n)}

    def source(self, path):
        try:
            name = pathlib.Path(path).resolve().relative_to(self.root).as_posix()
        except ValueError:
            return None
        if name.split("/")[0] not in FOLDERS:
            return None
        if name not in self.sources:
            self.sources[name] = Source(self.root, name)
        return self.sources[name]

    def add(self, function):
        # Region and branch: begin line, column, end line, column, ..., file, expanded file, kind.
        sources = [self.source(name) for name in function["filenames"]]
        if not any(sources):
            return
        regions = function["regions"]
        used_at = {r[6]: r for r in regions if r[7] == EXPANSION}
        first = regions[0]
        home = sources[first[5]]
        if home and (first[0], first[2], function["name"]) not in home.functions:
            name = function["name"].rsplit(":", 1)[-1].rsplit(";", 1)[-1]
            if (first[0], first[2], name) not in home.functions:
                home.functions.append((first[0], first[2], name))
        reached = collections.Counter()
        for r in regions:
            if r[7] == CODE:
                reached[r[5], r[0], r[1]] += r[4]

        def outer(file, place):
            """Where the macro is used that this stands in: file index, begin, end."""
            begin, end = place[:2], place[2:4]
            while file in used_at:
                r = used_at[file]
                file, begin, end = r[5], (r[0], r[1]), (r[2], r[3])
            return file, tuple(begin), tuple(end)

        found = []
        for b in function["branches"]:
            file, begin, end = outer(b[6], b)
            found.append((file, begin, end, b))
            at = sources[b[6]]
            if b[6] not in used_at or (at and at.name.startswith(ATOMICS)):
                file, begin, end, inner = b[6], (b[0], b[1]), (b[2], b[3]), ()
            else:
                inner = (at.name, b[0], b[1]) if at else None
            folded = not b[4] and not b[5] and reached[b[6], b[0], b[1]]
            if not sources[file] or inner is None or folded or begin == end:  # a system's macro
                continue
            counts = sources[file].branches[begin, end, inner]
            counts[TRUE] += b[4]
            counts[FALSE] += b[5]
        for m in function["mcdc_records"]:
            self.add_decision(m, sources, outer, found, reached)

    @staticmethod
    def add_decision(m, sources, outer, found, reached):
        """m: begin line, column, end line, column, no file, kind, whether each is shown."""
        shown = m[-1]
        for each in sorted({b[6] for *_, b in found}):
            file, begin, end = outer(each, m)
            own = [(s, e, b) for f, s, e, b in found
                   if b[-1] == MCDC_BRANCH and f == file and begin <= s and e <= end]
            if len(own) == len(shown):
                break
        else:
            file, begin, end = outer(0, m)
            own = [(begin, end, None)] * len(shown)
        source = sources[file]
        if not source:
            return
        # What the compiler knows can decide nothing.
        known = [b and not (b[4] or b[5]) and reached[b[6], b[0], b[1]] for *_, b in own]
        shown = [s for s, k in zip(shown, known) if not k]
        key = (begin, end, tuple(m[:4]))
        old = source.conditions.get(key, [])
        if len(old) > len(shown):
            return
        source.places[key] = [(s, e) for (s, e, _), k in zip(own, known) if not k]
        source.conditions[key] = [
            a or b for a, b in zip(shown, old if len(old) == len(shown) else [False] * len(shown))]


# ---- what is missing ----

Miss = collections.namedtuple("Miss", "file number line function what")


def misses(source, reached=False):
    """What no test reaches; or all that could be missed."""
    for number, count in sorted(source.lines.items()):
        if reached or not count:
            yield Miss(source.name, number, source.line(number), source.function(number), "line")
    for (begin, end, _), counts in sorted(source.branches.items()):
        number = begin[0]
        if not reached and not source.lines.get(number, 1):
            continue  # the line says it
        for side, name in ((TRUE, "true"), (FALSE, "false")):
            if reached or not counts[side]:
                yield Miss(source.name, number, source.line(number), source.function(number),
                           f"{name} of {source.read(begin, end)}")


def undecided(source):
    for key, shown in sorted(source.conditions.items()):
        for index, good in enumerate(shown):
            if not good:
                place = source.places[key][index]
                number = place[0][0]
                yield Miss(source.name, number, source.line(number), source.function(number),
                           f"alone: {source.read(*place)}")


# ---- what is justified ----

class Entry:
    def __init__(self, where):
        self.where, self.file, self.function, self.why = where, "", "", ""
        self.lines, self.what, self.sometimes = [], [], False
        self.used = set()
        self.numbers = collections.defaultdict(set)  # where a line was found missed

    def complete(self):
        return self.file and self.lines and self.what and self.why

    def matches(self, miss):
        return (miss.file == self.file and miss.line in self.lines and miss.what in self.what
                and self.function in ("", miss.function))


def read_entries(path):
    entries, offences, entry, key = [], [], None, None
    for number, text in enumerate(path.read_text().split("\n"), 1):
        if text.startswith("#"):
            continue
        if not text.strip():
            entry = None
            continue
        if entry is None:
            entry = Entry(f"{path.name}:{number}")
            entries.append(entry)
        if text[0] in " \t":
            if key == "why":
                entry.why += " " + text.strip()
            continue
        key, _, value = text.partition(":")
        value = value.strip()
        if key in ("file", "in", "why"):
            setattr(entry, {"in": "function"}.get(key, key), value)
        elif key == "line":
            entry.lines.append(value)
        elif key == "miss":
            entry.what.append(value)
        elif key == "sometimes":
            entry.sometimes = value == "yes"
        else:
            offences.append(f"{path.name}:{number}: what is \"{key}\"?")
    offences += [f"{entry.where}: an entry needs file, line, miss and why"
                 for entry in entries if not entry.complete()]
    return entries, offences


def judge(missing, possible, entries, root):
    """(offences, misses that an entry justifies); possible: all that could be missed"""
    offences, justified = [], 0
    for miss in missing:
        having = [entry for entry in entries if entry.matches(miss)]
        if having:
            justified += 1
            for entry in having:
                entry.used.add((miss.line, miss.what))
                entry.numbers[miss.line].add(miss.number)
        else:
            offences.append(f"{miss.file}:{miss.number}: {miss.function}(): {miss.what}\n"
                            f"\t\t{miss.line}")
    for entry in entries:
        where = entry.where
        source = root / entry.file
        text = [line.strip() for line in source.read_text().split("\n")] if source.is_file() else []
        for line in entry.lines:
            if line not in text:
                offences.append(f"{where}: no such line in {entry.file}: {line}")
                continue
            if len(entry.numbers[line]) > 1:
                offences.append(f"{where}: {entry.file}: stands at several places, say in: {line}")
            if entry.sometimes:  # it may be reached, but must be there
                entry.used |= {(miss.line, miss.what) for miss in possible if entry.matches(miss)}
            if not any(pair[0] == line for pair in entry.used):
                offences.append(f"{where}: {entry.file}: is reached, or not what is missed: {line}")
        for what in entry.what:
            if not any(pair[1] == what for pair in entry.used):
                offences.append(f"{where}: {entry.file}: nothing of these lines misses: {what}")
    return offences, justified


# ---- figures ----

def figures(source):
    lines = list(source.lines.values())
    sides = [side for counts in source.branches.values() for side in counts]
    shown = [one for conditions in source.conditions.values() for one in conditions]
    return [(sum(map(bool, each)), len(each)) for each in (lines, sides, shown)]


def add(sums, more):
    return [(a + c, b + d) for (a, b), (c, d) in zip(sums, more)]


def percent(reached, count):
    return 100.0 * reached / count if count else 100.0


def table(rows):
    text = ["| | lines | branches | MC/DC |", "| --- | ---: | ---: | ---: |"]
    for name, sums in rows:
        cells = [f"{a} of {b} ({percent(a, b):.1f} %)" if b else "-" for a, b in sums]
        text.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(text) + "\n"


def folder(name):
    return name.rsplit("/", 1)[0]


def rows_of(sources):
    empty = [(0, 0)] * 3
    folders = collections.defaultdict(lambda: empty)
    total = empty
    for source in sources:
        sums = figures(source)
        folders[folder(source.name)] = add(folders[folder(source.name)], sums)
        total = add(total, sums)
    return [*sorted(folders.items()), ("all", total)], total


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--root", type=pathlib.Path,
                        default=pathlib.Path(__file__).resolve().parents[1])
    parser.add_argument("--profiles", type=pathlib.Path)
    parser.add_argument("--markdown", type=pathlib.Path)
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--files", action="store_true", help="figures of each file too")
    parser.add_argument("--list", metavar="PREFIX", nargs="?", const="",
                        help="all that is missing, MC/DC too, in files that begin so")
    options = parser.parse_args()
    root = options.root.resolve()
    if options.json and options.json.exists():
        data = json.loads(options.json.read_text())
    else:
        data = export(options.build, options.profiles or options.build / "profiles")
        if options.json:
            options.json.write_text(json.dumps(data))
    sources = sorted(Reader(root, data).sources.values(), key=lambda source: source.name)
    rows, total = rows_of(sources)
    if options.files:
        print(table([(source.name, figures(source)) for source in sources]))
    if options.list is not None:
        for source in sources:
            if source.name.startswith(options.list):
                for miss in sorted([*misses(source), *undecided(source)], key=lambda m: m.number):
                    print(f"{miss.file}:{miss.number}: {miss.function}(): {miss.what}\n"
                          f"\t\t{miss.line}")
        return 0
    print(table(rows))
    if options.markdown:
        options.markdown.write_text(table(rows))

    entries, offences = [], []
    for path in sorted((root / "tests/coverage").glob("justified*.txt")):
        more, wrong = read_entries(path)
        entries += more
        offences += wrong
    missing = [miss for source in sources for miss in misses(source)]
    possible = [miss for source in sources for miss in misses(source, reached=True)]
    more, justified = judge(missing, possible, entries, root)
    offences += more
    mcdc = percent(*total[2])
    if mcdc < MCDC_LIMIT:
        offences.append(f"MC/DC: {mcdc:.1f} %: at least {MCDC_LIMIT:.0f} %")
    for offence in offences:
        print(offence)
    print(f"coverage: {len(missing)} lines and sides of branches are not reached, "
          f"{justified} of them justified; MC/DC {mcdc:.1f} %; {len(offences)} offences")
    return 1 if offences else 0


if __name__ == "__main__":
    sys.exit(main())
