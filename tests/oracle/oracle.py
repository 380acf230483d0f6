#!/usr/bin/env python3
"""Runs flowdiff on situations made up from seeds and compares its report with what the rules say.

    oracle.py --binary target/debug/flowdiff --situations 20000
    oracle.py --binary target/debug/flowdiff --seed 4711 [--shrink] [--keep]

It shares no code with flowdiff. It ends with 0 if every report was right, with 1 if one was not: its seed, its command and
its folder are printed, and `--seed N --shrink` looks for the smallest situation that still fails.
"""

import argparse
import copy
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import evidence
import generate
import model
from situation import SIDES


def run(binary, made, folder):
    """flowdiff's exit code, report and messages about a situation."""
    shutil.rmtree(folder, ignore_errors=True)
    made.write(folder)
    command = [binary, "check", "s3", "cwl", "--output", "json", "--max-evidence", "10000", *made.arguments()]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("FLOWDIFF_", "AWS_"))}
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment, timeout=120)
    try:
        report = json.loads(done.stdout)
    except ValueError:
        report = None
    return command, done.returncode, report, done.stderr.strip()


def counts_of(report):
    told = []
    for name, value in report["counts"].items():
        # Why they differ is another question.
        if name == "unexplained":
            continue
        if isinstance(value, dict):
            told += [(f"{name}.{side}", n) for side, n in value.items() if n]
        elif value:
            told.append((name, value))
    return tuple(sorted(told))


def compare(made, code, report, said):
    """What is wrong with a report, line by line; nothing if it is right."""
    expected = model.judge(made)
    if expected.refused:
        fine = report is None and code == 2 and expected.refused in said
        return [] if fine else [f"exit code {code}, right is to refuse `{expected.refused}`: {said}"]
    if report is None:
        return [f"no report, exit code {code}: {said}"]
    wrong = []
    told = (code, counts_of(report))
    if expected.loose:
        wrong += compare_sums(expected, report)
    elif told not in expected.outcomes:
        right = "\n      or ".join(map(str, sorted(expected.outcomes)[:6]))
        wrong.append(f"counts: said {told}\n   right {right}")
    if report["exit_code"] != code or {0: "consistent", 1: "different", 3: "unknown"}.get(code) != report["verdict"]:
        wrong.append(f"exit code {code}, in the report {report['exit_code']}, verdict {report['verdict']}")
    for side in SIDES:
        for name, number in expected.sides[side].items():
            said_number = report["sides"][side].get(name, 0)
            if said_number != number:
                wrong.append(f"{side}.{name}: said {said_number}, right {number}")
    wrong += compare_fields(expected, report)
    wrong += compare_findings(report)
    wrong += compare_malformed(made, expected, report)
    wrong += evidence.compare(made, report) + evidence.compare_fewer(report)
    return wrong


def compare_sums(expected, report):
    """What is certain where there are too many choices to follow."""
    counts, wrong = report["counts"], []
    other = {"s3": "cwl", "cwl": "s3"}
    if counts["matched"] != expected.matched:
        wrong.append(f"matched: said {counts['matched']}, right {expected.matched}")
    for side in SIDES:
        lacking = sum(counts[kind][other[side]] for kind in ("missing", "pending", "undetermined"))
        told = counts["matched"] + counts["matched_on_fewer_fields"] + counts["divergent"] + counts["surplus"][side] + lacking
        if told != expected.sides[side]["records"]:
            wrong.append(f"counts of {side} add up to {told}, right {expected.sides[side]['records']}")
    return wrong


def compare_fields(expected, report):
    fields, left_out, wrong = report["fields"], report["fields_left_out"], []
    if isinstance(fields, list):
        fields, left_out = {"vpc": fields}, {"vpc": left_out}
    for kind, names in expected.fields.items():
        if sorted(fields.get(kind, ())) != sorted(names):
            wrong.append(f"fields of {kind}: said {sorted(fields.get(kind, ()))}, right {sorted(names)}")
        for side in SIDES:
            said = sorted(left_out.get(kind, {}).get(side, ()))
            if said != sorted(expected.fields_left_out[kind][side]):
                wrong.append(f"left out of {kind} on {side}: said {said}, right {sorted(expected.fields_left_out[kind][side])}")
    return wrong


def compare_findings(report):
    """The findings must add up to the counts."""
    sums = Counter()
    for finding in report["findings"]:
        name = finding["kind"]
        if name in ("missing", "surplus", "pending", "undetermined"):
            sums[f"{name}.{finding['side']}"] += finding["records"]
        elif name == "divergent":
            sums[name] += finding["records"]
    for fewer in report.get("fewer_fields", []):
        sums["matched_on_fewer_fields"] += fewer["records"]
    counted = {name: n for name, n in counts_of(report) if name != "matched"}
    return [] if dict(sums) == counted else [f"findings add up to {dict(sums)}, the counts are {counted}"]


def compare_malformed(made, expected, report):
    """Each malformed row is named once, where it stands."""
    wrong = []
    for side in SIDES:
        twice = {part.name for part in made.parts[side] if part.second}
        said = {
            (finding["part"], finding["row"])
            for finding in report["findings"]
            if finding["kind"] == "malformed" and finding["side"] == side and finding["part"] not in twice
        }
        right = {place for place in expected.malformed[side] if place[0] not in twice}
        wrong += [f"malformed on {side}: {place} is not said" for place in sorted(right - said)]
        wrong += [f"malformed on {side}: {place} is said" for place in sorted(said - right)]
    return wrong


