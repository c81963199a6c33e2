"""Trains while connections come that are no edges, and compares what comes of it; see scripts/load-test.sh."""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from report.files import read_json, read_lines

from . import programs
from .programs import Failure, Options, program, say, started, unless_given, usage
from .progress import Course

MEGABYTE = 1e6
MOST_MEMORY = 64 * MEGABYTE  # that the connections may take in the cloud
PATIENCE = 60.0  # seconds in which something must begin, or end, that does so by itself
DEFAULTS = {
    "--data": "synthetic", "--train-limit": 8000, "--test-limit": 500, "--epochs": 2, "--architecture": "vgg8",
    "--threads": 1,
}  # fmt: skip


@dataclass
class Result:
    """What came of a run."""

    name: str
    hashes: dict[str, str] = field(default_factory=dict)
    steps: list[dict] = field(default_factory=list)  # of the edge's log
    during: tuple[int, int] | None = None  # steps that were done when connections began to come, and had come
    memory: int = 0  # of the cloud, at most, in bytes
    cpu: dict[str, float] = field(default_factory=dict)  # seconds of each side
    log_lines: int = 0
    flood: dict = field(default_factory=dict)

    def speed(self, during: tuple[int, int]) -> float:
        """Images/s of the edge in these steps."""
        first, last = self.steps[during[0] - 1], self.steps[during[1] - 1]
        images = sum(step["images"] for step in self.steps[during[0] : during[1]])
        return images / (last["wall_seconds"] - first["wall_seconds"])


class Run:
    """A run of both programs over TLS."""

    def __init__(self, directory: Path, options: list[str]):
        self.directory, self.options = programs.make_directory(directory), options
        self.edge_directory, self.log = directory / "edge", directory / "cloud.log"

    def command(self, name: str, *words: str) -> list[str]:
        """A program's, with a directory for its keys."""
        return [program(name), *words, "--state-dir", f"{self.directory}/{name}-keys"]

    def join(self, address: str) -> None:
        """Makes both sides trust each other."""
        with (self.directory / "join.log").open("wb") as log:
            line = programs.output_of(self.command("cloud-trainer", "invite", "--address", address), stderr=log)
            programs.output_of(self.command("edge-trainer", "join", line), stderr=log)

    @contextlib.contextmanager
    def cloud(self):
        """The cloud, and where it listens."""
        words = ["--listen", "127.0.0.1:0", "--tls", "--threads", "1", "--run-dir", f"{self.directory}/cloud"]
        with self.log.open("wb") as log:
            with started(self.command("cloud-trainer", *words), 10, stdout=subprocess.PIPE, stderr=log) as process:
                words = process.stdout.readline().split()
                if not words:
                    raise Failure(f"cloud-trainer does not start: see {self.log}")
                yield process, words[-1].decode()

    def train(self, result: Result, target: str | None, flood: list[str]) -> Result:
        """Trains, and meanwhile lets connections come to the cloud (""), to another port ("sink"), or not (None)."""
        with self.cloud() as (cloud, address), (self.directory / "edge.log").open("wb") as log:
            self.join(address)
            way = ["--cloud", address, "--tls", "--run-dir", str(self.edge_directory)]
            command = self.command("edge-trainer", "train", *way, *self.options)
            with started(command, 10, stdout=log, stderr=log) as edge:
                if target is not None:
                    self.flood(result, edge, [target or address, *flood])
                _, status, used = os.wait4(edge.pid, 0)
                edge.returncode = os.waitstatus_to_exitcode(status)
            if edge.returncode:
                raise Failure(f"the edge failed: see {self.directory}/edge.log")
            outcome = self.cloud_directory() / "summary.json"
            self.await_that(outcome.exists, "the cloud does not end the run")
            result.cpu = {"edge": used.ru_utime + used.ru_stime, "cloud": cpu_of(cloud.pid)}
            result.memory = peak_memory_of(cloud.pid)
        result.steps = self.steps()
        result.log_lines = len(self.log.read_text(errors="replace").splitlines())
        for side, place in (("edge", self.edge_directory), ("cloud", self.cloud_directory())):
            result.hashes[side] = hashlib.sha256((place / f"{side}.safetensors").read_bytes()).hexdigest()
        return result

    def flood(self, result: Result, edge: subprocess.Popen, words: list[str]) -> None:
        """Lets connections come from the first steps on."""
        self.await_that(lambda: len(self.steps()) >= 2 or edge.poll() is not None, "the edge does not begin")
        before = len(self.steps())
        command = ["nice", "-n", "19", sys.executable, "-B", "-m", "experiments.flood", *words]
        result.flood = json.loads(programs.output_of(command))
        result.during = (before, len(self.steps()))
        if edge.poll() is not None:
            say(f"{result.name}: not all came while the edge trained; give it more --train-limit or --epochs")

    def steps(self) -> list[dict]:
        """Of the edge's log, so far."""
        file = self.edge_directory / "metrics.jsonl"
        return [line for line in read_lines(file) if line["type"] == "step"] if file.exists() else []

    def cloud_directory(self) -> Path:
        """Of this run."""
        return self.directory / "cloud" / read_json(self.edge_directory / "summary.json")["run_id"]

    @staticmethod
    def await_that(condition, trouble: str) -> None:
        """Ends the script if it does not become true."""
        end = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > end:
                raise Failure(trouble)
            time.sleep(0.05)


