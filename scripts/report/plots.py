"""The plots of a report, as PNG files. Colours are those of Okabe and Ito, which colour-blind people can tell apart."""

import re

import matplotlib
from matplotlib import pyplot
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator, PercentFormatter

from . import heat_map, tables, timing
from .runs import STRATEGIES, Race, Run, raw_bytes

BLUE, ORANGE, GREEN, RED, PURPLE, SKY, BLACK = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#D55E00",
    "#CC79A7",
    "#56B4E9",
    "#222222",
)
COLORS = [BLUE, RED, GREEN, PURPLE, ORANGE, SKY, BLACK]
LANES = {"edge": BLUE, "link": ORANGE, "cloud": GREEN}
MARKERS = ["o", "s", "^", "D", "v", "P", "X"]
OPAQUE = {"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 1.5}  # behind text

matplotlib.use("Agg")
pyplot.rcParams.update(
    {
        "figure.dpi": 120, "font.size": 9.5, "axes.titlesize": 11, "axes.titlelocation": "left", "axes.spines.top": False,
        "axes.spines.right": False, "axes.edgecolor": "#888888", "axes.grid": True, "grid.color": "#e4e4e4",
        "axes.axisbelow": True, "legend.frameon": False, "legend.fontsize": 8.5,
    }
)  # fmt: skip


def draw(things, output):
    """Draws what there is; returns each thing with the files of its images and what they show."""
    alone = [thing for thing in things if isinstance(thing, Run)]
    together = Race("runs", {}, alone, []) if len(alone) > 1 else None
    sections, taken = [], set()
    for thing in things:
        name = unique(re.sub(r"[^A-Za-z0-9._-]+", "-", thing.name), taken)
        images = []
        if isinstance(thing, (Race, Run)):
            if tables.rows_of(thing):
                images.append((runtime, f"runtime-{name}.png", "Where the time of an epoch goes"))
            if any(len(run.epochs) > 1 for run in tables.runs_of(thing)) and thing not in alone[:-1]:
                images.append((accuracy, f"accuracy-{name}.png", "Accuracy over the time of training"))
            if isinstance(thing, Race) and thing.lent:
                images.append((lent_accuracy, f"accuracy-at-{name}.png", "Accuracies at the times of the race"))
        elif thing.kind == "plan":
            images.append((predicted, f"predicted-{name}.png", "Predicted against measured times"))
        elif thing.kind == "confusion":
            for row in thing.rows:
                file, what = f"confusion-{name}-{row['output']}.png", f"Classes that the {row['output']} prediction confuses"
                images.append((lambda _, row=row: heat_map.confusion(row), re.sub(r"[^A-Za-z0-9._-]+", "-", file), what))
        else:
            images.append((frontier, f"frontier-{name}.png", "Bytes per image against accuracy"))
        for function, file, _ in images:
            # Runs that are not of a race share one plot of accuracies.
            shown = together if together and function is accuracy and isinstance(thing, Run) else thing
            figure = function(shown)
            figure.savefig(output / file, bbox_inches="tight")
            pyplot.close(figure)
        sections.append((thing, [(file, what) for _, file, what in images]))
    return sections


def unique(name, taken):
    """The name, numbered if it is taken."""
    number, candidate = 2, name
    while candidate in taken:
        candidate, number = f"{name}-{number}", number + 1
    taken.add(candidate)
    return candidate


def conditions(run):
    """Network and link, for a title."""
    rate = run.config.get("link_rate")
    return run.config["architecture"] + (f", {rate / 1e6:g} Mbit/s" if rate else ", link not shaped")


def title_of(runs):
    """What all runs have in common."""
    with_cloud = [run for run in runs if run.cloud] or runs
    return " / ".join(dict.fromkeys(conditions(run) for run in with_cloud))


def runtime(thing):
    """A bar for each of edge, link and cloud: busy, idle until the epoch's end, and its floor."""
    rows = tables.rows_of(thing)
    baseline = timing.baseline_of(rows)
    figure, axes = pyplot.subplots(figsize=(8.2, 1.1 + 0.78 * len(rows)))
    *others, end = sorted(row.seconds for row in rows)
    # One bar that is much longer than all others runs out of the plot, so that they can be told apart.
    is_cut = bool(others) and end > 2.5 * others[-1]
    if is_cut:
        end = 1.4 * others[-1]
    for place, row in enumerate(rows):
        lanes = (
            ("edge", row.edge_busy, row.edge_floor),
            ("link", row.link_busy, row.link_floor),
            ("cloud", row.cloud_busy, row.cloud_floor),
        )
        for number, (lane, busy, floor) in enumerate(lanes):
            # An edge alone has one bar.
            y = place + (number - 1) * 0.24 * bool(row.run.cloud)
            if busy is None or (not row.run.cloud and lane != "edge"):
                continue
            axes.barh(y, row.seconds, 0.2, color="#ededed")
            axes.barh(y, busy, 0.2, color=LANES[lane])
            if floor and floor > 0.003 * end:
                axes.plot([floor, floor], [y - 0.12, y + 0.12], color=BLACK, linewidth=2, solid_capstyle="butt")
        reduction, paper = timing.reduction(row, baseline), timing.paper_reduction(row.run)
        note = f"{row.seconds:.1f} s"
        if baseline and row is not baseline:
            note += f"  ({tables.percent(reduction, sign=True).replace('.0 %', ' %')})"
        after = max([row.seconds, *(floor for _, _, floor in lanes if floor and floor < row.seconds * 3)])
        if paper is not None and baseline:
            x = baseline.seconds * (1 + paper)
            axes.plot([x, x], [place - 0.4, place + 0.4], color=PURPLE, linestyle="--", linewidth=1.6)
            after = max(after, x)
        if row.seconds > end:
            axes.text(0.99 * end, place, f"{note} →", va="center", ha="right", fontweight="bold", bbox=OPAQUE)
        else:
            axes.text(after + 0.012 * end, place, note, va="center", fontweight="bold")
    axes.set_yticks(range(len(rows)), [row.name.replace(", ", "\n") for row in rows])
    axes.set_ylim(len(rows) - 0.45, -0.55)
    axes.set_xlim(0, end * (1 if is_cut else 1.22))
    axes.grid(axis="y", visible=False)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("seconds of an epoch" + (" (in brackets: against cloud-stream)" if baseline else ""))
    axes.set_title(f"{title_of(tables.runs_of(thing))}, {rows[0].images:,} images")
    keys = [Patch(color=color, label=f"{lane} busy") for lane, color in LANES.items()]
    keys.append(Patch(color="#ededed", label="idle"))
    if any(row.edge_floor or row.link_floor or row.cloud_floor for row in rows):
        keys.append(Line2D([], [], color=BLACK, linewidth=2, label="floor (direct arithmetic)"))
    papers = dict.fromkeys(timing.paper_reduction(row.run) for row in rows if baseline)
    keys += [
        Line2D([], [], color=PURPLE, linestyle="--", label=f"paper ({tables.percent(paper).replace('.0 %', ' %')})")
        for paper in papers
        if paper is not None
    ]
    below = -0.5 / (0.6 + 0.78 * len(rows))
    axes.legend(handles=keys, loc="upper center", bbox_to_anchor=(0.45, below), ncols=len(keys), columnspacing=1.4)
    return figure


def accuracy(thing):
    """Final accuracy over the time of training; dashed that of the early exit."""
    runs = tables.runs_of(thing)
    lines = [(run.name, lambda key, run=run: timing.accuracy_over_time(run, key)) for run in runs]
    return accuracy_lines(lines, title_of(runs))


def lent_accuracy(race):
    """The same for the racers, with the accuracies of longer runs."""
    lines = [
        (racer.name, lambda key, racer=racer, run=run: timing.lent_accuracies(racer, run, key))
        for racer, run in race.lent
    ]
    images = " / ".join(dict.fromkeys(f"{run.config['train_images']:,}" for _, run in race.lent))
    return accuracy_lines(lines, f"{title_of(race.runs)}, {images} images an epoch, at the race's images/s")


def accuracy_lines(lines, title):
    """A line for each name and function of "final_accuracy" or "exit_accuracy" that gives points of seconds and accuracy."""
    figure, axes = pyplot.subplots(figsize=(8.2, 4.4))
    longest = max(points[-1][0] for _, points_of in lines if (points := points_of("final_accuracy")))
    unit, divisor = ("minutes", 60) if longest > 300 else ("seconds", 1)
    for number, (name, points_of) in enumerate(lines):
        color, marker = COLORS[number % len(COLORS)], MARKERS[number % len(MARKERS)]
        for key, style, suffix in (("final_accuracy", "-", ""), ("exit_accuracy", "--", ", early exit")):
            points = [(seconds / divisor, value) for seconds, value in points_of(key)]
            if points:
                axes.plot(
                    *zip(*points), style, color=color, marker=marker if style == "-" else None, markersize=4.5,
                    linewidth=1.8 if style == "-" else 1.1, label=name + suffix,
                )  # fmt: skip
    axes.set_xlabel(f"{unit} of training (upload included, evaluation not)")
    axes.set_ylabel("accuracy on the test images")
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.set_xlim(left=0)
    axes.set_title(title)
    axes.legend(loc="lower right")
    return figure


def frontier(thing):
    """Accuracy over bytes per image, a panel for each network, the settings that no other beats joined."""
    networks = list(dict.fromkeys(row.get("architecture", "") for row in thing.rows))
    figure, panels = pyplot.subplots(1, len(networks), figsize=(max(8.2, 5.4 * len(networks)), 4.6), squeeze=False)
    bits = sorted({row["bits"] for row in thing.rows if isinstance(row.get("bits"), int)})
    for axes, network in zip(panels[0], networks):
        rows = [row for row in thing.rows if row.get("architecture", "") == network]
        cuts = sorted({str(row.get("cut", "")) for row in rows})
        for row in rows:
            count = row.get("bits")
            axes.plot(
                row["bytes_per_image"], row["final_accuracy"], linestyle="", markersize=6.5, alpha=0.9,
                marker=MARKERS[bits.index(count) % len(MARKERS)] if count in bits else "*",
                color=COLORS[cuts.index(str(row.get("cut", ""))) % len(COLORS)],
                markerfacecolor="white" if row.get("bottleneck") else None,
            )  # fmt: skip
        best = timing.efficient(rows)
        places = [(row["bytes_per_image"], row["final_accuracy"]) for row in best]
        axes.plot(*zip(*places), color="#777777", linewidth=1, drawstyle="steps-post", zorder=1)
        # Tables from before there were others are of CIFAR-10.
        for raw in sorted({row.get("raw_bytes") or raw_bytes({}) for row in rows}):
            axes.axvline(raw, color="#777777", linestyle=":", linewidth=1.2)
            axes.annotate(
                "raw image", (raw, 0.02), xycoords=("data", "axes fraction"), xytext=(4, 0),
                textcoords="offset points", color="#555555", fontsize=8,
            )  # fmt: skip
        axes.set_xscale("log", base=2)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0 if spread(rows) > 0.04 else 2))
        axes.set_xlabel("bytes per training image")
        axes.set_ylabel("final accuracy")
        axes.set_title(network)
        keys = [
            Line2D([], [], color=COLORS[place % len(COLORS)], marker="o", linestyle="", label=f"cut {cut}")
            for place, cut in enumerate(cuts)
            if cut
        ]
        keys += [
            Line2D([], [], color="#555555", marker=MARKERS[place % len(MARKERS)], linestyle="", label=plural(count))
            for place, count in enumerate(bits)
        ]
        if any(row.get("bottleneck") for row in rows):
            keys.append(
                Line2D([], [], color="#555555", marker="o", markerfacecolor="white", linestyle="", label="bottleneck")
            )
        axes.legend(handles=keys, loc="best")
    figure.tight_layout()
    return figure


