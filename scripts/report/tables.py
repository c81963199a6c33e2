"""The numbers of races, runs and tables, for a terminal, as Markdown or as HTML."""

import re
from html import escape

from . import confusion, ledger, timing
from .terminal import columns, printable


def fixed(value, decimals=1):
    """A number, or a dash for none."""
    return "–" if value is None else f"{value:,.{decimals}f}"


def percent(value, sign=False):
    """A fraction in per cent."""
    return "–" if value is None else f"{100 * value:{'+' if sign else ''}.1f} %".replace("-", "−")


def accuracy(value):
    """A fraction in per cent, as precise as 10,000 images allow."""
    return "–" if value is None else f"{100 * value:.2f} %"


UNKNOWN = "unknown"


class Grid:
    """Columns with a heading and rows of text; the first `left` columns are words, the others numbers."""

    def __init__(self, *headings, left=1):
        self.headings, self.left, self.rows = headings, left, []

    def add(self, *cells):
        """Appends a row."""
        self.rows.append([str(cell) for cell in cells])

    def without_empty(self):
        """The same, but for columns of numbers in which there is none."""
        kept = [
            column
            for column in range(len(self.headings))
            if column < self.left or any(row[column] != "–" for row in self.rows)
        ]
        grid = Grid(*(self.headings[column] for column in kept), left=self.left)
        grid.rows = [[row[column] for column in kept] for row in self.rows]
        return grid

    def html(self):
        """For a page."""

        def line(tag, cells):
            classes = (" class=words" if column < self.left else "" for column in range(len(cells)))
            return "".join(f"<{tag}{kind}>{escape(cell)}</{tag}>" for cell, kind in zip(cells, classes))

        # No line begins with a unit.
        headings = [re.sub(" (s|min)$", "\u00a0\\1", heading) for heading in self.headings]
        head = f"<thead><tr>{line('th', headings)}</tr></thead>"
        body = "".join(f"<tr>{line('td', row)}</tr>\n" for row in self.rows)
        return f"<div class=wide><table>{head}<tbody>\n{body}</tbody></table></div>"

    def markdown(self):
        """For a report."""
        marks = ["---" if column < self.left else "---:" for column in range(len(self.headings))]
        lines = [self.headings, marks, *self.rows]
        # A name may be one that Markdown or HTML would take for its own.
        rows = ([re.sub(r"([|`*_\\])", r"\\\1", escape(cell, quote=False)) for cell in line] for line in lines)
        return "\n".join("| " + " | ".join(row) + " |" for row in rows) + "\n"

    def text(self):
        """For a terminal."""
        lines = [[printable(cell) for cell in line] for line in (self.headings, *self.rows)]
        widths = [max(columns(line[column]) for line in lines) for column in range(len(self.headings))]
        lines.insert(1, ["-" * width for width in widths])

        def aligned(cell, column):
            padding = " " * (widths[column] - columns(cell))
            return cell + padding if column < self.left else padding + cell

        rows = ("  ".join(aligned(cell, column) for column, cell in enumerate(line)) for line in lines)
        return "".join(row.rstrip() + "\n" for row in rows)


def times(rows, baseline=None):
    """Where the time of an epoch goes, against that of the baseline."""
    grid = Grid(
        "run", "epoch s", "images/s", "against cloud-stream", "paper", "edge busy s", "link busy s", "cloud busy s",
        "edge idle s", "cloud idle s", "overlap",
    )  # fmt: skip
    for row in rows:
        grid.add(
            row.name,
            fixed(row.seconds),
            fixed(row.images_per_second),
            percent(timing.reduction(row, baseline), sign=True),
            percent(timing.paper_reduction(row.run) if baseline else None, sign=True),
            *(known(row, value) for value in (row.edge_busy, row.link_busy, row.cloud_busy)),
            *(known(row, value) for value in (row.edge_idle, row.cloud_idle)),
            known(row, row.overlap, 3),
        )
    return grid.without_empty()


def known(row, value, decimals=1):
    """A number, or that nobody knows it here; a dash if there is none."""
    return UNKNOWN if value is None and row.run.missing else fixed(value, decimals)


def floors(rows):
    """What no epoch can go below, or no direct one, and the bytes."""
    grid = Grid(
        "run", "network", "link floor s", "edge direct s", "cloud direct s", "up B/image", "down B/image",
        "both sides' bytes", left=2,
    )  # fmt: skip
    for row in rows:
        grid.add(
            row.name,
            row.run.title,
            *(fixed(value) for value in (row.link_floor, row.edge_floor, row.cloud_floor)),
            *(("≥ " if ledger.is_at_least(row.run) else "") + fixed(value, 0) for value in (row.up, row.down)),
            agreement(row.run),
        )
    return grid.without_empty()


def agreement(run):
    """Whether both sides have counted the same bytes."""
    if run.missing:
        return UNKNOWN
    if any(ledger.lost(run)) and not ledger.differences(run):
        return UNKNOWN
    return "DIFFER" if ledger.differences(run) else "–" if run.is_alone else "agree"


