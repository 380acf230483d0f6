"""Makes a situation up from a seed: traffic, what each side got of it, and everything that can be wrong with either."""

import random
import time
from dataclasses import dataclass

import model
import rules
from malformed import doubtful, malform
from situation import SIDES, Part, Row, Situation

ACCOUNT = "111122223333"
# Two stretches of 240 s of `start`, three hours from each other.
BASES = (1_700_000_100, 1_700_010_900)
VPC_EXTRA = "vpc-id subnet-id tcp-flags type pkt-srcaddr flow-direction traffic-path region".split()
TRANSIT = (
    "version resource-type account-id tgw-id tgw-attachment-id srcaddr dstaddr srcport dstport protocol packets bytes"
    " start end log-status type packets-lost-no-route flow-direction"
).split()
# A name that AWS has not, of the user's own; and names with a slip in them.
OWN = "zz-cost-centre"
SLIPS = {"srcaddr": "src-addr", "dstaddr": "dst-addr", "bytes": "byte"}

# What a situation may have, and how often it has it.
TRAITS = {
    "layouts": 0.45,  # several layouts a side, or other ones on the two sides
    "transit": 0.2,  # Transit Gateway records beside VPC records
    "malformed": 0.4,
    "cut": 0.2,  # a last line without line break that ends within a value
    "several": 0.15,  # several records in one line or event
    "little": 0.5,  # copies of which too little is known to tell if they are one record
    "ages": 0.5,  # copies of one record of which only some are young
    "settle": 0.3,
    "masked": 0.15,
    "masked-integers": 0.3,  # where something is masked, integers too
    "window": 0.4,
    "outside": 0.2,  # layouts that only stand outside of the window, or in headers without rows
    "unreadable": 0.2,
    "events": 0.3,  # events that come twice
    "ids": 0.2,  # unlike events that have one id, or an empty one
    "formats": 0.4,  # rows without header in a format that is given
    "fields": 0.2,
    "interface": 0.1,
    "nodata": 0.1,  # --ignore-nodata
    "slip": 0.03,
    "empty": 0.05,
    "memory": 0.1,
    "large": 0.005,  # thousands of differences, in little memory
}

# What a data protection policy may mask.
MASKED = ("srcaddr", "dstaddr", "account-id", "vpc-id", "interface-id")


@dataclass
class World:
    rng: random.Random
    traits: set
    layouts: dict
    masks: dict
    base: int = 0

    def chance(self, probability):
        return self.rng.random() < probability


def situation(seed, without=frozenset(), only=frozenset(TRAITS)):
    """The situation of a seed, with only some traits, and without others."""
    rng = random.Random(seed)
    traits = {trait for trait, often in TRAITS.items() if rng.random() < often} & only - without
    for _ in range(6 if "large" in traits else 50):
        made = attempt_one(rng, traits)
        if not doubtful(made) and allowed(made, traits):
            return made
    return attempt_one(rng, traits - {"layouts", "formats", "malformed", "several", "masked"})


def allowed(made, traits):
    if {"little", "ages"} <= traits:
        return True
    expected = model.judge(made)
    return ("little" in traits or not expected.little) and ("ages" in traits or not expected.ages)


def attempt_one(rng, traits):
    world = World(rng, traits, {}, {})
    world.layouts = pick_layouts(world)
    if "masked" in traits:
        for side in rng.sample(SIDES, rng.choice((1, 1, 2))):
            world.masks[side] = rng.sample(MASKED, rng.choice((1, 2)))
            if "masked-integers" in traits:
                world.masks[side].append(rng.choice(("bytes", "srcport", "end")))
    made = Situation({side: [] for side in SIDES})
    if "window" in traits:
        cut = rng.choice(BASES)
        made.since = rng.choice((None, cut, cut + 30, cut + 100))
        made.until = rng.choice((None, cut + 140, cut + 300))
        if made.since is None and made.until is None:
            made.since = cut
    copies = deal(world)
    if "empty" in traits:
        for side in SIDES if rng.random() < 0.5 else (rng.choice(SIDES),):
            copies[side] = []
        made.allow_empty = rng.random() < 0.5
    for side in SIDES:
        made.parts[side] = lay_out(world, made, side, copies[side])
    ask(world, made)
    for side in SIDES:
        for part in made.parts[side]:
            part.listed = overlaps(made, part.span) and asked_for(made, part.interface)
    return made


