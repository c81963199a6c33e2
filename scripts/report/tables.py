"""The numbers of races, runs and tables, as text for a terminal or as Markdown."""

from . import confusion, timing
from .runs import Race, Run


def fixed(value, decimals=1):
    """A number, or a dash for none."""
    return "–" if value is None else f"{value:,.{decimals}f}"


def percent(value, sign=False):
    """A fraction in per cent."""
    return "–" if value is None else f"{100 * value:{'+' if sign else ''}.1f} %".replace("-", "−")


def accuracy(value):
    """A fraction in per cent, as precise as 10,000 images allow."""
    return "–" if value is None else f"{100 * value:.2f} %"


class Grid:
    """Columns with a heading and rows of text; the first `left` columns are words, the others numbers."""

    def __init__(self, *headings, left=1):
        self.headings, self.left, self.rows = headings, left, []

    def add(self, *cells):
        """Appends a row."""
        self.rows.append([str(cell) for cell in cells])

    def markdown(self):
        """For a report."""
        marks = ["---" if column < self.left else "---:" for column in range(len(self.headings))]
        lines = [self.headings, marks, *self.rows]
        rows = ([cell.replace("|", r"\|") for cell in line] for line in lines)
        return "\n".join("| " + " | ".join(row) + " |" for row in rows) + "\n"

    def text(self):
        """For a terminal."""
        lines = [self.headings, *self.rows]
        widths = [max(len(line[column]) for line in lines) for column in range(len(self.headings))]
        lines.insert(1, ["-" * width for width in widths])
        return "".join(
            "  ".join(
                cell.ljust(width) if column < self.left else cell.rjust(width)
                for column, (cell, width) in enumerate(zip(line, widths))
            ).rstrip()
            + "\n"
            for line in lines
        )


def times(rows):
    """Where the time of an epoch goes."""
    baseline = timing.baseline_of(rows)
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
            percent(timing.paper_reduction(row.run), sign=True),
            *(fixed(value) for value in (row.edge_busy, row.link_busy, row.cloud_busy)),
            *(fixed(value) for value in (row.edge_idle, row.cloud_idle)),
            fixed(row.overlap, 3),
        )
    return grid


def floors(rows):
    """What no epoch can go below, and the bytes."""
    grid = Grid(
        "run",
        "network",
        "floors: edge s",
        "link s",
        "cloud s",
        "up B/image",
        "down B/image",
        "both sides' bytes",
        left=2,
    )
    for row in rows:
        grid.add(
            row.name,
            row.run.title,
            *(fixed(value) for value in (row.edge_floor, row.link_floor, row.cloud_floor)),
            *(fixed(value, 0) for value in (row.up, row.down)),
            "DIFFER" if timing.ledger_differences(row.run) else "agree" if row.run.cloud else "–",
        )
    return grid


def accuracies(runs):
    """What the training gave."""
    grid = Grid("run", "epochs", "images", "test images", "exit", "final")
    for run in runs:
        grid.add(
            run.name,
            run.edge["completed_epochs"],
            f"{run.config['train_images']:,}",
            f"{run.config['test_images']:,}",
            accuracy(run.edge["exit_accuracy"]),
            accuracy(run.edge["final_accuracy"]),
        )
    return grid


def lent(race):
    """When accuracies of longer runs would have been reached at the racers' speed."""
    grid = Grid("run", "accuracies of", "epochs", "images", "training min", "exit", "final", left=2)
    for racer, run in race.lent:
        points = timing.lent_accuracies(racer, run, "final_accuracy")
        grid.add(
            racer.name,
            run.name,
            len(run.epochs),
            f"{run.config['train_images']:,}",
            fixed(points[-1][0] / 60),
            accuracy(run.edge["exit_accuracy"]),
            accuracy(run.edge["final_accuracy"]),
        )
    return grid


NOTE = """Seconds are those of training in one epoch, the mean over the run's epochs, without evaluation; link busy: sending, in both
directions together. Overlap: epoch ÷ the busiest of edge, link and cloud. Floors: bytes ÷ the link's rate; multiplications
and additions of a direct training step (forward and both gradients, without the input gradient of the first layer) ÷ what
sgemm reached on one core just before or after the run, whichever was more. A convolution that multiplies less than the direct
one (Winograd) can go below. Bytes per image are those of training, framing included.
"""


