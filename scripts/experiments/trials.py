"""Runs that go into a directory each, one after the other; those that are complete are not repeated later."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from report.files import read_json

from .programs import Interrupted, as_line, local_command, make_directory, run, say, usage
from .progress import Course, watch


@dataclass
class Trial:
    """A run of both programs. Its directory holds edge/, cloud/, the command, and what the programs print."""

    name: str
    directory: Path
    options: list[str]
    course: Course | None = None  # of which it is a part

    @property
    def command(self) -> list[str]:
        """Starts both programs."""
        return local_command(self.options, self.directory)

    def has_arrived(self) -> bool:
        """Whether it is complete, with whatever options."""
        summary = self.directory / "edge" / "summary.json"
        return summary.exists() and read_json(summary).get("outcome") == "completed"

    def is_complete(self) -> bool:
        """Whether it need not run again. Ends the script if it had other options."""
        if not self.has_arrived():
            return False
        record = self.directory / "command"
        if not record.exists() or record.read_text().strip() != as_line(self.command):
            raise usage(f"{self.directory} was run with other options: see {record}")
        return True

    def run(self) -> int:
        """Runs it in place of what was there, and returns the exit code of the edge."""
        shutil.rmtree(self.directory, ignore_errors=True)
        make_directory(self.directory)
        (self.directory / "command").write_text(as_line(self.command) + "\n")
        with (self.directory / "edge.txt").open("wb") as output, (self.directory / "edge.log").open("wb") as errors:
            log = watch(self.course, self.directory / "edge.log")
            return run(self.command, log, stdout=output, stderr=errors)

    def last_words(self, code: int) -> str:
        """The last line that the edge printed to standard error, or else its exit code."""
        lines = (self.directory / "edge.log").read_text(errors="replace").strip().splitlines()
        return "".join(filter(str.isprintable, lines[-1])) if lines else f"exit code {code}"


def run_all(trials: list, run_one, directory: Path) -> int:
    """Calls `run_one` with each of the trials that is not complete; returns how many exit codes it gave but 0."""
    make_directory(directory)
    failures, missing = 0, []
    for trial in trials:
        if trial.is_complete():
            say(f"{trial.name} is complete")
        else:
            missing.append(trial)
    course = Course(len(missing))
    for trial in missing:
        if trial.directory.exists():
            say(f"{trial.name} did not arrive last time; it starts again")
        trial.course = course
        course.begin(trial.name, f"see {trial.directory}/edge.log")
        try:
            failures += run_one(trial) != 0
        except Interrupted:
            say(f"interrupted; to go on: the same command with --directory {directory}")
            raise
    return failures
