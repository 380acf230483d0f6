#!/usr/bin/env python3
"""Runs flowdiff beside what else could answer its question, over the same files, and prints tables in Markdown.

    benches/peers.py                              10M records a side, without and with differences
    benches/peers.py --records 1M --only flowdiff,unpack
    benches/peers.py --forms                      Parquet and JSON
    benches/peers.py --formats --records 1M       every format, beside ClickHouse and decompression alone
    benches/peers.py --growth --plot growth.svg   how time and memory grow

Needs Python 3 with venv, cargo, coreutils, gzip and, for two of the peers, the Debian packages
libdeflate-tools and isal; what is missing is left out, with a word. Installs ClickHouse (chdb) and
DuckDB from PyPI into a venv in target/. Corpora go to target/ as well and are kept for the next run:
0.4 GB for 10M records a side.

All are run in turn, round after round, so that whatever else the machine does hits each alike.
Figures are medians over the rounds, of whole processes: start, listing of files and printing
included. Memory is the most that was resident; of peers that are several processes it is the sum of
what each had at most, so an upper bound. All must report the numbers of the generator's ground
truth, or the script stops.

What is unfair:
- to flowdiff: the peers give two numbers, how many lines each side has more. flowdiff tells missing,
  surplus and divergent records apart and shows them, confirmed by a second look, reads any format of
  either side, checks every value, and knows windows, settling and buckets.
- to flowdiff: the peers are told by hand what to strip (header, time stamp); the line hash of the
  SQL peers has 64 bits and no secret key.
- to flowdiff: decompression alone writes to /dev/null and looks at nothing.
- to ClickHouse and DuckDB: starting Python and loading the library counts; `query` is their own time.
- to ClickHouse and DuckDB: they keep a hash for every line and group by it, because SQL has nothing
  else; they could join with other data, which flowdiff cannot.
- to sort and comm: two sorts at once, a quarter of the memory each, and what does not fit goes to disk.
- to none: files are in the page cache, nothing comes from a network or a disk.
- to none: the corpus is made up, and packs 6 to 1; what real logs do was not measured.
"""

import argparse
import gzip
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PLACE = ROOT / "target" / "peers"
THREADS = os.cpu_count() or 2
BYTE_ORDER = {**os.environ, "LC_ALL": "C"}


@dataclass
class Run:
    """What one run cost and said."""

    wall: float
    cpu: float
    peak: int
    said: str
    query: float | None = None


def measured(*phases, ok=(0,)):
    """Runs phases one after the other; each is some pipelines at once, each a list of commands. What the last command of all prints is kept."""
    start = time.perf_counter()
    cpu, peak, said = 0.0, 0, ""
    for number, pipelines in enumerate(phases):
        processes, last = [], None
        for pipeline in pipelines:
            before = None
            for position, command in enumerate(pipeline):
                ends = position == len(pipeline) - 1
                keeps = ends and number == len(phases) - 1 and pipeline is pipelines[-1]
                out = subprocess.PIPE if keeps or not ends else subprocess.DEVNULL
                process = subprocess.Popen(command, stdin=before or subprocess.DEVNULL, stdout=out, env=BYTE_ORDER)
                if before:
                    before.close()
                before = process.stdout
                processes.append(process)
                last = process if keeps else last
        if last:
            said = last.stdout.read().decode()
        together = 0
        for process in processes:
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode not in ok:
                sys.exit(f"{' '.join(map(str, process.args))[:200]}: exit code {process.returncode}")
            cpu += usage.ru_utime + usage.ru_stime
            together += usage.ru_maxrss * 1024
        peak = max(peak, together)
    return Run(time.perf_counter() - start, cpu, peak, said)


def shown_more(truth):
    """How many lines each side has more, by the ground truth."""
    more = lambda side, other: truth["surplus"][side] + truth["missing"][other] + truth["divergent"]
    return [more("s3", "cwl"), more("cwl", "s3")]


def file_list(folder):
    """Names a folder's files for xargs; kept beside the folder."""
    path = folder.with_suffix(".list")
    if not path.exists():
        files = sorted(str(file) for file in folder.rglob("*") if file.is_file())
        path.write_text("".join(file + "\0" for file in files))
    return path


