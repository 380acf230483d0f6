"""What a check of a situation must say, straight from the rules, by textbook algorithms and without regard to time.

Where the rules leave a choice (which of several largest matchings), every count that one of the choices gives is right.
"""

import dataclasses
from collections import Counter, defaultdict
from dataclasses import dataclass
from functools import cached_property

import choices
import rules
from rules import ABSENT, MASKED
from situation import SIDES, held

OTHER = {"s3": "cwl", "cwl": "s3"}


@dataclass(frozen=True)
class Copy:
    """A copy of a record on one side, as it is compared."""

    kind: str
    # Its own compared fields that can be seen, and their values.
    compared: tuple
    values: tuple
    interface: str | None
    start: int | None
    young: bool
    # Whether a part of the other side that could not be read may hold it.
    hidden: bool = False

    @property
    def same(self):
        return (self.kind, self.compared, self.values)

    @cached_property
    def told(self):
        return dict(zip(self.compared, self.values))


@dataclass
class Expected:
    """What the report must say; of `counts` any of the set is right."""

    sides: dict
    fields: dict
    fields_left_out: dict
    # Where malformed rows stand, of each side.
    malformed: dict
    matched: int
    # Whether too little is known of some copies to tell if they are one record.
    little: bool
    # Whether some copies of one record are young and others are not.
    ages: bool
    outcomes: set
    # A name that makes the check a slip, to be told at once.
    refused: str | None = None
    # More choices than are followed: then only the sums are compared.
    loose: bool = False


@dataclass
class Side:
    records: list
    rows: list
    # Where the malformed rows stand: (part, row).
    places: list
    unreadable: list


def layouts_of(situation, side):
    return [tuple(layout) for layout in situation.formats[side]] or [tuple(rules.VERSION_2)]


def in_window(situation, record):
    if situation.since is None and situation.until is None:
        return True
    start = record.get("start")
    return (situation.since is None or start >= situation.since) and (situation.until is None or start < situation.until)


def wanted(situation, record):
    if situation.interfaces and record.get("interface-id") not in situation.interfaces:
        return False
    if situation.ignore_nodata and record.get("log-status") == "NODATA":
        return False
    return in_window(situation, record)


def take(situation, side):
    """Reads a side: its records, its malformed rows, its unreadable parts."""
    records, rows, places, unreadable, seen = [], [], [], [], set()
    for part in situation.parts[side]:
        if not part.listed:
            continue
        # Of a text that stops, the records before count.
        held_there = None if part.damage else take_part(situation, side, part, seen)
        # How many records a part stands for in which nothing is one, nobody can tell.
        if held_there is None:
            unreadable.append(part)
            continue
        records += held_there[0]
        rows += held_there[1]
        places += [(part.name, number) for number in held_there[2]]
        seen |= held_there[3]
        if stops(part):
            unreadable.append(part)
    return Side(records, rows, places, unreadable)


def stops(part):
    """Whether a text ends with the line that the AWS CLI writes in place of the token to go on with: more follows."""
    lines = held(part)
    return part.shape in ("text", "gzip") and bool(lines) and not lines[-1].header and lines[-1].text.strip() == "None"


def take_part(situation, side, part, seen):
    """The records of a part, its malformed rows, where these stand, and its events; None if no row of it is a record."""
    records, rows, places, events, fits = [], [], [], set(), []
    windowed = situation.since is not None or situation.until is not None
    layouts = layouts_of(situation, side)
    lines = held(part)
    for number, row in enumerate(lines):
        if row.header:
            layouts = [row.header]
            continue
        if not row.text.strip() or number == len(lines) - 1 and stops(part):
            continue
        cut = number == len(lines) - 1 and not part.ended and part.shape in ("text", "gzip", "export")
        read = rules.read(row.text, layouts, windowed, cut)
        fits += [not isinstance(one, rules.Row) for one in read]
        if row.event and part.shape == "filter-log-events":
            # An id and what it stands for: two events that say unlike things are two, whatever their ids.
            is_none = any(isinstance(one, rules.Row) for one in read)
            same = (row.event, row.text if is_none else tuple(read))
            if same in seen | events:
                continue
            events.add(same)
        for one in read:
            if isinstance(one, rules.Row):
                rows.append(rules.Row(one.capacity, one.known, stream_of(part, row), part.span))
                places.append(number + 1)
            else:
                records += [one] if wanted(situation, one) else []
    return None if fits and not any(fits) else (records, rows, places, events)


def stream_of(part, row):
    """The interface that a row's stream is of."""
    if part.shape == "filter-log-events" and row.stream and row.stream.startswith("eni-"):
        return row.stream.removesuffix("-all")
    return part.interface


