"""Which classes a network takes for which: what `edge-trainer predict --confusion` writes."""

import csv
import io
from pathlib import Path

from .files import ReportError, read_text
from .script_tables import Table

# Of more classes only the worst are listed.
LISTED, WORST = 20, 10


def read(path):
    """What `edge-trainer predict --confusion` wrote. A row is an output: its name, "classes", and their "counts": a
    list for each true class, of how often which was predicted."""
    path = Path(path)
    try:
        heading, *lines = list(csv.reader(io.StringIO(read_text(path)), strict=True)) or [[]]
    except csv.Error as error:
        raise ReportError(f"{path}: no CSV: {error}") from error
    classes = heading[2:]
    if heading[:2] != ["output", "class"] or not classes:
        raise ReportError(f"{path}: expected the heading output,class,... that edge-trainer predict --confusion writes")
    outputs = {}
    for place, line in enumerate(lines, start=2):
        if len(line) != len(heading) or not all(cell.isdecimal() for cell in line[2:]):
            raise ReportError(f"{path}, line {place}: expected output, class and {len(classes)} counts")
        outputs.setdefault(line[0], []).append(line)
    for name, rows in outputs.items():
        if [row[1] for row in rows] != classes:
            raise ReportError(f"{path}: the rows of the {name} prediction are not those of the heading's classes")
    if not outputs:
        raise ReportError(f"{path}: no rows")
    rows = [
        {"output": name, "classes": classes, "counts": [[int(cell) for cell in row[2:]] for row in rows]}
        for name, rows in outputs.items()
    ]
    return Table(path.stem, "confusion", path, rows)


def classes(rows):
    """Output, name, images, fraction that is right (None of no images), and what the most of the others are taken for
    (None of no others), class by class; the worst ones of many."""
    for row in rows:
        for recall, label in listed(row["counts"]):
            counts = row["counts"][label]
            others = [(count, -other) for other, count in enumerate(counts) if other != label and count]
            count, other = max(others, default=(0, 0))
            mistake = f"{row['classes'][-other]} ({count})" if others else None
            yield row["output"], row["classes"][label], sum(counts), recall, mistake


def listed(counts):
    """Fractions that are right, with the numbers of the classes."""
    recalls = [(line[label] / sum(line) if sum(line) else None, label) for label, line in enumerate(counts)]
    if len(recalls) <= LISTED:
        return recalls
    return sorted(pair for pair in recalls if pair[0] is not None)[:WORST]
