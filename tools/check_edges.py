#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""check_edges.py - the memory-order lint.

Every access to shared memory goes through platform/atomic.h, whose names carry the order and
whose last arguments name the edge. This lint reads the sources and holds them to that:

  raw        no atomic_*, __atomic_*, __sync_*, volatile or inline assembly of one's own, no
             implicit (sequentially consistent) use of an _Atomic field
  relaxed    every relaxed access has its reason in a comment that says "relaxed"
  labelled   every ordered access names an edge and has a comment with the label of its end:
             [SL1.rel], [SL1.acq] or, for a store-load fence, [SL1.sc]
  paired     every edge has both ends. One used by the library has both in the library. A
             store-load edge has two fences, or one whose comment says "symmetric"; the light
             half of an asymmetric fence has a pendi_membarrier() that carries its label
  documented docs/memory-order.md has exactly one row for each edge, and none for another

A comment reaches the accesses of the next 14 lines of its function (a comment right above the
function is part of it). Two labels side by side, "[SL1.rel] [IX2.rel]", make one access an end
of both edges.

bench/peers/ and tests/**/*_oracle.h may use <stdatomic.h>, with explicit orders. Nothing is asked
of backends (atomic*.h), nor of tests/model/litmus*.c, which show what orders do.

Usage: check_edges.py [ROOT] | --self-test      exit 0 clean, 1 with one line for each offence
"""
import dataclasses
import pathlib
import re
import sys
import tempfile

FOLDERS = ("platform", "epoch", "engine", "stress", "tests", "bench")
LIBRARY = ("platform", "epoch", "engine")
BACKEND_FILES = r"(platform|tests/model/\w+)/atomic\w*\.[ch]|tests/model/litmus\w*\.c"
SWITCH = "tests/model/checker/fiber.c"  # of stacks, by the model checker
TABLE = "docs/memory-order.md"
REACH = 14

ORDERS = "relaxed|acquire|release|acq_rel"
ACCESS = rf"pendi_(?:load|store|cas|exchange|fetch_[a-z]+|match\d*|equal|copy_in|copy_out)" \
         rf"(?:_\w+?)?_(?:{ORDERS})|pendi_fence_\w+"
LABEL = re.compile(r"\[([A-Z]+\d+)\.(rel|acq|sc)\]")
OPENING = re.compile(rf"^\s*((?:{LABEL.pattern}[\s,]*)+)")
EDGE = re.compile(r"[A-Z]+\d+")
SIDES = {"acquire": ("acq",), "release": ("rel",), "acq_rel": ("acq", "rel"), "relaxed": ()}

RAW = (
    (re.compile(r"\batomic_(?:load|store|exchange|compare_exchange|fetch|flag|thread_fence|"
                r"signal_fence|init)\w*\s*\("), "raw atomic: use platform/atomic.h"),
    (re.compile(r"\b__(?:atomic|sync|c11_atomic)_\w+"), "raw atomic: use platform/atomic.h"),
    (re.compile(r"\bmemory_order_\w+"), "raw memory order: use platform/atomic.h"),
    (re.compile(r"#\s*include\s*<stdatomic\.h>"), "<stdatomic.h>: use platform/atomic.h"),
    (re.compile(r"\bpendi_\w+_(?=\s*\()"), "a function private to an atomics backend"),
)
SEQUENTIAL = (
    (re.compile(r"\batomic_(?:load|store|exchange|compare_exchange_(?:weak|strong)|"
                r"fetch_(?:add|sub|or|xor|and)|flag_test_and_set|flag_clear)\s*\("),
     "implicit order: use the _explicit form"),
    (re.compile(r"\b__sync_\w+"), "implicit order: use an explicit one"),
)
ASSEMBLY = re.compile(r"\b(?:__asm__|__asm|asm)\b(\s*(?:__volatile__|volatile))?")
VOLATILE = re.compile(r"\b(?:volatile|__volatile__)\b")
ATOMIC_FIELD = re.compile(r"\b_Atomic(?:\s*\([^()]*\)|\s+(?:struct\s+)?\w+)\s+(\w+)\s*([;,:\[={])")
PLAIN_FIELD = re.compile(r"^\s+(?!return\b|goto\b)(?:\w+[\s*]+)+(\w[^;(){}]*);", re.M)


@dataclasses.dataclass
class Comment:
    first: int  # lines, from 1
    last: int
    text: str


@dataclasses.dataclass
class Site:
    """One end of an edge: where it is, and what may be asked of its neighbourhood."""
    where: str
    library: bool
    light: bool = False
    heavy: bool = False
    symmetric: bool = False


def split_comments(text):
    """Returns the code with comments and literals blanked (same length), and the comments."""
    token = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
    comments = []

    def blank(match):
        piece = match[0]
        if piece.startswith("/"):
            first = text.count("\n", 0, match.start()) + 1
            body = re.sub(r"^\s*\*+(?!/)", "", re.sub(r"^/[*/]+|\*+/$", "", piece), flags=re.M)
            comments.append(Comment(first, first + piece.count("\n"), body))
        elif re.search(r"#\s*include\s*$", text[:match.start()].rsplit("\n", 1)[-1]):
            return piece
        return re.sub(r"[^\n]", " ", piece)

    code = token.sub(blank, text)
    merged = []
    for comment in comments:  # adjacent comments read as one
        if merged and comment.first <= merged[-1].last + 1 and \
                not code.split("\n")[comment.first - 1].strip():
            merged[-1].last = comment.last
            merged[-1].text += "\n" + comment.text
        else:
            merged.append(comment)
    return code, merged


def arguments(code, start):
    """The arguments of the call whose '(' is at @start, and the offset past its ')'."""
    depth, piece, pieces = 0, start + 1, []
    for at in range(start, len(code)):
        if code[at] in "([{":
            depth += 1
        elif code[at] in ")]}":
            depth -= 1
            if depth == 0:
                return [p.strip() for p in pieces + [code[piece:at]]], at + 1
        elif code[at] == "," and depth == 1:
            pieces.append(code[piece:at])
            piece = at + 1
    return [], len(code)


class Source:
    def __init__(self, root, path):
        self.name = path.relative_to(root).as_posix()
        self.folder = self.name.split("/")[0]
        self.code, self.comments = split_comments(path.read_text())
        self.lines = self.code.split("\n")
        self.is_backend = re.fullmatch(BACKEND_FILES, self.name) is not None
        self.is_foreign = self.name.startswith("bench/peers/") or \
            (self.folder == "tests" and self.name.endswith("_oracle.h"))

    def line_of(self, offset):
        return self.code.count("\n", 0, offset) + 1

    def top_of_function(self, line):
        """The first line after the previous construct of the file's outermost level."""
        for n in range(line - 1, 0, -1):
            above = self.lines[n - 1]
            if above.startswith("}") or (re.match(r"[^\s#/]", above) and above.endswith(";")):
                return n + 1
        return 1

    def reach(self, first, last):
        """The comments that speak for an access on these lines."""
        top = max(first - REACH, self.top_of_function(first))
        return [c for c in self.comments if c.last >= top and c.first <= last]

    def macro_at(self, offset):
        """Name and parameters of the function-like macro whose definition holds @offset."""
        n = self.line_of(offset)
        while n > 1 and self.lines[n - 2].endswith("\\"):
            n -= 1
        match = re.match(r"\s*#\s*define\s+(\w+)\(([^)]*)\)", self.lines[n - 1])
        if match is None:
            return None, []
        return match[1], [p.strip() for p in match[2].split(",")]


