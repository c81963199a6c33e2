"""The plot of where the time of an epoch goes."""

import textwrap

from matplotlib import pyplot
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from . import naming, sections, tables, timing
from .style import FRAME, IDLE, INK, LANES, OPAQUE, PURPLE, WIDTH, plain, tell

MOVED = "link floor: bytes ÷ rate"
DIRECT = "direct arithmetic ÷ sgemm, a floor but for padding"
NO_FLOOR = "direct arithmetic ÷ sgemm, no floor for winograd"
UNKNOWN = "unknown"
NAME = 24  # characters of a name in a line


def runtime(thing):
    """A bar for each of edge, link and cloud: busy, idle until the epoch's end, and what it cannot go below."""
    rows = sections.rows_of(thing)
    baseline = sections.baseline_of(thing, rows)
    figure, axes = pyplot.subplots(figsize=(WIDTH, 1.1 + 0.78 * len(rows)))
    *others, end = sorted(row.seconds for row in rows)
    # One bar that is much longer than all others runs out of the plot, so that they can be told apart.
    is_cut = bool(others) and end > 2.5 * others[-1]
    if is_cut:
        end = 1.4 * others[-1]
    keys = {}
    for place, row in enumerate(rows):
        draw_lanes(axes, place, row, end, keys)
        draw_note(axes, place, row, baseline, end, keys)
    axes.set_yticks(range(len(rows)), [plain(wrapped(row.name)) for row in rows])
    axes.set_ylim(len(rows) - 0.45, -0.55)
    axes.set_xlim(0, end * (1 if is_cut else 1.22))
    axes.grid(axis="y", visible=False)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("seconds of an epoch" + (" (in brackets: against cloud-stream)" if baseline else ""))
    images = " / ".join(dict.fromkeys(f"{row.images:,}" for row in rows))
    axes.set_title(plain(f"{naming.common_title(sections.runs_of(thing))}, {images} images"))
    handles = [key for _, key in sorted(keys.items())]
    below = -0.5 / (0.6 + 0.78 * len(rows))
    columns = min(len(handles), 4 if len(handles) <= 4 else 3)
    axes.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.42, below), ncols=columns, columnspacing=1.4)
    return figure


def wrapped(name):
    """A name in lines that end with commas."""
    words = name.replace(" ", "\u00a0").replace(",\u00a0", ", ")
    return textwrap.fill(words, NAME, break_long_words=False, break_on_hyphens=False)


def draw_lanes(axes, place, row, end, keys):
    """The bars of an epoch; what they are goes to the keys."""
    lanes = (
        ("edge", row.edge_busy, row.edge_floor),
        ("link", row.link_busy, row.link_floor),
        ("cloud", row.cloud_busy, row.cloud_floor),
    )
    for number, (lane, busy, floor) in enumerate(lanes):
        if row.run.is_alone and lane != "edge":
            continue
        # An edge alone has one bar.
        y = place + (number - 1) * 0.24 * (not row.run.is_alone)
        name = f"{row.name}\n{lane}"
        if busy is None:
            (bar,) = axes.barh(y, row.seconds, 0.2, facecolor="none", edgecolor=FRAME, hatch="////", linewidth=0)
            tell(bar, f"{name}: unknown here, of {row.seconds:.1f} s")
            keys["5 unknown"] = Patch(facecolor="none", edgecolor=FRAME, hatch="////", label=UNKNOWN)
        else:
            (bar,) = axes.barh(y, row.seconds, 0.2, color=IDLE)
            tell(bar, f"{name} idle: {max(0, row.seconds - busy):.1f} of {row.seconds:.1f} s")
            (bar,) = axes.barh(y, busy, 0.2, color=LANES[lane])
            tell(bar, f"{name} busy: {busy:.1f} of {row.seconds:.1f} s")
            keys[f"{number} {lane}"] = Patch(color=LANES[lane], label=f"{lane} busy")
            keys["4 idle"] = Patch(color=IDLE, label="idle")
        if floor and floor > 0.003 * end:
            what = MOVED if lane == "link" else NO_FLOOR if timing.goes_below(row.run, lane) else DIRECT
            style = {"color": INK, "linewidth": 2, "solid_capstyle": "butt"}
            if what == NO_FLOOR:
                style = {"color": INK, "linewidth": 1.2, "linestyle": (0, (1.5, 1.2)), "dash_capstyle": "butt"}
            (line,) = axes.plot([floor, floor], [y - 0.12, y + 0.12], **style)
            tell(line, f"{name}, {what}: {floor:.1f} s")
            keys["6 " + what] = Line2D([], [], **style, label=what)


def draw_note(axes, place, row, baseline, end, keys):
    """The seconds behind the bars of an epoch, and what the paper has in its place."""
    note = f"{row.seconds:.1f} s"
    if baseline and row is not baseline:
        note += f"  ({tables.percent(timing.reduction(row, baseline), sign=True).replace('.0 %', ' %')})"
    floors = (row.edge_floor, row.link_floor, row.cloud_floor)
    after = max([row.seconds, *(floor for floor in floors if floor and floor < row.seconds * 3)])
    paper = timing.paper_reduction(row.run)
    if paper is not None and baseline:
        x = baseline.seconds * (1 + paper)
        style = {"color": PURPLE, "linestyle": "--", "linewidth": 1.6}
        label = f"paper ({tables.percent(paper, sign=True).replace('.0 %', ' %')})"
        (line,) = axes.plot([x, x], [place - 0.4, place + 0.4], **style)
        tell(line, f"{label}: {x:.1f} s")
        keys["7 " + label] = Line2D([], [], **style, label=label)
        after = max(after, x)
    if row.seconds > end:
        axes.text(0.99 * end, place, f"{note} →", va="center", ha="right", fontweight="bold", bbox=OPAQUE)
    else:
        axes.text(after + 0.012 * end, place, note, va="center", fontweight="bold")
