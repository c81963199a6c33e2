"""The metrics.jsonl of runs, complete or not, as they grow."""

from __future__ import annotations

import itertools
import json

from . import search
from .files import ReportError, read_json

ENDS = ("completed", "interrupted", "failed", "trained")  # events after which a program writes no more


def find_logs(paths):
    """The directories of both sides below these paths, by the places that their files get: <name>/<run>/<side>; and
    what is wrong with others."""
    found, errors = {}, []
    for path in paths:
        root = path.resolve()
        sides, wrong = search.sides([root, *search.directories(root)])
        errors += wrong
        for directory, role, _ in sides:
            if not (search.holds(directory, "config.json") and (directory / "metrics.jsonl").is_file()):
                continue
            above = [root.parent.name if root.name == role else root.name]
            for part in directory.relative_to(root).parts:
                if part == role:
                    break
                above.append(part)
            place = "/".join([*above, role])
            places = itertools.chain([place, f"{place}/{directory.name}"], (f"{place}/{n}" for n in itertools.count(2)))
            found[next(free for free in places if found.get(free, directory) == directory)] = directory
    return found, errors


class Log:
    """One side's metrics.jsonl."""

    def __init__(self, directory):
        self.directory, self.path = directory, directory / "metrics.jsonl"
        self.config = read_json(directory / "config.json")
        self.length = 0  # bytes that are read
        self.last = b""  # line of them
        self.has_ended = False

    def read(self):
        """The lines that are new since the last call, as objects, and before them whether they are all: the log is read
        for the first time, or the run went back to a checkpoint."""
        try:
            with self.path.open("rb") as file:
                file.seek(self.length - len(self.last))
                is_new = self.length == 0 or file.read(len(self.last)) != self.last
                if is_new:
                    self.length, self.last = 0, b""
                    file.seek(0)
                content = file.read()
        except OSError as error:
            raise ReportError(f"{self.path}: {error.strerror}") from error
        # A line is written at once, but may be read while it is.
        lines = content[: content.rfind(b"\n") + 1].splitlines(keepends=True)
        objects = [self.parse(line) for line in lines]
        if lines:
            self.length += sum(map(len, lines))
            self.last = lines[-1]
            self.has_ended = objects[-1].get("event") in ENDS
        return is_new, objects

    def parse(self, line):
        """The object in a line."""
        try:
            value = json.loads(line)
        except ValueError as error:
            raise ReportError(f"{self.path}: no JSON: {line[:40]!r}: {error}") from error
        if not isinstance(value, dict):
            raise ReportError(f"{self.path}: expected JSON objects, found {line[:40]!r}")
        return value
