"""The plots of scripts' tables: bytes against accuracy, and predicted against measured times."""

import re

from matplotlib import pyplot
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from . import tables, timing
from .runs import STRATEGIES, raw_bytes
from .style import BAND, COLORS, FAINT, MARKERS, PAPER, STRONG, WIDTH, Percent, plain, tell


def frontier(thing):
    """Accuracy over bytes per image, a panel for each network, the settings that no other beats joined."""
    networks = list(dict.fromkeys(row.get("architecture", "") for row in thing.rows))
    figure, panels = pyplot.subplots(1, len(networks), figsize=(max(WIDTH, 5.4 * len(networks)), 4.6), squeeze=False)
    bits = sorted({row["bits"] for row in thing.rows if isinstance(row.get("bits"), int)})
    for axes, network in zip(panels[0], networks):
        rows = [row for row in thing.rows if row.get("architecture", "") == network]
        cuts = sorted({str(row.get("cut", "")) for row in rows})
        for row in rows:
            count = row.get("bits")
            (mark,) = axes.plot(
                row["bytes_per_image"], row["final_accuracy"], linestyle="", markersize=6.5, alpha=0.9,
                marker=MARKERS[bits.index(count) % len(MARKERS)] if count in bits else "*",
                color=COLORS[cuts.index(str(row.get("cut", ""))) % len(COLORS)],
                markerfacecolor=PAPER if row.get("bottleneck") else None,
            )  # fmt: skip
            exact = f"{row['bytes_per_image']:,.0f} bytes an image: {tables.accuracy(row['final_accuracy'])}"
            tell(mark, f"{tables.setting_of(row)}\n{exact}")
        best = timing.efficient(rows)
        places = [(row["bytes_per_image"], row["final_accuracy"]) for row in best]
        axes.plot(*zip(*places), color=FAINT, linewidth=1, drawstyle="steps-post", zorder=1)
        # Tables from before there were others are of CIFAR-10.
        for raw in sorted({row.get("raw_bytes") or raw_bytes({}) for row in rows}):
            axes.axvline(raw, color=FAINT, linestyle=":", linewidth=1.2)
            axes.annotate(
                "raw image", (raw, 0.02), xycoords=("data", "axes fraction"), xytext=(4, 0),
                textcoords="offset points", color=STRONG, fontsize=8,
            )  # fmt: skip
        axes.set_xscale("log", base=2)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
        axes.yaxis.set_major_formatter(Percent())
        axes.set_xlabel("bytes per training image")
        axes.set_ylabel("final accuracy")
        axes.set_title(plain(network))
        keys = [
            Line2D([], [], color=COLORS[place % len(COLORS)], marker="o", linestyle="", label=f"cut {cut}")
            for place, cut in enumerate(cuts)
            if cut
        ]
        keys += [
            Line2D([], [], color=STRONG, marker=MARKERS[place % len(MARKERS)], linestyle="", label=plural(count))
            for place, count in enumerate(bits)
        ]
        if any(row.get("bottleneck") for row in rows):
            keys.append(
                Line2D([], [], color=STRONG, marker="o", markerfacecolor=PAPER, linestyle="", label="bottleneck")
            )
        axes.legend(handles=keys, loc="best")
    figure.tight_layout()
    return figure


def plural(count):
    """A number of bits."""
    return f"{count} bit" if count == 1 else f"{count} bits"


def predicted(thing):
    """Measured over predicted times, with the band of 10 %."""
    figure, axes = pyplot.subplots(figsize=(5.6, 5.2))
    pairs = [(row["predicted_seconds"], row["measured_seconds"]) for row in thing.rows]
    low, high = min(min(pair) for pair in pairs) / 1.3, max(max(pair) for pair in pairs) * 1.3
    axes.fill_between([low, high], [low / 1.1, high / 1.1], [low * 1.1, high * 1.1], color=BAND, label="within 10 %")
    axes.plot([low, high], [low, high], color=FAINT, linewidth=1)
    groups = list(dict.fromkeys(strategy_of(row) for row in thing.rows))
    for number, group in enumerate(groups):
        chosen = [row for row in thing.rows if strategy_of(row) == group]
        points = [(row["predicted_seconds"], row["measured_seconds"]) for row in chosen]
        (line,) = axes.plot(
            *zip(*points), linestyle="", marker=MARKERS[number % len(MARKERS)], color=COLORS[number % len(COLORS)],
            markersize=6.5, label=group or None,
        )  # fmt: skip
        told = zip(chosen, timing.prediction_errors(chosen))
        tell(
            line,
            *(f"{tables.setting_of(row)}\n{compared(row)}: {tables.percent(error, sign=True)}" for row, error in told),
        )
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


def compared(row):
    """Both times of a row."""
    return f"predicted {row['predicted_seconds']:.2f} s, measured {row['measured_seconds']:.2f} s"


def strategy_of(row):
    """The strategy of a planner's row, if its setting names one."""
    words = re.split(r"[^a-z-]+", str(row.get("strategy") or row.get("setting", "")))
    return next((name for name in STRATEGIES if name in words), "")