def header(folder):
    """The names in the header of a folder's objects."""
    some = next(folder.rglob("*.gz"))
    with gzip.open(some, "rt") as lines:
        return lines.readline().split()


class Flowdiff:
    """flowdiff itself; the report is compared in full."""

    name = "flowdiff check"

    def __init__(self, binary, cwl_fields=()):
        self.binary = binary
        # Exported lines have no header.
        self.options = ["--cwl-format", " ".join(f"${{{name}}}" for name in cwl_fields)] if cwl_fields else []

    def run(self, data, sides=("s3", "cwl")):
        folders = [str(data / side) for side in sides]
        return measured([[[self.binary, "check", "--output", "json", *self.options, *folders]]], ok=(0, 1))

    def verify(self, run, truth):
        report = json.loads(run.said)
        counts, sides = report["counts"], report["sides"]
        expect("flowdiff's records", {side: sides[side]["records"] for side in sides}, truth["records"])
        for kind in ("missing", "surplus", "divergent"):
            expect(f"flowdiff's {kind}", counts[kind], truth[kind])
        for kind in ("pending", "undetermined"):
            expect(f"flowdiff's {kind}", counts[kind], {"s3": 0, "cwl": 0})
        return run


class Sql:
    """A database in a Python process of the venv: prints its own seconds and the two numbers."""

    def __init__(self, name, python, program):
        self.name, self.python, self.program = name, python, program

    def run(self, data):
        command = [self.python, "-c", self.program, str(data / "s3"), str(data / "cwl"), str(THREADS), str(PLACE / "spill")]
        return measured([[command]])

    def verify(self, run, truth):
        answer = json.loads(run.said)
        expect(self.name, answer["more"], shown_more(truth))
        run.query = answer["seconds"]
        return run


CLICKHOUSE = """
import chdb, json, sys, time
s3, cwl, threads, _ = sys.argv[1:]
start = time.perf_counter()
answer = chdb.query(f'''
  SELECT sumIf(n, n > 0), -sumIf(n, n < 0) FROM (
    SELECT sum(side) AS n FROM (
      SELECT {HASH}(line) AS h, toInt32(1) AS side FROM file('{s3}/**/*.gz', 'LineAsString', 'line String') WHERE NOT startsWith(line, 'version ')
      UNION ALL SELECT {HASH}(substring(line, 26)), toInt32(-1) FROM file('{cwl}/**/*.gz', 'LineAsString', 'line String')
    ) GROUP BY h HAVING n != 0
  ) SETTINGS max_threads = {threads}''', 'JSONCompact')
more = [int(n or 0) for n in json.loads(str(answer))['data'][0]]
print(json.dumps({'seconds': time.perf_counter() - start, 'more': more}))
"""

# The same, asked for the rows that differ and their files as well: a second query, by the hashes that the first one found.
CLICKHOUSE_ROWS = """
import chdb, json, sys, time
s3, cwl, threads, _ = sys.argv[1:]
start = time.perf_counter()
sides = f'''
      SELECT {HASH}(line) AS h, line, _path, toInt32(1) AS side FROM file('{s3}/**/*.gz', 'LineAsString', 'line String') WHERE NOT startsWith(line, 'version ')
      UNION ALL SELECT {HASH}(substring(line, 26)), substring(line, 26), _path, toInt32(-1) FROM file('{cwl}/**/*.gz', 'LineAsString', 'line String')'''
ask = lambda query: json.loads(str(chdb.query(f'{query} SETTINGS max_threads = {threads}', 'JSONCompact')))['data']
found = ask(f'SELECT h, sum(side) AS n FROM ({sides}) GROUP BY h HAVING n != 0')
hashes = ', '.join(str(h) for h, _ in found) or '0'
rows = ask(f'SELECT side, line, _path FROM ({sides}) WHERE h IN ({hashes})')
assert len(rows) >= len(found)
more = [sum(max(int(n), 0) for _, n in found), sum(max(-int(n), 0) for _, n in found)]
print(json.dumps({'seconds': time.perf_counter() - start, 'more': more}))
"""

