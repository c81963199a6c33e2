"""Runs below a directory that is named as a whole.

Usage: python3 -B -m unittest discover -s Tests/ReportTests
"""

import json
import shutil
import tempfile
import unittest
from pathlib import Path

from fixtures import change, run_report, write_race, write_run
from report import files, runs, tables


class SearchTests(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.directory = Path(temporary.name)

    def write(self, place, started_at, **changes):
        """A run of both sides below the directory."""
        path = self.directory / place
        write_run(path, "hierarchical", 2.0, 1.0, 1.0, 2000, started_at=started_at, **changes)
        return path

    def read(self):
        """The things below the directory, and what was said of others."""
        told = []
        return runs.joined(runs.read_all(self.directory, told.append)), told

    def test_runs_at_any_depth_the_oldest_first(self):
        self.write("b", "2026-01-02T00:00:00Z")
        self.write("a/b/c/d/e", "2026-01-03T00:00:00Z")
        self.write("c", "2026-01-01T00:00:00Z")
        # Beyond: too deep, hidden, a link.
        self.write("a/1/2/3/4/5/6", "2026-01-01T00:00:00Z")
        self.write(".hidden", "2026-01-01T00:00:00Z")
        (self.directory / "link").symlink_to(self.directory / "c")
        found, told = self.read()
        self.assertEqual([run.name for run in found], ["c", "b", "e"])
        self.assertTrue(all(set(run.sides) == {"edge", "cloud"} for run in found))
        self.assertEqual(told, [])

    def test_sides_in_directories_of_their_own(self):
        path = self.write("one", "2026-01-01T00:00:00Z")
        (cloud,) = path.glob("cloud/*")
        (self.directory / "clouds").mkdir()
        shutil.move(cloud, self.directory / "clouds" / "x")
        found, _ = self.read()
        self.assertEqual([(run.name, set(run.sides)) for run in found], [("one", {"edge", "cloud"})])

    def test_what_is_not_complete_is_told_of(self):
        self.write("good", "2026-01-01T00:00:00Z")
        self.write("early", "2026-01-01T00:00:00Z", outcome="interrupted")
        running = self.write("running", "2026-01-01T00:00:00Z")
        shutil.rmtree(running / "cloud")
        (running / "edge" / "summary.json").unlink()
        found, told = self.read()
        self.assertEqual([run.name for run in found], ["good"])
        self.assertEqual(len(told), 2)
        self.assertRegex(told[0], "^left out: .*early.*: the run is not complete: interrupted$")
        self.assertRegex(told[1], "^left out: .*running.*: the run is not complete: it has no summary.json$")
        done = run_report("--tables", self.directory)
        self.assertEqual((done.returncode, len(done.stderr.splitlines())), (0, 2), done.stderr)
        # One that is named is an error by itself.
        done = run_report("--tables", running)
        self.assertEqual((done.returncode, len(done.stderr.splitlines())), (65, 1), done.stderr)
        self.assertIn("it has no summary.json", done.stderr)
        shutil.rmtree(self.directory / "good")
        with self.assertRaisesRegex(files.ReportError, "no complete run, no race, and no table"):
            self.read()

    def test_races_are_races(self):
        write_race(self.directory / "races" / "race")
        self.write("run", "2026-01-01T00:00:00Z")
        found, _ = self.read()
        self.assertEqual([type(thing).__name__ for thing in found], ["Race", "Run"])

    def test_tables_come_first_and_hide_no_runs(self):
        self.write("run", "2026-01-01T00:00:00Z")
        row = {"setting": "s", "predicted_seconds": 1, "measured_seconds": 1}
        (self.directory / "plan.jsonl").write_text(json.dumps(row) + "\n")
        (self.directory / "log.jsonl").write_text("not json\n")
        found, told = self.read()
        self.assertEqual([type(thing).__name__ for thing in found], ["Table", "Run"])
        self.assertEqual(len(told), 1)
        self.assertRegex(told[0], "^left out: .*log.jsonl, line 1: no JSON")
        # One that is named, or all there is, is an error by itself.
        (self.directory / "broken").mkdir()
        shutil.move(self.directory / "log.jsonl", self.directory / "broken")
        for path in (self.directory / "broken", self.directory / "broken" / "log.jsonl"):
            with self.assertRaisesRegex(files.ReportError, "no JSON"):
                runs.read_all(path)

    def test_runs_that_are_rows_of_a_table_are_not_shown_again(self):
        self.write("vgg8-2", "2026-01-01T00:00:00Z")
        self.write("other", "2026-01-01T00:00:00Z")
        lines = ("directory\tbytes_per_image\tfinal_accuracy", "runs/frontier/vgg8-2\t100\t0.8")
        (self.directory / "frontier.tsv").write_text("\n".join(lines) + "\n")
        found, told = self.read()
        self.assertEqual([thing.name for thing in found[1:]], ["other"])
        self.assertEqual((found[0].kind, told), ("frontier", []))


class SingleRunTests(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.directory = Path(temporary.name) / "20260101-000000-abcdef"
        write_run(self.directory, "hierarchical", 2.0, 1.0, 1.0, 2000)

    def tables(self):
        """The lines of the tables."""
        done = run_report("--tables", self.directory)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.splitlines()

    def test_it_has_the_name_that_the_user_gave(self):
        self.assertTrue(self.tables()[2].startswith("20260101-000000-abcdef  "))
        change(self.directory / "edge" / "config.json", name="東京")
        lines = self.tables()
        # Each character takes two columns of a terminal.
        self.assertTrue(lines[1].startswith("----  ") and lines[2].startswith("東京  "), lines)
        change(self.directory / "edge" / "config.json", name="mine")
        lines = self.tables()
        self.assertTrue(lines[2].startswith("mine  "), lines)
        self.assertIn("mine:", lines)

    def resume(self, side, *before):
        """Lets the log of a side say that the run went on, after other events."""
        (path,) = self.directory.glob(f"{side}/**/metrics.jsonl")
        lines = path.read_text().splitlines(keepends=True)
        events = [{"type": "event", "event": name, "wall_seconds": 1.0} for name in (*before, "resumed")]
        path.write_text("".join(lines[:5] + [json.dumps(event) + "\n" for event in events] + lines[5:]))

    def count(self, **counts):
        """Changes what the edge has counted."""
        file = self.directory / "edge" / "summary.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | counts))

    def test_bytes_of_a_run_that_was_killed(self):
        self.assertRegex("\n".join(self.tables()), " 1,000 .* agree")
        self.resume("edge", "interrupted")
        self.assertRegex("\n".join(self.tables()), " 1,000 .* agree")
        # The edge's count lacks some, and the cloud's does not.
        self.resume("edge")
        self.count(sent_bytes=1_900_000)
        text = "\n".join(self.tables())
        self.assertRegex(text, " 1,000 .* unknown")
        self.assertIn("UNKNOWN: 20260101-000000-abcdef: the edge went on from a checkpoint", text)
        self.resume("cloud", "disconnected")  # the end of a session
        self.assertRegex("\n".join(self.tables()), " 1,000 .* unknown")
        self.resume("cloud")
        self.assertRegex("\n".join(self.tables()), " ≥ 900 .* unknown")
        # What counts once cannot differ all the same.
        self.count(train_payload_bytes=1)
        self.assertIn("DIFFER", run_report("--tables", self.directory).stdout)

    def test_bytes_of_an_edge_that_was_killed_without_a_connection(self):
        self.resume("edge", "disconnected")
        self.count(sent_bytes=1_900_000)
        self.assertRegex("\n".join(self.tables()), " 1,000 .* unknown")

    def test_bytes_of_a_cloud_that_began_the_run_anew(self):
        sent = json.loads((self.directory / "edge" / "summary.json").read_text())["sent_bytes"]
        self.count(sent_bytes=sent + 100_000, resent_bytes=100_000)
        text = "\n".join(self.tables())
        self.assertIn("unknown", text)
        self.assertIn("UNKNOWN: 20260101-000000-abcdef: the cloud began the run anew", text)
        # More is missing than was sent again.
        self.count(resent_bytes=99_999)
        self.assertIn("DIFFER", run_report("--tables", self.directory).stdout)

    def test_a_killed_run_without_a_cloud_lacks_no_bytes(self):
        shutil.rmtree(self.directory)
        write_run(self.directory, "edge-only", 2.0, 2.0, 0.0, 0)
        self.resume("edge")
        text = "\n".join(self.tables())
        self.assertNotIn("UNKNOWN", text)
        self.assertNotIn("≥", text)
        self.assertNotIn("unknown", text)

    def test_losses_of_an_exit_are_called_so(self):
        (run,) = runs.read_all(self.directory)
        self.assertIn("exit loss", tables.epochs(run).headings)
        (self.directory / "edge" / "summary.json").unlink()
        (run,) = runs.read_all(self.directory / "cloud" / "20260101-000000-abcdef")
        self.assertIn("loss", tables.epochs(run).headings)


if __name__ == "__main__":
    unittest.main()
