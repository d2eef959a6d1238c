#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""schema.py SCHEMA.md RESULTS.json: whether every member, fact and metric is described.

Prints what is not and exits with 1. A name counts as described where it stands in backquotes.
"""
import json
import re
import sys


def names(document):
    """Yields (where, name) for all that a reader of the document may ask about."""
    for member in document:
        yield "document", member
    for about in ("host", "build", "config"):
        for fact in document[about]:
            yield about, re.sub(r"^word\.\d+$", "word.N", fact)
    for array in ("series", "timelines", "spectra", "ledgers", "findings"):
        for element in document[array]:
            for member in element:
                yield array, member
    for series in document["series"]:
        yield "metric of " + series["scenario"], series["metric"]
        for column in series["values"]:
            yield "values", column
    for ledger in document["ledgers"]:
        for number in ledger["numbers"]:
            yield "numbers of " + ledger["scenario"], number


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        described = set(re.findall(r"`([^`\n]+)`", file.read()))
    with open(sys.argv[2], encoding="utf-8") as file:
        document = json.load(file)
    missing = sorted({f"{where}: {name}" for where, name in names(document) if name not in described})
    for line in missing:
        print(line + " is not described")
    return 1 if missing else 0


sys.exit(main())
