"""Situations made by hand with the counts worked out by hand: what the model itself is checked by.

`hand_made.py` checks the model, `hand_made.py BINARY` flowdiff too.
"""

import os
import sys
import tempfile

import model
import oracle
from rules import VERSION_2
from situation import Part, Row, Situation

V2 = tuple(VERSION_2)
NARROW = tuple(name for name in V2 if name not in ("bytes", "action"))
TRANSIT = tuple("version resource-type tgw-id srcaddr dstaddr packets bytes start end log-status".split())
START = 1_700_000_100


def told(number, **other):
    """A record, unlike that of any other number."""
    values = {
        "version": 2, "account-id": "111122223333", "interface-id": "eni-0a1", "srcaddr": "10.0.0.1", "dstaddr": "10.0.1.9",
        "srcport": 1000 + number, "dstport": 443, "protocol": 6, "packets": 1, "bytes": 100, "start": START + number,
        "end": START + number + 50, "action": "ACCEPT", "log-status": "OK", "resource-type": "TransitGateway", "tgw-id": "tgw-0a",
    }
    return values | {name.replace("_", "-"): value for name, value in other.items()}


def text(values, layout=V2):
    return " ".join(str(values[name]) for name in layout)


def part(layout, *rows, **more):
    """A text part: records as dicts or lines as they stand, below a header if a layout is given."""
    lines = [Row(" ".join(layout), header=layout)] if layout else []
    lines += [Row(row if isinstance(row, str) else text(row, layout or V2)) for row in rows]
    return Part(more.pop("name", f"part-{id(lines)}.log"), more.pop("shape", "text"), lines, **more)


def events(*rows, name="events.json"):
    """A filter-log-events answer of (event id, stream, record or text)."""
    lines = [
        Row(row if isinstance(row, str) else text(row), None, stream, START * 1000, event) for event, stream, row in rows
    ]
    return Part(name, "filter-log-events", lines)


def some(*numbers, **other):
    return [told(number, **other) for number in numbers]