# Lines of any format: what is done to a line of either side stands in its place.
CLICKHOUSE_LINES = """
import chdb, json, sys, time
s3, cwl, threads, _ = sys.argv[1:]
start = time.perf_counter()
answer = chdb.query(f'''
  SELECT sumIf(n, n > 0), -sumIf(n, n < 0) FROM (
    SELECT sum(side) AS n FROM (
      SELECT cityHash64(S3LINE) AS h, toInt32(1) AS side FROM file('{s3}/**/*.gz', 'LineAsString', 'line String') WHERE NOT startsWith(line, 'HEADER')
      UNION ALL SELECT cityHash64(CWLLINE), toInt32(-1) FROM file('{cwl}/**/*.gz', 'LineAsString', 'line String')
    ) GROUP BY h HAVING n != 0
  ) SETTINGS max_threads = {threads}''', 'JSONCompact')
more = [int(n or 0) for n in json.loads(str(answer))['data'][0]]
print(json.dumps({'seconds': time.perf_counter() - start, 'more': more}))
"""

CLICKHOUSE_PARQUET = """
import chdb, json, sys, time
s3, _, threads, _ = sys.argv[1:]
start = time.perf_counter()
table = f"file('{s3}/**/*.parquet', 'Parquet')"
columns = [row[0] for row in json.loads(str(chdb.query(f'DESCRIBE TABLE {table}', 'JSONCompact')))['data']]
text = "concat(" + ", ' ', ".join(f"ifNull(toString({column}), '-')" for column in columns) + ")"
answer = chdb.query(f'''
  SELECT count() FROM (SELECT sum(side) AS n FROM (
    SELECT cityHash64({text}) AS h, toInt32(1) AS side FROM {table} UNION ALL SELECT cityHash64({text}), toInt32(-1) FROM {table}
  ) GROUP BY h HAVING n != 0) SETTINGS max_threads = {threads}''', 'JSONCompact')
n = int(json.loads(str(answer))['data'][0][0])
print(json.dumps({'seconds': time.perf_counter() - start, 'more': [n, n]}))
"""

DUCKDB = """
import duckdb, json, sys, time
s3, cwl, threads, spill = sys.argv[1:]
db = duckdb.connect(config={'threads': threads, 'temp_directory': spill})
db.execute('SET enable_progress_bar = false')
start = time.perf_counter()
lines = lambda folder: f"read_csv('{folder}/**/*.gz', columns={{'line': 'VARCHAR'}}, delim='|', quote='', escape='', header=false, auto_detect=false, compression='gzip')"
s3 = f"SELECT line FROM {lines(s3)} WHERE NOT starts_with(line, 'version ')"
cwl = f"SELECT line[26:] AS line FROM {lines(cwl)}"
QUERY
print(json.dumps({'seconds': time.perf_counter() - start, 'more': more}))
"""

SIGNED = """
more = db.execute(f'''SELECT coalesce(sum(n) FILTER (n > 0), 0), coalesce(-sum(n) FILTER (n < 0), 0) FROM (
  SELECT sum(side) AS n FROM (SELECT hash(line) AS h, 1 AS side FROM ({s3}) UNION ALL SELECT hash(line), -1 FROM ({cwl})) GROUP BY h HAVING n != 0)''').fetchall()[0]
more = [int(n) for n in more]
"""

EXCEPT = """
more = [db.execute(f'SELECT count(*) FROM (({a}) EXCEPT ALL ({b}))').fetchall()[0][0] for a, b in [(s3, cwl), (cwl, s3)]]
"""

