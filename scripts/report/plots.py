"""The plots of a report: each is drawn once, and written as a PNG file and as a part of the page."""

import re

from matplotlib import pyplot

from . import bars, curves, heat_map, scatter, sections
from .document import Picture
from .runs import Race, Run
from .vector import inline


def draw(things, output):
    """Draws what there is; returns each thing with its pictures."""
    found, taken, number = [], set(), 0
    for thing in things:
        pictures = []
        for function, kind, what in plots_of(thing):
            figure = function(thing)
            file = unique(re.sub(r"[^A-Za-z0-9._-]+", "-", kind.format(thing.name)), taken) + ".png"
            figure.savefig(output / file)
            number += 1
            pictures.append(Picture(file, what, inline(figure, number, what)))
            pyplot.close(figure)
        found.append((thing, pictures))
    return found


def plots_of(thing):
    """Functions that draw, with file names and what is seen."""
    if isinstance(thing, (Race, Run)):
        runs = sections.runs_of(thing)
        if runs:
            yield bars.runtime, "runtime-{}", "Where the time of an epoch goes"
        if any(run.sides[role].of_type("step") for run in runs for role in run.sides):
            yield curves.loss, "loss-{}", "Loss of training over the epochs"
        if any(len(run.epochs) > 1 for run in runs):
            yield curves.accuracy, "accuracy-{}", "Accuracy over the time of training"
        if isinstance(thing, Race) and thing.lent:
            yield curves.lent_accuracy, "accuracy-at-{}", "Accuracies at the times of the race"
    elif thing.kind == "plan":
        yield scatter.predicted, "predicted-{}", "Predicted against measured times"
    elif thing.kind == "confusion":
        for row in thing.rows:
            output = row["output"]
            what = f"Classes that the {output} prediction confuses"
            # A brace would begin a field.
            kind = "confusion-{}-" + re.sub(r"[{}]", "-", output)
            yield lambda _, row=row: heat_map.confusion(row), kind, what
    else:
        yield scatter.frontier, "frontier-{}", "Bytes per image against accuracy"


def unique(name, taken):
    """The name, numbered if it is taken."""
    number, candidate = 2, name
    while candidate in taken:
        candidate, number = f"{name}-{number}", number + 1
    taken.add(candidate)
    return candidate