def ask(world, made):
    """The options."""
    rng, traits = world.rng, world.traits
    layouts = [layout for side in SIDES for layout in world.layouts[side]]
    everywhere = set.intersection(*map(set, layouts))
    # A name that AWS has not, and that no row happens to have, is refused as a slip.
    somewhere = sorted(set().union(*layouts) - ({OWN, *SLIPS.values()} - everywhere))
    if "settle" in traits:
        made.settle = rng.choice((60, 900, 3600))
        made.now = rng.choice(BASES) + rng.randrange(0, 300) + made.settle
        # A window that begins in the future is refused.
        made.now = max(made.now, (made.since or 0) + 60)
    if "interface" in traits and "interface-id" in everywhere:
        made.interfaces = tuple(rng.sample(["eni-0a0", "eni-0a1", "eni-0a2"], rng.choice((1, 2))))
    if "nodata" in traits and "log-status" in everywhere:
        made.ignore_nodata = True
    if "fields" in traits:
        if rng.random() < 0.5 and len(everywhere) > 2:
            made.fields = tuple(rng.sample(sorted(everywhere), rng.randrange(1, len(everywhere))))
        else:
            ignored = tuple(rng.sample(somewhere, rng.choice((1, 1, 2, 3))))
            # Where no field is left to compare, the check is refused.
            made.ignore_fields = ignored if everywhere - set(ignored) else ()
    if traits & {"memory", "large"}:
        made.memory = "32MiB"


# Layouts


def pick_layouts(world):
    rng, traits = world.rng, world.traits
    needs = {"start"} if "window" in traits or rng.random() < 0.9 else set()
    needs |= {"interface-id"} if "interface" in traits else set()
    needs |= {"log-status"} if "nodata" in traits else set()
    pool = [one_layout(world, needs) for _ in range(rng.choice((1, 2, 3)) if "layouts" in traits else 1)]
    layouts = {}
    for side in SIDES:
        if "layouts" in traits and rng.random() < 0.5:
            layouts[side] = [one_layout(world, needs) for _ in range(rng.choice((1, 2)))]
        else:
            layouts[side] = list(pool)
    if "transit" in traits and "interface" not in traits:
        common = transit_layout(world, needs)
        for side in SIDES:
            if rng.random() < 0.85:
                layouts[side].append(transit_layout(world, needs) if "layouts" in traits and rng.random() < 0.3 else common)
    if "slip" in traits:
        side, (right, slip) = rng.choice(SIDES), rng.choice(list(SLIPS.items()))
        layouts[side] = [tuple(slip if name == right else name for name in layout) for layout in layouts[side]]
    return {side: list(dict.fromkeys(layouts[side])) for side in SIDES}


def one_layout(world, needs):
    rng = world.rng
    names = list(rules.VERSION_2)
    if rng.random() < 0.55:
        return tuple(names)
    names += rng.sample(VPC_EXTRA, rng.choice((0, 1, 3)))
    if rng.random() < 0.1:
        names.append(OWN)
    if rng.random() < 0.8:
        dropped = set(rng.sample(names, rng.choice((1, 1, 2, 4)))) - needs
        dropped -= {"start", "interface-id"} if rng.random() < 0.7 else set()
        names = [name for name in names if name not in dropped]
    elif rng.random() < 0.3:
        names = sorted(needs | {"start", "interface-id"} | set(rng.sample(names, 3)))
    if rng.random() < 0.5:
        rng.shuffle(names)
    return tuple(names)


def transit_layout(world, needs):
    rng = world.rng
    names = list(TRANSIT)
    for name in rng.sample(names, rng.choice((0, 0, 1, 2))):
        if name not in needs | {"start", "resource-type"}:
            names.remove(name)
    return tuple(names)


# Traffic


