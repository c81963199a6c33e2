"""Where runs are below a directory: where `edge-trainer runs` finds them, too."""

import os

from .files import ReportError, check_texts, read_json

# Directories below the one that is named; races have their racers' in their own, and these those of both sides.
DEPTH = 6


def directories(root, above=lambda directory: False, depth=DEPTH):
    """All directories below one, by their names, but for hidden ones, links, and those below what is `above`; what may
    not be read is passed over."""
    return those_of(listed(root) or [], above, depth)


def those_of(paths, above, depth):
    """These directories and all below them."""
    for path in paths:
        inside = listed(path)
        if inside is None:
            continue
        yield path
        if depth > 1 and not above(path):
            yield from those_of(inside, above, depth - 1)


def listed(directory):
    """The directories in one, by their names, but for hidden ones and links; None if it may not be read."""
    try:
        with os.scandir(directory) as entries:
            names = [one.name for one in entries if not one.name.startswith(".") and one.is_dir(follow_symlinks=False)]
    except OSError:
        return None
    return [directory / name for name in sorted(names)]


def holds(directory, *names):
    """Whether one of some files is in a directory; not if nobody may look."""
    try:
        return any((directory / name).exists() for name in names)
    except OSError:
        return False


def is_race(directory):
    """Whether scripts/race.sh has written a directory."""
    return holds(directory, "machine.json") and any(directory.glob("*/racer.json"))


def is_side(directory):
    """Whether one side of a run is in a directory; of a cloud the summary may be all that was copied."""
    return holds(directory, "config.json", "summary.json")


def sides(places):
    """Those of some directories in which there is one side of a run, with its role and number; and what is wrong with
    others."""
    found, errors = [], []
    for place in filter(is_side, places):
        try:
            found.append((place, *identity(place)))
        except ReportError as error:
            errors.append(error)
    return found, errors


def identity(directory):
    """Role and number of a side of a run, of which there may be no summary yet, though it alone has early numbers."""
    content = {}
    for file in ("config.json", "summary.json"):
        if holds(directory, file):
            content |= read_json(directory / file)
    if content.get("role") not in ("edge", "cloud"):
        raise ReportError(f"{directory}: no settings of a run: they have the role of neither edge nor cloud")
    check_texts(directory, content, optional=("run_id",))
    return content["role"], content.get("run_id")
