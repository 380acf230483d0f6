"""What a row of a flow log says: names of fields, canonical values, whether a row fits a layout.

Written from README ("What the words mean") and AWS's tables of fields alone; nothing of it is taken from the engine.
"""

import ipaddress
from dataclasses import dataclass
from functools import lru_cache

VERSION_2 = (
    "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status"
).split()

INTEGERS = frozenset(
    "version srcport dstport protocol packets bytes start end tcp-flags traffic-path encryption-status"
    " packets-lost-no-route packets-lost-blackhole packets-lost-mtu-exceeded packets-lost-ttl-expired".split()
)
# Those that are added up or are times; of the others any number of digits is taken as it stands.
COUNTS = frozenset("packets bytes start end".split())
ADDRESSES = frozenset("srcaddr dstaddr pkt-srcaddr pkt-dstaddr".split())
# Sets that AWS closes: a value outside of them at the end of a line that has no line break is a cut one.
CLOSED = {"action": ("ACCEPT", "REJECT"), "log-status": ("OK", "NODATA", "SKIPDATA")}
# Sets that AWS may add to, and how the ids of a field begin.
VALUES = {**CLOSED, "type": ("IPv4", "IPv6", "EFA"), "flow-direction": ("ingress", "egress")}
PREFIXES = {"interface-id": "eni-", "vpc-id": "vpc-", "subnet-id": "subnet-", "resource-type": "Transit", "tgw-id": "tgw-"}
# What makes two records of one flow.
FLOW = ("interface-id", "srcaddr", "dstaddr", "srcport", "dstport", "protocol", "start")

# 2010-01-01, before there were flow logs, and 2100-01-01, after all of ours.
FIRST, LAST = 1_262_304_000, 4_102_444_800

# How long after `start` a record without an `end` may have ended: the longest aggregation interval.
LONGEST = 600


class Masked:
    """A value in which a data protection policy has put asterisks."""

    def __repr__(self):
        return "masked"


MASKED = Masked()
ABSENT = None


class Malformed(Exception):
    """A cell holds what its field cannot."""


# What only VPC records have of the fields that are made up here; with none of these, and none of its own kind, a layout is of
# either kind, and each row tells which by its version.
VPC_ALONE = frozenset("interface-id action vpc-id subnet-id pkt-srcaddr traffic-path".split())


def kind_of(layout):
    """The kind of record that a layout is of, if all of its rows are of one."""
    only_there = lambda name: name == "resource-type" or name.startswith(("tgw-", "packets-lost-"))
    return "transit-gateway" if any(map(only_there, layout)) else "vpc"


def is_masked(text):
    """Whether a policy has put asterisks in the place of a value, or of a part of an address."""
    letters = set(text)
    part = "*" in letters and letters & set(".:") and letters <= set("0123456789abcdefABCDEF.:*")
    return "***" in text or letters == {"*"} or bool(part)


@lru_cache(maxsize=100_000)
def canonical(field, text):
    """The one form of a value: ABSENT, MASKED, an int or text; Malformed if the field cannot have it."""
    if text == "-":
        return ABSENT
    if field in INTEGERS:
        if field != "start" and set(text) == {"*"}:
            return MASKED
        if not (text.isascii() and text.isdigit()) or (field in COUNTS and int(text) >= 1 << 64):
            raise Malformed(f"{field} cannot be {text}")
        number = int(text)
        if field in ("start", "end") and len(str(number)) == 13:
            number //= 1000
        return ABSENT if field == "traffic-path" and number == 0 else number
    if is_masked(text):
        return MASKED
    if field in ADDRESSES and ":" in text:
        try:
            return str(ipaddress.IPv6Address(text))
        except ValueError:
            return text
    return text