DUCKDB_PARQUET = """
import duckdb, json, sys, time
s3, _, threads, spill = sys.argv[1:]
db = duckdb.connect(config={'threads': threads, 'temp_directory': spill})
db.execute('SET enable_progress_bar = false')
start = time.perf_counter()
table = f"read_parquet('{s3}/**/*.parquet', hive_partitioning=false)"
columns = [column for column, *_ in db.execute(f"DESCRIBE SELECT * FROM {table}").fetchall()]
# A text of all columns, which is what flowdiff compares.
text = " || ' ' || ".join("coalesce(CAST(" + '"' + column + '"' + " AS VARCHAR), '-')" for column in columns)
rows = f"SELECT hash({text}) AS h FROM {table}"
n = db.execute(f'SELECT count(*) FROM (SELECT sum(side) AS n FROM (SELECT h, 1 AS side FROM ({rows}) UNION ALL SELECT h, -1 FROM ({rows})) GROUP BY h HAVING n != 0)').fetchall()[0][0]
print(json.dumps({'seconds': time.perf_counter() - start, 'more': [n, n]}))
"""


def again(data, side):
    """A folder with the files of a side under other names: one folder as both sides is refused, as it agrees whatever it holds."""
    name = f"{side}-again"
    if not (data / name).exists():
        shutil.copytree(data / side, data / name, copy_function=os.link)
    return name


# A title, the generator's options, the first word of a header, and how a line of either side becomes the same text.
AS_IT_IS, STAMPED = "line", "substring(line, 26)"
DEFAULT = "version,account-id,interface-id,srcaddr,dstaddr,srcport,dstport,protocol,packets,bytes,start,end,action,log-status".split(",")
TURNED = DEFAULT[::-1]
TURN_BACK = f"arrayStringConcat(arrayReverse(splitByChar(' ', {STAMPED})), ' ')"
FORMATS = [
    ("default, IPv4", [], "version", AS_IT_IS, STAMPED),
    ("default, 12 % IPv6", ["--ipv6", "12"], "version", AS_IT_IS, STAMPED),
    ("default, all IPv6", ["--ipv6", "100"], "version", AS_IT_IS, STAMPED),
    ("18 fields as AWS documents them", ["--format", "documented", "--ipv6", "12"], "vpc-id", AS_IT_IS, STAMPED),
    ("v2 to v5, table order", ["--format", "v5", "--ipv6", "12"], "version", AS_IT_IS, STAMPED),
    ("v2 to v5, alphabetical", ["--format", "v5-alphabetical", "--ipv6", "12"], "account-id", AS_IT_IS, STAMPED),
    ("v7 with ECS", ["--format", "ecs"], "version", AS_IT_IS, STAMPED),
    ("v11 with tags", ["--format", "tags"], "version", AS_IT_IS, STAMPED),
    ("Transit Gateway", ["--format", "transit-gateway"], "version", AS_IT_IS, STAMPED),
    ("sides whose orders differ", ["--cwl-format", ",".join(TURNED)], "version", AS_IT_IS, TURN_BACK),
    ("CRLF", ["--crlf"], "version", "trimRight(line, '\\r')", STAMPED),
    ("5,000 small objects", ["--records-an-object", "200"], "version", AS_IT_IS, STAMPED),
]


class SortComm:
    """zcat, sort and comm: both sorts at once, then one comparison."""

    name = "zcat, sort, comm"

    def run(self, data):
        spill, sorted_ = PLACE / "spill", lambda side: str(PLACE / "spill" / f"{side}.sorted")
        spill.mkdir(parents=True, exist_ok=True)
        strip = {"s3": ["grep", "-v", "^version "], "cwl": ["cut", "-d", " ", "-f", "2-"]}
        pipeline = lambda side: [
            ["xargs", "-0", "-a", str(file_list(data / side)), "zcat"],
            strip[side],
            ["sort", "-S", "25%", "--parallel", "1", "-T", str(spill), "-o", sorted_(side)],
        ]
        count = ["awk", "-F", "\t", '$1 == "" {cwl++; next} {s3++} END {print s3 + 0, cwl + 0}']
        run = measured([pipeline("s3"), pipeline("cwl")], [[["comm", "-3", sorted_("s3"), sorted_("cwl")], count]])
        for side in ("s3", "cwl"):
            os.remove(sorted_(side))
        return run

    def verify(self, run, truth):
        expect(self.name, [int(number) for number in run.said.split()], shown_more(truth))
        return run


