"""Whether the rows that a report shows stand where it says, and say what it shows."""

import model
import rules
from model import OTHER
from situation import SIDES, held


def compare(made, report):
    wrong = []
    for finding in report["findings"]:
        kind, shown = finding["kind"], finding.get("evidence", [])
        if kind in ("missing", "surplus", "pending", "undetermined"):
            owner = finding["side"] if kind == "surplus" else OTHER[finding["side"]]
            for one in shown:
                wrong += compare_one(made, owner, one)
        elif kind == "divergent":
            for pair in shown:
                for side in SIDES:
                    wrong += compare_one(made, side, pair[side])
                wrong += compare_pair(pair)
        if not report["evidence_capped"] and "evidence" in finding and len(shown) != finding["records"]:
            wrong.append(f"evidence: {len(shown)} of {finding['records']} {kind} records are shown")
    return wrong


def compare_pair(pair):
    """The fields that are told to differ do, and there are some."""
    value = lambda side, name: pair[side]["record"].get(name)
    if not pair["fields"] or any(value("s3", name) == value("cwl", name) for name in pair["fields"]):
        return [f"evidence: a divergent pair whose {pair['fields']} differ: {pair['s3']['record']} {pair['cwl']['record']}"]
    return []


def compare_one(made, side, one):
    name, number = one["found_in"]["part"], one["found_in"]["row"]
    found = [part for part in made.parts[side] if part.name == name]
    if not found:
        return [f"evidence: {side} has no part {name}"]
    layouts, rows = model.layouts_of(made, side), held(found[0])
    for index, row in enumerate(rows[:number]):
        if row.header:
            layouts = [row.header]
    if number < 1 or number > len(rows):
        return [f"evidence: {side}/{name} has no row {number}"]
    cut = number == len(rows) and not found[0].ended
    read = rules.read(rows[number - 1].text, layouts, False, cut)
    read = [record for record in read if not isinstance(record, rules.Row)]
    if not read:
        return [f"evidence: {side}/{name}:{number} is malformed, shown is {one['record']}"]
    shown = {field: value for field, value in one["record"].items() if value is not None}
    if not any(shown == told(record) for record in read):
        return [f"evidence: {side}/{name}:{number} is {[told(r) for r in read]}, shown is {shown}"]
    return []


def told(record):
    """The values of a record as a report spells them, without what is absent; a masked one as any text of asterisks."""
    return {f: spelled(v) for f, v in zip(record.layout, record.values) if v is not rules.ABSENT}


def spelled(value):
    """A value in JSON: a number that 64 bits do not hold is text there, so that no reader rounds it."""
    if value is rules.MASKED:
        return Any()
    return str(value) if isinstance(value, int) and value >= 1 << 64 else value


class Any:
    """Equal to every text that is masked."""

    def __eq__(self, other):
        return isinstance(other, str) and rules.is_masked(other)

    def __repr__(self):
        return "***"


def compare_fewer(report):
    """What is told of each match on fewer fields: fields that are compared, and were not here."""
    wrong = []
    for told_of in report.get("fewer_fields", []):
        names = set(told_of["not_compared"])
        if not names or not names <= set(report["fields"][told_of["kind"]]):
            wrong.append(f"fewer fields: {sorted(names)} of {told_of['kind']} were not compared")
        for side in SIDES:
            if not 1 <= len(told_of["parts"][side]) <= 5:
                wrong.append(f"fewer fields: {len(told_of['parts'][side])} parts of {side} are named")
    return wrong
