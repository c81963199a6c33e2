"""Trains on some classes, and then on all, from those weights and from scratch; see scripts/new-classes.sh."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from report.files import read_json
from report.runs import Run, read_run
from report.tables import Grid
from report.timing import accuracy_over_time

from . import programs
from .programs import SCRIPTS, Failure, Options, as_line, say, unless_given, usage
from .trials import Trial, run_all

DEFAULTS = {"--architecture": "vgg16", "--convolution": "winograd", "--compression": "zstd"}
# Another network has the cut and the head of edge-trainer.
NETWORK = {"--cut": 3, "--exit-head": "conv", "--bits": 2}
KNOWN, AGAIN, FROZEN, SCRATCH = "known", "again", "frozen", "scratch"


class Continuation(Trial):
    """Begins from the weights of another trial, which is complete by then."""

    known: Trial

    @property
    def command(self) -> list[str]:
        weights = [self.known.directory / "edge/edge.safetensors"]
        weights += sorted(self.known.directory.glob("cloud/*/cloud.safetensors"))
        words = ["--initial-weights", ",".join(map(str, weights))]
        return programs.local_command([*self.options, *words], self.directory)


def words_of(text: str) -> list[str]:
    """Options in one word."""
    programs.refuse(text.split(), "--initial-weights", "--send-weights", "--freeze-front", "--strategy")
    return text.split()


def parse(arguments: list[str]) -> tuple[argparse.Namespace, list[str]]:
    """The script's options, and those of all runs."""
    options = Options()
    options.add_argument("--known", type=int, default=8)
    options.add_argument("--target", type=float, default=0.8)
    options.add_argument("--before", type=words_of, default="--epochs 4")
    options.add_argument("--again", type=words_of, default="--epochs 1 --learning-rate 0.08")
    options.add_argument("--scratch", type=words_of, default="--epochs 4")
    options.add_argument("--directory", type=Path, default=programs.default_directory("new-classes"))
    own, others = options.split(arguments, "--initial-weights", "--send-weights", "--freeze-front", "--strategy")
    if own.known < 2:
        raise usage(f"--known {own.known}: expected at least 2")
    if not 0 < own.target < 1:
        raise usage(f"--target {own.target}: expected more than 0, less than 1")
    return own, others


def trials_of(own: argparse.Namespace, others: list[str]) -> list[Trial]:
    """The runs, in the order in which they go."""
    defaults = DEFAULTS | ({} if programs.has("--architecture", others) else NETWORK)
    common = [*unless_given(defaults, others), *others]

    def make(kind, name: str, words: list[str]) -> Trial:
        return kind(name, own.directory / name, common + words)

    known = make(Trial, KNOWN, ["--classes", str(own.known), *own.before])
    again = make(Continuation, AGAIN, own.again)
    frozen = make(Continuation, FROZEN, [*own.again, "--freeze-front"])
    again.known = frozen.known = known
    return [known, again, frozen, make(Trial, SCRATCH, own.scratch)]


def mean(values: list) -> float | None:
    """Of those that are there."""
    there = [value for value in values if value is not None]
    return sum(there) / len(there) if there else None


def epochs_of(run: Run, known: int) -> list[dict]:
    """Of each epoch the seconds of training so far, and the final accuracies."""
    rows = []
    for (seconds, accuracy), epoch in zip(accuracy_over_time(run, "final_accuracy"), run.epochs):
        classes = epoch.get("final_class_accuracies") or []
        rows.append(
            {
                "epoch": epoch["epoch"], "seconds": seconds, "final": accuracy, "exit": epoch.get("exit_accuracy"),
                "known": mean(classes[:known]), "new": mean(classes[known:]),
            }
        )  # fmt: skip
    return rows


def percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.2f} %"


def table(epochs: dict[str, list[dict]]) -> str:
    """All epochs of all runs."""
    heads = ("run", "epoch", "seconds of training", "final, all", "final, known", "final, new", "exit, all")
    grid = Grid(*heads)
    for name, rows in epochs.items():
        for row in rows:
            accuracies = [percent(row[key]) for key in ("final", "known", "new", "exit")]
            grid.add(name, row["epoch"], f"{row['seconds']:.0f}", *accuracies)
    return grid.markdown()


def seconds_to(target: float, rows: list[dict]) -> float | None:
    """Until the end of the first epoch with that final accuracy."""
    return next((row["seconds"] for row in rows if row["final"] >= target), None)


def verdicts(epochs: dict[str, list[dict]], target: float) -> list[str]:
    """What it comes to, in lines."""
    scratch = seconds_to(target, epochs[SCRATCH])
    lines = []
    for name in (AGAIN, FROZEN):
        seconds, last = seconds_to(target, epochs[name]), epochs[name][-1]
        if seconds is None or scratch is None:
            missing = [run for run, value in ((name, seconds), (SCRATCH, scratch)) if value is None]
            lines.append(f"{name}: {percent(target)} was not reached by {' and '.join(missing)}")
        else:
            lines.append(
                f"{name}: {percent(target)} of all classes after {seconds:.0f} s, from scratch after {scratch:.0f} s: "
                f"{scratch / seconds:.1f} times sooner"
            )
        lines.append(
            f"{name}: the known classes ended at {percent(last['known'])}, {percent(epochs[KNOWN][-1]['known'])} when "
            "there were no others"
        )
    return lines


def main(arguments: list[str]) -> int:
    """Returns the exit code."""
    own, others = parse(arguments)
    others = programs.data_options(others) + others
    trials = trials_of(own, others)
    config = programs.configuration(trials[-1].options)
    # That of CIFAR-10 is not said.
    classes = config.get("task", {}).get("classes", 10)
    if own.known >= classes:
        raise usage(f"--known {own.known}: the data has {classes} classes, expected more")
    programs.configuration(trials[0].options)

    def run(trial: Trial) -> int:
        if isinstance(trial, Continuation) and not trial.known.has_arrived():
            say(f"{trial.name} has no weights to begin from")
            return 1
        code = trial.run()
        if code:
            say(f"{trial.name} FAILED: {trial.last_words(code)}")
        return code

    (programs.make_directory(own.directory) / "command").write_text(
        as_line(["scripts/new-classes.sh", *arguments]) + "\n"
    )
    failures = run_all(trials, run, own.directory)
    if failures:
        raise Failure(f"{failures} of {len(trials)} runs failed; the same command with --directory {own.directory} goes on")
    epochs = {trial.name: epochs_of(read_run(trial.directory, trial.name), own.known) for trial in trials}
    print(table(epochs))
    lines = verdicts(epochs, own.target)
    print("", *lines, sep="\n")
    compared = [own.directory / name for name in (AGAIN, FROZEN, SCRATCH)]
    report = [sys.executable, "-B", SCRIPTS / "report.py", *compared, "--output", own.directory / "report"]
    if subprocess.run(report, stdout=subprocess.DEVNULL, check=False).returncode:
        say("the plot could not be drawn")
    say(f"everything is in {own.directory}")
    return 0 if all(seconds_to(own.target, epochs[name]) is not None for name in (AGAIN, SCRATCH)) else 1


if __name__ == "__main__":
    programs.start("new-classes.sh", main)