class Unpack:
    """Decompression alone, a process a side; nothing is compared, so nothing can be verified."""

    def __init__(self, name, *command):
        self.name, self.command = name, command

    def run(self, data):
        pipelines = [[["xargs", "-0", "-a", str(file_list(data / side)), *self.command]] for side in ("s3", "cwl")]
        # Kept output would go through a pipe; the empty last phase makes none kept.
        return measured(pipelines, [[["true"]]])

    def verify(self, run, _truth):
        return run


def expect(what, found, wanted):
    if found != wanted:
        sys.exit(f"{what}: {found}, and the ground truth is {wanted}")


def built(arguments):
    """Builds flowdiff and the generator; returns their paths."""
    target = ROOT / "target" / "release"
    if not arguments.flowdiff:
        subprocess.run(["cargo", "build", "--release"], cwd=ROOT, check=True)
    if not arguments.generate:
        subprocess.run(["cargo", "build", "--release", "--example", "generate"], cwd=ROOT, check=True)
    return str(arguments.flowdiff or target / "flowdiff"), str(arguments.generate or target / "examples" / "generate")


def venv():
    """Returns the Python of a venv with the SQL peers in it."""
    python = PLACE / "venv" / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", python.parent.parent], check=True)
    if subprocess.run([python, "-c", "import chdb, duckdb"], capture_output=True).returncode:
        subprocess.run([python, "-m", "pip", "install", "--quiet", "chdb", "duckdb"], check=True)
    return str(python)


