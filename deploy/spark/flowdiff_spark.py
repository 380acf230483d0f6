"""Runs one flowdiff check on a Spark cluster.

usage: spark-submit --files flowdiff flowdiff_spark.py S3-SOURCE CWL-SOURCE [options of `flowdiff check`] [options of the job]

What it takes: the static binary as a file, under the name `flowdiff`, and what `flowdiff check` takes, the two sources first. Both
sides are listed once, by the driver; the parts are shared out by size; each task boils its share down with `flowdiff digest`; the
digests are added up as a tree; what differs by them is read a second time by further tasks, just the parts that can hold it; and
the driver reports what a check on one machine would, with its exit code.

Options of the job, beside those of `flowdiff check`:
  --share SIZE     bytes that a task reads, as stored; KiB, MiB or GiB (default 128MiB)
  --fan-in N       how many digests are added up at once (default 16)
  --cwl-tasks N    how many tasks read a log group; --cwl-rate, which it needs, is divided among them (default: one)
  --key-file FILE  the key of the fingerprints, one of --files

Not with --state, --recheck, --receipt, --flow-logs, --resource and --pairs. Works with PySpark 3.5 and 4, and needs nothing else.
"""

from __future__ import annotations

import contextlib
import ctypes
import heapq
import json
import math
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from pyspark import SparkContext, SparkFiles, StorageLevel, TaskContext
from pyspark.sql import SparkSession

SIDES = ("s3", "cwl")

# What only the report is about; all else says what is read and how, which every task must know. How many values each takes.
OF_THE_REPORT = {
    "-o": 1, "--output": 1, "--report": 1, "--all-differences": 1, "--max-evidence": 1, "--rows": 1, "--redact": 0,
    "--redact-key": 1, "--color": 1, "--fail-on": 1, "--nagios": 0, "-w": 1, "--warning": 1, "-c": 1, "--critical": 1, "-q": 0,
    "--quiet": 0, "-v": 0, "-vv": 0, "--verbose": 0, "--repair": 1, "--repair-s3": 1, "--repair-cwl": 1,
}  # fmt: skip

# As many as the first look of one machine tells, so that causes are told by the same means.
DIFFERENCES = 1000

# The weight of what has no size, a log stream, in bytes.
STREAM = 1 << 20

# The rows in question of a share of the second look must fit a task's memory, though every row be one.
SECOND_SHARE = 32 << 20

# Rows of so many bytes are fetched at once.
TOGETHER = 64 << 20

# All was read; all but what is named in the digest was read.
READ = (0, 3)

PR_SET_PDEATHSIG = 1


class JobError(Exception):
    """Something that a user can mend; the text says what."""


@dataclass(frozen=True)
class Job:
    """What was typed."""

    s3: str
    cwl: str
    reading: tuple[str, ...]
    """Options that say what is read, and how."""
    reporting: tuple[str, ...]
    """Options that say what is told of it."""
    environment: dict[str, str] = field(default_factory=dict)
    """What every flowdiff gets beside its own: the time it is, the same for all."""
    share: int = 128 << 20
    fan_in: int = 16
    cwl_tasks: int = 1
    cwl_rate: str | None = None
    """Calls a second of all tasks together."""
    key_file: str | None = None

    def source(self, side: str) -> str:
        return self.s3 if side == "s3" else self.cwl


class Share(NamedTuple):
    """What one task reads."""

    side: str
    lines: list[str]


