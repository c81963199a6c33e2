"""The plot of which classes a network takes for which."""

from matplotlib import pyplot

from . import tables
from .style import Percent, plain, tell

# The most classes of which names, and counts, can be read, and of which each cell tells what it counts.
NAMED, COUNTED, TOLD = 30, 20, 100
# Of counts in cells, which have the same colours on all screens.
DARK, LIGHT = "#101010", "#fefefe"


def confusion(row):
    """Rows are true classes, columns predicted ones; colours are fractions of a row's images."""
    classes, counts = row["classes"], row["counts"]
    totals = [sum(line) for line in counts]
    fractions = [[count / max(1, total) for count in line] for line, total in zip(counts, totals)]
    side = min(2.6 + 0.42 * len(classes), 14)
    figure, axes = pyplot.subplots(figsize=(side + 1.2, side))
    axes.grid(visible=False)
    cells = range(len(classes))
    if len(classes) <= TOLD:
        edges = [place - 0.5 for place in range(len(classes) + 1)]
        image = axes.pcolormesh(edges, edges, fractions, cmap="Blues", vmin=0, vmax=1)
        axes.set(xlim=(-0.5, len(classes) - 0.5), ylim=(len(classes) - 0.5, -0.5), aspect="equal")
        tell(image, *(cell(classes, counts, totals, true, predicted) for true in cells for predicted in cells))
    else:
        image = axes.imshow(fractions, cmap="Blues", vmin=0, vmax=1, interpolation="nearest")
    if len(classes) <= NAMED:
        names = [plain(name if len(name) <= 24 else name[:23] + "…") for name in classes]
        axes.set_xticks(cells, names, rotation=90)
        axes.set_yticks(cells, names)
    if len(classes) <= COUNTED:
        for (y, line), shares in zip(enumerate(counts), fractions):
            for x, count in enumerate(line):
                if count:
                    color = LIGHT if shares[x] > 0.55 else DARK
                    axes.text(x, y, f"{count}", ha="center", va="center", color=color, fontsize=8)
    axes.set_xlabel("predicted class")
    axes.set_ylabel("true class")
    right = sum(line[label] for label, line in enumerate(counts))
    axes.set_title(plain(f"{row['output']}: {tables.accuracy(right / max(1, sum(totals)))} of {sum(totals):,} images"))
    bar = figure.colorbar(image, ax=axes, fraction=0.046, pad=0.04, format=Percent())
    bar.set_label("of the true class's images")
    return figure


def cell(classes, counts, totals, true, predicted):
    """What a cell tells; nothing if it is empty."""
    count = counts[true][predicted]
    if not count:
        return ""
    verb = "rightly taken" if true == predicted else f"taken for {classes[predicted]}"
    return f"{classes[true]}, {verb}: {count:,} of {totals[true]:,}, {tables.accuracy(count / totals[true])}"