def shared_fields(situation, sides):
    """X of each kind, and what each side has beyond it."""
    compared, left_out = {}, {}
    for kind in ("vpc", "transit-gateway"):
        has, known = {}, {}
        for side in SIDES:
            layouts = {record.layout for record in sides[side].records if record.kind == kind}
            has[side] = {name for layout in layouts for name in layout}
            # Of a side of which nothing was met is known what the user says of it.
            given = [] if sides[side].records else [one for one in situation.formats[side] if rules.kind_of(one) == kind]
            known[side] = has[side] or {name for layout in given for name in layout}
        if not any(has.values()):
            continue
        x = (known["s3"] or known["cwl"]) & (known["cwl"] or known["s3"])
        if situation.fields:
            x &= set(situation.fields)
        x -= set(situation.ignore_fields)
        compared[kind] = x
        left_out[kind] = {side: has[side] - x for side in SIDES}
    return compared, left_out


def copy_of(situation, record, compared, unreadable):
    names = tuple(sorted({f for f in record.layout if f in compared[record.kind] and record.get(f) is not MASKED}))
    # What is not compared may be anything in an equal copy, so nothing is known of where one may be.
    interface = (record.get("interface-id") or "-") if "interface-id" in names else None
    compared_start = record.get("start") if "start" in names else None
    start, end = record.get("start"), record.get("end")
    if end in (ABSENT, MASKED):
        end = None if start is ABSENT else start + rules.LONGEST
    young = situation.now is not None and end is not None and situation.now - end < situation.settle
    hidden = any(may_hold(part, interface, compared_start) for part in unreadable)
    return Copy(record.kind, names, tuple(map(record.get, names)), interface, compared_start, young, hidden)


def may_hold(part, interface, start):
    if not rules.agree(part.interface, rules.named(interface)):
        return False
    return part.span is None or start is None or part.span[0] <= start < part.span[1]


def asks_for_nobody(situation, sides):
    """What is said to someone who asks for interfaces that nobody has, while there are others; None if that is not so."""
    if not situation.interfaces or situation.allow_empty or any(s.records or s.rows or s.unreadable for s in sides.values()):
        return None
    # An interface of which only NODATA rows were left out is there.
    all_rows = dataclasses.replace(situation, ignore_nodata=False)
    everyone = dataclasses.replace(all_rows, interfaces=type(situation.interfaces)())
    has_any = lambda asked: any(take(asked, side).records for side in SIDES)
    return "neither side has a record of" if has_any(everyone) and not has_any(all_rows) else None


def judge(situation):
    """The report's numbers that are right."""
    refused = [name for side in SIDES for layout in situation.formats[side] for name in layout if name in SLIPS]
    sides = {side: take(situation, side) for side in SIDES}
    compared, left_out = shared_fields(situation, sides)
    copies = {
        side: [copy_of(situation, r, compared, sides[OTHER[side]].unreadable) for r in sides[side].records]
        for side in SIDES
    }
    classes = defaultdict(lambda: {side: [] for side in SIDES})
    for side in SIDES:
        for copy in copies[side]:
            classes[copy.same][side].append(copy)
    matched, left, doubled = 0, {side: [] for side in SIDES}, set()
    for same, of in classes.items():
        both = min(len(of["s3"]), len(of["cwl"]))
        matched += both
        if both:
            doubled.add(same)
        for side in SIDES:
            # Of copies of unequal age those are left over that may still arrive.
            of[side].sort(key=lambda copy: (not copy.young, not copy.hidden))
            left[side] += of[side][: len(of[side]) - both]
    fixed = Fixed(situation, sides, compared, left_out, copies, matched, doubled)
    places = {side: sides[side].places for side in SIDES}
    little = any(too_little(a, b) for a, b in choices.candidates(left["s3"], left["cwl"]))
    ages = any(len({copy.young for side in SIDES for copy in of[side]}) > 1 for of in classes.values())
    expected = Expected(fixed.side_numbers(), compared, left_out, places, matched, little, ages, set())
    expected.refused = refused[0] if refused else asks_for_nobody(situation, sides)
    try:
        for rest in fewer_fields(left):
            fixed.rest_of(rest, expected.outcomes)
    except choices.TooMany:
        expected.loose = True
    return expected


def fewer_fields(left):
    """Step 2: (pairs, what is left of s3, what is left of cwl) for each of the largest matchings."""
    return choices.largest_matchings(left["s3"], left["cwl"], enough_alike)


def common(a, b):
    return [name for name in a.compared if name in b.told]


def agrees(a, b):
    return a.kind == b.kind and a.compared != b.compared and all(a.told[f] == b.told[f] for f in common(a, b))


def enough_alike(a, b):
    """The weight of a match on fewer fields, or None."""
    if not agrees(a, b):
        return None
    names = common(a, b)
    return len(names) if enough_known(names) else None


def enough_known(names):
    """Whether copies of unequal fields may be told to be of one flow by these fields."""
    return "start" in names and bool({"interface-id", *rules.ADDRESSES} & set(names))


def too_little(a, b):
    """Whether it cannot be told if two copies are one record."""
    return 1 if agrees(a, b) and enough_alike(a, b) is None else None


