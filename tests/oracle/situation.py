"""A situation: what the two sides hold and how the check is asked, as data. It can be written as folders of files."""

import gzip
import json
import os
import time
from dataclasses import dataclass, field

SIDES = ("s3", "cwl")


@dataclass
class Row:
    """A line of a text part or an event of a JSON part; `header` lines name the layout of what follows."""

    text: str
    header: tuple | None = None
    stream: str | None = None
    timestamp: int = 0
    event: str | None = None


@dataclass
class Part:
    """A file of a side."""

    name: str
    # text, gzip (text), export (gzip, a time stamp before each line), get-log-events or filter-log-events.
    shape: str
    rows: list = field(default_factory=list)
    # How it is damaged, if it is: "cut" or "checksum".
    damage: str | None = None
    # What is known of all records in it, from its name: the interface, and the starts that it may hold.
    interface: str | None = None
    span: tuple | None = None
    # Whether a check of the situation's window would look into it at all.
    listed: bool = True
    # Whether the last line of a text part ends.
    ended: bool = True
    # How many of the last events are in a second answer, and how many of those before stand in both.
    second: int = 0
    shared: int = 0


@dataclass
class Situation:
    parts: dict
    # The formats given for rows without header: a list of layouts for each side; empty: not given.
    formats: dict = field(default_factory=lambda: {"s3": [], "cwl": []})
    since: int | None = None
    until: int | None = None
    now: int | None = None
    settle: int = 900
    fields: tuple = ()
    ignore_fields: tuple = ()
    interfaces: tuple = ()
    ignore_nodata: bool = False
    allow_empty: bool = False
    memory: str | None = None

    def arguments(self):
        args = []
        for name, value in (("--since", self.since), ("--until", self.until), ("--now", self.now)):
            args += [] if value is None else [name, str(value)]
        args += ["--settle", f"{self.settle}s"] if self.settle != 900 else []
        args += ["--fields", ",".join(self.fields)] if self.fields else []
        args += ["--ignore-fields", ",".join(self.ignore_fields)] if self.ignore_fields else []
        for interface in self.interfaces:
            args += ["--interface", interface]
        args += ["--ignore-nodata"] if self.ignore_nodata else []
        args += ["--allow-empty"] if self.allow_empty else []
        args += ["--memory", self.memory] if self.memory else []
        for side in SIDES:
            for layout in self.formats[side]:
                args += [f"--{side}-format", " ".join("${%s}" % name for name in layout)]
        return args

    def write(self, folder):
        for side in SIDES:
            os.makedirs(os.path.join(folder, side), exist_ok=True)
            for part in self.parts[side]:
                path = os.path.join(folder, side, part.name)
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with open(path, "wb") as file:
                    file.write(content(part))


def content(part):
    """The bytes of a part."""
    if part.shape in ("text", "gzip", "export"):
        stamp = lambda row: iso(row.timestamp) + " " if part.shape == "export" else ""
        text = "".join(stamp(row) + row.text + "\n" for row in part.rows)
        data = (text if part.ended else text[:-1]).encode()
        if part.shape == "text":
            return data
        packed = gzip.compress(data, mtime=0)
        if part.damage == "checksum":
            return packed[:-8] + bytes([packed[-8] ^ 0x55]) + packed[-7:]
        return packed[: len(packed) - max(9, len(packed) // 3)] if part.damage else packed
    text = answers(part)
    return (text[: len(text) * 2 // 3] if part.damage else text).encode()


def answers(part):
    """One answer of the API, or two which share some events."""
    events = [event(row, part.shape) for row in part.rows]
    first = events[: len(events) - part.second]
    second = events[max(0, len(first) - part.shared) :]
    pages = [first, second] if part.second else [first]
    if part.shape == "get-log-events":
        return "\n".join(
            json.dumps({"events": page, "nextForwardToken": "f/1/s", "nextBackwardToken": "b/1/s"}) for page in pages
        )
    whole = [json.dumps({"events": page, "searchedLogStreams": [], "nextToken": "x"}) for page in pages[:-1]]
    return "\n".join([*whole, json.dumps({"events": pages[-1], "searchedLogStreams": []})])


def event(row, shape):
    told = {"timestamp": row.timestamp, "message": row.text, "ingestionTime": row.timestamp + 300_000}
    if shape == "filter-log-events":
        told = {"logStreamName": row.stream, **told, "eventId": row.event or ""}
    return told


def iso(milliseconds):
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(milliseconds // 1000)) + ".%03dZ" % (milliseconds % 1000)


def held(part):
    """The rows of a part as they are read, with those that stand in two answers twice."""
    if part.second and part.shared:
        cut = len(part.rows) - part.second
        return part.rows[:cut] + part.rows[max(0, cut - part.shared) :]
    return part.rows
