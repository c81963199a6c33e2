"""Where runs are below a directory: where `edge-trainer runs` finds them, too."""

DEPTH = 6  # directories below the one that is named; races have their racers' in their own, and these those of both sides


def directories(root, above=lambda directory: False, depth=DEPTH):
    """All directories below one, by their names, but for hidden ones, links, and those below what is `above`."""
    try:
        found = sorted(root.iterdir())
    except OSError:
        return  # What may not be read is passed over.
    for path in found:
        if path.name.startswith(".") or path.is_symlink() or not path.is_dir():
            continue
        yield path
        if depth > 1 and not above(path):
            yield from directories(path, above, depth - 1)


def is_race(directory):
    """Whether scripts/race.sh has written a directory."""
    return (directory / "machine.json").exists() and any(directory.glob("*/racer.json"))


def is_side(directory):
    """Whether one side of a run is in a directory; of a cloud the summary may be all that was copied."""
    return any((directory / file).exists() for file in ("config.json", "summary.json"))
