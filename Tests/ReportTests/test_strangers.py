"""Files of others, and such as may not be read, below a directory with runs; and names that are no text.

Usage: python3 -B -m unittest discover -s Tests/ReportTests
"""

import contextlib
import json
import os
import tempfile
import unittest
from pathlib import Path

from fixtures import change, run_report, write_race, write_run
from report import exports, files, logs, runs, terminal

# Texts, and the columns that a terminal gives them: the programs' DisplayWidth does the same.
WIDTHS = {
    "abc": 3, "é": 1, "e\u0301": 1, "東京": 4, "ＡＢ": 4, "ｱ": 1, "한": 2, "\u1112\u1161\u11ab": 2, "क्ष": 2, "a\u20dd": 1,
    "\u302a": 0, "か\u3099": 2, "a\u00adb": 3, "a\u200bb": 2, "👍": 2, "👍🏽": 4, "👩\u200d👩\u200d👧": 6, "❤\ufe0f": 1,
    "≥": 1, "–": 1, "Ω": 1,
}  # fmt: skip


class StrangerTests(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.directory = Path(temporary.name)
        write_run(self.directory / "good", "hierarchical", 2.0, 1.0, 1.0, 2000, started_at="2026-01-01T00:00:00Z")

    def write(self, place, content):
        """A file."""
        path = self.directory / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content))

    def left_out(self):
        """What is said of all but the good run."""
        told = []
        (run,) = runs.joined(runs.read_all(self.directory, told.append))
        self.assertEqual((run.name, set(run.sides)), ("good", {"edge", "cloud"}))
        return told

    @contextlib.contextmanager
    def as_somebody(self):
        """Without root's right to read everything."""
        is_root = os.geteuid() == 0
        self.directory.chmod(0o755)
        if is_root:
            os.seteuid(65534)
        try:
            yield
        finally:
            if is_root:
                os.seteuid(0)

    def test_what_may_not_be_read_is_passed_over(self):
        # Not to be listed, not to be entered, neither; and in the run itself.
        for name, mode in (("unlisted", 0o311), ("unentered", 0o644), ("locked", 0o000), ("good/locked", 0o000)):
            self.write(f"{name}/config.json", "[1]")
            (self.directory / name).chmod(mode)
            self.addCleanup((self.directory / name).chmod, 0o755)
        with self.as_somebody():
            self.assertEqual(self.left_out(), [])
            found, errors = logs.find_logs([self.directory])
            self.assertEqual((len(found), errors), (2, []))
            with self.assertRaisesRegex(files.ReportError, "locked: Permission denied"):
                runs.read_all(self.directory / "locked")
            with self.assertRaisesRegex(files.ReportError, "locked/run: Permission denied"):
                runs.read_all(self.directory / "locked" / "run")

    def test_a_cloud_that_may_not_be_read_is_missing(self):
        (self.directory / "good" / "cloud").chmod(0o000)
        self.addCleanup((self.directory / "good" / "cloud").chmod, 0o755)
        with self.as_somebody():
            (run,) = runs.read_all(self.directory)
        self.assertEqual(run.missing, "cloud")

    def test_values_of_other_types_are_told_of(self):
        (self.directory / "pipe").mkdir()
        os.mkfifo(self.directory / "pipe" / "config.json")
        (edge,) = self.directory.glob("good/edge")
        summary = json.loads((edge / "summary.json").read_text())
        for number, values in enumerate(({"run_id": [1]}, {"started_at": 5}, {"strategy": 7}, {"strategy": None})):
            self.write(f"summary{number}/summary.json", summary | {"run_id": f"n{number}"} | values)
            self.write(f"summary{number}/metrics.jsonl", (edge / "metrics.jsonl").read_text())
            self.write(f"summary{number}/config.json", (edge / "config.json").read_text())
        self.write("id/config.json", {"role": "edge", "run_id": [1]})
        self.write("deep/config.json", "[" * 100_000)
        told = "\n".join(self.left_out())
        for text in (
            "pipe/config.json: expected a regular file", "summary0: run_id is [1], expected text",
            "summary1/summary.json: started_at is 5, expected text", "summary2/summary.json: strategy is 7, expected ",
            "summary3/summary.json: strategy is null", "id: run_id is [1], expected text", "deep/config.json: no JSON",
        ):  # fmt: skip
            self.assertIn(text, told)
        self.assertEqual(len(told.splitlines()), 7, told)

    def test_racers_of_others_are_told_of(self):
        write_race(self.directory / "race")
        for racer in ({"exit_code": 0}, {"exit_code": 0, "name": "x"}, {"name": [1]}):
            self.write("race/method/racer.json", racer)
            self.assertRegex("\n".join(self.left_out()), r"^left out: .*racer.json: \w+ is \S+, expected text$")

    def test_settings_of_others_are_told_of_in_tables_and_exports(self):
        self.write("model/config.json", {"model_type": "bert"})
        self.write("list/config.json", [1])
        told = self.left_out()
        self.assertEqual(len(told), 2)
        self.assertRegex(told[0], "list/config.json: expected a JSON object$")
        self.assertRegex(told[1], "model: no settings of a run: they have the role of neither edge nor cloud$")
        done = run_report("--csv", self.directory / ".out", self.directory)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual([line.split(": ", 1)[1] for line in done.stderr.splitlines()[:-1]], told)
        # One that is named is an error by itself.
        with self.assertRaisesRegex(files.ReportError, "expected a JSON object"):
            exports.write([self.directory / "list"], None, self.directory / ".out", False)

    def test_sides_without_a_number_are_told_of_once(self):
        write_run(self.directory / "old", "hierarchical", 2.0, 1.0, 1.0, 2000, outcome="interrupted")
        for file in self.directory.glob("old/**/summary.json"):
            change(file, run_id=None, outcome="interrupted")
        self.assertEqual(len(self.left_out()), 1)

    def test_names_do_not_move_the_cursor(self):
        self.write("x\x1b]0;title\x07y\nz/config.json", {})
        change(self.directory / "good" / "edge" / "config.json", name="n\x1b[31mred", data="a\x1bb")
        done = run_report("--tables", self.directory)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("x?]0;title?y?z", done.stderr)
        self.assertIn("n?[31mred:\n", done.stdout)
        self.assertEqual([one for one in done.stdout + done.stderr if not one.isprintable() and one != "\n"], [])
        self.assertIn("edge-trainer train ", done.stdout)

    def test_widths(self):
        self.assertEqual({text: terminal.columns(text) for text in WIDTHS}, WIDTHS)


if __name__ == "__main__":
    unittest.main()
