"""What scripts/report.py --tensorboard and --csv write, read back by tensorboard's own reader and by Python's.

Usage: python3 -B -m unittest discover -s Tests/ReportTests
"""

import csv
import functools
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

from fixtures import EPOCHS, SCRIPTS, python_with, run_report, steps_of, write_race, write_run

STEPS = EPOCHS * 10
# Prints the scalars of each directory with events: tag -> [step, value, seconds since 1970]...
READER = """
import json, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
found = {}
for path in sys.argv[1:]:
    events = EventAccumulator(path, size_guidance={"scalars": 0}).Reload()
    found[path] = {
        tag: [[event.step, event.value, event.wall_time] for event in events.Scalars(tag)] for tag in events.Tags()["scalars"]
    }
print(json.dumps(found))
"""


class ExportTests(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.directory = Path(temporary.name)
        self.run_directory, self.output = self.directory / "r", self.directory / "out"

    def write_run(self):
        write_run(self.run_directory, "hierarchical", 22.0, 21.0, 12.0, 5500)
        # As --local has it, so that it is <run>/cloud.
        (cloud,) = self.run_directory.glob("cloud/*")
        shutil.copytree(cloud, self.run_directory / "c")
        shutil.rmtree(self.run_directory / "cloud")
        (self.run_directory / "c").rename(self.run_directory / "cloud")

    def table(self, name, output=None):
        """A file of CSV."""
        with ((output or self.output) / name).open(newline="") as file:
            return list(csv.DictReader(file))

    def cut(self, side, lines, *more):
        """Leaves some lines of a log, and appends others."""
        path = self.run_directory / side / "metrics.jsonl"
        kept = path.read_text().splitlines(keepends=True)[:lines]
        path.write_text("".join(kept) + "".join(json.dumps(line) + "\n" for line in more))

    def export(self, *arguments):
        """Writes CSV."""
        done = run_report("--csv", self.output, self.run_directory, *arguments)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_csv(self):
        self.write_run()
        self.export()
        for side, loss in (("edge", 3.0), ("cloud", 2.0)):
            steps, epochs = self.table(f"r/{side}/steps.csv"), self.table(f"r/{side}/epochs.csv")
            self.assertEqual([row["step"] for row in steps], [str(step) for step in range(1, STEPS + 1)])
            self.assertEqual([float(row["loss"]) for row in steps], [loss / step for step in range(1, STEPS + 1)])
            self.assertEqual([row["final_accuracy"] for row in epochs], ["0.4", "0.8"])
            self.assertEqual([row["exit_accuracy"] for row in epochs], ["", ""])

    def test_runs_that_are_not_complete_and_go_on(self):
        self.write_run()
        whole = {path: path.read_bytes() for path in self.run_directory.glob("*/metrics.jsonl")}
        for path in whole:
            (path.parent / "summary.json").unlink()
        # The last line is being written.
        self.cut("edge", 8)
        with (self.run_directory / "edge/metrics.jsonl").open("a") as file:
            file.write('{"type": "step", "st')
        self.export()
        self.assertEqual(len(self.table("r/edge/steps.csv")), 7)
        # A report that was killed left a part of a row.
        with (self.output / "r/edge/steps.csv").open("ab") as file:
            file.write(b"1,8,")
        for path, content in whole.items():
            path.write_bytes(content)
        self.export()
        again = (self.output / "r/edge/steps.csv").read_bytes()
        self.assertEqual(len(self.table("r/edge/steps.csv")), STEPS)
        self.export()
        self.assertEqual((self.output / "r/edge/steps.csv").read_bytes(), again)

    def test_a_run_that_went_back_has_no_step_twice(self):
        self.write_run()
        (self.output / "other").mkdir(parents=True)
        (self.output / "other" / "kept").write_text("x")
        self.export()
        self.cut("edge", 5, {"type": "event", "event": "resumed"}, *steps_of("cloud", 2))
        self.export()
        steps = [int(row["step"]) for row in self.table("r/edge/steps.csv")]
        self.assertEqual(steps, [1, 2, 3, 4, *range(11, 21)])
        self.assertEqual((self.output / "other" / "kept").read_text(), "x")
        self.assertEqual(sorted(path.name for path in (self.output / "r/edge").iterdir()), ["epochs.csv", "steps.csv"])

    def test_races(self):
        race = write_race(self.directory / "race")
        self.assertEqual(run_report("--csv", self.output, race).returncode, 0)
        for name in ("method/edge", "method/cloud", "alone/edge", "once/cloud"):
            self.assertEqual(len(self.table(f"race/{name}/steps.csv")), STEPS)

    def test_follow(self):
        self.write_run()
        paths = list(self.run_directory.glob("*/metrics.jsonl"))
        whole = {path: path.read_text().splitlines(keepends=True) for path in paths}
        for path in paths:
            path.write_text("".join(whole[path][:4]))
        command = [sys.executable, "-B", SCRIPTS / "report.py", "--csv", self.output, "--follow", self.run_directory]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
            self.wait_for(lambda: self.rows_so_far() == 3)
            # The run goes back to a checkpoint, and on from there.
            for path in paths:
                path.write_text(
                    "".join(whole[path][:2] + ['{"type": "event", "event": "resumed"}\n'] + whole[path][2:9])
                )
            self.wait_for(lambda: self.rows_so_far() == 8)
            self.assertIsNone(process.poll())
            for path in paths:
                with path.open("a") as file:
                    file.writelines(whole[path][9:])
            _, errors = process.communicate(timeout=20)
        self.assertEqual(process.returncode, 0, errors)
        steps = [int(row["step"]) for row in self.table("r/edge/steps.csv")]
        self.assertEqual(steps, list(range(1, STEPS + 1)))

    def test_an_interrupted_follow(self):
        self.write_run()
        self.cut("edge", 4)
        command = [sys.executable, "-B", SCRIPTS / "report.py", "--csv", self.output, "--follow", self.run_directory]
        # What was started in the background of a shell ignores the signal, and so would this.
        heed = functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, preexec_fn=heed) as process:
            self.wait_for(lambda: self.rows_so_far() == 3)
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=20)
        self.assertEqual((process.returncode, errors), (130, ""))

    def rows_so_far(self):
        """Steps of the edge that are written."""
        try:
            return len(self.table("r/edge/steps.csv"))
        except OSError:
            return 0

    def wait_for(self, condition, seconds=20):
        """Fails if it does not come true in time."""
        end = time.monotonic() + seconds
        while not condition():
            self.assertLess(time.monotonic(), end, "it did not come true")
            time.sleep(0.05)

    def test_errors(self):
        self.write_run()
        (self.directory / "empty").mkdir()
        (self.directory / "file").touch()
        for arguments, code, error in (
            ([self.directory / "none"], 65, "no such directory"),
            ([self.directory / "empty"], 65, "no run: expected config.json and metrics.jsonl"),
            ([], 64, "expected the directory of a race or a run"),
            ([self.run_directory, "--confusion", "c.csv"], 64, "--confusion: goes with"),
        ):
            with self.subTest(arguments=arguments):
                done = run_report("--csv", self.output, *arguments)
                self.assertEqual((done.returncode, len(done.stderr.splitlines())), (code, 1), done.stderr)
                self.assertIn(error, done.stderr)
        done = run_report("--csv", self.directory / "file", self.run_directory)
        self.assertEqual((done.returncode, len(done.stderr.splitlines())), (73, 1), done.stderr)
        self.cut("edge", 0, ["no object"])
        done = run_report("--csv", self.output, self.run_directory)
        self.assertEqual(done.returncode, 65)
        self.assertIn("expected JSON objects", done.stderr)

    def test_tensorboard_reads_it(self):
        python = python_with("tensorboard")
        if not python:
            self.skipTest("tensorboard is not installed; scripts/report.py --tensorboard installs it")
        self.write_run()

        def export():
            done = run_report("--tensorboard", self.output, self.run_directory, python=python)
            self.assertEqual(done.returncode, 0, done.stderr)

        whole = (self.run_directory / "edge/metrics.jsonl").read_bytes()
        (self.run_directory / "edge/summary.json").unlink()
        os.utime(self.run_directory / "edge/config.json", (1000, 1000))
        self.cut("edge", 8)
        export()
        # Now it is known when the run began, but its events stay.
        (self.run_directory / "edge/summary.json").write_text('{"started_at": "2026-01-01T00:00:00Z"}')
        (self.run_directory / "edge/metrics.jsonl").write_bytes(whole)
        export()
        export()
        paths = [str(self.output / "r" / side) for side in ("edge", "cloud")]
        done = subprocess.run([python, "-c", READER, *paths], capture_output=True, text=True, check=True)
        edge, cloud = json.loads(done.stdout).values()
        self.assertEqual([step for step, _, _ in edge["loss/exit"]], list(range(1, STEPS + 1)))
        for step, value, seconds in edge["loss/exit"]:
            self.assertAlmostEqual(value, 3 / step, places=5)
            self.assertAlmostEqual(seconds, 1000 + 0.5 * step)
        self.assertEqual([value for _, value, _ in cloud["loss/final"]][:2], [2.0, 1.0])
        self.assertEqual([step for step, _, _ in edge["accuracy/final"]], [10, 20])
        for tag, value in (("epoch_seconds/busy", 21.0), ("epoch_seconds/idle", 1.0), ("bytes/sent", 200.0)):
            self.assertEqual(edge[tag][-1][1], value)
        self.assertAlmostEqual(edge["images_per_second"][0][1], 1000 / 22, places=3)
        self.assertAlmostEqual(edge["learning_rate"][0][1], 0.1)
        self.assertEqual(cloud["epoch_seconds/busy"][0][1], 12.0)
        self.assertNotIn("accuracy/exit", edge)  # unknown in these runs


if __name__ == "__main__":
    unittest.main()