class Lint:
    def __init__(self, root):
        self.root = pathlib.Path(root)
        self.offences, self.ends, self.ordered, self.relaxed = [], {}, 0, 0
        self.sources = [Source(self.root, path) for folder in FOLDERS
                        for path in sorted((self.root / folder).rglob("*.[ch]"))]

    def offend(self, where, what):
        self.offences.append(f"{where}: {what}")

    def vocabulary(self):
        """Access name -> order: what the backends define, and macros that wrap one of those."""
        known = {}
        defined = re.compile(rf"#\s*define\s+(pendi_\w+_({ORDERS})|pendi_fence_\w+)\(")
        for source in self.sources:
            if source.is_backend:
                for match in defined.finditer(source.code):
                    known[match[1]] = match[2] or "sc"
        wrapped = True
        while wrapped:
            wrapped = False
            for source in self.sources:
                if source.is_backend or source.is_foreign:
                    continue
                for name, order, start in self.calls(source, known):
                    macro, parameters = source.macro_at(start)
                    edges = self.edges(source, order, start)
                    if macro and macro not in known and edges and set(edges) <= set(parameters):
                        known[macro] = order
                        wrapped = True
        return known

    @staticmethod
    def calls(source, known):
        for match in re.finditer(r"\b(\w+)\s*\(", source.code):
            name = match[1]
            order = known.get(name)
            if order is None and re.fullmatch(ACCESS, name):
                ending = re.search(rf"_({ORDERS})$", name)
                order = ending[1] if ending else "sc"
            before = source.code[source.code.rfind("\n", 0, match.start()) + 1:match.start()]
            if order and not re.search(r"#\s*define\s+$", before):
                yield name, order, match.start()

    @staticmethod
    def edges(source, order, start):
        given, _ = arguments(source.code, source.code.index("(", start))
        count = len(SIDES.get(order, ("sc",)))
        return given[-count:] if count else []

    def check_raw(self, source, fields):
        if source.is_backend:
            return
        for pattern, what in SEQUENTIAL if source.is_foreign else RAW:
            for match in pattern.finditer(source.code):
                self.offend(f"{source.name}:{source.line_of(match.start())}", what)
        in_assembly = set()
        for match in ASSEMBLY.finditer(source.code):
            in_assembly.add(match.start(1) + len(match[1]) - len(match[1].lstrip())
                            if match[1] else None)
            if source.folder != "platform" and not source.is_foreign and \
                    source.name != SWITCH:
                self.offend(f"{source.name}:{source.line_of(match.start())}",
                            "inline assembly outside platform/")
        for match in VOLATILE.finditer(source.code):
            if match.start() not in in_assembly:
                self.offend(f"{source.name}:{source.line_of(match.start())}",
                            "volatile is not synchronization")
        if not source.is_foreign:
            self.check_implicit(source, fields)

    def check_implicit(self, source, fields):
        """An _Atomic field that is named without & is read or written sequentially consistent."""
        for match in re.finditer(r"(?:->|\.)\s*(\w+)\b", source.code):
            at, code = match.start(), source.code
            if match[1] not in fields or re.match(r"\s*(?:\(|->|\.)", code[match.end():]):
                continue
            if fields[match[1]] and not re.match(r"\s*\[", code[match.end():]):
                continue  # an array's address
            while at > 0:  # back to the start of the operand
                rest = code[:at].rstrip()
                if rest.endswith((")", "]")):
                    depth, at = 0, len(rest)
                    while at > 0:
                        at -= 1
                        depth += (code[at] in ")]") - (code[at] in "([")
                        if depth == 0:
                            break
                elif name := re.search(r"(?:(?:->|\.)\s*)?\w+$", rest):
                    at = name.start()
                    if re.match(r"\w", code[at]) and not re.search(r"(->|\.)\s*$", code[:at]):
                        break
                else:
                    break
            if at == match.start():
                continue  # a designated initializer
            if not code[:at].rstrip().endswith("&") and \
                    not re.search(r"\b(?:sizeof|alignof|_Alignof)\s*\(?\s*$", code[:at]):
                self.offend(f"{source.name}:{source.line_of(match.start())}",
                            f"implicit sequentially consistent access to {match[1]}")

    def atomic_fields(self):
        """Field names declared _Atomic -> whether as an array; without those that some other
        declaration has plain, for a name alone does not tell which one is meant."""
        atomic, plain = {}, set()
        for source in self.sources:
            for name, bracket in ATOMIC_FIELD.findall(source.code):
                atomic[name] = bracket == "["
            rest = re.sub(r"\b_Atomic\b[^;]*;", "", source.code)
            for names in PLAIN_FIELD.findall(rest):
                plain.update(re.findall(r"(\w+)\s*(?:\[[^]]*\])*\s*(?:[,;:=]|$)", names))
        return {name: array for name, array in atomic.items() if name not in plain}

    def check_accesses(self, source, known):
        if source.is_backend or source.is_foreign:
            return
        for name, order, start in self.calls(source, known):
            _, end = arguments(source.code, source.code.index("(", start))
            first, last = source.line_of(start), source.line_of(end - 1)
            where = f"{source.name}:{first}"
            near = source.reach(first, last)
            if order == "relaxed":
                self.relaxed += 1
                if not any(re.search(r"\brelaxed\b", c.text) and len(c.text.split()) >= 3
                           for c in near):
                    self.offend(where, f"{name} without a reason: say why relaxed is enough")
                continue
            edges = self.edges(source, order, start)
            macro, parameters = source.macro_at(start)
            if macro in known and set(edges) <= set(parameters):
                continue  # a wrapper: its callers name the edge
            self.ordered += 1
            for edge, side in zip(edges, SIDES.get(order, ("sc",))):
                if not EDGE.fullmatch(edge):
                    self.offend(where, f"{name} names no edge (\"{edge}\")")
                    continue
                speaking = [c for c in near if f"[{edge}.{side}]" in c.text]
                if not speaking:
                    self.offend(where, f"{name} without its label [{edge}.{side}]")
                self.add_end(source, where, edge, side, speaking, light="_light" in name)
        self.check_membarriers(source)

    def add_end(self, source, where, edge, side, speaking, **kind):
        symmetric = any(re.search(r"\bsymmetric\b", c.text, re.I) for c in speaking)
        site = Site(where, source.folder in LIBRARY, symmetric=symmetric, **kind)
        self.ends.setdefault(edge, {}).setdefault(side, []).append(site)
        for comment in speaking:  # labels side by side: an end of those edges too
            opening = OPENING.match(comment.text)
            labels = LABEL.findall(opening[1]) if opening else []
            if (edge, side) in labels:
                for other, its_side in labels:
                    if its_side == side and other != edge:
                        self.ends.setdefault(other, {}).setdefault(side, []).append(site)

    def check_membarriers(self, source):
        """The heavy half takes no argument: its comment says which edges it serves."""
        if source.folder not in ("epoch", "engine"):
            return
        for match in re.finditer(r"\bpendi_membarrier\s*\(", source.code):
            line = source.line_of(match.start())
            where = f"{source.name}:{line}"
            labels = [edge for c in source.reach(line, line)
                      for edge, side in LABEL.findall(c.text) if side == "sc"]
            if not labels:
                self.offend(where, "pendi_membarrier without the label of the edge it fences")
            for edge in set(labels):
                self.ends.setdefault(edge, {}).setdefault("sc", []).append(
                    Site(where, True, heavy=True))

    def check_mentions(self, source):
        if source.is_backend or source.is_foreign:
            return
        for comment in source.comments:
            for edge, side in set(LABEL.findall(comment.text)):
                if side not in self.ends.get(edge, {}):
                    self.offend(f"{source.name}:{comment.first}",
                                f"[{edge}.{side}] is no end of any access")

    def check_pairs(self):
        for edge, sides in sorted(self.ends.items()):
            sites = [s for side in sides.values() for s in side]
            where = sites[0].where
            if any(s.library for s in sites):  # a test is no partner for the library
                sides = {name: [s for s in side if s.library] for name, side in sides.items()}
                sides = {name: side for name, side in sides.items() if side}
            if "sc" in sides and len(sides) > 1:
                self.offend(where, f"edge {edge} is both a store-load fence and a hand-over")
            elif "sc" in sides:
                fences = sides["sc"]
                if any(s.light for s in fences) and not any(s.heavy for s in fences):
                    self.offend(where, f"edge {edge}: a light fence without a pendi_membarrier()")
                elif len(fences) < 2 and not any(s.symmetric for s in fences):
                    self.offend(where, f"edge {edge}: one fence only, and not symmetric")
            elif set(sides) != {"acq", "rel"}:
                missing = "acquire" if "rel" in sides else "release"
                self.offend(where, f"edge {edge} has no {missing} end")

    def check_table(self):
        path = self.root / TABLE
        rows = {}
        if path.is_file():
            for n, line in enumerate(path.read_text().split("\n"), 1):
                if row := re.match(r"\|\s*`?([A-Z]+\d+)`?\s*\|", line):
                    rows.setdefault(row[1], []).append(n)
                    if any(not cell.strip() for cell in line.strip().strip("|").split("|")):
                        self.offend(f"{TABLE}:{n}", f"edge {row[1]}: an empty cell")
        elif self.ends:
            self.offend(f"{TABLE}:1", "does not exist")
            return
        for edge in sorted(self.ends.keys() - rows.keys()):
            where = next(iter(self.ends[edge].values()))[0].where
            self.offend(where, f"edge {edge} has no row in {TABLE}")
        for edge, at in sorted(rows.items()):
            if edge not in self.ends:
                self.offend(f"{TABLE}:{at[0]}", f"edge {edge} is not used by any code")
            for n in at[1:]:
                self.offend(f"{TABLE}:{n}", f"edge {edge} has a second row")

    def run(self):
        known, fields = self.vocabulary(), self.atomic_fields()
        for source in self.sources:
            self.check_raw(source, fields)
            self.check_accesses(source, known)
        for source in self.sources:
            self.check_mentions(source)
        self.check_pairs()
        self.check_table()
        return self.offences


