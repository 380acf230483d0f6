"""Flow logs of an hour, as both destinations hold them, with differences planted."""

from __future__ import annotations

import gzip
import random
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path

ACCOUNT, FLOW_LOG = "123456789010", "fl-0f1a2b3c4d5e6f708"
SLOT = 300
OBJECTS_A_SLOT = 4
HEADER = (
    "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status"
)


@dataclass
class Logs:
    """What was delivered: objects by key, events by stream, as time in seconds and message."""

    first: int
    objects: dict[str, list[str]] = field(default_factory=dict)
    streams: dict[str, list[tuple[int, str]]] = field(default_factory=dict)

    def deliver(self, line: str, start: int, number: int, to_s3: int, to_cwl: int, other: str | None = None) -> None:
        """Puts so many copies of a record on each side; another line on the CloudWatch side, if there is one."""
        slot = (start + 60) // SLOT * SLOT
        for _ in range(to_s3):
            self.objects.setdefault(key(slot, number % OBJECTS_A_SLOT), [HEADER]).append(line)
        for _ in range(to_cwl):
            self.streams.setdefault(f"{line.split()[2]}-all", []).append((start, other or line))


def key(slot: int, number: int) -> str:
    """Returns an object's key as a flow log writes it."""
    time = datetime.fromtimestamp(slot, timezone.utc)
    name = f"{ACCOUNT}_vpcflowlogs_us-east-1_{FLOW_LOG}_{time:%Y%m%dT%H%MZ}_{number:08x}.log.gz"
    return f"AWSLogs/{ACCOUNT}/vpcflowlogs/us-east-1/{time:%Y/%m/%d}/{name}"


def made(first: int, records: int = 40_000, interfaces: int = 12) -> Logs:
    """Makes up an hour from `first` on. One record in a thousand is lost on a side, has a copy too many or other bytes; one interface
    has nothing on the CloudWatch side for a quarter of an hour."""
    chance, logs = random.Random(7), Logs(first)
    for number in range(records):
        start = first + number * 3540 // records
        interface = f"eni-0a0000000000000{number % interfaces:02x}"
        size = chance.randrange(40, 9000)
        flow = f"10.0.{chance.randrange(256)}.{chance.randrange(256)} 10.1.0.{number % 250} {chance.randrange(1024, 65536)} 443 6"
        line = f"2 {ACCOUNT} {interface} {flow} {{}} {start} {start + 58} ACCEPT OK"
        this, other = line.format(f"7 {size}"), line.format(f"7 {size + 1}")
        silent = number % interfaces == 3 and 900 <= start - first < 1800
        match chance.randrange(4000):
            case _ if silent:
                logs.deliver(this, start, number, 1, 0)
            case 0:
                logs.deliver(this, start, number, 1, 0)
            case 1:
                logs.deliver(this, start, number, 0, 1)
            case 2:
                logs.deliver(this, start, number, 1, 2)
            case 3:
                logs.deliver(this, start, number, 1, 1, other)
            case _:
                logs.deliver(this, start, number, 1, 1)
    return logs


def write(logs: Logs, folder: Path) -> None:
    """Writes them as files: objects under their keys, and a file of lines for each stream."""
    for name, lines in logs.objects.items():
        file = folder / "s3" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(gzip.compress("\n".join(lines).encode() + b"\n", mtime=0))
    for name, events in logs.streams.items():
        file = folder / "cwl" / f"{name}.txt"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("".join(f"{message}\n" for _, message in events))
