"""The tables of other scripts, as they are in their files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .files import ReportError, read_lines, read_text


@dataclass
class Table:
    """Lines that a script measured; kind is "frontier" or "plan". Of kind "confusion": the
    outputs of a network, see confusion.py."""

    name: str
    kind: str
    path: Path
    rows: list

    @property
    def directories(self):
        """The names of the directories beside it whose runs are its rows."""
        return set(filter(None, (Path(str(row.get("directory") or "")).name for row in self.rows)))


def number(text):
    """A cell of a table: a number where it is one, None where it is empty."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            pass
    return None if text in ("", "-", "none") else text


def read_table(path, name=None):
    """The table in a file with an object per line, or (.tsv) with columns and headings; None for another kind of
    lines."""
    if path.suffix == ".tsv":
        lines = [line.split("\t") for line in read_text(path).splitlines()]
        rows = [dict(zip(lines[0], map(number, line))) for line in lines[1:]]
    else:
        rows = read_lines(path)
    for kind, keys in (
        ("plan", ("predicted_seconds", "measured_seconds")),
        ("frontier", ("bytes_per_image", "final_accuracy")),
    ):
        if rows and all(isinstance(row.get(key), (int, float)) for row in rows for key in keys):
            for row in rows if kind == "plan" else []:
                if row["measured_seconds"] <= 0:
                    raise ReportError(f"{path}: measured_seconds is {row['measured_seconds']}, expected more than 0")
            return Table(name or path.stem, kind, path, rows)
    return None
