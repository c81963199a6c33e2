"""Runs of two machines, of which one side's directory, or each by itself, is at hand.

Usage: python3 -B -m unittest discover -s Tests/ReportTests
"""

import shutil
import tempfile
import unittest
from pathlib import Path

from fixtures import change, run_report, write_run
from report import ledger, runs, sections


class SideTests(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.directory = Path(temporary.name)
        write_run(self.directory / "r", "hierarchical", 22.0, 21.0, 12.0, 5500)
        (cloud,) = self.directory.glob("r/cloud/*")
        # As two machines would have it.
        self.edge, self.cloud = self.directory / "A", self.directory / "B" / cloud.name
        shutil.copytree(self.directory / "r" / "edge", self.edge)
        shutil.copytree(cloud, self.cloud)

    def cells(self, run):
        """The tables of a run: a dictionary of headings and cells."""
        return {key: cell for grid in sections.grids(run) for row in grid.rows for key, cell in zip(grid.headings, row)}

    def test_the_edge_alone(self):
        (run,) = runs.read_all(self.edge)
        cells = self.cells(run)
        self.assertEqual(
            (cells["edge busy s"], cells["cloud busy s"], cells["cloud idle s"]), ("21.0", "unknown", "unknown")
        )
        self.assertEqual((cells["overlap"], cells["both sides' bytes"]), ("unknown", "unknown"))
        self.assertEqual((ledger.differences(run), sections.problems(run)), ([], []))
        self.assertIn(
            f"runs/run-r/cloud where cloud-trainer ran, or <its --run-dir>/run-r) to {self.edge}/cloud",
            ledger.unknown(run),
        )

    def test_the_cloud_alone(self):
        (run,) = runs.read_all(self.directory / "B")
        cells = self.cells(run)
        self.assertEqual(
            (cells["edge busy s"], cells["link busy s"], cells["cloud busy s"]), ("unknown", "unknown", "12.0")
        )
        self.assertEqual((cells["up B/image"], cells["final"]), ("2,750", "80.00 %"))
        self.assertIn(
            f"runs/run-r/edge where edge-trainer ran, or <its --run-dir>) to {self.cloud}/edge", ledger.unknown(run)
        )

    def test_what_the_text_says_helps(self):
        shutil.copytree(self.cloud, self.edge / "cloud")
        (run,) = runs.read_all(self.edge)
        self.assertEqual((self.cells(run)["both sides' bytes"], ledger.unknown(run)), ("agree", None))
        shutil.copytree(self.edge, self.cloud / "edge")
        (run,) = runs.read_all(self.cloud)
        self.assertEqual((self.cells(run)["both sides' bytes"], ledger.unknown(run)), ("agree", None))

    def test_the_program(self):
        done = run_report("--tables", self.edge)
        self.assertEqual(done.returncode, 0)
        self.assertIn("UNKNOWN: A: what only the cloud knows is unknown", done.stdout)
        self.assertRegex(done.stderr, r"^report\.py: A: what only the cloud knows is unknown.*copy its directory.*\n$")
        self.assertNotIn("DIFFER", done.stdout)
        for paths in ((self.edge, self.directory / "B"), (self.cloud, self.edge), (self.edge, self.cloud, self.edge)):
            done = run_report("--tables", *paths)
            self.assertEqual((done.returncode, done.stderr), (0, ""), paths)
            self.assertRegex(done.stdout, r"(?m)^A .* agree$")

    def test_counts_that_differ_are_told(self):
        change(self.cloud / "summary.json", received_bytes=1)
        done = run_report("--tables", self.edge, self.cloud)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"^report\.py: problem: A: edge sent_bytes \d+, cloud received_bytes 1\n$")
        self.assertIn("DIFFER", done.stdout)

    def test_the_cloud_of_another_run_is_not_taken(self):
        change(self.cloud / "summary.json", run_id="another")
        shutil.copytree(self.cloud, self.edge / "cloud")
        (run,) = runs.read_all(self.edge)
        self.assertEqual((run.missing, run.cloud), ("cloud", None))
        self.assertEqual(len(runs.joined([*runs.read_all(self.edge), *runs.read_all(self.cloud)])), 2)

    def test_columns_of_nothing_are_left_out(self):
        (run,) = runs.read_all(self.edge)
        headings = [heading for grid in sections.grids(run) for heading in grid.headings]
        for heading in ("paper", "against cloud-stream", "edge direct s", "exit"):
            self.assertNotIn(heading, headings)


if __name__ == "__main__":
    unittest.main()
