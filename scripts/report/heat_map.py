"""The plot of which classes a network takes for which."""

from matplotlib import colors, pyplot

from . import tables
from .style import BLUE, Percent, plain, tell

# The most classes of which names, and counts, can be read, and of which each cell tells what it counts.
NAMED, COUNTED, TOLD = 30, 20, 100
# One colour over the paper, whichever that is, and never so much of it that ink on it could not be read. Of 50 shades
# and more matplotlib makes a picture where their bar is, with the colours of one screen.
SHADES = colors.LinearSegmentedColormap.from_list("shades", [(*colors.to_rgb(BLUE), share) for share in (0, 0.6)], N=48)


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
        image = axes.pcolormesh(edges, edges, fractions, cmap=SHADES, vmin=0, vmax=1)
        axes.set(xlim=(-0.5, len(classes) - 0.5), ylim=(len(classes) - 0.5, -0.5), aspect="equal")
        tell(image, *(cell(classes, counts, totals, true, predicted) for true in cells for predicted in cells))
    else:
        image = axes.imshow(fractions, cmap=SHADES, vmin=0, vmax=1, interpolation="nearest")
    if len(classes) <= NAMED:
        names = [plain(name if len(name) <= 24 else name[:23] + "…") for name in classes]
        axes.set_xticks(cells, names, rotation=90)
        axes.set_yticks(cells, names)
    if len(classes) <= COUNTED:
        for y, line in enumerate(counts):
            for x, count in enumerate(line):
                if count:
                    axes.text(x, y, f"{count}", ha="center", va="center", fontsize=8)
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