@dataclass(frozen=True)
class Record:
    """A row that is read: the layout it has, and each field's value."""

    layout: tuple
    values: tuple

    def get(self, field, default=ABSENT):
        return self.values[self.layout.index(field)] if field in self.layout else default

    @property
    def kind(self):
        if not VPC_ALONE & set(self.layout) and self.get("version") == 6:
            return "transit-gateway"
        return kind_of(self.layout)


@dataclass(frozen=True)
class Row:
    """A malformed row: how many records it may stand for, and what is known of them in each of its layouts.

    `known` has for each layout that may be meant an (interface, start); None tells nothing.
    """

    capacity: int
    known: tuple
    interface: str | None = None
    span: tuple | None = None

    def allows(self, copy):
        """Whether this row may be that copy, which lacks on the row's side."""
        if not agree(self.interface, named(copy.interface)):
            return False
        if self.span and copy.start is not None and not self.span[0] <= copy.start < self.span[1]:
            return False
        return any(agree(interface, copy.interface) and agree(start, copy.start) for interface, start in self.known)


def named(interface):
    """The interface after which a stream would be named: nobody says which stream has the records without one."""
    return None if interface == "-" else interface


def agree(one, other):
    """Whether two values may be the same where either may be unknown."""
    return one is None or other is None or one == other


def fit(layout, cells, needs_start, cut=False):
    """The record that cells are in a layout, or None."""
    record = fit_but_for_times(layout, cells, needs_start, cut)
    return record if record and has_possible_times(record) else None


def has_possible_times(record):
    """Whether a flow log can have the record's times: if not, they are another column's, or told in another unit."""
    times = [time for time in (record.get("start"), record.get("end")) if time not in (ABSENT, MASKED)]
    return all(FIRST <= time < LAST for time in times)


def fit_but_for_times(layout, cells, needs_start, cut=False):
    if len(cells) != len(layout):
        return None
    try:
        record = Record(tuple(layout), tuple(map(canonical, layout, cells)))
    except Malformed:
        return None
    if needs_start and record.get("start") is ABSENT:
        return None
    told = {}
    if any(told.setdefault(name, value) != value for name, value in zip(layout, record.values)):
        return None
    last = layout[-1]
    if cut and last in CLOSED and cells[-1] != "-" and cells[-1] not in CLOSED[last] and not is_masked(cells[-1]):
        return None
    return record


def read(line, layouts, needs_start, cut=False):
    """What a line or a message holds: a list of records, and of a Row for each thing that is none."""
    cells = line.split()
    fitting = [record for layout in layouts if (record := fit(layout, cells, needs_start, cut))]
    if len(fitting) == 1:
        return fitting
    # What has as many cells as there are columns is one row, and no record if one of these is no value.
    is_one = len(layouts) == 1 and len(cells) == len(layouts[0]) and "\n" not in line
    if not fitting and not is_one and (several := read_several(line, layouts, needs_start, cut)):
        return several
    return [malformed(cells, layouts)]


def read_several(line, layouts, needs_start, cut):
    """The records of a line that holds more than one.

    Where a tab or a line break stands between them, each piece is a record or none for itself: that one is damaged says
    nothing of the others. It is a row if it has as many cells. Where nothing tells one from the next, all of them must fit.
    """
    pieces = line.replace("\\n", "\n").replace("\r", "\n").replace("\t", "\n").split("\n")
    pieces = [piece.split() for piece in pieces if piece.strip()]
    read_one = lambda number, cells: one_piece(cells, layouts, needs_start, cut and number == len(pieces) - 1)
    readings = [read_one(number, cells) for number, cells in enumerate(pieces)]
    whole = len(layouts) == 1 and len(pieces) > 1 and any(len(cells) == len(layouts[0]) for cells in pieces)
    if not any(readings) and not whole:
        return None
    return [one for cells, found in zip(pieces, readings) for one in found or [malformed(cells, layouts)]]