def frontier(rows):
    """The settings of a frontier with whatever they tell; those that no other beats are marked."""
    apart = ("bytes_per_image", "exit_accuracy", "final_accuracy", "command", "directory", "values", "raw_bytes", "setting")
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
    """How many images of each class an output gets right, and for what it takes the others; the worst of many classes."""
    grid = Grid("prediction", "class", "images", "right", "most often taken for", left=2)
    for output, name, images, recall, mistake in confusion.classes(rows):
        grid.add(output, name, f"{images:,}", accuracy(recall), mistake or "–")
    return grid


def table(thing):
    """The rows that a script or predict has made."""
    return {"plan": plan, "frontier": frontier, "confusion": confused}[thing.kind](thing.rows)


def runs_of(thing):
    """The runs of a race, or the run itself."""
    return thing.runs if isinstance(thing, Race) else [thing]


def rows_of(thing):
    """The epochs of a race or of one run, all of as many images as the longest."""
    rows = [row for run in runs_of(thing) for row in timing.epochs(run)]
    images = max((row.images for row in rows), default=0)
    return [row.of(images) for row in rows]


def problems(thing):
    """What went wrong in a race or a run, one line each."""
    failed = [f"{name}: {reason}" for name, reason in thing.failed] if isinstance(thing, Race) else []
    return failed + [f"{run.name}: {text}" for run in runs_of(thing) for text in timing.ledger_differences(run)]


def as_text(thing):
    """The tables of a race, a run or a script, for a terminal."""
    if not isinstance(thing, (Race, Run)):
        return table(thing).text() + (f"\n{median_error(thing.rows)}\n" if thing.kind == "plan" else "")
    parts = []
    rows = rows_of(thing)
    if rows:
        parts += [times(rows).text(), floors(rows).text(), accuracies(runs_of(thing)).text()]
    if isinstance(thing, Race) and thing.lent:
        parts += [lent(thing).text()]
    lines = timing.upload_verdict(thing.runs) if isinstance(thing, Race) else []
    lines += [f"PROBLEM: {line}" for line in problems(thing)]
    parts += ["\n".join(lines) + "\n"] if lines else []
    return "\n".join(parts)


def as_markdown(thing, images):
    """The section of a report: tables, images (file names with what they show) and commands."""
    lines = [f"## {thing.name}", ""]
    if isinstance(thing, (Race, Run)):
        lines += race_or_run(thing)
    else:
        lines += [f"From `{thing.path}`.", ""]
        lines += [table(thing).markdown()]
        if thing.kind == "plan":
            lines += [median_error(thing.rows) + ".", ""]
        lines += commands((setting_of(row), row["command"]) for row in thing.rows if row.get("command"))
    lines += [f"![{what}]({file})\n" for file, what in images]
    return "\n".join(lines)


def race_or_run(thing):
    """The lines of a race, or of a run by itself."""
    lines = []
    if isinstance(thing, Race):
        machine = thing.machine
        lines += [
            f"{machine['cpu']}, {machine['cores']} cores (used: {machine['processors']}), {machine['kernels']} kernels, sgemm "
            f"on one core {machine['sgemm_gigaflops']:.1f} GFLOP/s; {machine['system']}; commit `{machine['git_commit']}`, "
            f"{machine['date']}.",
            "",
            f"```\n{machine['command']}\n```",
            "",
        ]
    rows = rows_of(thing)
    if rows:
        lines += [times(rows).markdown(), floors(rows).markdown(), accuracies(runs_of(thing)).markdown()]
    if isinstance(thing, Race):
        if thing.lent:
            lines += [lent(thing).markdown()]
        lines += [f"- {line}" for line in timing.upload_verdict(thing.runs)] + [""]
    lines += [f"- **Problem:** {line}" for line in problems(thing)] + [""]
    for run in runs_of(thing):
        lines += commands([(f"{run.name}, seed {run.config['seed']}", run.commands)])
        if len(run.epochs) > 1:
            lines += [epoch_lines(run).markdown()]
    return lines


def epoch_lines(run):
    """Every epoch of a run, as the edge logged it."""
    grid = Grid("epoch", "training s", "busy s", "idle s", "loss", "exit", "final")
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
    return grid


def commands(pairs):
    """Names with the commands that made them."""
    return [f"{name}:\n```\n{command}\n```\n" for name, command in pairs]
