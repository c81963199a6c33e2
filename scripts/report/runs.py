"""What the programs and scripts leave behind: runs, races and tables, as they are in their files."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

STRATEGIES = ["hierarchical", "split", "cloud-stream", "cloud-upload-once", "edge-only"]


class ReportError(Exception):
    """Something that cannot be read, in one line."""


def read_text(path):
    """The content of a file."""
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ReportError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ReportError(f"{path}: no text") from error


def read_json(path):
    """The object in a file."""
    try:
        value = json.loads(read_text(path))
    except ValueError as error:
        raise ReportError(f"{path}: no JSON: {error}") from error
    if not isinstance(value, dict):
        raise ReportError(f"{path}: expected a JSON object")
    return value


def read_lines(path):
    """The objects of a file that has one in each line."""
    objects = []
    for place, line in enumerate(read_text(path).splitlines(), start=1):
        try:
            value = json.loads(line) if line.strip() else {}
        except ValueError as error:
            raise ReportError(f"{path}, line {place}: no JSON: {error}") from error
        if not isinstance(value, dict):
            raise ReportError(f"{path}, line {place}: expected a JSON object")
        if value:
            objects.append(value)
    return objects


@dataclass
class Run:
    """One training run: the files of the edge and, where there is one, of the cloud."""

    name: str
    config: dict
    edge: dict  # summary.json
    cloud: dict | None  # summary.json
    epochs: list  # the edge's lines of type "epoch" in metrics.jsonl
    uploaded_seconds: float | None = None  # when the images were in the cloud
    racer: dict = field(default_factory=dict)  # racer.json

    @property
    def command(self):
        """The command that made the run, or one that makes the same."""
        return self.racer.get("edge_command", "").strip() or command_of(self.config)

    @property
    def commands(self):
        """Those of both sides."""
        return "\n".join(filter(None, [self.command, self.racer.get("cloud_command", "").strip()]))

    @property
    def title(self):
        """Network and what decides the bytes."""
        config = self.config
        words = [config["architecture"]]
        if "cut" in config:
            words.append(f"cut {config['cut']}")
            if config.get("bottleneck"):
                words.append(f"bottleneck {config['bottleneck']}")
            words.append(f"{config['bits']} bits")
            if config.get("scale") == "channel":
                words.append("channel scales")
            if config.get("compression", "none") != "none":
                words.append(config["compression"])
        if self.edge.get("convolution", "im2col") != "im2col":
            words.append(str(self.edge["convolution"]))
        return ", ".join(words)


def raw_bytes(config):
    """Of an image of a run, by its configuration, which is silent about images as those of CIFAR-10."""
    shape = config.get("task", {}).get("shape", {"height": 32, "width": 32, "channels": 3})
    return shape["height"] * shape["width"] * shape["channels"]


def command_of(config):
    """The options that give this configuration, but for those that say which images there are."""
    words = ["edge-trainer train"]
    for key, value in config.items():
        option = {"train_images": "train-limit", "test_images": "test-limit"}.get(key, key.replace("_", "-"))
        if key in ("role", "task") or value is None or (key == "data" and value != "synthetic"):
            continue
        if isinstance(value, bool):
            words += [f"--{option}"] if value else []
            continue
        if key == "link_rate":
            value = f"{value:.0f}bit"
        elif key == "link_delay":
            if not value:
                continue
            value = f"{value * 1e3:g}ms"
        elif isinstance(value, float):
            value = f"{value:g}"
        words.append(f"--{option} {value}")
    return " ".join(words)


@dataclass
class Race:
    """Runs over the same link, one after the other."""

    name: str
    machine: dict
    runs: list
    failed: list  # (name, reason)
    lent: list = field(default_factory=list)  # (racer, run): a longer run in which the racer's network learns the same


@dataclass
class Table:
    """Lines that a script measured; kind is "frontier" or "plan". Of kind "confusion": the
    outputs of a network, see confusion.py."""

    name: str
    kind: str
    path: Path
    rows: list


def read_run(directory, name, racer=None):
    """The run in a directory with edge/ and cloud/, or that of an edge alone."""
    edge = directory / "edge"
    if not (edge / "summary.json").exists():
        edge = directory
    summaries = [directory / "cloud" / "summary.json", *sorted(directory.glob("cloud/*/summary.json"))]
    cloud = next((path for path in reversed(summaries) if path.exists()), None)
    metrics = read_lines(edge / "metrics.jsonl")
    uploaded = [line["wall_seconds"] for line in metrics if line.get("event") == "uploaded"]
    run = Run(
        name=name,
        config=read_json(edge / "config.json"),
        edge=read_json(edge / "summary.json"),
        cloud=read_json(cloud) if cloud else None,
        epochs=[line for line in metrics if line.get("type") == "epoch"],
        uploaded_seconds=uploaded[0] if uploaded else None,
        racer=racer or {},
    )
    if run.edge.get("role") != "edge":
        raise ReportError(f"{directory}: the run of a {run.edge.get('role')}; expected that of an edge")
    if run.edge.get("outcome") != "completed" or not run.epochs:
        raise ReportError(f"{directory}: the run is not complete: {run.edge.get('outcome')}")
    return run


def read_race(directory):
    """The race in a directory with machine.json; racers that did not arrive are in `failed`."""
    runs, failed = [], []
    for path in sorted(directory.glob("*/racer.json")):
        racer = read_json(path)
        if racer.get("exit_code") == 0:
            runs.append(read_run(path.parent, racer["name"], racer))
        else:
            failed.append((racer["name"], racer.get("error", "failed")))
    started = (path.parent for path in sorted(directory.glob("*/edge.log")))
    failed += [(path.name, "did not arrive") for path in started if not (path / "racer.json").exists()]
    if not runs and not failed:
        raise ReportError(f"{directory}: no racer has ended")
    order = {run.name: (STRATEGIES.index(run.edge["strategy"]), run.racer["started_at"]) for run in runs}
    runs.sort(key=lambda run: order[run.name])
    return Race(directory.name, read_json(directory / "machine.json"), runs, failed)


def number(text):
    """A cell of a table: a number where it is one, None where it is empty."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            pass
    return None if text in ("", "-", "none") else text