def one_piece(cells, layouts, needs_start, cut):
    """The records of cells between which nothing else stands, or None."""
    fitting = [record for layout in layouts if (record := fit(layout, cells, needs_start, cut))]
    if fitting:
        return fitting if len(fitting) == 1 else None
    readings = []
    for layout in layouts:
        pieces = unglue(cells, layout)
        if len(pieces) > 1 and look_like(pieces, layout) and (records := all_fit(pieces, [layout], needs_start, cut)):
            readings.append(tuple(records))
    unlike = set(readings)
    return list(unlike.pop()) if len(unlike) == 1 else None


def all_fit(pieces, layouts, needs_start, cut):
    records = []
    for number, piece in enumerate(pieces):
        fitting = [r for layout in layouts if (r := fit(layout, piece, needs_start, cut and number == len(pieces) - 1))]
        if len(fitting) != 1:
            return None
        records += fitting
    return records


def unglue(cells, layout):
    """Records one after the other: with spaces between, or with nothing, so that the last cell of one and the first of the next
    are one cell. Where such a cell could be cut in two ways, nobody knows where the one record ends."""
    columns = len(layout)
    if len(cells) % columns == 0:
        return [cells[at : at + columns] for at in range(0, len(cells), columns)]
    if columns < 2 or (len(cells) - 1) % (columns - 1):
        return []
    pieces = [[]]
    for number, cell in enumerate(cells):
        if len(pieces[-1]) < columns - 1 or number == len(cells) - 1:
            pieces[-1].append(cell)
            continue
        cuts = [(cell[:at], cell[at:]) for at in range(1, len(cell))]
        cuts = [(end, start) for end, start in cuts if is_shaped(layout[-1], end) and is_shaped(layout[0], start)]
        if len(cuts) != 1:
            return []
        pieces[-1].append(cuts[0][0])
        pieces.append([cuts[0][1]])
    return pieces


def look_like(pieces, layout):
    """Whether all cells of all pieces are as AWS would write them: nothing else tells where one record ends."""
    return all(is_shaped(name, cell) for piece in pieces for name, cell in zip(layout, piece))


def is_shaped(name, cell):
    """Whether a value has the shape that AWS gives the values of its field, or is absent, or masked where that can be."""
    if cell == "-":
        return True
    if "*" in cell:
        return name not in CLOSED and name not in ("version", "start")
    if name in INTEGERS:
        digits = len(cell.lstrip("0")) or 1
        lengths = {"version": (1, 2), "start": (10, 13), "end": (10, 13)}.get(name, range(1, 21))
        return cell.isascii() and cell.isdigit() and digits in lengths
    if name in ADDRESSES:
        try:
            return bool(ipaddress.ip_address(cell))
        except ValueError:
            return False
    if name == "account-id":
        return cell == "unknown" or (cell.isdigit() and len(cell) == 12)
    if values := VALUES.get(name):
        return cell in values
    prefix = PREFIXES.get(name, "")
    # What follows in an id is letters and digits.
    return cell.startswith(prefix) and (not prefix.endswith("-") or cell[len(prefix) :].isalnum())


def malformed(cells, layouts):
    """A row that is no record, and what is known of it."""
    meant = [layout for layout in layouts if len(layout) == len(cells)] or layouts
    capacity = max(max(1, (len(cells) - 1) // max(1, len(layout) - 1)) for layout in meant)
    return Row(capacity, tuple(known(cells, layout) for layout in meant))


def known(cells, layout):
    """The interface and the start that the cells tell, where they can."""
    # Of a row whose times cannot be, nothing else is to be believed either.
    record = fit_but_for_times(layout, cells, False)
    if len(cells) != len(layout) or record and not has_possible_times(record):
        return (None, None)
    told = dict(zip(layout, cells))
    interface = told.get("interface-id", "-")
    try:
        start = canonical("start", told.get("start", "-"))
    except Malformed:
        start = None
    # A time that no flow log can have is another column's value, or damaged.
    start = start if start is None or FIRST <= start < LAST else None
    return (interface if interface.startswith("eni-") and not is_masked(interface) else None, start)
