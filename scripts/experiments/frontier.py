"""Trains over a grid of cuts, bottlenecks and bits, and tabulates bytes and accuracies; see scripts/frontier.sh."""

from __future__ import annotations

import argparse
from pathlib import Path

from report.files import read_json
from report.runs import raw_bytes
from report.tables import Grid
from report.timing import efficient

from . import programs
from .options import ARCHITECTURES, BITS, SCALES, is_count, wrong
from .programs import Options, describe, items, say, usage
from .trials import Trial, run_all

COLUMNS = (
    "architecture", "cut", "bottleneck", "bits", "scale", "full_scale", "values", "raw_bytes",
    "packed_bytes_per_image", "bytes_per_image", "exit_accuracy", "final_accuracy", "epochs", "train_images", "seed", "directory", "command",
)  # fmt: skip


def expect(option: str, values: list[str], allowed: tuple[str, ...], also=lambda text: False) -> None:
    """Ends the script if a value is not one of those that are allowed."""
    for value in values:
        if value not in allowed and not also(value):
            raise usage(f"{option} {value}: expected {' '.join(allowed)}")


def parse(arguments: list[str]) -> tuple[argparse.Namespace, list[str]]:
    """The script's options and those of edge-trainer."""
    options = Options()
    options.add_argument("--networks", type=items, default="vgg16:3,vgg16:4,resnet18:4,resnet18:6,resnet18:8")
    options.add_argument("--bottlenecks", type=items, default="none,64,32,16")
    options.add_argument("--bits", type=items, default="4,2,1")
    options.add_argument("--scales", type=items, default="tensor")
    options.add_argument("--max-bytes", type=int, default=4096)
    options.add_argument("--directory", type=Path, default=programs.default_directory("frontier"))
    options.add_argument("--list", action="store_true")
    options.add_argument("--table", action="store_true")
    options.add_argument("--exit-head", default="conv")
    options.add_argument("--epochs", default="6")
    own, others = options.split(
        arguments, "--architecture", "--cut", "--bottleneck", "--scale", "--compression", "--strategy"
    )
    # All that can be said before there is an edge-trainer to ask.
    for network in own.networks:
        if not all(network.partition(":")):
            raise usage(f"--networks {network}: expected architecture:cut")
        expect("--networks", [network.partition(":")[0]], ARCHITECTURES)
        expect("--networks", [network.partition(":")[2]], ("a number behind the colon",), is_count)
    expect("--bottlenecks", own.bottlenecks, ("none", "numbers"), is_count)
    expect("--bits", own.bits, BITS)
    expect("--scales", own.scales, SCALES)
    if reason := wrong(["--exit-head", own.exit_head, "--epochs", own.epochs]):
        raise usage(reason)
    if own.table and not own.directory.is_dir():
        raise usage(f"--table needs the --directory of earlier runs; {own.directory} is none")
    return own, ["--exit-head", own.exit_head, "--epochs", own.epochs, *others]


def cut_of(described: dict, cut: str) -> dict:
    """What edge-trainer says of a cut; ends the script if there is no such."""
    for entry in described["cuts"]:
        if str(entry["cut"]) == cut:
            return entry
    reasons = [entry["reason"] for entry in described["impossible_cuts"] if str(entry["cut"]) == cut]
    raise usage(f"--networks {described['architecture']}:{cut}: {(reasons or ['there is no such cut'])[0]}")


def settings(own: argparse.Namespace, describe_network=describe) -> list[list[str]]:
    """The options of edge-trainer for each point of the grid, but for those that are left out."""
    found = []
    for architecture, _, cut in (network.partition(":") for network in own.networks):
        channels = cut_of(describe_network(architecture, own.exit_head), cut)["features"]["channels"]
        for bottleneck in own.bottlenecks:
            network = ["--architecture", architecture, "--cut", cut]
            if bottleneck != "none":
                # One that would not narrow the cut is left out.
                if bottleneck.isdecimal() and int(bottleneck) >= channels:
                    continue
                network += ["--bottleneck", bottleneck]
            for bits in own.bits:
                coded = cut_of(describe_network(architecture, own.exit_head, bottleneck, bits), cut)
                if coded["bytes"] <= own.max_bytes:
                    words = [*network, "--bits", bits, "--compression", "zstd"]
                    found += [[*words, "--scale", scale] for scale in own.scales]
    if not found:
        raise usage("nothing is left of these settings")
    return found