def spread(rows):
    """Between the least and the greatest accuracy."""
    values = [row["final_accuracy"] for row in rows]
    return max(values) - min(values)


def plural(count):
    """A number of bits."""
    return f"{count} bit" if count == 1 else f"{count} bits"


def predicted(thing):
    """Measured over predicted times, with the band of 10 %."""
    figure, axes = pyplot.subplots(figsize=(5.6, 5.2))
    pairs = [(row["predicted_seconds"], row["measured_seconds"]) for row in thing.rows]
    low, high = min(min(pair) for pair in pairs) / 1.3, max(max(pair) for pair in pairs) * 1.3
    axes.fill_between(
        [low, high], [low / 1.1, high / 1.1], [low * 1.1, high * 1.1], color="#eeeeee", label="within 10 %"
    )
    axes.plot([low, high], [low, high], color="#777777", linewidth=1)
    groups = list(dict.fromkeys(strategy_of(row) for row in thing.rows))
    for number, group in enumerate(groups):
        points = [pair for row, pair in zip(thing.rows, pairs) if strategy_of(row) == group]
        axes.plot(
            *zip(*points), linestyle="", marker=MARKERS[number % len(MARKERS)], color=COLORS[number % len(COLORS)],
            markersize=6.5, label=group or None,
        )  # fmt: skip
    axes.set(xscale="log", yscale="log", xlim=(low, high), ylim=(low, high), aspect="equal")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    axes.set_xlabel("predicted seconds")
    axes.set_ylabel("measured seconds")
    axes.set_title(tables.median_error(thing.rows))
    axes.legend(loc="upper left")
    return figure


def strategy_of(row):
    """The strategy of a planner's row, if its setting names one."""
    words = re.split(r"[^a-z-]+", str(row.get("strategy") or row.get("setting", "")))
    return next((name for name in STRATEGIES if name in words), "")