def read_table(path, name=None):
    """The table in a file with an object per line, or (.tsv) with columns and headings; None for another kind of lines."""
    if path.suffix == ".tsv":
        lines = [line.split("\t") for line in read_text(path).splitlines()]
        rows = [dict(zip(lines[0], map(number, line))) for line in lines[1:]]
    else:
        rows = read_lines(path)
    for kind, keys in (
        ("plan", ("predicted_seconds", "measured_seconds")),
        ("frontier", ("bytes_per_image", "final_accuracy")),
    ):
        if rows and all(isinstance(row.get(key), (int, float)) for row in rows for key in keys):
            for row in rows if kind == "plan" else []:
                if row["measured_seconds"] <= 0:
                    raise ReportError(f"{path}: measured_seconds is {row['measured_seconds']}, expected more than 0")
            return Table(name or path.stem, kind, path, rows)
    return None


def read_all(path):
    """What is at a path: a list of Run, Race or Table."""
    path = Path(path)
    if not path.exists():
        raise ReportError(f"{path}: no such file or directory")
    if path.is_file():
        found = [read_table(path)]
    elif (path / "machine.json").exists() and list(path.glob("*/racer.json")):
        found = [read_race(path)]
    elif (path / "edge" / "summary.json").exists() or (path / "summary.json").exists():
        found = [read_run(path, path.resolve().name)]
    else:
        files = sorted([*path.glob("*.jsonl"), *path.glob("*.tsv")])
        found = [read_table(file, path.resolve().name) for file in files]
    found = [thing for thing in found if thing]
    if not found:
        raise ReportError(f"{path}: no complete run, no race, and no table of a script")
    return found