def cases():
    """(name, situation, exit code, counts)."""
    # A folder without any file is a slip.
    side = lambda *parts: list(parts) or [part(V2)]
    make = lambda s3, cwl, **more: Situation({"s3": s3, "cwl": cwl}, **more)
    swapped = tuple({"srcaddr": "dstaddr", "dstaddr": "srcaddr"}.get(name, name) for name in V2)

    yield "the same", make(side(part(V2, *some(1, 2))), side(part(V2, *some(2, 1)))), 0, {"matched": 2}
    yield "a narrow layout outside of the window does not count", make(
        side(part(V2, told(1)), part(NARROW, told(2, start=START - 1000, end=START - 950))), side(part(V2, told(1, bytes=9))), since=START
    ), 1, {"divergent": 1}
    yield "two kinds", make(
        side(part(V2, told(1)), part(TRANSIT, told(1, version=6))), side(part(V2, told(1)), part(TRANSIT, told(1, version=6, bytes=1)))
    ), 1, {"matched": 1, "divergent": 1}
    yield "fewer fields", make(side(part(V2, told(1)), part(NARROW, told(2))), side(part(V2, *some(1, 2)))), 3, {
        "matched": 1, "matched_on_fewer_fields": 1
    }
    yield "fewer fields that do not matter", make(
        side(part(V2, told(1)), part(NARROW, told(2))), side(part(V2, *some(1, 2))), ignore_fields=("bytes", "action")
    ), 0, {"matched": 2}
    yield "fewer fields, and these differ", make(
        side(part(V2, told(1)), part(NARROW, told(2))), side(part(V2, told(1), told(2, packets=7)))
    ), 1, {"matched": 1, "divergent": 1}
    # The record without bytes may be either of the two, the one without a port only the one of 100 bytes.
    narrow, other = tuple(n for n in V2 if n != "bytes"), tuple(n for n in V2 if n != "srcport")
    yield "as many as possible on fewer fields", make(
        side(part(narrow, told(1)), part(other, told(1)), part(V2, told(5))),
        side(part(V2, told(1), told(1, bytes=7), told(5))),
    ), 3, {"matched": 1, "matched_on_fewer_fields": 2}

    yield "a pending copy is not one that a malformed row hides", make(
        side(part(V2, *some(1, 2, 3, end=START + 60), told(4, end=START + 1000))), side(part(V2, *some(1, 2, end=START + 60), "2 x")),
        now=START + 1100,
    ), 3, {"matched": 2, "pending.cwl": 1, "undetermined.cwl": 1}
    yield "nor a divergent one", make(
        side(part(V2, *some(1, 2, 3))), side(part(V2, told(1), told(2, bytes=7), "2 x"))
    ), 1, {"matched": 1, "divergent": 1, "undetermined.cwl": 1}
    yield "no more than fit into the malformed rows", make(
        side(part(V2, *some(1, 2, 3, 4, 5, 6, 7, 8))), side(part(V2, *some(1, 2, 3, 4, 5), "2 x", "2 y"))
    ), 1, {"matched": 5, "missing.cwl": 1, "undetermined.cwl": 2}
    yield "two fit into a long row", make(
        side(part(V2, *some(1, 2, 3, 4))), side(part(V2, told(1), text(told(2)) + " " + text(told(3, bytes="x"))))
    ), 1, {"matched": 1, "missing.cwl": 1, "undetermined.cwl": 2}
    yield "a row of another interface hides nothing", make(
        side(part(V2, *some(1, 2))), side(part(V2, told(1), told(2, bytes="x", interface_id="eni-0b2")))
    ), 1, {"matched": 1, "missing.cwl": 1}
    yield "a row of another start hides nothing", make(
        side(part(V2, *some(1, 2))), side(part(V2, told(1), told(3, bytes="x")))
    ), 1, {"matched": 1, "missing.cwl": 1}
    yield "a row of the same interface and start does", make(
        side(part(V2, *some(1, 2))), side(part(V2, told(1), told(2, bytes="x")))
    ), 3, {"matched": 1, "undetermined.cwl": 1}
    yield "of which rows hide which copies the most are hidden", make(
        side(part(V2, *some(1, 2), told(3, interface_id="eni-0b2"))),
        side(events(("1", "eni-0a1-all", told(1)), ("2", "eni-0b2-all", "oh"), ("3", "eni-0a1-all", "oh"))),
    ), 3, {"matched": 1, "undetermined.cwl": 2}
    yield "what a stream is of", make(
        side(part(V2, *some(1, 2))), side(events(("1", "eni-0a1-all", told(1)), ("2", "eni-0b2-all", "oh")))
    ), 1, {"matched": 1, "missing.cwl": 1}
    yield "a surplus copy may be the malformed row", make(
        side(part(V2, told(1), told(1))), side(part(V2, told(1), "oh"))
    ), 3, {"matched": 1, "undetermined.cwl": 1}
    yield "where no row fits it is about the format", make(side(part(V2, *some(1, 2, 3))), side(part(None, "hi"))), 3, {
        "undetermined.cwl": 3
    }

    yield "addresses masked on one side", make(
        side(part(V2, *some(1, 2))), side(part(V2, *some(1, 2, srcaddr="********", dstaddr="***.***.***")))
    ), 3, {"matched_on_fewer_fields": 2}
    yield "what is masked cannot differ, the rest can", make(
        side(part(V2, told(1))), side(part(V2, told(1, srcaddr="********", bytes=1)))
    ), 1, {"divergent": 1}
    yield "masked on both sides", make(
        side(part(V2, told(1, srcaddr="***"))), side(part(V2, told(1, srcaddr="********")))
    ), 3, {"matched": 1}

    one = ("9", "eni-0a1-all", told(1))
    yield "an event that comes twice is one", make(side(part(V2, told(1))), side(events(one), events(one, name="b.json"))), 0, {
        "matched": 1
    }
    yield "two events with one id are two", make(
        side(part(V2, told(1))), side(events(one, ("9", "eni-0a1-all", told(2))))
    ), 1, {"matched": 1, "missing.s3": 1}
    yield "an empty id is none", make(
        side(part(V2, told(1))), side(events(("", "eni-0a1-all", told(1)), ("", "eni-0a1-all", told(1))))
    ), 1, {"matched": 1, "surplus.cwl": 1}
    yield "what an unreadable part may hold", make(
        side(part(V2, *some(1, 2))), side(part(V2, told(1)), part(V2, told(2), shape="gzip", damage="cut"))
    ), 3, {"matched": 1, "undetermined.cwl": 1}
    yield "what no unreadable part may hold", make(
        side(part(V2, *some(1, 2))),
        side(part(V2, told(1)), part(None, told(7), shape="export", name="t/eni-0b2-all/000000.gz", damage="cut", interface="eni-0b2")),
    ), 1, {"matched": 1, "missing.cwl": 1}

    yield "a row that fits two formats", make(
        side(part(V2, *some(1, 2))), side(part(V2, told(1)), part(None, told(2))), formats={"s3": [], "cwl": [V2, swapped]}
    ), 3, {"matched": 1, "undetermined.cwl": 1}
    yield "rows of two formats without header", make(
        side(part(V2, *some(1, 2))),
        side(part(None, text(told(1)), text(told(2), NARROW))),
        formats={"s3": [], "cwl": [V2, NARROW]},
    ), 3, {"matched": 1, "matched_on_fewer_fields": 1}
    for name, between in (("tabs", "\t"), ("CR", "\r"), ("backslash n", "\\n"), ("nothing", "")):
        yield f"records with {name} between", make(
            side(part(V2, *some(1, 2, 3))), side(part(V2, text(told(1)), between.join(map(text, some(2, 3)))))
        ), 0, {"matched": 3}
    ending = lambda name: (*(other for other in V2 if other != name), name)
    for name, layout, right, counts in (
        ("one cut", ("flow-direction", *ending("end")), 0, {"matched": 3}),
        ("several cuts", ending("bytes"), 3, {"matched": 1, "undetermined.cwl": 2}),
    ):
        rows = [text(told(number, flow_direction="egress"), layout) for number in (1, 2, 3)]
        yield f"records with nothing and {name} between", make(
            side(part(layout, *rows)), side(part(layout, rows[0], rows[1] + rows[2]))
        ), right, counts
    yield "an event that holds several", make(
        side(part(V2, *some(1, 2))), side(events(("1", "eni-0a1-all", "\n".join(map(text, some(1, 2))))))
    ), 0, {"matched": 2}
    yield "a last line that is cut", make(
        side(part(V2, *some(1, 2))), side(part(V2, told(1), text(told(2))[:-1], ended=False))
    ), 3, {"matched": 1, "undetermined.cwl": 1}
    yield "what stands among records and is none", make(
        side(part(V2, *some(1, 2, 3))), side(part(V2, text(told(1)) + "\t" + text(told(2)) + "\t" + text(told(3, bytes="x"))))
    ), 3, {"matched": 2, "undetermined.cwl": 1}

    young = {"ignore_fields": ("end",), "now": START + 1100}
    ages = [told(1, end=START + 60), told(1, end=START + 1000), told(1, end=START + 1001)]
    yield "as many copies are pending as are young", make(side(part(V2, *ages)), side(), **young), 1, {
        "missing.cwl": 1, "pending.cwl": 2
    }
    yield "those that are young are left over", make(side(part(V2, *ages)), side(part(V2, told(1, end=START + 60))), **young), 3, {
        "matched": 1, "pending.cwl": 2
    }
    yield "whatever the age of the other side's", make(side(part(V2, *ages[:1] * 2)), side(part(V2, ages[1])), **young), 1, {
        "matched": 1, "surplus.s3": 1
    }
    packets, amount = ("packets", "bytes"), ("protocol", "bytes")
    yield "as many may be one record as agree", make(
        side(part(packets, *some(1, 2, 3))), side(part(amount, told(1)), part(packets, told(3, bytes=8)))
    ), 1, {"missing.cwl": 2, "missing.s3": 1, "undetermined.cwl": 1, "undetermined.s3": 1}
    yield "what is not compared must be a value too", make(
        side(part(V2, *some(1, 2))), side(part(V2, told(1), told(2, srcport="x"))), ignore_fields=("srcport",)
    ), 3, {"matched": 1, "undetermined.cwl": 1}
    twice = V2 + ("bytes",)
    yield "a field that stands twice", make(
        side(part(V2, *some(1, 2))), side(part(twice, told(1), text(told(2), V2) + " 7"))
    ), 3, {"matched": 1, "undetermined.cwl": 1}
    common = tuple(name for name in TRANSIT if name not in ("resource-type", "tgw-id"))
    yield "Transit Gateway records that only their version tells", make(
        side(part(TRANSIT, told(1, version=6))), side(part(common, told(1, version=6), told(2)))
    ), 1, {"matched": 1, "missing.s3": 1}

    yield "nothing on either side", make(side(part(V2)), side(part(V2))), 3, {}
    yield "nothing on either side, allowed", make(side(part(V2)), side(part(V2)), allow_empty=True), 0, {}
    yield "neither start nor interface nor address", make(
        side(part(V2, *some(1, 2))), side(part(V2, *some(1, 2))), fields=("bytes", "protocol")
    ), 3, {"matched": 2}
    slip = tuple("src-addr" if name == "srcaddr" else name for name in V2)
    yield "a slip in a name", make(
        side(part(V2, told(1))), side(part(slip, text(told(1))))
    ), 3, {"matched": 1}


def main():
    wrong = 0
    for name, made, code, counts in cases():
        right = {(code, tuple(sorted(counts.items())))}
        expected = model.judge(made).outcomes
        if expected != right:
            wrong += 1
            print(f"{name}: the model says {expected}, by hand it is {right}")
        if len(sys.argv) > 1:
            with tempfile.TemporaryDirectory() as folder:
                command, code, report, said = oracle.run(os.path.abspath(sys.argv[1]), made, folder)
                for line in oracle.compare(made, code, report, said):
                    wrong += 1
                    print(f"{name}: {line}")
    print("hand-made:", f"{wrong} wrong" if wrong else "all right")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