class Bench:
    """What measurements need: the binaries, the data, the number of rounds."""

    def __init__(self, arguments):
        self.flowdiff, self.generate = built(arguments)
        self.rounds, self.only, self.data_folder = arguments.rounds, arguments.only, arguments.data

    def data(self, *options):
        """Generates a corpus, or finds it from the last time."""
        folder = self.data_folder / "".join(options).replace("--", "_").strip("_")
        if not (folder / "truth.json").exists():
            shutil.rmtree(folder, ignore_errors=True)
            subprocess.run([self.generate, *options, folder], check=True)
        return folder, json.loads((folder / "truth.json").read_text())

    def in_turn(self, contenders, data, truth):
        """Runs all in turn, round by round, and returns the runs of each."""
        runs = {contender.name: [] for contender in contenders}
        for number in range(self.rounds):
            for contender in contenders:
                say(f"round {number + 1} of {self.rounds}: {contender.name}")
                runs[contender.name].append(contender.verify(contender.run(data), truth))
        return runs

    def wanted(self, contenders):
        """Those that were asked for and can run here."""
        chosen = []
        for name, needs, make in contenders:
            if self.only and name not in self.only:
                continue
            if needs and not shutil.which(needs):
                print(f"{name} is left out: no `{needs}` here (see the Debian packages above)\n")
            else:
                chosen.append(make())
        return chosen

    def peers(self, records, differences):
        """flowdiff and its peers on one corpus."""
        sql = lambda name, program: lambda: Sql(name, venv(), program)
        contenders = self.wanted([
            ("flowdiff", None, lambda: Flowdiff(self.flowdiff)),
            ("unpack", "libdeflate-gunzip", lambda: Unpack("decompression alone: libdeflate-gunzip", "libdeflate-gunzip", "-c")),
            ("igzip", "igzip", lambda: Unpack("decompression alone: igzip", "igzip", "-dc")),
            ("clickhouse", None, sql("ClickHouse (chdb), signed count per line hash", CLICKHOUSE.replace("{HASH}", "cityHash64"))),
            ("clickhouse-rows", None, sql("ClickHouse, and then rows and files", CLICKHOUSE_ROWS.replace("{HASH}", "cityHash64"))),
            ("duckdb", None, sql("DuckDB, signed count per line hash", DUCKDB.replace("QUERY", SIGNED))),
            ("except", None, sql("DuckDB, EXCEPT ALL both ways", DUCKDB.replace("QUERY", EXCEPT))),
            ("sort", None, SortComm),
        ])
        data, truth = self.data("--records", records, "--differences", differences)
        print(f"### {records} records a side, {differences} differences\n\n{size(data, truth)}\n")
        table(self.in_turn(contenders, data, truth))

    def forms(self, records):
        """Parquet beside DuckDB on the same files as both sides; JSON by its rate."""
        data, truth = self.data("--records", records, "--parquet")
        flowdiff = Flowdiff(self.flowdiff)
        flowdiff.run, both = (lambda data: Flowdiff.run(flowdiff, data, ("s3", again(data, "s3")))), truth["records"]["s3"] * 2
        peer = Sql("DuckDB, signed count per row hash", venv(), DUCKDB_PARQUET)
        print(f"### Parquet, {records} records a side: the same {truth['files']['s3']} files as both sides\n")
        runs = self.in_turn([flowdiff, peer], data, truth)
        table(runs)
        print(f"flowdiff: {both / median(runs[flowdiff.name], 'wall') / 1e6:.2f} M records/s\n")
        data, truth = self.data("--records", records, "--json")
        flowdiff.run, both = (lambda data: Flowdiff.run(flowdiff, data, ("cwl", again(data, "cwl")))), truth["unpacked_bytes"]["cwl"] * 2
        print(f"### JSON, {records} records a side: pages of get-log-events as both sides, {both / 1e6:.0f} MB\n")
        runs = self.in_turn([flowdiff], data, truth)
        table(runs)
        print(f"{both / median(runs[flowdiff.name], 'cpu') / 1e6:.0f} MB/s a core\n")

    def formats(self, records):
        """Every format of text, in one run each with ClickHouse and decompression alone; then Parquet, and JSON by its rate."""
        print(f"### Formats, {records} records a side, no differences\n")
        print("| lines | bytes a line | flowdiff wall s | CPU s | / ClickHouse, wall | CPU | / gunzip, wall | CPU | ns CPU a byte |")
        print("|---|--:|--:|--:|--:|--:|--:|--:|--:|")
        unpack = Unpack("gunzip", "libdeflate-gunzip", "-c") if shutil.which("libdeflate-gunzip") else None
        for title, options, first, s3_line, cwl_line in FORMATS:
            data, truth = self.data("--records", records, *options)
            program = CLICKHOUSE_LINES.replace("HEADER", first + " ").replace("S3LINE", s3_line).replace("CWLLINE", cwl_line)
            fields = TURNED if cwl_line == TURN_BACK else header(data / "s3")
            contenders = [Flowdiff(self.flowdiff, fields), Sql("ClickHouse", venv(), program), *([unpack] if unpack else [])]
            runs = self.in_turn(contenders, data, truth)
            own = runs["flowdiff check"]
            ratio = lambda name, what: f"{median(own, what) / median(runs[name], what):.2f}" if name in runs else ""
            lines, size = sum(truth["records"].values()), sum(truth["unpacked_bytes"].values())
            ratios = [ratio(name, what) for name in ("ClickHouse", "gunzip") for what in ("wall", "cpu")]
            nanoseconds = median(own, "cpu") / size * 1e9
            print(f"| {title} | {size / lines:.0f} | {median(own, 'wall'):.2f} | {median(own, 'cpu'):.2f} | {' | '.join(ratios)} | {nanoseconds:.2f} |", flush=True)
            shutil.rmtree(data)
        print()
        for title, option in (("with dictionaries", "--parquet"), ("without dictionaries", "--plain-parquet")):
            data, truth = self.data("--records", records, option)
            flowdiff = Flowdiff(self.flowdiff)
            flowdiff.run = lambda data: Flowdiff.run(flowdiff, data, ("s3", again(data, "s3")))
            peers = [Sql("ClickHouse", venv(), CLICKHOUSE_PARQUET), Sql("DuckDB", venv(), DUCKDB_PARQUET)]
            print(f"### Parquet {title}: the same {truth['files']['s3']} files as both sides\n")
            table(self.in_turn([flowdiff, *peers], data, {**truth, "records": dict.fromkeys(("s3", "cwl"), truth["records"]["s3"])}))
        for title, option in (("Pages of get-log-events", "--json"), ("A subscription by Firehose", "--subscription")):
            data, truth = self.data("--records", records, option)
            runs = self.in_turn([Flowdiff(self.flowdiff)], data, truth)
            print(f"### {title} against objects of text\n")
            table(runs)
            size = sum(truth["unpacked_bytes"].values())
            print(f"{size / median(runs['flowdiff check'], 'cpu') / 1e6:.0f} MB/s a core, of JSON and text together\n")

    def growth(self, largest, plot):
        """flowdiff alone, one thing growing at a time."""
        base = min(largest, 10_000_000)
        sizes = [n for n in (1_000_000, 3_000_000, 10_000_000, 30_000_000, 100_000_000) if n <= largest]
        cases = [("records", short(n), ["--records", short(n)]) for n in sizes]
        grown = {
            "differences": ["1", "100", "10k", "100k", "1M"],
            "interfaces": ["10", "100k"],
            "window": ["1m", "30d"],
        }
        for what, values in grown.items():
            cases += [(what, value, ["--records", short(base), f"--{what}", value]) for value in values]
        for option in ("one-side-empty", "all-differ", "one-large-object"):
            cases.append((option.replace("-", " "), "", ["--records", short(base), f"--{option}"]))
        print(f"### Growth: {short(base)} records a side unless it says otherwise\n")
        print("| | | files | wall s | CPU s | peak MiB | ns CPU a record |\n|---|--:|--:|--:|--:|--:|--:|")
        drawn = {"records": [], "differences": []}
        for what, value, options in cases:
            data, truth = self.data(*options)
            runs = self.in_turn([Flowdiff(self.flowdiff)], data, truth)["flowdiff check"]
            wall, cpu, peak = (median(runs, figure) for figure in ("wall", "cpu", "peak"))
            records, files = sum(truth["records"].values()), sum(truth["files"].values())
            print(f"| {what} | {value} | {files} | {wall:.2f} | {cpu:.2f} | {peak / 2**20:.0f} | {cpu / records * 1e9:.0f} |", flush=True)
            if what in drawn:
                drawn[what].append((value, cpu, peak / 2**20))
            # A second corpus of this size need not find room beside it.
            shutil.rmtree(data)
        print()
        if plot:
            plot.write_text(svg([("records a side", drawn["records"]), (f"differences in {short(base)}", drawn["differences"])]))