def trial_of(options: list[str], directory: Path) -> Trial:
    """The run with these options. Ends the script if they are wrong."""
    config = programs.configuration(options)
    bottleneck = config.get("bottleneck") or "none"
    name = "{architecture}-cut{cut}-bottleneck_{0}-{bits}bit-{scale}-seed{seed}".format(bottleneck, **config)
    return Trial(name, directory / name, options)


def row(directory: Path) -> dict:
    """The row of frontier.tsv for a complete setting."""
    config, summary = (read_json(directory / "edge" / file) for file in ("config.json", "summary.json"))
    bottleneck, bits = str(config.get("bottleneck") or "none"), config["bits"]
    images = ()
    if task := config.get("task"):
        images = (("--image-size", str(task["shape"]["height"]), "--classes", str(task["classes"])),)
    described = describe(config["architecture"], config["exit_head"], bottleneck, str(bits), *images)
    values = cut_of(described, str(config["cut"]))["values"]
    images = config["train_images"] * summary["completed_epochs"]
    cells = {column: "" if config.get(column) is None else config[column] for column in COLUMNS}
    return cells | {
        "bottleneck": bottleneck,
        "values": values,
        "raw_bytes": raw_bytes(config),
        # Without compression an image has a byte for the label and its codes. What the batches add, headers and scales,
        # is in the measured bytes only.
        "packed_bytes_per_image": f"{values * bits / 8 + 1:.1f}",
        "bytes_per_image": f"{summary['train_payload_bytes'] / images:.1f}",
        "exit_accuracy": f"{summary['exit_accuracy']:.4f}",
        "final_accuracy": f"{summary['final_accuracy']:.4f}",
        "epochs": summary["completed_epochs"],
        "directory": directory,
        "command": (directory / "command").read_text().strip(),
    }


def table(rows: list[dict]) -> Grid:
    """The rows for a terminal; * marks those that none of the same architecture beats in both bytes and accuracy."""
    grid = Grid(
        "", "architecture", "cut", "bottleneck", "bits", "scale", "full scale", "bytes packed", "with zstd", "exit %",
        "final %", "epochs", "images", "seed", left=2,
    )  # fmt: skip
    for row in rows:
        numbers = ("bytes_per_image", "final_accuracy")
        rivals = [other for other in rows if other["architecture"] == row["architecture"]]
        best = efficient([{key: float(rival[key]) for key in numbers} for rival in rivals])
        cells = {key: row[key] for key in COLUMNS[:-2] if key not in ("values", "raw_bytes")}
        cells |= {key: f"{100 * float(row[key]):.2f}" for key in ("exit_accuracy", "final_accuracy")}
        grid.add("*" if {key: float(row[key]) for key in numbers} in best else "", *cells.values())
    return grid


def tabulate(directory: Path) -> None:
    """Writes frontier.tsv, and prints the table."""
    places = [file.parents[1] for file in directory.glob("*/edge/summary.json")]
    rows = [row(place) for place in places if Trial(place.name, place, []).has_arrived()]
    rows.sort(key=lambda row: (row["architecture"], row["cut"], float(row["bytes_per_image"])))
    lines = [COLUMNS, *([str(row[column]) for column in COLUMNS] for row in rows)]
    with programs.uninterrupted():
        (directory / "frontier.tsv").write_text("".join("\t".join(line) + "\n" for line in lines))
    print(table(rows).text(), end="")


def train(trial: Trial) -> int:
    """Runs a setting, and returns its exit code."""
    code = trial.run()
    if code:
        say(f"{trial.name} FAILED with exit code {code}: {trial.last_words(code)}")
    return code


def main(arguments: list[str]) -> int:
    """Returns the exit code."""
    own, others = parse(arguments)
    if own.table:
        tabulate(own.directory)
        return 0
    grid = settings(own)
    others = programs.data_options(others) + others
    trials = [trial_of(others + setting, own.directory) for setting in grid]
    if own.list:
        print(*(trial.name + (" (complete)" if trial.is_complete() else "") for trial in trials), sep="\n")
        return 0
    failures = run_all(trials, train, own.directory)
    tabulate(own.directory)
    say(f"the table is in {own.directory}/frontier.tsv")
    return 1 if failures else 0


if __name__ == "__main__":
    programs.start("frontier.sh", main)
