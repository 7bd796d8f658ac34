#!/usr/bin/python3
"""Adds up what the suites left behind and prints the failures, the reasons for skips, and one closing line.

Usage: count-results.py FOLDER SUITE…   reads FOLDER/SUITE.xml (JUnit) or FOLDER/SUITE/*.tap; exits 1 on any failure, on a
suite without results, and when nothing was run. What failed beside other tests and passed when it was run once more, alone
(the same names with -again), has passed; it is told all the same, with the failure.
       count-results.py --failed FOLDER/SUITE.xml   prints what failed as pytest names it, one a line.
"""

import itertools
import pathlib
import re
import sys
import xml.etree.ElementTree as ElementTree


def read_junit(path):
    """Yields (name, outcome, text) per test case, and one more for a TAP program that ended before all of its tests had."""
    root = ElementTree.parse(path).getroot()
    for program in root.iter("testsuite"):
        output, errors = (program.findtext(tag) or "" for tag in ("system-out", "system-err"))
        plan = re.search(r"^1\.\.(\d+)", output, re.M)
        if plan and len(program.findall("testcase")) < int(plan[1]):
            yield program.get("name"), "failed", f"ended early\n{output}\n{errors}"
    for case in root.iter("testcase"):
        name = f"{case.get('classname', '')} {case.get('name', '')}".strip()
        for tag, outcome in (("failure", "failed"), ("error", "failed"), ("skipped", "skipped")):
            found = case.find(tag)
            if found is not None:
                yield name, outcome, "\n".join(filter(None, (found.get("message"), found.text)))
                break
        else:
            yield name, "passed", ""


def read_tap(path):
    """Yields the leaves of node's nested TAP: a test whose subtests were listed before it is their sum."""
    deeper = 0
    lines = path.read_text(errors="replace").splitlines()
    for number, line in enumerate(lines):
        match = re.match(r"^( *)(not )?ok \d+ - (.*)$", line)
        if not match:
            continue
        depth, name = len(match[1]), match[3]
        is_group = deeper > depth
        deeper = depth
        directive = re.search(r" # (SKIP|TODO)\b ?(.*)$", name, re.IGNORECASE)
        if is_group and not match[2]:
            continue
        if is_group:
            continue  # its failed leaf has been counted
        if directive:
            yield name[: directive.start()], "skipped", directive[2]
        else:
            details = itertools.takewhile(lambda text: text.strip() != "...", lines[number + 1 :])
            yield name, "failed" if match[2] else "passed", "\n".join(details) if match[2] else ""


def list_failed(path):
    """Prints pytest's names of what failed, each once."""
    names = {}
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        if case.find("failure") is not None or case.find("error") is not None:
            names[case.get("classname").replace(".", "/") + ".py::" + case.get("name")] = None
    print("\n".join(names))


def merge(first, again):
    """Yields the cases of the first run: what failed there and passed in the second has the outcome "again"."""
    second = {}
    for name, outcome, _ in again:
        if second.get(name) != "failed":  # a test can fail, and its tidying up too
            second[name] = outcome
    told = set()
    for name, outcome, text in first:
        if outcome == "failed" and second.get(name) == "passed":
            if name not in told:
                yield name, "again", text
            told.add(name)
        else:
            yield name, outcome, text


def list_runs(folder, suite):
    """(reader, first file, file of the second run) for each program of a suite."""
    programs = sorted(path for path in (folder / suite).glob("*.tap") if not path.stem.endswith("-again"))
    if programs:
        return [(read_tap, path, path.with_name(f"{path.stem}-again.tap")) for path in programs]
    return [(read_junit, folder / f"{suite}.xml", folder / f"{suite}-again.xml")]


def read_suite(folder, suite):
    for reader, path, again in list_runs(folder, suite):
        cases = list(merge(reader(path), reader(again) if again.exists() else []))
        yield from cases or [(path.stem, "failed", "no test was run")]


def indent(text, lines):
    return "\n".join(f"    {line[:300]}" for line in text.strip().splitlines()[-lines:])


def main(folder, suites):
    total = {"passed": 0, "failed": 0, "skipped": 0}
    for suite in suites:
        try:
            cases = list(read_suite(folder, suite))
        except (OSError, ElementTree.ParseError) as problem:
            cases = [(suite, "failed", f"no results: {problem}")]
        counts = {outcome: sum(case[1] == outcome for case in cases) for outcome in total}
        counts["passed"] += sum(case[1] == "again" for case in cases)
        print(f"{suite}: " + ", ".join(f"{count} {outcome}" for outcome, count in counts.items()))
        for name, outcome, text in cases:
            if outcome == "failed":
                print(f"  FAILED {name}\n{indent(text, 60)}")
            elif outcome == "again":
                print(f"  passed when it was run again, alone: {name}; at first\n{indent(text, 20)}")
            elif outcome == "skipped":
                print(f"  skipped {name}: {text.strip()[:200]}")
        if counts["failed"]:
            for log in sorted(folder.glob(f"{suite}.log")):
                print(f"  end of {log.name}:")
                print(indent(log.read_text(errors="replace"), 80))
        for outcome, count in counts.items():
            total[outcome] += count
    print(f"{total['passed']} passed, {total['failed']} failed, {total['skipped']} skipped")
    return 1 if total["failed"] or not total["passed"] else 0


if __name__ == "__main__":
    if sys.argv[1] == "--failed":
        list_failed(sys.argv[2])
    else:
        sys.exit(main(pathlib.Path(sys.argv[1]), sys.argv[2:]))
