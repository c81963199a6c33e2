"""Compares what edge-trainer plan predicts with what edge-trainer train takes; see scripts/measure-plan.sh."""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import NamedTuple, Optional

from report.files import read_json
from report.tables import Grid
from report.timing import prediction_errors

from . import programs
from .programs import Failure, as_line, local_command, make_directory
from .progress import Course

TARGET = 0.10


class Setting(NamedTuple):
    """What is trained."""

    strategy: str
    cut: Optional[int] = None
    bits: Optional[int] = None

    @property
    def options(self) -> list[str]:
        """Those of edge-trainer train."""
        words = zip(("--strategy", "--cut", "--bits"), self)
        return [str(word) for pair in words if pair[1] is not None for word in pair]


# By link rate (or none), training images and architecture: these are planned together.
SETTINGS = {
    ("3g", 1024, "vgg8"): [
        Setting("hierarchical", 2, 4), Setting("hierarchical", 3, 8), Setting("cloud-stream"),
        Setting("cloud-upload-once"),
    ],
    ("wifi", 2048, "vgg8"): [Setting("hierarchical", 1, 4), Setting("hierarchical", 2, 32), Setting("split", 2, 4)],
    ("none", 4096, "vgg8"): [Setting("hierarchical", 2, 8), Setting("edge-only")],
    ("wifi", 1024, "vgg16"): [Setting("hierarchical", 3, 4), Setting("split", 4, 4)],
}  # fmt: skip


def options_of(rate: str, images: int, architecture: str, others: list[str]) -> list[str]:
    """What a plan and its runs have in common."""
    words = ["--one-core-each", "--architecture", architecture, "--exit-head", "conv", "--train-limit", str(images)]
    words += ["--test-limit", "16", "--epochs", "1", *others]
    return words + (["--link-rate", rate] if rate != "none" else [])


def lists_of(settings: list[Setting]) -> list[str]:
    """The options of edge-trainer plan that compare these settings: each value once."""
    words = []
    for option, values in zip(("--strategies", "--cuts", "--bits"), zip(*settings)):
        listed = dict.fromkeys(str(value) for value in values if value is not None)
        words += [option, ",".join(listed)] if listed else []
    return words


def compare(rate: str, plan: dict, config: dict, summary: dict) -> dict:
    """What was predicted of a run, and what it took: a line of predictions.jsonl."""
    key = Setting(summary["strategy"], summary["cut"], summary["bits"])
    rows = [row for row in plan["rows"] if (row["strategy"], row["cut"], row["bits"]) == key]
    if len(rows) != 1:
        raise Failure(f"the plan of {summary['architecture']} has {len(rows)} rows for {as_line(key.options)}")
    row, images = rows[0], config["train_images"]
    words = [summary["architecture"], key.strategy]
    words += [f"cut {key.cut}"] if key.cut is not None else []
    words += [f"{key.bits} bits"] if key.bits is not None else []
    return {
        "setting": ", ".join([*words, rate if rate != "none" else "no shaping"]),
        "architecture": summary["architecture"],
        **key._asdict(),
        "link_rate": rate,
        "train_images": images,
        "bound": row["bound"],
        "predicted_seconds": row["epoch_seconds"],
        "measured_seconds": summary["training_seconds"],
        "predicted_bytes_per_image": row["bytes_per_image"],
        # An upload is no traffic of the epochs.
        "measured_bytes_per_image": summary["train_payload_bytes"] / images if row["bytes_per_image"] else 0,
        "predicted_edge_memory_bytes": row["edge_memory_bytes"],
        "measured_edge_memory_bytes": summary["peak_memory_bytes"],
    }


def table(runs: list[dict]) -> Grid:
    """Predictions and what was measured."""
    seconds = ("predicted s", "measured s", "predicted / measured")
    grid = Grid("setting", "binds", *seconds, "bytes/image", "edge MB", left=2)
    for run in runs:
        seconds, count, memory = (
            [run[f"{kind}_{key}"] for kind in ("predicted", "measured")]
            for key in ("seconds", "bytes_per_image", "edge_memory_bytes")
        )
        grid.add(
            run["setting"], run["bound"], *(f"{value:.2f}" for value in seconds), f"{seconds[0] / seconds[1]:.3f}",
            " / ".join(f"{value:.0f}" for value in count),
            " / ".join("-" if value is None else f"{value / 1e6:.0f}" for value in memory),
        )  # fmt: skip
    return grid


def run(directory: Path, subcommand: str, options: list[str]) -> None:
    """Plans or trains; ends the script if that fails."""
    code = programs.run(local_command(options, make_directory(directory), subcommand), stdout=2)
    if code:
        raise Failure(f"edge-trainer {subcommand} failed; see {directory}", code)


def main(arguments: list[str]) -> int:
    """Returns the exit code."""
    divisor, others = 1, arguments
    if arguments[:1] == ["quick"]:
        divisor, others = 32, ["--batch-size", "16", *arguments[1:]]
    programs.refuse(others)
    others = programs.data_options(others) + others
    programs.configuration(options_of(*next(iter(SETTINGS)), others))
    directory, runs = make_directory(programs.default_directory("plan")), []
    course = Course(sum(1 + len(settings) for settings in SETTINGS.values()))
    for (rate, images, architecture), settings in SETTINGS.items():
        common = options_of(rate, images // divisor, architecture, others)
        place = directory / f"plan-{rate}-{images}-{architecture}"
        course.begin(f"planning: {rate} {images} {architecture}")
        run(place, "plan", [*common, *lists_of(settings), "--output", f"{place}.json"])
        for setting in settings:
            course.begin(f"training: {rate} {images} {architecture} {' '.join(map(str, filter(None, setting)))}")
            edge = directory / str(len(runs) + 1) / "edge"
            run(edge.parent, "train", [*common, *setting.options])
            files = (Path(f"{place}.json"), edge / "config.json", edge / "summary.json")
            runs.append({**compare(rate, *map(read_json, files)), "directory": str(edge.parent)})
    (directory / "predictions.jsonl").write_text("".join(json.dumps(run) + "\n" for run in runs))
    errors = [abs(error) for error in prediction_errors(runs)]
    median, worst = statistics.median(errors), max(errors)
    print(table(runs).markdown())
    target = f"(target: median at most {TARGET:.0%})"
    print(f"median error {median:.1%} over {len(runs)} settings, largest {worst:.1%} {target}")
    return 0 if median <= TARGET else 1


if __name__ == "__main__":
    programs.start("measure-plan.sh", main)
