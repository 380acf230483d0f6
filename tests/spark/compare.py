"""Compares the report of the job on a cluster with that of one process, to the byte.

usage: compare.py WORK FOLDER-OF-BINARIES [NAME...]

The names are those of the comparisons that are made: files, troubled, live, live-troubled; all of them, if none is given.
"""

from __future__ import annotations

import gzip
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from cluster import HERE, clean, cluster
from logs import Logs, made, write

TROUBLED = Path(__file__).resolve().parent / "troubled.sh"

SPECULATION = {
    "spark.speculation": "true",
    "spark.speculation.quantile": "0.5",
    "spark.speculation.multiplier": "1.5",
    "spark.speculation.interval": "200ms",
    "spark.speculation.minTaskRuntime": "1s",
    # A task that an executor takes along must not be the end of the job.
    "spark.task.maxFailures": "6",
    "spark.excludeOnFailure.enabled": "false",
}


def serve(logs: Logs) -> tuple[subprocess.Popen[str], dict[str, str], list[str]]:
    """Puts the logs into a bucket and a log group of moto; returns its process, the environment that reaches it, and the sources."""
    import boto3

    script = HERE / "tests" / "support" / "serve.py"
    server = subprocess.Popen([sys.executable, script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=clean())
    assert server.stdout
    endpoint = server.stdout.readline().strip()
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1", "AWS_ENDPOINT_URL": endpoint}
    session = boto3.Session("test", "test", region_name="us-east-1")
    s3, group = session.client("s3", endpoint_url=endpoint), session.client("logs", endpoint_url=endpoint)
    s3.create_bucket(Bucket="logs")
    for name, lines in logs.objects.items():
        s3.put_object(Bucket="logs", Key=name, Body=gzip.compress("\n".join(lines).encode() + b"\n", mtime=0))
    group.create_log_group(logGroupName="flow")
    for stream, events in logs.streams.items():
        group.create_log_stream(logGroupName="flow", logStreamName=stream)
        for first in range(0, len(events), 5000):
            some = [{"timestamp": start * 1000, "message": message} for start, message in events[first : first + 5000]]
            group.put_log_events(logGroupName="flow", logStreamName=stream, logEvents=some)
    return server, keys, ["s3://logs", "cwl://flow"]


def single(binary: Path, environment: dict[str, str], words: list[str]) -> tuple[int, str]:
    done = subprocess.run([binary, "check", *words], env=environment, cwd=HERE, capture_output=True, text=True)
    if done.returncode == 2:
        sys.exit(f"one process could not run: {done.stderr}")
    return done.returncode, done.stdout


def compared(work: Path, binary: Path, name: str, environment: dict[str, str], words: list[str], trouble: bool) -> bool:
    """Runs both, with each PySpark, and tells whether they say the same."""
    expected = single(binary, environment, words)
    same = True
    for venv in sorted(work.glob("venv-*")):
        folder = work / f"{name}-{venv.name}"
        made = folder.with_name(f"{folder.name}-trouble")
        shutil.rmtree(made, ignore_errors=True)
        made.mkdir()
        program = made / "flowdiff"
        shutil.copy(TROUBLED if trouble else binary, program)
        reached = environment | {"REAL": str(binary.resolve()), "TROUBLE": str(made.resolve())}
        of_job = ["--share", "256KiB", "--fan-in", "3"]
        if words[1].startswith("cwl://"):
            of_job += ["--cwl-tasks", "3"]
        with cluster(venv, folder, reached) as spark:
            told = spark.submit(program, [*words, *of_job], SPECULATION if trouble else {}, "job")
        happened = sorted(path.name for path in made.iterdir() if path.is_dir())
        print(f"compare.py: {name}, {venv.name}: {'same' if told == expected else 'DIFFERENT'}; made: {happened}", flush=True)
        if told != expected:
            same = False
            (folder / "expected").write_text(f"{expected[0]}\n{expected[1]}")
            (folder / "told").write_text(f"{told[0]}\n{told[1]}")
            print(f"  see {folder}/expected, {folder}/told and {folder}/job.log", flush=True)
        elif trouble and happened != ["failed", "failed-again", "killed", "slow"]:
            same = False
            print("  not all the trouble was made", flush=True)
    return same


def main(work: Path, binaries: Path, names: list[str]) -> int:
    # What CloudWatch Logs takes is no older than two weeks.
    first = int(time.time()) // 3600 * 3600 - 4 * 3600
    logs = made(first)
    folder = work.resolve() / "logs"
    shutil.rmtree(folder, ignore_errors=True)
    write(logs, folder)
    binary = binaries / "flowdiff"
    asked = ["--since", str(first), "--until", str(first + 3600), "--now", str(first + 3 * 3600), "-o", "json"]
    files = [str(folder / "s3"), str(folder / "cwl"), *asked]
    names = names or ["files", "troubled", "live", "live-troubled"]
    results = []
    for name in [name for name in names if not name.startswith("live")]:
        results.append(compared(work, binary, name, clean(), files, trouble=name.endswith("troubled")))
    server, keys, sources = serve(logs)
    try:
        live = [*sources, *asked, "--cwl-rate", "500"]
        for name in [name for name in names if name.startswith("live")]:
            results.append(compared(work, binary, name, clean() | keys, live, trouble=name.endswith("troubled")))
    finally:
        assert server.stdin
        server.stdin.close()
        server.wait()
    return 0 if all(results) else 1


if __name__ == "__main__":
    os.chdir(HERE)
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]))
