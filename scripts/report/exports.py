"""What both sides of runs have logged, as event files of TensorBoard and as CSV; of runs that go on, as they go on."""

from __future__ import annotations

import os
import time
from pathlib import Path

from experiments.programs import Failure, say, uninterrupted

from . import csv_files
from .logs import Log, ReportError, find_logs

INTERVAL = 1.0  # seconds between two looks


def write(paths, tensorboard, csv, follow):
    """Writes what is there; with `follow`, goes on until all runs have ended."""
    paths = [Path(path) for path in paths]
    for path in paths:
        if not path.is_dir():
            raise ReportError(f"{path}: no such directory; expected that of a run or a race")
    logs, writers, told = {}, {}, set()
    while True:
        found, errors = find_logs(paths)
        errors = [text for text in dict.fromkeys(map(str, errors)) if text not in told]
        if not found and not logs and not follow and len(errors) == 1:
            raise ReportError(errors[0])
        for text in errors:
            say(f"left out: {text}")
        told.update(errors)
        for place, directory in found.items():
            if place not in logs:
                logs[place] = Log(directory)
                writers[place] = list(writers_of(logs[place], place, tensorboard, csv))
        if not logs and not follow:
            raise ReportError(
                f"{paths[0]}: no run: expected config.json and metrics.jsonl, in edge/ or cloud/ for example"
            )
        for place, log in logs.items():
            is_new, lines = log.read()
            for writer in writers[place] if is_new or lines else []:
                with uninterrupted():
                    save(writer, lines, is_new)
        if not follow or (logs and all(log.has_ended for log in logs.values())):
            break
        time.sleep(INTERVAL)
    for output in filter(None, (tensorboard, csv)):
        say(f"wrote {len(logs)} logs to {output}")


def writers_of(log, place, tensorboard, csv):
    """What writes the lines of a log."""
    if tensorboard:
        from . import event_files  # which needs the package

        yield event_files.EventFile(log, tensorboard / place)
    if csv:
        yield csv_files.CSVFile(csv / place / "steps.csv", csv_files.STEP)
        yield csv_files.CSVFile(csv / place / "epochs.csv", csv_files.EPOCH)


def save(writer, lines, is_new):
    """Appends lines to a file, or, if they are all that its log has, makes the file hold them and nothing else: what it
    holds of them already stays, and what it holds of others goes, at once."""
    path = writer.path
    try:
        if not is_new:
            append(path, writer.encode(lines))
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        content = writer.head() + writer.encode(lines)
        present = path.read_bytes() if path.exists() else b""
        if content.startswith(present):
            append(path, content[len(present) :])
        else:
            temporary = path.with_name(path.name + ".new")
            temporary.write_bytes(content)
            os.replace(temporary, path)
    except OSError as error:
        raise Failure(f"{error.filename or path}: {error.strerror}", 73) from error


def append(path, content):
    """Adds to the end of a file."""
    with path.open("ab", buffering=0) as file:
        while content:
            content = content[file.write(content) :]