BACKEND = """\
#define pendi_load_relaxed(p) atomic_load_explicit((p), memory_order_relaxed)
#define pendi_load_acquire(p, edge) atomic_load_explicit((p), memory_order_acquire)
#define pendi_store_release(p, v, edge) atomic_store_explicit((p), (v), memory_order_release)
#define pendi_fence_store_load(edge) atomic_thread_fence(memory_order_seq_cst)
#define pendi_fence_light(edge) atomic_signal_fence(memory_order_seq_cst)
#define pendi_membarrier() syscall(0)
"""
SAMPLE = """\
struct box {
	_Atomic uint64_t flag_word;
	_Alignas(64) _Atomic uint32_t cells[16];
	uint64_t plain, other;
};

#define box_read(box, edge) pendi_load_acquire(&(box)->flag_word, edge)

/* relaxed: a hint that nobody relies on. */
static uint64_t peek(struct box *box)
{
	return pendi_load_relaxed(&box->flag_word);
}

static void put(struct box *box)
{
	/* [AA1.rel] [BB2.rel] Publishes plain; pairs with [AA1.acq] in get(). */
	pendi_store_release(&box->flag_word,
			    1, AA1);
	/* [CC3.sc] Symmetric: both sides run this line. */
	pendi_fence_store_load(CC3);
	/* [DD4.sc] The cheap half. */
	pendi_fence_light(DD4);
}

static uint64_t get(struct box *box)
{
	const struct box fresh = { .flag_word = 0 };

	/* [AA1.acq] Sees plain. "quoted volatile" is only a comment. */
	if (box_read(box, AA1) && box_read(box->cells, AA1))
		return sizeof(fresh.flag_word);
	/* [BB2.acq] Sees plain as well. */
	return pendi_load_acquire(&box->flag_word, BB2);
}

static int sweep(void)
{
	/* [DD4.sc] The dear half. */
	return pendi_membarrier();
}
"""
ROWS = "".join(f"| {edge} | a | b |\n" for edge in ("AA1", "BB2", "CC3", "DD4"))
PEER = "static int f(_Atomic int *p)\n{\n\treturn atomic_load_explicit(p, " \
       "memory_order_acquire);\n}\n"