def divergence(a, b):
    """How many fields of one flow told in two ways are equal, or None if it is not one flow, or nothing differs."""
    names = common(a, b)
    flow = [name for name in names if name in rules.FLOW]
    if a.kind != b.kind or not flow or a.compared != b.compared and not enough_known(names) or any(a.told[f] != b.told[f] for f in flow):
        return None
    equal = sum(a.told[f] == b.told[f] for f in names)
    return equal if equal < len(names) else None


class Fixed:
    """What the choices of a situation have in common."""

    def __init__(self, situation, sides, compared, left_out, copies, matched, doubled):
        self.situation, self.sides, self.compared, self.copies = situation, sides, compared, copies
        self.matched, self.doubled = matched, doubled
        self.doubt = self.no_consistent(left_out)

    def side_numbers(self):
        numbers = {}
        for name, side in self.sides.items():
            numbers[name] = {"records": len(side.records), "malformed": len(side.rows), "unreadable_parts": len(side.unreadable)}
            masked = lambda r: any(r.get(f) is MASKED for f in self.compared[r.kind])
            numbers[name]["masked"] = sum(map(masked, side.records))
            if all("log-status" in record.layout for record in side.records):
                for status in ("nodata", "skipdata"):
                    numbers[name][status] = sum(r.get("log-status") == status.upper() for r in side.records)
        return numbers

    def no_consistent(self, left_out):
        """Whether something other than the counts forbids to say consistent."""
        sides = self.sides.values()
        if any(side.rows or side.unreadable for side in sides):
            return True
        if any(numbers["masked"] for numbers in self.side_numbers().values()):
            return True
        if not any(side.records for side in sides):
            return not self.situation.allow_empty
        for kind, x in self.compared.items():
            both = all(any(r.kind == kind for r in side.records) for side in sides)
            if both and not x & ({"start", "interface-id"} | rules.ADDRESSES):
                return True
            if both and slipped(self.situation, left_out[kind]):
                return True
        return False

    def rest_of(self, rest, outcomes):
        """Steps 3 and 4 for one way to match on fewer fields."""
        pairs, left = rest[0], {"s3": rest[1], "cwl": rest[2]}
        counts = Counter(matched=self.matched, matched_on_fewer_fields=pairs)
        for side in SIDES:
            other, settled = OTHER[side], []
            for copy in left[side]:
                if copy.young:
                    counts["pending", other] += 1
                elif copy.hidden:
                    counts["undetermined", other] += 1
                else:
                    settled.append(copy)
            left[side] = settled
        for divergent, *after in choices.greedy_pairs(left["s3"], left["cwl"], divergence):
            for unknown, *last in choices.largest_matchings(*after, too_little):
                here = counts + Counter({"divergent": divergent})
                for side in SIDES:
                    here["undetermined", side] += unknown
                for ways in self.malformed(dict(zip(SIDES, last))):
                    self.add(here + ways, outcomes)

    def malformed(self, left):
        """Step 4: the ways in which the malformed rows of both sides may stand for copies."""
        ways = [Counter()]
        for side in SIDES:
            lacking = left[OTHER[side]]
            missing = [copy for copy in lacking if copy.same not in self.doubled]
            surplus = [copy for copy in lacking if copy.same in self.doubled]
            rows = self.sides[side].rows
            most = choices.most_hidden(rows, lacking)
            all_missing = choices.most_hidden(rows, missing)
            least_surplus = choices.most_hidden(rows, surplus)
            each = []
            for hidden in range(most - least_surplus, all_missing + 1):
                each.append(
                    Counter({
                        ("undetermined", side): most,
                        ("missing", side): len(missing) - hidden,
                        ("surplus", OTHER[side]): len(surplus) - (most - hidden),
                    })
                )
            ways = [one + other for one in ways for other in each]
        return ways

    def add(self, counts, outcomes):
        certain = counts["divergent"] + sum(counts[kind, side] for kind in ("missing", "surplus") for side in SIDES)
        open_ = counts["matched_on_fewer_fields"] + sum(
            counts[kind, side] for kind in ("pending", "undetermined") for side in SIDES
        )
        code = 1 if certain else 3 if open_ or self.doubt else 0
        outcomes.add((code, tuple(flat(counts))))


def flat(counts):
    """Counts as they are compared: sorted, without noughts."""
    name = lambda key: key if isinstance(key, str) else ".".join(key)
    return sorted((name(key), n) for key, n in counts.items() if n)


# Field names with a slip, and what was meant.
SLIPS = {"src-addr": "srcaddr", "dst-addr": "dstaddr", "src-port": "srcport", "log-state": "log-status", "byte": "bytes"}


def slipped(situation, left_out):
    """Whether a side has a name that AWS has not, and the other side has left over what was meant."""
    ignored = set(situation.ignore_fields)
    for side in SIDES:
        for name in left_out[side] - ignored:
            meant = SLIPS.get(name)
            if meant and meant in left_out[OTHER[side]] - ignored and not situation.fields:
                return True
    return False
