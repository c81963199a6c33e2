#!/usr/bin/env python3
"""Turns runs, races and the tables of other scripts into plots and a report.md with every number and its command.

Usage: scripts/report.py RUN_DIR... [--confusion FILE.csv...] --output DIR
       scripts/report.py --tables RUN_DIR... [--confusion FILE.csv...]     the numbers alone, to standard output

RUN_DIR is the directory of a race (scripts/race.sh), of one run (with edge/ and cloud/), or a table with a JSON object in
each line: settings with predicted_seconds and measured_seconds, or with bytes_per_image and final_accuracy. Only what the
runs have is drawn. A race of few images, for time, and long runs of the same networks, for accuracy, go together: then a plot
shows those accuracies at the times of the race. FILE.csv is what edge-trainer predict --confusion has written; such files
may also be all there is.

Plots need matplotlib: if it is missing it is installed (once) in a virtual environment, that of $REPORT_VENV, else
~/.cache/hierarchical-trainer/report-venv. Exit code 0, 1 if a racer failed or both sides' counts of bytes differ, 64 for
wrong options, 65 if something cannot be read, 69 if matplotlib cannot be had, 73 if the output cannot be written, 74 if the
tables cannot.
"""

import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

# The packages beside this file; Python prefers `report` to the file itself.
from experiments.programs import Failure, Options, say, start, usage  # noqa: E402
from report import confusion, runs, tables, timing  # noqa: E402


def parse(arguments):
    """The options."""
    options = Options()
    options.add_argument("paths", nargs="*")
    options.add_argument("--confusion", nargs="+", action="extend", default=[])
    options.add_argument("--output", type=Path)
    options.add_argument("--tables", action="store_true")
    own = options.parse_intermixed_args(arguments)
    if not own.paths and not own.confusion:
        raise usage("expected the directory of a race or a run, or --confusion FILE.csv")
    if own.tables == (own.output is not None):
        raise usage("expected either --output DIR or --tables")
    return own


def ensure_matplotlib():
    """Returns if matplotlib can be imported, else goes on in a virtual environment in which it can."""
    try:
        import matplotlib  # noqa: F401

        return
    except ImportError:
        pass
    try:
        cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    except RuntimeError:  # HOME is not set, and the user database does not know the user.
        cache = None
    given = os.environ.get("REPORT_VENV")
    if not given and not cache:
        raise Failure(f"HOME is not set, and user {os.getuid()} has none; set HOME or REPORT_VENV", 69)
    venv = Path(given or Path(cache) / "hierarchical-trainer" / "report-venv")
    python = venv / "bin" / "python"
    if Path(sys.prefix) == venv:
        raise Failure(f"{venv} has no usable matplotlib; remove it and try again", 69)
    check = [python, "-c", "import matplotlib"]
    if not python.exists() or subprocess.run(check, check=False, capture_output=True).returncode:
        say(f"preparing matplotlib in {venv}")
        pip = [python, "-m", "pip", "--disable-pip-version-check", "--quiet", "install", "matplotlib>=3.8,<4"]
        for command in ([sys.executable, "-m", "venv", venv], pip):
            if subprocess.run(command, check=False, stdout=sys.stderr).returncode:
                raise Failure(f"matplotlib cannot be installed in {venv}", 69)
    os.execv(python, [str(python), "-B", *sys.argv])


def write(things, output):
    """The plots and report.md."""
    ensure_matplotlib()
    from report import plots

    try:
        output.mkdir(parents=True, exist_ok=True)
        sections = plots.draw(things, output)
        text = f"# Report\n\n{tables.NOTE}\n"
        text += "\n".join(tables.as_markdown(thing, images) for thing, images in sections)
        (output / "report.md").write_text(text, encoding="utf-8")
    except OSError as error:
        raise Failure(f"{error.filename or output}: {error.strerror}", 73) from error
    say(f"wrote {output}/report.md")


def main(arguments):
    """Returns the exit code."""
    if any(argument in ("-h", "--help") for argument in arguments):
        print(__doc__.strip())
        return 0
    own = parse(arguments)
    things = [thing for path in own.paths for thing in runs.read_all(path)]
    things += [confusion.read(path) for path in own.confusion]
    timing.lend(things)
    if own.output:
        write(things, own.output)
    else:
        try:
            print("\n".join(tables.as_text(thing) for thing in things), end="", flush=True)
        except OSError as error:
            # What is still in the buffer would fail again when Python ends.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise Failure(f"cannot write the tables: {error.strerror}", 74) from error
    return 1 if any(tables.problems(thing) for thing in things if not isinstance(thing, runs.Table)) else 0


if __name__ == "__main__":
    start("report.py", main)
