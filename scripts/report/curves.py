"""The plots of losses and accuracies over the course of training."""

from matplotlib import pyplot

from . import naming, sections, tables, timing
from .style import COLORS, MARKERS, WIDTH, Percent, plain, tell, tell_points


def loss(thing):
    """The loss of the whole network; dashed that of the early exit."""
    figure, axes = pyplot.subplots(figsize=(WIDTH, 4.4))
    sizes, runs = set(), sections.runs_of(thing)
    for number, run in enumerate(runs):
        for role, style, suffix in losses(run):
            points, size = timing.loss_over_epochs(run, role)
            if not points:
                continue
            sizes.add(size)
            name = run.label + suffix
            axes.plot(
                *zip(*points), style, color=COLORS[number % len(COLORS)], linewidth=width(style), label=plain(name)
            )
            tell_points(axes, points, [f"{name}\nepoch {epoch:.2f}: loss {value:.4f}" for epoch, value in points])
    steps = " / ".join(map(str, sorted(sizes)))
    axes.set_xlabel("epochs" + (f" (each point: the mean of {steps} steps)" if steps != "1" else ""))
    axes.set_ylabel("loss of training")
    axes.set_xlim(left=0)
    axes.set_title(plain(naming.common_title(runs)))
    add_legend(axes)
    return figure


def losses(run):
    """The sides that log a loss: with an exit the edge's is its own, without one both have the same."""
    if run.here["strategy"] == "hierarchical":
        return ("cloud", "-", ""), ("edge", "--", ", early exit")
    return (("edge" if run.edge else "cloud", "-", ""),)


def accuracy(thing):
    """Final accuracy over the time of training; dashed that of the early exit."""
    runs = sections.runs_of(thing)
    lines = [(run.label, lambda key, run=run: timing.accuracy_over_time(run, key)) for run in runs]
    return accuracy_lines(lines, naming.common_title(runs))


def lent_accuracy(race):
    """The same for the racers, with the accuracies of longer runs."""
    lines = [
        (racer.label, lambda key, racer=racer, run=run: timing.lent_accuracies(racer, run, key))
        for racer, run in race.lent
    ]
    images = " / ".join(dict.fromkeys(f"{run.config['train_images']:,}" for _, run in race.lent))
    return accuracy_lines(lines, f"{naming.common_title(race.runs)}, {images} images an epoch, at the race's images/s")


def accuracy_lines(lines, title):
    """A line for each name and function of "final_accuracy" or "exit_accuracy" that gives points of seconds and
    accuracy."""
    figure, axes = pyplot.subplots(figsize=(WIDTH, 4.4))
    longest = max((seconds for _, points_of in lines for key in ENDS for seconds, _ in points_of(key)), default=0)
    unit, divisor = ("minutes", 60) if longest > 300 else ("seconds", 1)
    for number, (name, points_of) in enumerate(lines):
        # When the colours begin again, others of the markers go with them.
        color, marker = COLORS[number % len(COLORS)], MARKERS[(number + number // len(COLORS)) % len(MARKERS)]
        for key, (style, suffix) in ENDS.items():
            points = [(seconds / divisor, value) for seconds, value in points_of(key)]
            if not points:
                continue
            (line,) = axes.plot(
                *zip(*points), style, color=color, marker=marker if style == "-" else ".", markersize=4.5,
                linewidth=width(style), label=plain(name + suffix),
            )  # fmt: skip
            told = enumerate(points, start=1)
            tell(
                line,
                *(f"{name}{suffix}\nepoch {epoch}, {x:.1f} {unit}: {tables.accuracy(y)}" for epoch, (x, y) in told),
            )
    axes.set_xlabel(f"{unit} of training (upload included, evaluation not)")
    axes.set_ylabel("accuracy on the test images")
    axes.yaxis.set_major_formatter(Percent())
    axes.set_xlim(left=0)
    axes.set_title(plain(title))
    add_legend(axes)
    return figure


ENDS = {"final_accuracy": ("-", ""), "exit_accuracy": ("--", ", early exit")}


def width(style):
    """Of a line."""
    return 1.8 if style == "-" else 1.1


def add_legend(axes):
    """Below the plot, where it covers no line."""
    count = len(axes.get_legend_handles_labels()[0])
    if count:
        columns = 1 if count < 2 else 2
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.15), ncols=columns, columnspacing=1.6)