def cpu_of(process: int) -> float:
    """Seconds of processor time, of all its threads."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_memory_of(process: int) -> int:
    """Resident bytes, at most, so far."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def parse(arguments: list[str]) -> tuple[argparse.Namespace, list[str]]:
    """The script's options, and those of edge-trainer."""
    options = Options()
    options.add_argument("--connections", type=int, default=10_000)
    options.add_argument("--at-once", type=int, default=300)
    options.add_argument("--addresses", type=int, default=100)
    options.add_argument("--directory", type=Path, default=programs.default_directory("load"))
    own, others = options.split(arguments, "--tls", "--insecure", "--state-dir", "--trace", "--offline")
    for name, most in (("connections", 10**7), ("at_once", 900), ("addresses", 60_000)):
        if not 1 <= getattr(own, name) <= most:
            raise usage(f"--{name.replace('_', '-')} {getattr(own, name)}: expected 1 to {most}")
    given = others + unless_given(DEFAULTS, others)
    if programs.configuration(given)["strategy"] == "edge-only":
        raise usage("edge-only has no cloud")
    return own, given


def table(results: list[Result]) -> None:
    """Prints the runs."""
    during = results[-1].during
    rows = [["", "images/s", "of undisturbed", "edge CPU s", "cloud CPU s", "cloud MB", "cloud log", "connections"]]
    rows[0] += ["in s", "their CPU s"]
    for result in results:
        speed, base = result.speed(during), results[0].speed(during)
        row = [result.name, f"{speed:.1f}", f"{100 * speed / base:.1f} %", f"{result.cpu['edge']:.1f}"]
        row += [f"{result.cpu['cloud']:.1f}", f"{result.memory / MEGABYTE:.1f}", f"{result.log_lines} lines"]
        flood = result.flood
        row += [str(flood["connected"]), f"{flood['seconds']:.1f}", f"{flood['cpu']:.1f}"] if flood else ["0", "", ""]
        rows.append(row)
    widths = [max(map(len, column)) for column in zip(*rows)]
    for row in rows:
        cells = [row[0].ljust(widths[0])] + [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]
        print("  ".join(cells).rstrip())


def main(arguments: list[str]) -> int:
    """Returns the exit code."""
    own, options = parse(arguments)
    flood = [str(own.connections), str(own.at_once), str(own.addresses)]
    results, course = [], Course(3)
    for name, target in (("undisturbed", None), ("elsewhere", "sink"), ("to the cloud", "")):
        course.begin(name)
        run = Run(own.directory / name.replace(" ", "-"), options)
        results.append(run.train(Result(name), target, flood))
        say(f"{name}: {len(results[-1].steps)} steps")
    table(results)
    quiet, loud = results[0], results[-1]
    for side, value in loud.hashes.items():
        print(f"{side}.safetensors  {value}")
    wrong = [f"{side}.safetensors differs" for side in quiet.hashes if len({one.hashes[side] for one in results}) > 1]
    if loud.memory - quiet.memory > MOST_MEMORY:
        wrong.append(f"the cloud took {(loud.memory - quiet.memory) / MEGABYTE:.1f} MB more than undisturbed")
    if loud.flood["not taken"]:
        wrong.append(f"{loud.flood['not taken']} connections were not taken")
    for line in wrong:
        say(line)
    say(f"the runs are in {own.directory}")
    return 1 if wrong else 0


if __name__ == "__main__":
    programs.start("load-test.sh", main)
