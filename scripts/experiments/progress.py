"""What of several things runs, how far that is, and how long it still takes: on standard error."""

from __future__ import annotations

import contextlib
import sys
import time
from pathlib import Path

from . import programs
from .programs import say


def duration(seconds: float) -> str:
    """As the programs write it: 0:07, 12:34, 1:02:03."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def last_line(file: Path) -> str:
    """The last whole line of a log, fit for a terminal; nothing if there is none."""
    with contextlib.suppress(OSError), file.open("rb") as log:
        log.seek(max(0, file.stat().st_size - 4096))
        lines = log.read().decode(errors="replace").split("\n")[:-1]
        return "".join(filter(str.isprintable, lines[-1])) if lines else ""
    return ""


class Course:
    """Things that are done one after the other. A line tells that one begins; on a terminal another one, which changes,
    how far it is."""

    def __init__(self, count: int, clock=time.monotonic):
        self.count, self.clock = count, clock
        self.number = 0  # of the thing under way, from 1
        self.took: list[float] = []  # seconds of those that are done
        self.what = ""
        self.began = clock()

    def begin(self, what: str, remark: str = "") -> None:
        """The next one begins, and with it ends the one before."""
        if self.number:
            self.took.append(self.clock() - self.began)
        self.number, self.what, self.began = self.number + 1, what, self.clock()
        left = self.seconds_left()
        words = f"{what} ({self.number} of {self.count})" + (f", about {duration(left)} left" if left else "")
        say(words + (f"; {remark}" if remark else ""))

    def seconds_left(self) -> float | None:
        """Of all, if the others take as long as those that are done; None as long as none is."""
        if not self.took:
            return None
        each = sum(self.took) / len(self.took)
        return max(0, each - (self.clock() - self.began)) + each * (self.count - self.number)

    def show(self, detail: str = "") -> None:
        """Shows how long it has run, on a terminal."""
        left = self.seconds_left()
        words = [f"{self.what} ({self.number} of {self.count})", duration(self.clock() - self.began)]
        words += [f"about {duration(left)} left"] if left is not None else []
        programs.show("  ".join([*words, detail] if detail else words))


def watch(course: Course | None, log: Path):
    """What to call now and then while a program runs that writes to a log; None if there is nobody to tell."""
    return (lambda: course.show(last_line(log))) if course and sys.stderr.isatty() else None