def flow(world, kind):
    """A record with a value for every field, few enough of them that much is alike."""
    rng = world.rng
    base = world.rng.choice(BASES[:1] if world.rng.random() < 0.7 else BASES)
    start = base + 20 * rng.randrange(12)
    told = {
        "version": "2", "account-id": rng.choice((ACCOUNT,) * 5 + ("unknown",)),
        "interface-id": f"eni-0a{rng.randrange(3)}" if rng.random() < 0.97 else "-",
        "srcaddr": rng.choice(("10.0.0.1", "10.0.0.1", "10.0.0.2", "fd00::1:0:0:0:5")),
        "dstaddr": rng.choice(("10.0.1.9", "198.51.100.7")),
        "srcport": rng.choice(("0", "49152", "49152", "50000")), "dstport": rng.choice(("443", "22")),
        "protocol": rng.choice(("6", "6", "17")), "packets": rng.choice(("1", "2")), "bytes": rng.choice(("40", "80", "120")),
        "start": str(start), "end": str(start + rng.choice((5, 30, 55))),
        "action": rng.choice(("ACCEPT", "ACCEPT", "REJECT")), "log-status": "OK",
        "vpc-id": "vpc-0a", "subnet-id": rng.choice(("subnet-0a", "subnet-0b")), "tcp-flags": rng.choice(("0", "2", "19")),
        "type": "IPv4", "pkt-srcaddr": rng.choice(("10.0.0.1", "203.0.113.9")), "flow-direction": rng.choice(("ingress", "egress")),
        "traffic-path": rng.choice(("-", "1", "8")), "region": "us-east-1", OWN: rng.choice(("a", "b")),
        "resource-type": "TransitGateway", "tgw-id": "tgw-0a", "tgw-attachment-id": rng.choice(("tgw-attach-0a", "tgw-attach-0b")),
        "packets-lost-no-route": rng.choice(("0", "3")),
    }
    if kind == "transit-gateway":
        told["version"] = "6"
    if rng.random() < 0.12:
        told["log-status"] = rng.choice(("NODATA", "NODATA", "SKIPDATA"))
        for name in "srcaddr dstaddr srcport dstport protocol packets bytes action tcp-flags type pkt-srcaddr flow-direction traffic-path packets-lost-no-route".split():
            told[name] = "-"
    if "large" in world.traits:
        told["start"] = str(start + rng.randrange(20))
        told["srcport"] = told["srcport"] if told["srcport"] == "-" else str(rng.randrange(1024, 65536))
    for right, slip in SLIPS.items():
        told[slip] = told[right]
    return told


def deal(world):
    """What each side got: (layout, told) for each copy."""
    rng = world.rng
    copies = {side: [] for side in SIDES}
    faulty = rng.random() < 0.75
    large = "large" in world.traits
    for _ in range(rng.choice((2000, 6000) if large else (1, 4, 10, 20, 30))):
        kinds = {rules.kind_of(layout) for side in SIDES for layout in world.layouts[side]}
        told = flow(world, rng.choice(sorted(kinds)))
        kind = "transit-gateway" if told["version"] == "6" else "vpc"
        here = rng.choices(((1, 1), (1, 0), (0, 1), (2, 1), (1, 3), (2, 2)), (70, 6, 6, 4, 4, 4))[0] if faulty else (1, 1)
        here = rng.choice(((1, 1), (1, 0), (0, 1))) if large and faulty else here
        changed = faulty and rng.random() < 0.12
        alike = rng.random()
        for side, number in zip(SIDES, here):
            layouts = [layout for layout in world.layouts[side] if rules.kind_of(layout) == kind]
            for _ in range(number if layouts else 0):
                layout = layouts[int(alike * len(layouts))] if rng.random() < 0.8 else rng.choice(layouts)
                copies[side].append((layout, change(world, told) if changed and side == "cwl" else told))
    return copies


def change(world, told):
    rng = world.rng
    name = rng.choice(("bytes", "packets", "action", "end", "vpc-id", "srcport", "start"))
    if told[name] == "-":
        return told
    changed = {
        "bytes": "999", "packets": "9", "action": "REJECT", "vpc-id": "vpc-0b", "srcport": "1", "end": str(int(told["end"]) + 1),
        "start": str(int(told["start"]) + 1),
    }[name]
    return {**told, name: changed}