def shrink(binary, made, folder):
    """The smallest situation that is found to fail still, in the same way."""

    def ways(other):
        _, code, report, said = run(binary, other, folder)
        expected = model.judge(other)
        unreadable = [side for side in SIDES if expected.sides[side]["unreadable_parts"]]
        return {line.split(":")[0] for line in compare(other, code, report, said)} | {f"unreadable on {unreadable}"}

    kept = ways(made)
    kept = {min(way for way in kept if not way.startswith("unreadable")), *(way for way in kept if way.startswith("unreadable"))}

    def fails(other):
        return kept <= ways(other)

    smaller = True
    while smaller:
        smaller = False
        for candidate in simpler(made):
            if fails(candidate):
                made, smaller = candidate, True
                break
    return made


def simpler(made):
    """Situations with one thing less."""
    for side in SIDES:
        for index in range(len(made.parts[side])):
            if len(made.parts[side]) > 1:
                other = copy.deepcopy(made)
                del other.parts[side][index]
                yield other
    for side in SIDES:
        for index, part in enumerate(made.parts[side]):
            for row in reversed(range(len(part.rows))):
                other = copy.deepcopy(made)
                less = other.parts[side][index]
                del less.rows[row]
                less.second = min(less.second, max(0, len(less.rows) - 1))
                less.shared = min(less.shared, max(0, len(less.rows) - less.second))
                if less.rows:
                    yield other
    for name, value in (("since", None), ("until", None), ("now", None), ("settle", 900), ("fields", ()), ("ignore_fields", ()),
                        ("interfaces", ()), ("ignore_nodata", False), ("allow_empty", False), ("memory", None)):
        if getattr(made, name) != value and name not in ("since", "until"):
            other = copy.deepcopy(made)
            setattr(other, name, value)
            yield other


def one(arguments, seed, folder):
    """(what is wrong, the command, the verdict, whether any choice was followed) for a seed."""
    made = generate.situation(seed, arguments.without, arguments.only)
    command, code, report, said = run(arguments.binary, made, folder)
    return made, command, code, compare(made, code, report, said)


def tell(seed, command, folder, wrong):
    print(f"seed {seed}: {len(wrong)} wrong\n  cd {folder} && {shlex.join(command)}")
    for line in wrong:
        print(f"  {line}")
    sys.stdout.flush()


def many(arguments):
    root = tempfile.mkdtemp(prefix="flowdiff-oracle-")
    failed, codes = [], Counter()

    def work(seed):
        folder = os.path.join(root, str(seed))
        try:
            _, command, code, wrong = one(arguments, seed, folder)
        except Exception as error:
            error.add_note(f"seed {seed}")
            raise
        codes[code] += 1
        if wrong and len(failed) < arguments.failures:
            failed.append(seed)
            tell(seed, command, folder, wrong)
        else:
            shutil.rmtree(folder)

    with ThreadPoolExecutor(arguments.jobs) as pool:
        seeds = iter(range(arguments.first, arguments.first + arguments.situations))
        batch = 200
        while chunk := [seed for _, seed in zip(range(batch), seeds)]:
            list(pool.map(work, chunk))
            if len(failed) >= arguments.failures:
                break
    done = sum(codes.values())
    print(f"oracle: {done} situations, exit codes {dict(sorted(codes.items()))}: ", end="")
    print(f"{len(failed)} reports are wrong, in {root}" if failed else "every report is right")
    if not failed:
        shutil.rmtree(root, ignore_errors=True)
    return 1 if failed else 0


def single(arguments):
    folder = os.path.join(tempfile.mkdtemp(prefix="flowdiff-oracle-"), str(arguments.seed))
    made, command, code, wrong = one(arguments, arguments.seed, folder)
    if wrong and arguments.shrink:
        made = shrink(arguments.binary, made, folder)
        command, code, report, said = run(arguments.binary, made, folder)
        wrong = compare(made, code, report, said)
    tell(arguments.seed, command, folder, wrong)
    if arguments.show:
        for side in SIDES:
            for part in made.parts[side]:
                note = [f"{name} {value}" for name in ("damage", "interface", "span", "second", "shared") if (value := getattr(part, name))]
                print(f"--- {side}/{part.name} {part.shape} {', '.join(note)}{'' if part.ended else ', last line open'}{'' if part.listed else ', not listed'}")
                for row in part.rows:
                    print(f"{row.stream or ''} {row.event or ''} {row.text!r}")
    return 1 if wrong else 0


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--binary", required=True)
    options.add_argument("--situations", type=int, default=300)
    options.add_argument("--first", type=int, default=1, help="the first seed")
    options.add_argument("--seed", type=int, help="just this one")
    options.add_argument("--shrink", action="store_true")
    options.add_argument("--show", action="store_true", help="print the rows of the situation")
    options.add_argument("--jobs", type=int, default=2)
    options.add_argument("--failures", type=int, default=10, help="stop after so many")
    traits = lambda text: frozenset(text.split(",")) - {""}
    options.add_argument("--without", type=traits, default=frozenset(), help=f"of {', '.join(generate.TRAITS)}")
    options.add_argument("--only", type=traits, default=frozenset(generate.TRAITS), help="the same, or all")
    arguments = options.parse_args()
    if arguments.only == {"all"}:
        arguments.only = frozenset(generate.TRAITS)
    arguments.binary = os.path.abspath(arguments.binary)
    return single(arguments) if arguments.seed is not None else many(arguments)


if __name__ == "__main__":
    sys.exit(main())
