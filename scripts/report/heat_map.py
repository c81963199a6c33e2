"""The plot of which classes a network takes for which."""

from matplotlib import pyplot
from matplotlib.ticker import PercentFormatter

from . import tables

# The most classes of which names, and counts, can be read.
NAMED, COUNTED = 30, 20


def confusion(row):
    """Rows are true classes, columns predicted ones; colours are fractions of a row's images."""
    classes, counts = row["classes"], row["counts"]
    totals = [sum(line) for line in counts]
    fractions = [[count / max(1, total) for count in line] for line, total in zip(counts, totals)]
    side = min(2.6 + 0.42 * len(classes), 14)
    figure, axes = pyplot.subplots(figsize=(side + 1.2, side))
    image = axes.imshow(fractions, cmap="Blues", vmin=0, vmax=1, interpolation="nearest")
    axes.grid(visible=False)
    if len(classes) <= NAMED:
        names = [name if len(name) <= 24 else name[:23] + "…" for name in classes]
        # A dollar sign would begin a formula.
        names = [name.replace("$", r"\$") for name in names]
        axes.set_xticks(range(len(classes)), names, rotation=90)
        axes.set_yticks(range(len(classes)), names)
    if len(classes) <= COUNTED:
        for (y, line), shares in zip(enumerate(counts), fractions):
            for x, count in enumerate(line):
                if count:
                    color = "white" if shares[x] > 0.55 else "black"
                    axes.text(x, y, f"{count}", ha="center", va="center", color=color, fontsize=8)
    axes.set_xlabel("predicted class")
    axes.set_ylabel("true class")
    right = sum(line[label] for label, line in enumerate(counts))
    axes.set_title(f"{row['output']}: {tables.accuracy(right / max(1, sum(totals)))} of {sum(totals):,} images")
    bar = figure.colorbar(image, ax=axes, fraction=0.046, pad=0.04, format=PercentFormatter(1, decimals=0))
    bar.set_label("of the true class's images")
    return figure
