"""A standalone Spark cluster on loopback, and flowdiff on it."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parents[2]
JOB = HERE / "deploy" / "spark" / "flowdiff_spark.py"


def clean() -> dict[str, str]:
    """Returns the environment without what a developer's shell says about AWS, Spark or flowdiff."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AWS_", "SPARK_", "PYSPARK_", "FLOWDIFF_", "PYTHON"))
    }
    return kept | {"AWS_EC2_METADATA_DISABLED": "true"}


class Cluster:
    """A master and two workers."""

    def __init__(self, venv: Path, work: Path, environment: dict[str, str], cores: int = 2) -> None:
        self.venv, self.work = venv.resolve(), work.resolve()
        shutil.rmtree(self.work, ignore_errors=True)
        self.work.mkdir(parents=True)
        package = next(self.venv.glob("lib/python*/site-packages/pyspark"))
        python = str(self.venv / "bin" / "python")
        self.environment = environment | {
            "SPARK_HOME": str(package),
            "PYSPARK_PYTHON": python,
            "PYSPARK_DRIVER_PYTHON": python,
            "SPARK_LOCAL_IP": "127.0.0.1",
            "SPARK_LOCAL_DIRS": str(self.work / "local"),
            "TMPDIR": str(self.work / "tmp"),
        }
        (self.work / "tmp").mkdir()
        self.processes: list[subprocess.Popen[bytes]] = []
        master = self.start("master.Master", "--host", "127.0.0.1", "--port", "0", "--webui-port", "0")
        self.master = self.address(master)
        # Spark runs a task twice only on two hosts, and all of 127.0.0.0/8 is loopback.
        for number, host in enumerate(["127.0.0.1", "127.0.0.2"]):
            folder = str(self.work / f"worker-{number}")
            self.start(
                "worker.Worker", self.master, "--host", host, "--webui-port", "0", "-c", str(cores), "-m", "2g", "-d", folder
            )  # fmt: skip

    def start(self, what: str, *words: str) -> Path:
        """Starts a part of it; returns its log."""
        log = self.work / f"{what}-{len(self.processes)}.log"
        script = str(Path(self.environment["SPARK_HOME"]) / "bin" / "spark-class")
        with log.open("wb") as out:
            words = (script, f"org.apache.spark.deploy.{what}", *words)
            self.processes.append(subprocess.Popen(words, env=self.environment, stdout=out, stderr=out))
        return log

    def address(self, log: Path) -> str:
        """Waits until the master says where it is."""
        for _ in range(600):
            said = re.search(r"Starting Spark master at (spark://\S+)", log.read_text())
            if said:
                return said[1]
            time.sleep(0.2)
        sys.exit(f"the master did not start: {log}")

    def submit(self, binary: Path, words: list[str], conf: dict[str, str], name: str) -> tuple[int, str]:
        """Runs the job and returns its exit code and what it printed."""
        settings = [word for key, value in conf.items() for word in ("--conf", f"{key}={value}")]
        submit = [str(self.venv / "bin" / "spark-submit"), "--master", self.master, "--files", str(binary.resolve()), *settings]
        log = self.work / f"{name}.log"
        with log.open("wb") as said:
            done = subprocess.run(
                [*submit, str(JOB), *words], env=self.environment, cwd=HERE, stdout=subprocess.PIPE, stderr=said
            )  # fmt: skip
        return done.returncode, done.stdout.decode()

    def stop(self) -> None:
        # `spark-class` becomes the Java process itself.
        for process in reversed(self.processes):
            process.terminate()
        for process in self.processes:
            process.wait()


@contextlib.contextmanager
def cluster(venv: Path, work: Path, environment: dict[str, str]) -> Iterator[Cluster]:
    started = Cluster(venv, work, environment)
    try:
        yield started
    finally:
        started.stop()
