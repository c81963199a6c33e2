"""What the programs leave behind: runs and races, as they are in their files."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from . import naming, search
from .files import ReportError, check_texts, read_json, read_lines
from .logs import ENDS
from .script_tables import read_table

STRATEGIES = ["hierarchical", "split", "cloud-stream", "cloud-upload-once", "edge-only"]


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
        return self.summary.get("run_id") or self.config.get("run_id")

    @property
    def went_back(self):
        """Whether a process of it went on from a checkpoint, since the one before it was killed, for example: what was
        counted after that checkpoint is lost."""
        # An edge goes on without a connection, and may be killed then.
        last_words = ENDS if self.role == "edge" else (*ENDS, "disconnected")
        pairs = zip(self.lines, self.lines[1:])
        return any(line.get("event") == "resumed" and before.get("event") not in last_words for before, line in pairs)

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


def read_side(directory):
    """The files in a directory; None if it has no summary.json."""
    if not search.holds(directory, "summary.json"):
        return None
    file = directory / "summary.json"
    summary = read_json(file)
    check_texts(file, summary, optional=("role", "run_id", "started_at"))
    if summary.get("strategy") not in STRATEGIES:
        strategy = json.dumps(summary.get("strategy"))[:40]
        raise ReportError(f"{file}: strategy is {strategy}, expected one of {', '.join(STRATEGIES)}")
    config, metrics = directory / "config.json", directory / "metrics.jsonl"
    # Of a cloud the summary may be all that was copied.
    is_edge = summary.get("role") == "edge"
    config = read_json(config) if is_edge or config.exists() else {}
    check_texts(directory / "config.json", config, optional=("run_id",))
    return Side(directory, summary, config, read_lines(metrics) if is_edge or metrics.exists() else [])


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
    if not found:
        raise ReportError(f"{directory}: the run is not complete: it has no summary.json")
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
        has_arrived = racer.get("exit_code") == 0
        check_texts(path, racer, required=("name", "started_at") if has_arrived else ("name",))
        if has_arrived:
            runs.append(read_run(path.parent, racer["name"], racer))
        else:
            failed.append((racer["name"], racer.get("error", "failed")))
    started = (path.parent for path in sorted(directory.glob("*/edge.log")))
    failed += [(path.name, "did not arrive") for path in started if not search.holds(path, "racer.json")]
    if not runs and not failed:
        raise ReportError(f"{directory}: no racer has ended")
    order = {run.name: (STRATEGIES.index(run.here["strategy"]), run.racer["started_at"]) for run in runs}
    runs.sort(key=lambda run: order[run.name])
    return Race(directory.name, read_json(directory / "machine.json"), runs, failed)


def name_of(path):
    """The name of a run's directory, which may be above those of its sides."""
    path = path.resolve()
    return path.parent.name if path.name in ("edge", "cloud") else path.name


def read_all(path, tell=lambda text: None):
    """What is at a path: a list of Run, Race or Table. Below a directory that is none of these there may be runs and
    races, of which those that are not complete, or cannot be read, are told of and left out."""
    path = Path(path)
    try:
        if not path.exists():
            raise ReportError(f"{path}: no such file or directory")
        inside = sorted(path.iterdir()) if path.is_dir() else []
    except OSError as error:
        raise ReportError(f"{path}: {error.strerror}") from error
    if not path.is_dir():
        found = [read_table(path)]
    elif search.is_race(path):
        found = [read_race(path)]
    elif any(search.holds(path / place, "summary.json") for place in ("edge", "", "cloud")):
        found = [read_run(path, name_of(path))]
    else:
        tables, errors = read_tables(inside, path.resolve().name)
        below, wrong = read_below(path, {path / place for table in tables for place in table.directories})
        found, errors = tables + below, errors + wrong
        # Both sides of a run may have said the same.
        errors = list(dict.fromkeys(map(str, errors)))
        if not found and len(errors) == 1:
            raise ReportError(errors[0])
        for error in errors:
            tell(f"left out: {error}")
    found = [thing for thing in found if thing]
    if not found:
        raise ReportError(f"{path}: no complete run, no race, and no table of a script")
    return found


def read_tables(files, name):
    """The tables of scripts among some files; and what is wrong with others."""
    found, errors = [], []
    for file in files:
        if file.suffix not in (".jsonl", ".tsv") or file.name == "metrics.jsonl":
            continue
        try:
            found.append(read_table(file, name))
        except ReportError as error:
            errors.append(error)
    return list(filter(None, found)), errors


def read_below(path, shown):
    """The races and runs in a directory and below it, the oldest runs first, but for those that are shown already; and
    what is wrong with others."""
    races, others, found, errors, known, left_out = [], [], [], [], set(), set()
    for place in [path, *search.directories(path, above=search.is_race)]:
        try:
            if search.is_race(place):
                races.append(read_race(place))
            elif shown.isdisjoint((place, *place.parents)):
                others.append(place)
        except ReportError as error:
            errors.append(error)
    sides, wrong = search.sides(others)
    errors += wrong
    # Edges first: what they find of their clouds is theirs.
    for place, _, run_id in sorted(sides, key=lambda side: side[1] != "edge"):
        # What the edge of a run has found, and the cloud's side of a run that is left out.
        if place.resolve() in known or (run_id and run_id in left_out):
            continue
        try:
            found.append(read_run(place, name_of(place)))
            known |= {side.directory.resolve() for side in found[-1].sides.values()}
        except ReportError as error:
            errors.append(error)
            left_out.add(run_id)
            if not run_id:
                beside = {other.resolve() for other in places(place)}
                known |= beside & {other.resolve() for other, _, number in sides if not number}
    found.sort(key=lambda run: (run.here.get("started_at") or "", str(run.directory)))
    return races + found, errors
