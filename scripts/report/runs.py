"""What the programs and scripts leave behind: runs, races and tables, as they are in their files."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from . import naming

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
class Side:
    """What one of a run's two programs has left in a directory."""

    directory: Path
    summary: dict  # summary.json
    config: dict
    lines: list  # metrics.jsonl

    @property
    def role(self):
        """ "edge" or "cloud"."""
        return self.summary.get("role")

    @property
    def run_id(self):
        """The same on both sides; old runs, of one machine, have none."""
        return self.summary.get("run_id")

    def of_type(self, kind):
        """The lines of a type."""
        return [line for line in self.lines if line.get("type") == kind]


@dataclass
class Run:
    """One training run: the files of the edge and, where there is one, of the cloud. Either may be missing."""

    name: str
    directory: Path
    sides: dict  # Side by role
    racer: dict = field(default_factory=dict)  # racer.json
    label: str = ""  # among others, see naming.label

    def __post_init__(self):
        self.label = self.label or self.name
        # The edge's, where it is at hand: they say when which accuracy was known, and how long the upload took.
        first = next(iter(self.sides[role] for role in ("edge", "cloud") if role in self.sides))
        self.here, self.config, self.epochs = first.summary, first.config, first.of_type("epoch")
        uploaded = [line["wall_seconds"] for line in first.lines if line.get("event") == "uploaded"]
        self.uploaded_seconds = uploaded[0] if uploaded else None  # when the images were in the cloud

    @property
    def summaries(self):
        """summary.json by role."""
        return {role: side.summary for role, side in self.sides.items()}

    @property
    def edge(self):
        """The summary of the edge, if it is at hand."""
        return self.summaries.get("edge")

    @property
    def cloud(self):
        """The summary of the cloud, if there is one, and it is at hand."""
        return self.summaries.get("cloud")

    @property
    def is_alone(self):
        """Whether there is no cloud at all."""
        return self.here["strategy"] == "edge-only"

    @property
    def missing(self):
        """The side that took part, and whose files are not at hand; None if all are."""
        return next((role for role in ("edge", "cloud") if role not in self.sides), None) if not self.is_alone else None

    @property
    def commands(self):
        """The commands that made the run, or such as make the same."""
        lines = [self.racer.get(f"{role}_command", "").strip() for role in ("edge", "cloud")]
        if not any(lines):
            cloud = naming.cloud_command(self.cloud) if self.cloud else ""
            lines = [naming.edge_command(self.config, self.edge or {}), cloud]
        return "\n".join(filter(None, lines))

    @property
    def title(self):
        """Network and what decides the bytes."""
        return naming.title(self)


def raw_bytes(config):
    """Of an image of a run, by its configuration, which is silent about images as those of CIFAR-10."""
    shape = config.get("task", {}).get("shape", {"height": 32, "width": 32, "channels": 3})
    return shape["height"] * shape["width"] * shape["channels"]


@dataclass
class Race:
    """Runs over the same link, one after the other; or any runs, to be shown together."""

    name: str
    machine: dict | None  # machine.json; None of runs that were no race
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


def read_side(directory):
    """The files in a directory; None if it has no summary.json."""
    if not (directory / "summary.json").exists():
        return None
    summary = read_json(directory / "summary.json")
    config, metrics = directory / "config.json", directory / "metrics.jsonl"
    # Of a cloud the summary may be all that was copied.
    is_edge = summary.get("role") == "edge"
    return Side(
        directory,
        summary,
        read_json(config) if is_edge or config.exists() else {},
        read_lines(metrics) if is_edge or metrics.exists() else [],
    )


def places(directory):
    """Where the sides of a run can be: in directories of their own, in this one, or one of them beside it."""
    above = [directory.resolve().parent] if directory.resolve().name in ("edge", "cloud") else []
    clouds = [cloud for place in (*above, directory) for cloud in (*sorted(place.glob("cloud/*")), place / "cloud")]
    return [directory / "edge", directory, *(place / "edge" for place in above), *clouds]


def read_run(directory, name, racer=None):
    """The run in a directory with edge/ and cloud/, or of which there is one side."""
    found = [side for place in places(directory) if (side := read_side(place))]
    edges = [side for side in found if side.role == "edge"]
    clouds = [side for side in found if side.role == "cloud" and (not edges or side.run_id == edges[0].run_id)]
    sides = {side.role: side for side in [*edges[:1], *clouds[-1:]]}
    if not sides:
        roles = ", ".join(str(side.role) for side in found)
        raise ReportError(f"{directory}: the run of a {roles or 'nobody'}; expected that of an edge or a cloud")
    run = Run(name, directory, sides, racer or {})
    if not run.config:
        raise ReportError(f"{directory}: no config.json and metrics.jsonl beside summary.json; copy them, too")
    if run.here.get("outcome") != "completed" or not run.epochs:
        raise ReportError(f"{directory}: the run is not complete: {run.here.get('outcome')}")
    return run


def joined(things):
    """The same, but of each run whose sides are in two of them, one."""
    kept = []
    for thing in things:
        other = next((one for one in kept if are_of_one_run(one, thing)), None)
        if other:
            name = (other if other.edge else thing).name
            kept[kept.index(other)] = Run(name, other.directory, thing.sides | other.sides)
        else:
            kept.append(thing)
    return kept


def are_of_one_run(one, other):
    """Whether these are the edge and the cloud of the same run, or the same files."""
    if not isinstance(one, Run) or not isinstance(other, Run):
        return False
    ids = {side.run_id for run in (one, other) for side in run.sides.values()}
    both = [(one.sides[role].directory, other.sides[role].directory) for role in one.sides.keys() & other.sides.keys()]
    return len(ids) == 1 and None not in ids and all(a.resolve() == b.resolve() for a, b in both)


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
    order = {run.name: (STRATEGIES.index(run.here["strategy"]), run.racer["started_at"]) for run in runs}
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
    """The table in a file with an object per line, or (.tsv) with columns and headings; None for another kind of
    lines."""
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


def name_of(path):
    """The name of a run's directory, which may be above those of its sides."""
    path = path.resolve()
    return path.parent.name if path.name in ("edge", "cloud") else path.name


def read_all(path):
    """What is at a path: a list of Run, Race or Table."""
    path = Path(path)
    if not path.exists():
        raise ReportError(f"{path}: no such file or directory")
    if path.is_file():
        found = [read_table(path)]
    elif (path / "machine.json").exists() and list(path.glob("*/racer.json")):
        found = [read_race(path)]
    elif any((path / place / "summary.json").exists() for place in ("edge", "", "cloud")):
        found = [read_run(path, name_of(path))]
    elif clouds := sorted(place.parent for place in path.glob("*/summary.json")):
        # What cloud-trainer --run-dir has been given.
        found = [read_run(cloud, cloud.name) for cloud in clouds]
    else:
        files = sorted([*path.glob("*.jsonl"), *path.glob("*.tsv")])
        found = [read_table(file, path.resolve().name) for file in files]
    found = [thing for thing in found if thing]
    if not found:
        raise ReportError(f"{path}: no complete run, no race, and no table of a script")
    return found