def spell(world, side, layout, told):
    """The cells of a row: one of the spellings of each value."""
    rng, cells = world.rng, []
    masks = world.masks.get(side, ()) if rng.random() < 0.7 else ()
    for name in layout:
        value = told[name]
        if value == "fd00::1:0:0:0:5":
            value = rng.choice((value, "fd00:0:0:1::5", "FD00:0:0:1:0:0:0:5", "fd00::0001:0:0:0:0005"))
        if name in ("start", "end") and rng.random() < 0.05:
            value += rng.choice(("000", "999"))
        elif name in rules.INTEGERS and value != "-" and rng.random() < 0.03:
            value = "0" * rng.choice((1, 3)) + value
        elif name == "traffic-path" and value == "-" and rng.random() < 0.5:
            value = "0"
        if name in masks and name in rules.ADDRESSES and "." in value and rng.random() < 0.2:
            value = value.rsplit(".", 1)[0] + ".*"
        elif name in masks and value != "-":
            value = rng.choice(("***", "*" * len(value), "*" * 15)) if name in rules.INTEGERS or rng.random() < 0.8 else "***" + value[-3:]
        cells.append(value)
    return cells


# Files


def lay_out(world, made, side, copies):
    """The parts of a side."""
    rng = world.rng
    rng.shuffle(copies)
    rows = [(layout, spell(world, side, layout, told), told) for layout, told in copies]
    given = side_formats(world, made, side)
    parts = []
    bare, headed = [], []
    for row in rows:
        (bare if row[0] in given and rng.random() < 0.8 else headed).append(row)
    if side == "s3":
        parts += text_parts(world, side, headed, keyed=True)
        parts += bare_parts(world, side, bare, ("text", "text", "filter-log-events"))
    else:
        parts += text_parts(world, side, headed, keyed=False)
        parts += bare_parts(world, side, bare, ("text", "get-log-events", "filter-log-events", "export"))
    if "outside" in world.traits:
        parts += outside_parts(world, made)
    if world.traits & {"malformed", "several", "cut"}:
        for part in parts:
            malform(world, part, given or [tuple(rules.VERSION_2)])
    if "unreadable" in world.traits and parts and rng.random() < 0.7:
        part = rng.choice(parts)
        if part.shape == "text":
            part.shape, part.name = "gzip", part.name + ".gz"
        part.damage = "checksum" if part.shape in ("gzip", "export") and rng.random() < 0.2 else "cut"
    if not parts:
        header = world.layouts[side][0]
        parts.append(Part("nothing.log", "text", [Row(" ".join(header), header=header)]))
    for number, part in enumerate(parts):
        part.name = part.name.replace("NUMBER", str(number))
        part.ended = part.ended or not part.rows
    return parts


def overlaps(made, span):
    """Whether a part may hold what starts in the window."""
    return not span or (made.since is None or span[1] > made.since) and (made.until is None or span[0] < made.until)


def asked_for(made, interface):
    return not made.interfaces or interface is None or interface in made.interfaces


def side_formats(world, made, side):
    """The layouts that rows without header may have on a side."""
    default = tuple(rules.VERSION_2)
    if "formats" in world.traits:
        some = [layout for layout in world.layouts[side] if len(layout) > 1]
        made.formats[side] = some
        if len(some) > 1 and world.rng.random() < 0.3:
            made.formats[side] = [world.rng.choice(some)]
        return made.formats[side]
    return [default] if default in world.layouts[side] else []


def text_parts(world, side, rows, keyed):
    """Text with headers; on S3 under the names that AWS gives, or others."""
    rng = world.rng
    piles = {}
    for layout, cells, told in rows:
        base = BASES[1] if int(told["start"]) >= BASES[1] else BASES[0]
        aws = keyed and rng.random() < 0.7
        piles.setdefault((base if aws else None, rng.randrange(2)), []).append((layout, cells))
    parts = []
    for (base, _), pile in piles.items():
        part = Part("part-NUMBER.log", rng.choice(("text", "gzip")))
        part.name += ".gz" if part.shape == "gzip" else ""
        if base:
            at = base + rng.choice((0, 300))
            part = Part(key(at), "gzip", span=(at - 900, at + 600))
        pile.sort(key=lambda row: row[0]) if rng.random() < 0.7 else None
        header = None
        for layout, cells in pile:
            if layout != header or rng.random() < 0.03:
                spelt = " ".join(layout)
                part.rows.append(Row(spelt.replace("-", "_") if rng.random() < 0.1 else spelt, header=layout))
            header = layout
            part.rows.append(Row(joined(rng, cells)))
        part.ended = rng.random() < 0.8
        parts.append(part)
    return parts