def say(text):
    print(text, file=sys.stderr, flush=True)


def median(runs, what):
    return statistics.median(getattr(run, what) for run in runs)


def short(number):
    return f"{number // 1_000_000}M" if number % 1_000_000 == 0 else f"{number // 1_000}k"


def size(data, truth):
    packed = {side: sum(file.stat().st_size for file in (data / side).rglob("*") if file.is_file()) for side in ("s3", "cwl")}
    total, unpacked = sum(packed.values()), sum(truth["unpacked_bytes"].values())
    return f"{unpacked / 1e9:.2f} GB of text in {total / 1e6:.0f} MB of gzip, {truth['files']['s3']} files against {truth['files']['cwl']}."


def table(runs):
    """Prints medians, and ratios to flowdiff: above 1, flowdiff is faster or smaller."""
    own = runs.get("flowdiff check")
    print("| | wall s | best | query s | CPU s | peak MiB | wall, times flowdiff's | CPU | peak |")
    print("|---|--:|--:|--:|--:|--:|--:|--:|--:|")
    for name, some in runs.items():
        wall, cpu, peak = (median(some, what) for what in ("wall", "cpu", "peak"))
        query = f"{median(some, 'query'):.2f}" if some[0].query is not None else ""
        ratios = [f"{median(some, what) / median(own, what):.2f}" if own else "" for what in ("wall", "cpu", "peak")]
        best = min(run.wall for run in some)
        print(f"| {name} | {wall:.2f} | {best:.2f} | {query} | {cpu:.2f} | {peak / 2**20:.0f} | {' | '.join(ratios)} |")
    print(flush=True)