ENGINE, PEERS = "engine/box.c", "bench/peers/peer.c"
# file, text to replace, its replacement, what must be reported (None: nothing may be)
PLANTED = (
    (ENGINE, "pendi_load_relaxed(&box", "atomic_load(&box", "raw atomic"),
    (ENGINE, "pendi_load_relaxed(&box", "__atomic_load_n(&box", "raw atomic"),
    (ENGINE, "pendi_load_relaxed(&box", "__sync_fetch_and_add(&box", "raw atomic"),
    (ENGINE, "struct box {", "#include <stdatomic.h>\nstruct box {", "<stdatomic.h>"),
    (ENGINE, "plain, other;", "plain, flag_word;", None),  # two meanings: cannot tell
    (ENGINE, "\tuint64_t plain", "\tvolatile uint64_t plain", "volatile is not"),
    (ENGINE, "return pendi_membarrier", "__asm__ volatile(\"\");\n\treturn pendi_membarrier",
     "inline assembly"),
    (ENGINE, "pendi_load_relaxed(&box", "pendi_copy_in_(&box", "private to an atomics backend"),
    (ENGINE, "return pendi_load_relaxed(&box->flag_word)", "return box->flag_word", "implicit"),
    (ENGINE, "return pendi_membarrier", "box[0].flag_word = 1;\n\treturn pendi_membarrier",
     "implicit"),
    (ENGINE, "return pendi_membarrier", "return box->cells[2] + pendi_membarrier", "implicit"),
    (ENGINE, "/* relaxed: a hint that nobody relies on. */", "/* A hint, no more. */",
     "without a reason"),
    (ENGINE, "/* relaxed: a hint that nobody relies on. */", "/* relaxed */", "without a reason"),
    (ENGINE, "/* relaxed: a hint that nobody relies on. */",
     "/* relaxed: a hint that nobody relies on. */" + "\n" * 14, "without a reason"),
    (ENGINE, "1, AA1", "1, edge", "names no edge"),
    (ENGINE, "[AA1.rel] [BB2.rel] P", "P", "without its label [AA1.rel]"),
    (ENGINE, "[AA1.rel] [BB2.rel] P", "[AA1.acq] [BB2.rel] P", "without its label [AA1.rel]"),
    (ENGINE, "[BB2.acq] ", "", "without its label [BB2.acq]"),
    (ENGINE, "[AA1.rel] [BB2.rel]", "[AA1.rel]", "edge BB2 has no release end"),
    (ENGINE, "/* [AA1.acq] S", "/* [BB2.acq] S", "without its label [AA1.acq]"),
    (ENGINE, "box_read(box, AA1) && box_read(box->cells, AA1)", "box_read(box, BB2)",
     "edge AA1 has no acquire end"),
    (ENGINE, "Symmetric: b", "B", "one fence only"),
    (ENGINE, "[DD4.sc] The dear half", "The dear half", "pendi_membarrier without the label"),
    (ENGINE, "return pendi_membarrier()", "return 0", "light fence without"),
    (ENGINE, "pendi_load_acquire(&box->flag_word, BB2)",
     "pendi_load_acquire(&box->flag_word, CC3)", "both a store-load fence and a hand-over"),
    (ENGINE, "pairs with [AA1.acq]", "pairs with [ZZ9.acq]", "[ZZ9.acq] is no end"),
    (TABLE, "| AA1 | a | b |\n", "", "edge AA1 has no row"),
    (TABLE, "| AA1 | a | b |\n", "| AA1 | a | b |\n" * 2, "edge AA1 has a second row"),
    (TABLE, "| AA1 | a | b |\n", "| AA1 | a | b |\n| EE5 | a | b |\n", "EE5 is not used"),
    (TABLE, "| AA1 | a | b |\n", "| AA1 | a | |\n", "an empty cell"),
    (PEERS, "atomic_load_explicit(p, memory_order_acquire)", "atomic_load(p)", "implicit order"),
    (PEERS, "_Atomic int", "volatile int", "volatile is not"),
)


