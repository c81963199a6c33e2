"""How plots look, and what they tell under the pointer. Series have the colours of Okabe and Ito, which colour-blind
people can tell apart; vector.py gives each of these colours another one for dark screens."""

import json

import matplotlib
from matplotlib.ticker import Formatter

PAPER, INK, GRID, IDLE, FRAME, FAINT, BAND, STRONG = (
    "#ffffff", "#222222", "#e4e4e4", "#ededed", "#888888", "#777777", "#eeeeee", "#555555"
)  # fmt: skip
BLUE, ORANGE, GREEN, RED, PURPLE, SKY = "#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#56b4e9"
COLORS = [BLUE, RED, GREEN, PURPLE, ORANGE, SKY, INK]
LANES = {"edge": BLUE, "link": ORANGE, "cloud": GREEN}
MARKERS = ["o", "s", "^", "D", "v", "P", "X"]
OPAQUE = {"facecolor": PAPER, "edgecolor": "none", "alpha": 0.85, "pad": 1.5}  # behind text
WIDTH = 8.2  # of a figure, in inches
TOLD = "told:"  # before what an artist tells, in its name

matplotlib.use("Agg")
matplotlib.rcParams.update(
    {
        "figure.dpi": 120, "font.size": 9.5, "text.color": INK, "axes.labelcolor": INK, "axes.titlesize": 11,
        "axes.titlelocation": "left", "axes.spines.top": False, "axes.spines.right": False, "axes.edgecolor": FRAME,
        "axes.grid": True, "grid.color": GRID, "axes.axisbelow": True, "xtick.color": INK, "ytick.color": INK,
        "legend.frameon": False, "legend.fontsize": 8.5, "savefig.bbox": "tight", "svg.fonttype": "none",
        "svg.hashsalt": "report", "path.simplify": False,
    }
)  # fmt: skip


class Percent(Formatter):
    """Fractions in per cent, all of an axis with the decimals that the longest of them needs."""

    decimals = 0

    def __call__(self, value, pos=None):
        return f"{100 * value:.{self.decimals}f} %".replace("-", "−")

    def set_locs(self, locs):
        """The ticks that are shown."""
        super().set_locs(locs)
        exact = (
            decimals
            for decimals in range(4)
            if all(abs(100 * value - round(100 * value, decimals)) < 1e-6 for value in locs)
        )
        self.decimals = next(exact, 4)


def tell(artist, *texts):
    """Lets a patch, or each marker of a line, or each cell of a mesh, tell a text under the pointer; in a PNG none
    does."""
    artist.set_gid(TOLD + json.dumps(texts))


def tell_points(axes, points, texts):
    """The same of points that have no markers."""
    (line,) = axes.plot(*zip(*points), linestyle="", marker="o", markersize=6, alpha=0)
    tell(line, *texts)


def plain(text):
    """For matplotlib: a dollar sign would begin a formula."""
    return text.replace("$", r"\$")