def svg(panels):
    """Draws a panel for each thing that grows: CPU time as bars, peak memory as a line of dots, each from 0."""
    width, height, edge = 360, 300, 48
    drawn = []
    for number, (title, points) in enumerate(panels):
        left, bottom, top = number * width + edge, height - edge, edge
        most_cpu, most_peak = max(cpu for _, cpu, _ in points), max(128, *(peak for _, _, peak in points))
        step = (width - edge - 16) / len(points)
        y = lambda part: bottom - part * (bottom - top)
        middle = lambda index: left + step * (index + 0.5)
        drawn.append(f'<path d="M{left},{top} V{bottom} H{left + width - edge - 16}" fill="none" stroke="#888"/>')
        drawn.append(f'<text x="{left + (width - edge) / 2:.0f}" y="{height - 10}" text-anchor="middle">{title}</text>')
        for index, (value, cpu, peak) in enumerate(points):
            x, tall = middle(index), y(cpu / most_cpu)
            drawn.append(f'<rect x="{x - step / 4:.1f}" y="{tall:.1f}" width="{step / 2:.1f}" height="{bottom - tall:.1f}" fill="#9cf"/>')
            drawn.append(f'<text x="{x:.1f}" y="{bottom - 6}" text-anchor="middle">{cpu:.1f} s</text>')
            drawn.append(f'<text x="{x:.1f}" y="{bottom + 16}" text-anchor="middle">{value}</text>')
            drawn.append(f'<circle cx="{x:.1f}" cy="{y(peak / most_peak):.1f}" r="3" fill="#c30"/>')
            drawn.append(f'<text x="{x:.1f}" y="{y(peak / most_peak) - 7:.1f}" text-anchor="middle" fill="#c30">{peak:.0f}</text>')
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width * len(panels)} {height}" font-family="sans-serif" font-size="11">'
        f'<rect width="{width * len(panels)}" height="{height}" fill="#fff"/>'
        f'<text x="{edge}" y="18">CPU seconds of flowdiff check (bars) and <tspan fill="#c30">peak memory in MiB (dots)</tspan></text>'
        f'{"".join(drawn)}</svg>\n'
    )


def machine():
    """Says what this ran on, and what else it was doing."""
    names = [line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    name = names[0] if names else platform.machine()
    system = f"{platform.system()} {platform.release().split('-')[0]}"
    return f"{THREADS} x {name}, {memory:.0f} GiB, {system}; {time.strftime('%Y-%m-%d')}; load average {load_average()} before"


def load_average():
    return ", ".join(f"{load:.1f}" for load in os.getloadavg())


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    words = lambda text: text.split(",")
    parser.add_argument("--records", type=words, default=["10M"], help="records a side, several with commas: 10M,100M")
    parser.add_argument("--differences", type=words, default=["0", "100"], help="planted differences, several with commas")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", type=words, help="flowdiff,unpack,igzip,clickhouse,clickhouse-rows,duckdb,except,sort")
    parser.add_argument("--forms", action="store_true", help="Parquet and JSON instead of the peers")
    parser.add_argument("--formats", action="store_true", help="every format instead of the peers")
    parser.add_argument("--growth", action="store_true", help="how flowdiff grows instead of the peers; the largest of --records is the largest")
    parser.add_argument("--plot", type=Path, help="where --growth writes an SVG of what it measured")
    parser.add_argument("--data", type=Path, default=PLACE / "data", help="where corpora are kept")
    parser.add_argument("--flowdiff", type=Path, help="a binary to measure instead of building one")
    parser.add_argument("--generate", type=Path, help="a generator to use instead of building one")
    arguments = parser.parse_args()
    bench = Bench(arguments)
    for folder in (PLACE / "spill", arguments.data):
        folder.mkdir(parents=True, exist_ok=True)
    print(f"{machine()}; medians of {arguments.rounds} rounds\n")
    if arguments.growth:
        largest = max(int(records.replace("M", "000000").replace("k", "000")) for records in arguments.records)
        bench.growth(largest, arguments.plot)
    elif arguments.formats:
        bench.formats(arguments.records[0])
    elif arguments.forms:
        bench.forms(arguments.records[0])
    else:
        for records in arguments.records:
            for differences in arguments.differences:
                bench.peers(records, differences)
        print(f"Load average {load_average()} after.\n\n{__doc__[__doc__.index('What is unfair') :]}")


if __name__ == "__main__":
    main()
