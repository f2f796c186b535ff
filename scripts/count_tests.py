#!/usr/bin/env python3
"""Sums the tests in the output of `make test` and prints `N passed, N failed`."""

import re
import sys

ESCAPES = re.compile(r"\x1b\[[0-9;]*m")
# One line per program of cargo test, and one of nextest's summary.
CARGO = re.compile(r"^test result: \w+\. (\d+) passed; (\d+) failed;")
NEXTEST = re.compile(r"^\s*Summary \[.*\] \S+ tests? run: (.*)$")
NEXTEST_FAILED = re.compile(r"(\d+) (?:failed|timed out|exec failed)")


def count(lines):
    passed = failed = 0
    for line in lines:
        line = ESCAPES.sub("", line)
        if found := CARGO.match(line):
            passed += int(found[1])
            failed += int(found[2])
        elif found := NEXTEST.match(line):
            passed += int(re.search(r"(\d+) passed", found[1])[1])
            failed += sum(map(int, NEXTEST_FAILED.findall(found[1])))
    return passed, failed


if __name__ == "__main__":
    print("{} passed, {} failed".format(*count(sys.stdin)))