def self_test():
    clean = {"platform/atomic.h": BACKEND, ENGINE: SAMPLE, TABLE: ROWS, PEERS: PEER,
             "tests/box_oracle.h": PEER}
    failures = 0
    cases = [(None, None, None, None), *PLANTED]
    # An edge of the library whose only acquire end is a test's.
    lonely = dict(clean)
    lonely[ENGINE] = SAMPLE.replace("&box->flag_word, BB2)", "&box->flag_word, AA1)") \
        .replace("[BB2.acq] Sees", "[AA1.acq] Sees")
    lonely["tests/t.c"] = "static void f(void)\n{\n\t/* [BB2.acq] Not the library's. */\n" \
                          "\tpendi_load_acquire(&x, BB2);\n}\n"
    trees = []
    for name, old, new, expected in cases:
        tree = dict(clean)
        if name:
            assert old in tree[name], f"self-test: {old!r} is not in {name}"
            tree[name] = tree[name].replace(old, new, 1)
        trees.append((tree, expected))
    trees.append((lonely, "edge BB2 has no acquire end"))
    for tree, expected in trees:
        with tempfile.TemporaryDirectory() as folder:
            for name, text in tree.items():
                path = pathlib.Path(folder, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            found = Lint(folder).run()
        if (expected is None and found) or (expected and not any(expected in f for f in found)):
            failures += 1
            print(f"self-test: expected {expected!r}, found {found}")
    planted = sum(expected is not None for _, expected in trees)
    print(f"{planted} planted offences: {failures} wrong answers")
    return 1 if failures else 0


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parents[1])
    lint = Lint(root)
    offences = lint.run()
    if offences:
        print("\n".join(offences))
        return 1
    print(f"{len(lint.ends)} edges, {lint.ordered} ordered accesses, {lint.relaxed} relaxed "
          "accesses: all labelled, paired and explained")
    return 0


if __name__ == "__main__":
    sys.exit(main())
