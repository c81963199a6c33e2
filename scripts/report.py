#!/usr/bin/env python3
"""Turns runs, races and the tables of other scripts into plots, a report with every number and its command, and files
for other tools.

Usage: scripts/report.py RUN_DIR... [--confusion FILE.csv...] --output DIR
       scripts/report.py --tables RUN_DIR... [--confusion FILE.csv...]     the numbers alone, to standard output
       scripts/report.py --tensorboard DIR [--csv DIR] [--follow] RUN_DIR...

RUN_DIR is the directory of a race (scripts/race.sh), of one run (with edge/ and cloud/, or what one of them holds), one
with such directories below it, whose complete runs are taken, or a table with a JSON object in each line: settings
with predicted_seconds and measured_seconds, or with bytes_per_image and final_accuracy. Only what the runs have is
drawn. Both sides of a run may also be given as two directories; what a side knows whose files are not there is called
unknown. A race of few images, for time, and long runs of the same networks, for accuracy, go together: then a plot
shows those accuracies at the times of the race. FILE.csv is what edge-trainer predict --confusion has written; such
files may also be all there is.

--output makes report.md with PNG files, and report.html: one file with the same plots and tables, for any browser,
offline; its plots tell values under the pointer. --tensorboard and --csv write what both sides have logged of each step
and epoch, also of runs that go on or have failed, to DIR/<run>/edge and DIR/<run>/cloud. What is there of the same run
is continued, or replaced if the run went back to a checkpoint; all else in DIR stays. --follow goes on until all runs
have ended.

Plots need matplotlib, and --tensorboard the package of that name: what is missing is installed (once) in a virtual
environment, that of $REPORT_VENV, else ~/.cache/hierarchical-trainer/report-venv. Exit code 0, also where something is
unknown; 1 if a racer failed or both sides' counts of bytes differ, 64 for wrong options, 65 if something cannot be
read, 69 if a package cannot be had, 73 if the output cannot be written, 74 if the tables cannot, 130 after Ctrl-C,
which ends --follow with all that was logged so far written.
"""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

# The packages beside this file; Python prefers `report` to the file itself.
from experiments.programs import Failure, Options, say, start, usage  # noqa: E402
from report import confusion, document, exports, packages, runs, script_tables, sections, tables, timing  # noqa: E402


def parse(arguments):
    """The options."""
    options = Options()
    options.add_argument("paths", nargs="*")
    options.add_argument("--confusion", nargs="+", action="extend", default=[])
    options.add_argument("--output", type=Path)
    options.add_argument("--tables", action="store_true")
    options.add_argument("--tensorboard", type=Path)
    options.add_argument("--csv", type=Path)
    options.add_argument("--follow", action="store_true")
    own = options.parse_intermixed_args(arguments)
    exported = own.tensorboard or own.csv
    if not own.paths and (exported or not own.confusion):
        raise usage("expected the directory of a race or a run" + ("" if exported else ", or --confusion FILE.csv"))
    if own.tables and own.output or not (own.tables or own.output or exported):
        raise usage("expected either --output DIR or --tables, or --tensorboard DIR or --csv DIR")
    if own.confusion and not (own.tables or own.output):
        raise usage("--confusion: goes with --output or --tables")
    if own.follow and (not exported or own.tables or own.output):
        raise usage("--follow: goes with --tensorboard or --csv, without --output and --tables")
    return own


def write(things, output):
    """The plots, report.md and report.html."""
    from report import plots

    try:
        output.mkdir(parents=True, exist_ok=True)
        parts = [document.Heading("Report", 1), document.Text(tables.NOTE)]
        for thing, pictures in plots.draw(things, output):
            parts += sections.parts(thing, pictures)
        for name, text in (("report.md", document.as_markdown(parts)), ("report.html", document.as_page(parts))):
            (output / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise Failure(f"{error.filename or output}: {error.strerror}", 73) from error
    say(f"wrote {output}/report.md and report.html")


def print_tables(things):
    """The numbers, to standard output."""
    try:
        print("\n".join(map(sections.as_text, things)), end="", flush=True)
    except OSError as error:
        # What is still in the buffer would fail again when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise Failure(f"cannot write the tables: {error.strerror}", 74) from error


def read(own):
    """What is to be shown: complete runs, races and tables."""
    things = runs.joined([thing for path in own.paths for thing in runs.read_all(path, say)])
    things += [confusion.read(path) for path in own.confusion]
    timing.lend(things)
    return sections.grouped(things)


def tell(things):
    """Says what is unknown, and what went wrong; returns the exit code."""
    things = [thing for thing in things if not isinstance(thing, script_tables.Table)]
    for line in (line for thing in things for line in sections.unknowns(thing)):
        say(line)
    problems = [line for thing in things for line in sections.problems(thing)]
    for line in problems:
        say(f"problem: {line}")
    return 1 if problems else 0


def main(arguments):
    """Returns the exit code."""
    if any(argument in ("-h", "--help") for argument in arguments):
        print(__doc__.strip())
        return 0
    own = parse(arguments)
    things = read(own) if own.output or own.tables else []
    packages.ensure(*(["matplotlib"] if own.output else []), *(["tensorboard"] if own.tensorboard else []))
    if own.tensorboard or own.csv:
        exports.write(own.paths, own.tensorboard, own.csv, own.follow)
    if own.output:
        write(things, own.output)
    if own.tables:
        print_tables(things)
    return tell(things)


if __name__ == "__main__":
    start("report.py", main)