def key(at):
    """The key that AWS gives an object of records that end in the five minutes from `at`."""
    day, minute = time.strftime("%Y/%m/%d", time.gmtime(at)), time.strftime("%Y%m%dT%H%MZ", time.gmtime(at))
    name = f"{ACCOUNT}_vpcflowlogs_us-east-1_fl-0f1a2b3c4d5e6f708_{minute}_0000NUMBER.log.gz"
    return f"AWSLogs/{ACCOUNT}/vpcflowlogs/us-east-1/{day}/{name}"


def joined(rng, cells):
    return " ".join(cells) if rng.random() < 0.95 else "  ".join(cells) + " "


def bare_parts(world, side, rows, shapes):
    """Rows without header: messages in answers of the API, lines of text, what an export task writes."""
    rng = world.rng
    piles = {}
    for layout, cells, told in rows:
        shape = rng.choice(shapes)
        # A regional NAT gateway has no interface.
        stream = told["interface-id"] + "-all" if told["interface-id"] != "-" else "nat-0a-all"
        if rules.kind_of(layout) == "transit-gateway":
            stream = told["tgw-attachment-id"] + "-all"
        by_stream = shape in ("get-log-events", "export")
        row = Row(joined(rng, cells), stream=stream, timestamp=int(told["start"]) * 1000)
        row.event = f"375{rng.getrandbits(60):020}"
        if "ids" in world.traits and rng.random() < 0.1:
            row.event = ""
        piles.setdefault((shape, stream if by_stream else rng.randrange(2)), []).append(row)
    parts = []
    for (shape, pile), held in piles.items():
        part = Part({"text": "lines-NUMBER.txt"}.get(shape, f"{pile}-NUMBER.json"), shape, held)
        if shape == "export":
            part.name = f"0a1b2c3d-NUMBER/{pile}/000000.gz"
            part.interface = pile.removesuffix("-all") if pile.startswith("eni-") else None
        part.ended = shape != "text" or rng.random() < 0.8
        if shape in ("get-log-events", "filter-log-events") and len(held) > 1 and rng.random() < 0.3:
            part.second = rng.randrange(1, len(held))
        parts.append(part)
        if shape == "filter-log-events" and "events" in world.traits:
            parts += twice(world, part)
    return parts


def twice(world, part):
    """Events that come again, and events that only look as if."""
    rng = world.rng
    part.shared = rng.randrange(3) if part.second else 0
    if "ids" in world.traits and rng.random() < 0.4 and len(part.rows) > 1:
        part.rows[0].event = part.rows[1].event
    if rng.random() < 0.4:
        some = rng.sample(part.rows, rng.randrange(1, len(part.rows) + 1))
        return [Part("again-NUMBER.json", part.shape, [Row(r.text, None, r.stream, r.timestamp, r.event) for r in some])]
    return []


def outside_parts(world, made):
    """A narrow layout that must not count: a header without rows, or rows outside of the window."""
    rng = world.rng
    layout = tuple(rng.sample([n for n in rules.VERSION_2 if n not in ("start", "interface-id", "log-status")], 3)) + ("start", "interface-id", "log-status")
    part = Part("outside-NUMBER.log", "text", [Row(" ".join(layout), header=layout)])
    if made.since is not None or made.until is not None:
        told = flow(world, "vpc")
        told["start"] = "1600000000" if made.since is not None else "1750000000"
        told["end"] = str(int(told["start"]) + 30)
        part.rows += [Row(" ".join(told[name] for name in layout)) for _ in range(rng.choice((1, 2)))]
    return [part]