def size_of(text: str) -> int:
    """Reads a size such as 128MiB."""
    units = {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
    number, unit = (text[:-3], units[text[-3:]]) if text[-3:] in units else (text, 1)
    if not number.isdigit() or int(number) == 0:
        raise JobError(f"--share: `{text}` is not a size such as 128MiB")
    return int(number) * unit


def parse(words: list[str], now: int) -> Job:
    """Tells the job's options from those of flowdiff, and these by who needs them."""
    if len(words) < 2 or words[0].startswith("-") or words[1].startswith("-"):
        raise JobError(f"the two sources come first\n\n{__doc__}")
    own: dict[str, str] = {}
    reading: list[str] = []
    reporting: list[str] = []
    rest = iter(words[2:])
    for word in rest:
        name, is_joined, value = word.partition("=")
        if name in ("--share", "--fan-in", "--cwl-tasks", "--cwl-rate", "--key-file"):
            own[name] = value if is_joined else next(rest, "")
        elif name in OF_THE_REPORT:
            reporting.append(word)
            if OF_THE_REPORT[name] and not is_joined:
                reporting.extend([next(rest, "")])
        else:
            reading.append(word)
    cwl_tasks, rate = int(own.get("--cwl-tasks", "1")), own.get("--cwl-rate")
    if cwl_tasks > 1 and rate is None and is_live(words[1]):
        raise JobError("--cwl-tasks: give --cwl-rate too, the calls a second that all of them may make together")
    fan_in = int(own.get("--fan-in", "16"))
    if rate is not None and not float(rate) > 0:
        raise JobError("--cwl-rate: must be more than 0")
    for source in words[:2]:
        if not source.startswith(("s3://", "cwl://", "arn:", "/")):
            raise JobError(f"`{source}`: tasks run elsewhere, so give a whole path, which all machines share, or an address")
    if fan_in < 2 or cwl_tasks < 1:
        raise JobError("--fan-in must be at least 2, --cwl-tasks at least 1")
    return Job(
        s3=words[0],
        cwl=words[1],
        reading=tuple(reading),
        reporting=tuple(reporting),
        environment={} if "--now" in reading else {"FLOWDIFF_NOW": os.environ.get("FLOWDIFF_NOW", str(now))},
        share=size_of(own.get("--share", "128MiB")),
        fan_in=fan_in,
        cwl_tasks=cwl_tasks,
        cwl_rate=rate,
        key_file=own.get("--key-file"),
    )


def is_live(source: str) -> bool:
    """Tells whether a source is a log group."""
    return source.startswith("cwl://") or source.startswith("arn:aws") and ":logs:" in source


def weight(line: str) -> int:
    """Returns how many bytes a part has, about, given its line of JSON."""
    size = json.loads(line)["size"]
    return STREAM if size is None else int(size)


def balanced(lines: list[str], shares: int) -> list[list[str]]:
    """Puts parts into so many shares of about one size: the largest first, each where there is least."""
    heap = [(0, number) for number in range(shares)]
    held: list[list[str]] = [[] for _ in range(shares)]
    for line in sorted(lines, key=lambda line: (-weight(line), line)):
        size, number = heapq.heappop(heap)
        held[number].append(line)
        heapq.heappush(heap, (size + weight(line), number))
    return [share for share in held if share]


def shared(job: Job, side: str, lines: list[str], share: int, slots: int) -> list[Share]:
    """Shares a side's parts out: so that no share is larger than asked for, and every slot has one."""
    number = max(math.ceil(sum(map(weight, lines)) / share), slots)
    if side == "cwl" and is_live(job.cwl):
        number = job.cwl_tasks
    return [Share(side, some) for some in balanced(lines, min(number, max(len(lines), 1)))]


def binary() -> str:
    """Returns where the binary of --files is here."""
    for place in (SparkFiles.get("flowdiff"), os.path.abspath("flowdiff")):
        if os.path.isfile(place):
            if not os.access(place, os.X_OK):
                os.chmod(place, 0o755)
            return place
    raise JobError("the binary is not here: give it with --files, under the name `flowdiff`")


def refuse_variables(names: Iterable[str]) -> None:
    """Refuses variables that stand for options which every task must know: the driver's do not reach the executors."""
    for name in sorted(names):
        option = "--" + name.removeprefix("FLOWDIFF_").lower().replace("_", "-")
        is_known = option in OF_THE_REPORT or name == "FLOWDIFF_NOW" or name.startswith("FLOWDIFF_TEST_")
        if name.startswith("FLOWDIFF_") and not is_known:
            raise JobError(f"{name}: variables do not reach the executors; give {option} instead")


def key_options(job: Job) -> list[str]:
    """Returns the option of the key, if there is one, as the file is called here."""
    if job.key_file is None:
        return []
    given = SparkFiles.get(os.path.basename(job.key_file))
    return ["--key-file", given if os.path.isfile(given) else job.key_file]


def end_with_parent() -> None:
    """Has the process end with the task: one that Spark has killed must not go on reading."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def run(job: Job, words: list[str], given: str = "", fine: tuple[int, ...] = (0,)) -> str:
    """Runs flowdiff and returns what it printed. `given` is its standard input."""
    done = subprocess.run(
        [binary(), *words],
        input=given,
        capture_output=True,
        text=True,
        env={**os.environ, **job.environment},
        preexec_fn=end_with_parent if sys.platform == "linux" else None,
    )
    if done.returncode not in fine:
        raise JobError(f"flowdiff {words[0]} ended with {done.returncode}: {done.stderr.strip()}")
    return done.stdout


@contextlib.contextmanager
def attempt_folder() -> Iterator[str]:
    """Makes a folder that only this attempt of a task writes to, and removes it."""
    context = TaskContext.get()
    name = f"{context.stageId()}.{context.partitionId()}.{context.taskAttemptId()}" if context else "driver"
    folder = tempfile.mkdtemp(prefix=f"flowdiff-{name}-")
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def pace(job: Job, side: str, tasks: int) -> list[str]:
    """Returns the option of this task's part in the calls of a second."""
    if side != "cwl" or job.cwl_rate is None:
        return []
    return ["--cwl-rate", repr(float(job.cwl_rate) / tasks)]


def read_file(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def write_file(path: str, content: bytes) -> str:
    with open(path, "wb") as file:
        file.write(content)
    return path


def digested(job: Job, share: Share, tasks: int) -> bytes:
    """Boils a share down. Only what the attempt that Spark takes returns is ever seen."""
    with attempt_folder() as folder:
        to = os.path.join(folder, "digest")
        words = ["digest", job.source(share.side), "--side", share.side, "--parts", "-", "--sample", "-q", "-o", to]
        options = ["--differences", str(DIFFERENCES), *pace(job, share.side, tasks), *key_options(job), *job.reading]
        run(job, words + options, "\n".join(share.lines), READ)
        return read_file(to)


def merged(job: Job, digests: Iterable[bytes]) -> bytes:
    """Adds digests up."""
    with attempt_folder() as folder:
        files = [write_file(os.path.join(folder, str(number)), digest) for number, digest in enumerate(digests)]
        if len(files) == 1:
            return read_file(files[0])
        to = os.path.join(folder, "digest")
        run(job, ["digest", "--merge", *files, "-q", "-o", to, *key_options(job)], fine=READ)
        return read_file(to)


def looked_again(job: Job, share: Share, digests: dict[str, bytes], tasks: int) -> bytes:
    """Reads the rows in question of a share."""
    with attempt_folder() as folder:
        files = [write_file(os.path.join(folder, side), digests[side]) for side in SIDES]
        to = os.path.join(folder, "rows")
        words = ["second-look", *files, "--read", job.source(share.side), "--side", share.side, "--parts", "-", "-q", "-o", to]
        run(job, words + pace(job, share.side, tasks) + key_options(job) + list(job.reading), "\n".join(share.lines), READ)
        return read_file(to)


def tasks_of(shares: list[Share], side: str) -> int:
    return sum(share.side == side for share in shares)


def first_look(spark: SparkContext, job: Job, lines: list[str]) -> dict[str, bytes]:
    """Has every part read by some task, and returns what each side adds up to."""
    shares: list[Share] = []
    for side in SIDES:
        # What seems to have ended before the window is read only if something turns out to be missing, as ever.
        of_side = [line for line in lines if json.loads(line)["side"] == side and not json.loads(line).get("ended_before")]
        # Of nothing there is a digest too.
        shares += shared(job, side, of_side, job.share, spark.defaultParallelism) or [Share(side, [])]
    spark.setJobDescription(f"first look: {tasks_of(shares, 's3')} tasks read s3, {tasks_of(shares, 'cwl')} cwl")
    counts = {side: tasks_of(shares, side) for side in SIDES}
    numbers = {side: iter(range(counts[side])) for side in SIDES}
    numbered = [((share.side, next(numbers[share.side])), share) for share in shares]
    digests = spark.parallelize(numbered, len(numbered)).mapValues(lambda share: digested(job, share, counts[share.side]))
    most, fan_in = max(counts.values()), job.fan_in
    while most > 1:
        most = math.ceil(most / fan_in)
        nodes = digests.map(lambda one: ((one[0][0], one[0][1] // fan_in), one[1])).groupByKey(2 * most)
        digests = nodes.mapValues(lambda some: merged(job, some))
    return {side: digest for (side, _), digest in digests.collect()}


def json_lines(text: str) -> list[str]:
    """Returns the lines, which end with a line feed and nothing else: a name may hold what Python takes for an end too."""
    return [line for line in text.split("\n") if line]


def second_look(spark: SparkContext, job: Job, digests: dict[str, bytes], lines: list[str], folder: str) -> Iterator[bytes]:
    """Has the parts that may hold what differs read once more, and returns the rows in question, share by share."""
    files = [os.path.join(folder, side) for side in SIDES]
    words = ["second-look", *files, "--parts", "-", *key_options(job), *job.reading]
    wanted = json_lines(run(job, words, "\n".join(lines)))
    shares: list[Share] = []
    for side in SIDES:
        of_side = [line for line in wanted if json.loads(line)["side"] == side]
        shares += shared(job, side, of_side, min(job.share, SECOND_SHARE), 1) if of_side else []
    if not shares:
        return
    spark.setJobDescription(f"second look: {len(shares)} tasks read {len(wanted)} parts that may hold what differs")
    counts = {side: tasks_of(shares, side) for side in SIDES}
    given = spark.broadcast(digests)
    rows = spark.parallelize(shares, len(shares)).map(
        lambda share: looked_again(job, share, given.value, counts[share.side])
    )
    # On disk, and then one by one if they may not fit the driver's memory together: each is a job of its own then.
    rows.persist(StorageLevel.DISK_ONLY)
    few = rows.map(len).sum() <= TOGETHER
    yield from rows.collect() if few else rows.toLocalIterator()
    rows.unpersist()


def tell(text: str) -> None:
    """Tells a person what is wrong. Nothing else goes there: `spark-submit` puts it into the same stream as the report."""
    print(text, file=sys.stderr, flush=True)


def reason(error: Exception) -> str:
    """Says why something failed: of a task's failure, what the task said."""
    said = [line.partition("JobError: ")[2] for line in str(error).splitlines() if "JobError: " in line]
    return said[0] if said else f"{type(error).__name__}: {error}"


def refuse_unlike(job: Job, lines: list[str], folder: str) -> None:
    """Holds a small part of each side against the other, so that formats that are unlike are found out before everything is read."""
    parts = [json.loads(line) | {"line": line} for line in lines]
    small = {side: [part for part in parts if part["side"] == side and part["size"] and is_read(part)] for side in SIDES}
    if not all(small.values()):
        return
    files = []
    for side in SIDES:
        least = min(small[side], key=lambda part: part["size"])
        files.append(write_file(os.path.join(folder, f"first-{side}"), digested(job, Share(side, [least["line"]]), 1)))
    run(job, ["second-look", *files, "--parts", "-", *key_options(job), *job.reading])


def is_read(part: dict[str, object]) -> bool:
    """Tells whether a first look reads a part."""
    return not any(part.get(why) for why in ("ended_before", "passed_over", "unreadable"))


def checked(spark: SparkContext, job: Job) -> int:
    """Runs the check, has the report printed, and returns the exit code."""
    rate = [] if job.cwl_rate is None else ["--cwl-rate", job.cwl_rate]
    listed = json_lines(run(job, ["plan", job.s3, job.cwl, "--parts", *rate, *job.reading]))
    with attempt_folder() as folder:
        refuse_unlike(job, listed, folder)
        digests = first_look(spark, job, listed)
        files = [write_file(os.path.join(folder, side), digests[side]) for side in SIDES]
        rows = os.path.join(folder, "rows")
        os.mkdir(rows)
        for number, some in enumerate(second_look(spark, job, digests, listed, folder)):
            write_file(os.path.join(rows, str(number)), some)
        words = ["check", job.s3, job.cwl, *job.reading, *rate, *job.reporting, *key_options(job)]
        looks = ["--first-look", *files, "--second-look", rows]
        done = subprocess.run([binary(), *words, *looks], env={**os.environ, **job.environment}, stderr=subprocess.PIPE, text=True)
        if done.returncode not in (0, 1, 3) or {"-v", "-vv", "--verbose"} & set(words):
            tell(done.stderr.rstrip())
        if done.returncode < 0:
            tell(f"flowdiff: ended by signal {-done.returncode}")
            return 2
        return done.returncode


def main() -> int:
    """Returns flowdiff's exit code; 2 if something cannot be done as asked."""
    try:
        refuse_variables(os.environ)
        job = parse(sys.argv[1:], int(time.time()))
    except (JobError, ValueError) as error:
        tell(str(error))
        return 2
    session = SparkSession.builder.appName("flowdiff").getOrCreate()
    try:
        return checked(session.sparkContext, job)
    except Exception as error:  # Whatever it is, it is no verdict.
        tell(reason(error))
        return 2
    finally:
        session.stop()


if __name__ == "__main__":
    sys.exit(main())
