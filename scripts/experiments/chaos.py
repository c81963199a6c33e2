"""Trains while links and programs fail, and compares what comes of it; see scripts/chaos.sh."""

from __future__ import annotations

import argparse
import hashlib
import random
import resource
import shutil
import signal
import subprocess
import time
from pathlib import Path

from report.files import read_json, read_lines

from . import programs
from .programs import Failure, Options, items, program, say, unless_given
from .progress import Course
from .proxy import DOWN, UP, Proxy

TIMEOUT = 2.0  # seconds of both programs
SILENCE = TIMEOUT + 1
PATIENCE = 120.0  # seconds in which a run must get on after a fault
FAULTS = [f"kill-{one}" for one in ("edge", "cloud", "both")] + ["reset", "silence", "silence-up", "silence-down"]
FAULTS += ["stop-edge", "stop-cloud", "full-edge", "full-cloud"]
DEFAULTS = {
    "--data": "synthetic", "--train-limit": 1280, "--test-limit": 256, "--batch-size": 32, "--epochs": 3,
    "--architecture": "vgg8", "--bits": 2, "--compression": "zstd", "--threads": 1, "--checkpoint-interval": 1,
}
TIMES = ("seconds", "per_second", "peak_memory")
# What was on its way when something failed is sent again, and signs of life are sent when there is time.
TRAFFIC = ("sent_bytes", "received_bytes", "resent_bytes")


class Run:
    """A run of both programs, with a way between them."""

    def __init__(self, directory: Path, options: list[str]):
        self.directory, self.options = directory, options
        self.edge_directory, self.cloud_directory = directory / "edge", directory / "cloud"
        programs.make_directory(directory)
        self.log = (directory / "programs.log").open("ab")
        self.edge: subprocess.Popen | None = None
        self.cloud, port = self.start_cloud(0)
        self.cloud_port = port
        self.proxy = Proxy(port)

    def start(self, command: list[str], **files) -> subprocess.Popen:
        """Starts a program, whose errors go to the log."""
        self.log.write(f"$ {programs.as_line(command)}\n".encode())
        self.log.flush()
        return subprocess.Popen(command, stderr=self.log, **files)

    def start_cloud(self, port: int) -> tuple[subprocess.Popen, int]:
        """Starts the cloud and waits until it listens."""
        command = [program("cloud-trainer"), "--listen", f"127.0.0.1:{port}", "--run-dir", str(self.cloud_directory)]
        command += ["--threads", "1", "--timeout", str(TIMEOUT), "--checkpoint-interval", "1"]
        process = self.start(command, stdout=subprocess.PIPE, text=True)
        words = process.stdout.readline().split()
        if not words:
            raise Failure(f"cloud-trainer does not start: see {self.log.name}")
        return process, int(words[-1].rsplit(":", 1)[1])

    def start_edge(self) -> None:
        """Starts the run, or goes on with it."""
        way = ["--cloud", f"127.0.0.1:{self.proxy.port}"]
        if list(self.edge_directory.glob("checkpoint-?.safetensors")):
            command = [program("edge-trainer"), "resume", str(self.edge_directory), *way]
        else:
            shutil.rmtree(self.edge_directory, ignore_errors=True)
            command = [program("edge-trainer"), "train", "--wait", "--run-dir", str(self.edge_directory), *way]
            command += ["--timeout", str(TIMEOUT), *self.options]
        self.edge = self.start(command, stdout=self.log)

    def mend(self) -> bool:
        """Starts again what has ended. Returns whether the run is done."""
        if self.cloud.poll() is not None:
            self.cloud, _ = self.start_cloud(self.cloud_port)
        if self.edge is None or self.edge.poll() not in (None, 0):
            self.start_edge()
        return self.edge.poll() == 0

    def await_end(self, seconds: float) -> bool:
        """Whether the run is done within so many seconds. Starts again what ends meanwhile."""
        end = time.monotonic() + seconds
        while not self.mend():
            if time.monotonic() >= end:
                return False
            time.sleep(0.02)
        return True

    def strike(self, fault: str) -> None:
        """Lets something happen."""
        kind, _, what = fault.partition("-")
        struck = [one for name, one in (("edge", self.edge), ("cloud", self.cloud)) if what in (name, "both")]
        if kind == "kill":
            for process in struck:
                process.kill()
            for process in struck:
                process.wait()
        elif kind == "reset":
            self.proxy.reset()
        elif kind == "silence":
            self.proxy.silence(*([{"up": UP, "down": DOWN}[what]] if what else [UP, DOWN]))
            time.sleep(SILENCE)
            self.proxy.silence()
        elif kind == "stop":
            for process in struck:
                process.send_signal(signal.SIGSTOP)
            time.sleep(SILENCE)
            for process in struck:
                process.send_signal(signal.SIGCONT)
        elif kind == "full":
            for process in struck:
                self.limit_files(process, 0)
            time.sleep(1)
            for process in struck:
                self.limit_files(process, resource.RLIM_INFINITY)

    @staticmethod
    def limit_files(process: subprocess.Popen, size: int) -> None:
        """No file of a process can grow beyond this size, if it is still there."""
        try:
            _, hard = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (size if size == 0 else hard, hard))
        except ProcessLookupError:
            pass

    def close(self) -> None:
        """Ends both programs."""
        for process in (self.edge, self.cloud):
            if process and process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.terminate()
                if not programs.has_ended(process, 10):
                    process.kill()
                    process.wait()
        self.proxy.close()
        self.log.close()

    def results(self) -> dict[str, object]:
        """What must be the same in all runs."""
        found: dict[str, object] = {}
        # A run that was killed before its first checkpoint has left the cloud's part of another name.
        run = read_json(self.edge_directory / "summary.json")["run_id"]
        for side, directory in (("edge", self.edge_directory), ("cloud", self.cloud_directory / run)):
            # A cloud whose edge's goodbye was lost keeps its checkpoints: the edge may not have the last report.
            for file in directory.glob(f"{side}.safetensors"):
                found[f"{side} {file.name}"] = hashlib.sha256(file.read_bytes()).hexdigest()
            summary = read_json(directory / "summary.json")
            found[f"{side} outcome"] = summary["outcome"]
            found[f"{side} accuracies"] = (summary["exit_accuracy"], summary["final_accuracy"])
            lines = [comparable(line) for line in read_lines(directory / "metrics.jsonl") if line["type"] != "event"]
            found[f"{side} metrics"] = sorted(lines, key=lambda line: (line["type"], line["epoch"], line.get("step", 0)))
        return found


