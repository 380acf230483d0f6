"""Measures the job on a cluster beside one process, in turns, on one machine.

usage: measure.py WORK FOLDER-OF-BINARIES RECORDS
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from cluster import HERE, clean, cluster

TURNS = 3


def timed(run: object, *words: object) -> tuple[float, object]:
    began = time.monotonic()
    result = run(*words)  # type: ignore[operator]
    return time.monotonic() - began, result


def told(what: str, seconds: float, note: str = "") -> None:
    load = os.getloadavg()[0]
    print(f"{what}: {seconds:.1f} s, load {load:.1f}{note}", flush=True)


def main(work: Path, binaries: Path, records: str) -> int:
    # Kept for the next run: to make 100M records takes longer than to measure with them.
    logs, binary = work.resolve() / f"measured-{records}", binaries / "flowdiff"
    words = ["--records", records, "--interfaces", "400", "--window", "4h", "--differences", "200", "--seed", "1"]
    if not logs.exists():
        half = logs.with_suffix(".half")
        shutil.rmtree(half, ignore_errors=True)
        seconds, _ = timed(lambda: subprocess.run([binaries / "examples" / "generate", *words, half], check=True))
        half.rename(logs)
        told(f"{records} records a side made", seconds)
    few = logs.with_name("measured-few")
    shutil.rmtree(few, ignore_errors=True)
    subprocess.run([binaries / "examples" / "generate", "--records", "1000", "--differences", "2", few], check=True)
    check, small = ([str(of / "s3"), str(of / "cwl"), "-o", "json"] for of in (logs, few))
    with cluster(work / "venv-4", work / "measured-cluster", clean()) as spark:
        for _ in range(TURNS):
            seconds, done = timed(
                lambda: subprocess.run([binary, "check", *check], env=clean(), cwd=HERE, capture_output=True, text=True)
            )
            told("one process", seconds)
            began, alone = seconds, (done.returncode, done.stdout)  # type: ignore[attr-defined]
            seconds, answer = timed(spark.submit, binary, check, {}, "job")
            # What Spark takes before, between and after any work, by a job that has hardly any.
            start, _ = timed(spark.submit, binary, small, {}, "few")
            over = (seconds - start) / began - 1
            same = "the same report" if answer == alone else "ANOTHER REPORT"
            for name, (code, text) in (("one", alone), ("cluster", answer)):  # type: ignore[misc]
                (work / f"report-{name}").write_text(f"{code}\n{text}")
            told("the cluster", seconds, f", of which Spark's start {start:.1f} s; {over:+.0%} beside that; {same}")
    return 0


if __name__ == "__main__":
    os.chdir(HERE)
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]))
