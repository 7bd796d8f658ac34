#!/usr/bin/python3
"""Adds up what the suites left behind and prints the failures, the reasons for skips, and one closing line.

Usage: count-results.py FOLDER SUITE…   reads FOLDER/SUITE.xml (JUnit) or FOLDER/SUITE.tap; exits 1 on any failure, on a
suite without results, and when nothing was run.
"""

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
    for line in path.read_text(errors="replace").splitlines():
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
            yield name, "failed" if match[2] else "passed", ""


def main(folder, suites):
    total = {"passed": 0, "failed": 0, "skipped": 0}
    for suite in suites:
        xml, tap = folder / f"{suite}.xml", folder / f"{suite}.tap"
        try:
            cases = list(read_junit(xml) if xml.exists() else read_tap(tap))
        except (OSError, ElementTree.ParseError) as problem:
            cases = [(suite, "failed", f"no results: {problem}")]
        if not cases:
            cases = [(suite, "failed", "no test was run")]
        counts = {outcome: sum(case[1] == outcome for case in cases) for outcome in total}
        print(f"{suite}: " + ", ".join(f"{count} {outcome}" for outcome, count in counts.items()))
        for name, outcome, text in cases:
            if outcome == "failed":
                print(f"  FAILED {name}\n" + "\n".join(f"    {line}" for line in text.strip().splitlines()[-60:]))
            elif outcome == "skipped":
                print(f"  skipped {name}: {text.strip()[:200]}")
        if counts["failed"]:
            for log in sorted(folder.glob(f"{suite}.log")) + sorted(folder.glob(f"{suite}.tap")):
                print(f"  end of {log.name}:")
                print("\n".join("    " + line[:300] for line in log.read_text(errors="replace").splitlines()[-80:]))
        for outcome, count in counts.items():
            total[outcome] += count
    print(f"{total['passed']} passed, {total['failed']} failed, {total['skipped']} skipped")
    return 1 if total["failed"] or not total["passed"] else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1]), sys.argv[2:]))
