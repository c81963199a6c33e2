"""Trains a network with several strategies over the same link and compares their times; see scripts/race.sh."""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

from report.files import read_json
from report.runs import STRATEGIES

from . import programs
from .programs import SCRIPTS, Failure, Options, as_line, has, items, output_of, program, say, unless_given, usage
from .trials import Trial, run_all

DEFAULTS = {"--epochs": 1, "--train-limit": 5000, "--test-limit": 1000}
# Another network has the cut and the head of edge-trainer.
NETWORK = {"--architecture": "vgg16", "--cut": 3, "--exit-head": "conv"}


class Racer(Trial):
    """Has arrived once racer.json says so, which is written last."""

    def has_arrived(self) -> bool:
        file = self.directory / "racer.json"
        return file.exists() and read_json(file).get("exit_code") == 0


def racers_of(text: str) -> list[tuple[str, list[str]]]:
    """The names and options that --racers means."""
    for name in items(text):
        if name not in STRATEGIES:
            raise argparse.ArgumentTypeError(f"{name}: expected some of {' '.join(STRATEGIES)}")
    return [(name, ["--strategy", name]) for name in items(text)]


def racer_of(text: str) -> list[tuple[str, list[str]]]:
    """The name and the options in 'name: option...'."""
    name, colon, words = text.partition(":")
    if not colon or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
        raise argparse.ArgumentTypeError(f"{text}: expected a name of letters, digits and . _ -, a colon, and options")
    programs.refuse(words.split())
    return [(name, words.split())]


def parse(arguments: list[str]) -> tuple[argparse.Namespace, list[str]]:
    """The script's options, and those of all racers."""
    options = Options()
    options.add_argument("--link-rate", default="3g")
    options.add_argument("--racers", dest="racers", action="append", type=racers_of)
    options.add_argument("--racer", dest="racers", action="append", type=racer_of)
    options.add_argument("--directory", type=Path, default=programs.default_directory("race"))
    own, others = options.split(arguments, "--strategy", "--trace")
    own.racers = sum(own.racers or [racers_of(",".join(STRATEGIES))], [])
    names = [name for name, _ in own.racers]
    for name in names:
        if names.count(name) > 1:
            raise usage(f"two racers are named {name}")
    return own, others


def options_of(link_rate: str, others: list[str], racer: list[str]) -> list[str]:
    """All options of a racer."""
    link = [] if link_rate == "none" else ["--link-rate", link_rate]
    given = others + racer
    defaults = DEFAULTS if has("--architecture", others) else DEFAULTS | NETWORK
    return ["--one-core-each", *link, *given, *unless_given(defaults, given)]


def cores() -> list[int]:
    """A processor of each physical core that this process may use, in the order in which --one-core-each takes them."""
    found = {}
    for processor in sorted(os.sched_getaffinity(0)):
        topology = Path(f"/sys/devices/system/cpu/cpu{processor}/topology")
        found.setdefault(tuple((topology / key).read_text() for key in ("physical_package_id", "core_id")), processor)
    return list(found.values())


def benchmark(*words: str) -> dict:
    """What the benchmark program says, on the edge's core."""
    command = ["taskset", "--cpu-list", str(cores()[0]), program("benchmark"), *words]
    return json.loads(output_of(command))


def now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def commit() -> str:
    command = ["git", "-C", SCRIPTS, "describe", "--always", "--dirty", "--abbrev=12"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip() or "unknown"


def write(path: Path, values: dict) -> None:
    """A file of JSON."""
    with programs.uninterrupted():
        path.write_text(json.dumps(values, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def describe_machine(file: Path, command: str) -> None:
    """Writes machine.json; ends the script if the race is another machine's."""
    cpu = "".join(re.findall(r"^Model name: *(.*)", output_of(["lscpu"]), re.MULTILINE)[:1])
    if file.exists():
        if read_json(file).get("cpu") != cpu:
            raise Failure(f"{file.parent} holds a race on another machine")
        return
    used, peak, system = cores(), benchmark("peak", "--threads", "1"), os.uname()
    machine = {"cpu": cpu, "cores": len(used), "processors": f"{used[0]} and {used[1]}", "kernels": peak["kernels"]}
    machine |= {"sgemm_gigaflops": peak["gigaflops"], "system": f"{system.sysname} {system.release} {system.machine}"}
    write(file, machine | {"git_commit": commit(), "date": now(), "command": command})


def race(racer: Racer) -> int:
    """Runs a racer, describes it in racer.json, and returns its exit code."""
    speeds = [benchmark("peak", "--threads", "1")["gigaflops"]]
    known = {"name": racer.name, "edge_command": as_line(racer.command), "git_commit": commit(), "started_at": now()}
    code = racer.run()
    if code:
        known["error"] = racer.last_words(code)
        say(f"{racer.name} FAILED: {known['error']}")
    else:
        arithmetic = benchmark("arithmetic", f"{racer.directory}/edge/config.json")
        known |= {key: arithmetic[key] for key in ("edge_operations", "cloud_operations")}
    speeds.append(benchmark("peak", "--threads", "1")["gigaflops"])
    write(racer.directory / "racer.json", known | {"sgemm_gigaflops": speeds, "exit_code": code})
    return code


def main(arguments: list[str]) -> int:
    """Returns the exit code."""
    own, others = parse(arguments)
    if len(cores()) < 2:
        raise Failure(f"needs two processor cores, here is {len(cores())}")
    others = programs.data_options(others) + others
    racers = [Racer(name, own.directory / name, options_of(own.link_rate, others, words)) for name, words in own.racers]
    for racer in racers:
        programs.configuration(racer.options)
    describe_machine(programs.make_directory(own.directory) / "machine.json", as_line(["scripts/race.sh", *arguments]))
    failures = run_all(racers, race, own.directory)
    report = [sys.executable, "-B", SCRIPTS / "report.py", "--tables", own.directory]
    failures += subprocess.run(report, check=False).returncode
    say(f"the race is in {own.directory}")
    return 1 if failures else 0


if __name__ == "__main__":
    programs.start("race.sh", main)