def comparable(line: dict) -> dict:
    """A line of a log without what no two runs have in common."""
    return {
        key: value for key, value in line.items() if key not in TRAFFIC and not any(time in key for time in TIMES)
    }


def faults_of(text: str) -> list[str]:
    """The faults that --faults means."""
    for name in items(text):
        if name not in FAULTS:
            raise argparse.ArgumentTypeError(f"{name}: expected some of {' '.join(FAULTS)}")
    return items(text)


def parse(arguments: list[str]) -> tuple[argparse.Namespace, list[str]]:
    """The script's options, and those of edge-trainer."""
    options = Options()
    options.add_argument("--rounds", type=int, default=20)
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--faults", type=faults_of, default=FAULTS)
    options.add_argument("--directory", type=Path, default=programs.default_directory("chaos"))
    own, others = options.split(arguments, "--timeout", "--trace", "--wait", "--reconnect-for", "--offline")
    if own.rounds < 1:
        raise programs.usage(f"--rounds {own.rounds}: expected at least 1")
    given = others + unless_given(DEFAULTS, others)
    if programs.configuration(given)["strategy"] == "edge-only":
        raise programs.usage("edge-only has no cloud")
    return own, given


def undisturbed(directory: Path, options: list[str]) -> tuple[dict[str, object], float]:
    """What comes of a run that nothing happens to, and its seconds."""
    run = Run(directory, options)
    start = time.monotonic()
    try:
        if not run.await_end(3600):
            raise Failure(f"the undisturbed run does not end: see {run.log.name}")
        seconds = time.monotonic() - start
    finally:
        run.close()
    return run.results(), seconds


def main(arguments: list[str]) -> int:
    """Returns the exit code."""
    own, options = parse(arguments)
    say("a run that nothing happens to")
    expected, seconds = undisturbed(own.directory / "undisturbed", options)
    say(f"undisturbed: {seconds:.1f} s")
    chance = random.Random(own.seed)
    rounds, runs, differing, course = 0, 0, 0, Course(own.rounds)
    counts = dict.fromkeys(own.faults, 0)
    while rounds < own.rounds:
        runs += 1
        run = Run(own.directory / f"run-{runs}", options)
        try:
            while rounds < own.rounds and not run.await_end(chance.uniform(0, seconds / 3)):
                fault = chance.choice(own.faults)
                rounds += 1
                counts[fault] += 1
                course.begin(f"{fault} in run {runs}")
                run.strike(fault)
            if not run.await_end(PATIENCE + 4 * seconds):
                raise Failure(f"run {runs} gets no further after {fault}: see {run.log.name}")
        finally:
            run.close()
        found = run.results()
        damaged = b"cannot be used" in Path(run.log.name).read_bytes()
        wrong = [name for name in expected | found if expected.get(name) != found.get(name)]
        wrong += ["a checkpoint that could not be used"] if damaged else []
        differing += bool(wrong)
        if wrong:
            say(f"run {runs} differs in {', '.join(wrong)}: see {run.directory}")
    print(f"{rounds} faults in {runs} runs, {runs - differing} of them as the undisturbed one")
    print("  ".join(f"{fault} {count}" for fault, count in counts.items()))
    for name, value in expected.items():
        if name.endswith(".safetensors"):
            print(f"{name}  {value}")
    return 1 if differing else 0


if __name__ == "__main__":
    programs.start("chaos.sh", main)