def accuracies(runs):
    """What the training gave."""
    grid = Grid("run", "epochs", "images", "test images", "exit", "final")
    for run in runs:
        grid.add(
            run.label,
            run.here["completed_epochs"],
            f"{run.config['train_images']:,}",
            f"{run.config['test_images']:,}",
            accuracy(run.here["exit_accuracy"]),
            accuracy(run.here["final_accuracy"]),
        )
    return grid.without_empty()


def lent(race):
    """When accuracies of longer runs would have been reached at the racers' speed."""
    grid = Grid("run", "accuracies of", "epochs", "images", "training min", "exit", "final", left=2)
    for racer, run in race.lent:
        points = timing.lent_accuracies(racer, run, "final_accuracy")
        grid.add(
            racer.label,
            run.label,
            len(run.epochs),
            f"{run.config['train_images']:,}",
            fixed(points[-1][0] / 60),
            accuracy(run.here["exit_accuracy"]),
            accuracy(run.here["final_accuracy"]),
        )
    return grid


NOTE = """Seconds are those of training in one epoch, the mean over the run's epochs, without evaluation; link busy:
sending, in both directions together. Overlap: epoch ÷ the busiest of edge, link and cloud. Link floor: bytes ÷ the
link's rate. Direct: the multiplications and additions of a direct training step (forward and both gradients, without
the input gradient of the first layer) ÷ what sgemm reached on one core just before or after the run, whichever was
more; no floor for Winograd convolutions, which multiply less, nor quite one for small images, whose padding is not
multiplied. Bytes per image are those of training, framing included. A dash: there is none.
"""


def frontier(rows):
    """The settings of a frontier with whatever they tell; those that no other beats are marked."""
    numbers = ("bytes_per_image", "exit_accuracy", "final_accuracy")
    apart = (*numbers, "command", "directory", "values", "raw_bytes", "setting")
    keys = list(dict.fromkeys(key for row in rows for key in row if key not in apart))
    if any("setting" in row for row in rows):
        keys.insert(0, "setting")
    networks = dict.fromkeys(row.get("architecture") for row in rows)
    best = [
        row for name in networks for row in timing.efficient([row for row in rows if row.get("architecture") == name])
    ]
    headings = [key.replace("_", " ") for key in keys]
    grid = Grid(*headings, "bytes per image", "exit", "final", "best", left=len(keys))
    for row in sorted(rows, key=lambda row: (str(row.get("architecture")), row["bytes_per_image"])):
        grid.add(
            *("–" if row.get(key) is None else row[key] for key in keys),
            fixed(row["bytes_per_image"], 0),
            accuracy(row.get("exit_accuracy")),
            accuracy(row["final_accuracy"]),
            "yes" if row in best else "",
        )
    return grid


def setting_of(row):
    """What tells a row from the others, in words."""
    keys = ("architecture", "cut", "bottleneck", "bits", "scale", "compression")
    words = (f"{key.replace('_', ' ')} {row[key]}" for key in keys if row.get(key) is not None)
    return row.get("setting") or ", ".join(words) or "a row"


def plan(rows):
    """Predicted and measured times."""
    grid = Grid("setting", "predicted s", "measured s", "error")
    for row, error in zip(rows, timing.prediction_errors(rows)):
        grid.add(
            setting_of(row),
            fixed(row["predicted_seconds"], 2),
            fixed(row["measured_seconds"], 2),
            percent(error, sign=True),
        )
    return grid


def median_error(rows):
    """A sentence."""
    errors = [abs(error) for error in timing.prediction_errors(rows)]
    return f"{len(rows)} settings; median error {100 * timing.median(errors):.1f} %, largest {100 * max(errors):.1f} %"


def confused(rows):
    """How many images of each class an output gets right, and for what it takes the others; the worst of many
    classes."""
    grid = Grid("prediction", "class", "images", "right", "most often taken for", left=2)
    for output, name, images, recall, mistake in confusion.classes(rows):
        grid.add(output, name, f"{images:,}", accuracy(recall), mistake or "–")
    return grid


def table(thing):
    """The rows that a script or predict has made."""
    return {"plan": plan, "frontier": frontier, "confusion": confused}[thing.kind](thing.rows)


def epochs(run):
    """Every epoch of a run, as the edge logged it, or the cloud if that is all."""
    # Where there is an exit, the edge's loss is that of it.
    loss = "exit loss" if run.edge and run.here["strategy"] == "hierarchical" else "loss"
    grid = Grid("epoch", "training s", "busy s", "idle s", loss, "exit", "final")
    for epoch in run.epochs:
        grid.add(
            epoch["epoch"],
            fixed(epoch["training_seconds"]),
            fixed(epoch["busy_seconds"]),
            fixed(epoch["idle_seconds"]),
            fixed(epoch["train_loss"], 4),
            accuracy(epoch["exit_accuracy"]),
            accuracy(epoch["final_accuracy"]),
        )
    return grid.without_empty()
