"""What a report says of a race, of runs or of a script's table, in which order."""

from . import document, ledger, naming, tables, timing
from .runs import Race, Run
from .terminal import printable


def grouped(things):
    """The same, but all runs that are of no race in one section, under names that tell them apart, if need be."""
    alone = [thing for thing in things if isinstance(thing, Run)]
    naming.label(alone)
    if len(alone) < 2:
        return things
    place = things.index(alone[0])
    others = [thing for thing in things if not isinstance(thing, Run)]
    return [*others[:place], Race("Runs", None, alone, []), *others[place:]]


def runs_of(thing):
    """The runs of a race, or the run itself."""
    return thing.runs if isinstance(thing, Race) else [thing]


def rows_of(thing):
    """The epochs of runs; those of a race all of as many images as the longest."""
    rows = [row for run in runs_of(thing) for row in timing.epochs(run)]
    if not is_race(thing):
        return rows
    images = max((row.images for row in rows), default=0)
    return [row.of(images) for row in rows]


def baseline_of(thing, rows):
    """What the other epochs are compared with, if it is a race."""
    return timing.baseline_of(rows) if is_race(thing) else None


def is_race(thing):
    """Whether its runs had the same link, one after the other."""
    return isinstance(thing, Race) and thing.machine is not None


def problems(thing):
    """What went wrong in a race or a run, one line each."""
    failed = [f"{name}: {reason}" for name, reason in thing.failed] if isinstance(thing, Race) else []
    return failed + [f"{run.label}: {text}" for run in runs_of(thing) for text in ledger.differences(run)]


def unknowns(thing):
    """What nobody can know here, one line each."""
    texts = ((run, text) for run in runs_of(thing) for text in (ledger.unknown(run), *ledger.lost(run)))
    return [f"{run.label}: {text}" for run, text in texts if text]


def grids(thing):
    """The tables of runs."""
    rows = rows_of(thing)
    found = [tables.times(rows, baseline_of(thing, rows)), tables.floors(rows), tables.accuracies(runs_of(thing))]
    lent = [tables.lent(thing)] if isinstance(thing, Race) and thing.lent else []
    return (found if rows else []) + lent


def verdicts(thing):
    """What the times of a race come to."""
    return timing.upload_verdict(thing.runs) if is_race(thing) else []


def as_text(thing):
    """The tables of a race, a run or a script, and the commands of runs, for a terminal."""
    if not isinstance(thing, (Race, Run)):
        table = tables.table(thing).text()
        return table + (f"\n{tables.median_error(thing.rows)}\n" if thing.kind == "plan" else "")
    lines = verdicts(thing)
    lines += [f"UNKNOWN: {line}" for line in unknowns(thing)] + [f"PROBLEM: {line}" for line in problems(thing)]
    texts = [lines, *([f"{run.label}:", *run.commands.split("\n")] for run in runs_of(thing))]
    texts = ("".join(printable(line) + "\n" for line in text) for text in texts if text)
    return "\n".join([*(grid.text() for grid in grids(thing)), *texts])


def parts(thing, pictures):
    """The section of a report."""
    if isinstance(thing, (Race, Run)):
        title = f"{thing.title} ({thing.label})" if isinstance(thing, Run) else thing.name
        return [document.Heading(title), *race_or_run(thing, pictures)]
    found = [document.Heading(thing.name), document.Text(f"From `{thing.path}`."), *pictures, tables.table(thing)]
    if thing.kind == "plan":
        found.append(document.Text(tables.median_error(thing.rows) + "."))
    return found + [
        document.Commands(tables.setting_of(row), row["command"]) for row in thing.rows if row.get("command")
    ]


def race_or_run(thing, pictures):
    """The parts of a race, of several runs, or of one."""
    found = []
    if is_race(thing):
        machine = thing.machine
        found += [
            document.Text(
                f"{machine['cpu']}, {machine['cores']} cores (used: {machine['processors']}), {machine['kernels']} "
                f"kernels, sgemm on one core {machine['sgemm_gigaflops']:.1f} GFLOP/s; {machine['system']}; commit "
                f"`{machine['git_commit']}`, {machine['date']}."
            ),
            document.Commands("", machine["command"]),
        ]
    points = verdicts(thing) + [f"**Unknown:** {line}" for line in unknowns(thing)]
    points += [f"**Problem:** {line}" for line in problems(thing)]
    found += [document.Points(points)] if points else []
    found += [*pictures, *grids(thing)]
    for run in runs_of(thing):
        names = [run.label, *([] if run.name in run.label else [run.name]), f"seed {run.config['seed']}"]
        found.append(document.Commands(", ".join(names), run.commands))
        if len(run.epochs) > 1:
            found.append(tables.epochs(run))
    return found
