"""The numbers of scripts/report.py, on runs that are written here; no matplotlib.

Usage: python3 -B -m unittest discover -s Tests/ReportTests
"""

import json
import tempfile
import unittest
from pathlib import Path

from fixtures import EPOCHS, IMAGES, change, run_report, write_race, write_run
from report import document, files, ledger, runs, sections, tables, timing


class ReportTests(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.directory = Path(temporary.name)

    def write_race(self):
        race = write_race(self.directory / "race")
        (race / "lost").mkdir()
        (race / "lost" / "racer.json").write_text('{"name": "lost", "exit_code": 64, "error": "cut 9"}')
        (race / "underway").mkdir()
        (race / "underway" / "edge.log").touch()
        return race

    def rows(self):
        (race,) = runs.read_all(self.write_race())
        return {row.name: row for row in sections.rows_of(race)}, race

    def test_epochs_of_a_race(self):
        rows, race = self.rows()
        self.assertEqual([run.name for run in race.runs], ["method", "cloud-stream", "once", "alone"])
        method = rows["method"]
        self.assertAlmostEqual(method.seconds, 22.0)
        self.assertAlmostEqual(method.up, 2750)
        self.assertAlmostEqual(method.link_busy, 20.0)  # what evaluation took is left out
        self.assertAlmostEqual(method.overlap, 22 / 21)
        self.assertAlmostEqual(method.cloud_idle, 10.0)
        self.assertAlmostEqual(timing.reduction(method, rows["cloud-stream"]), -0.5)
        self.assertEqual(timing.paper_reduction(method.run), -0.29)
        self.assertIsNone(timing.paper_reduction(rows["cloud-stream"].run))

    def test_epochs_of_fewer_images_are_scaled(self):
        race = self.write_race()
        change(race / "method" / "edge" / "config.json", train_images=IMAGES // 4)
        (loaded,) = runs.read_all(race)
        rows = {row.name: row for row in sections.rows_of(loaded)}
        row = rows["method, scaled from 250 images"]
        self.assertEqual((row.images, row.seconds, row.edge_busy), (IMAGES, 88.0, 84.0))
        self.assertAlmostEqual(row.images_per_second, IMAGES / 4 / 22)
        self.assertAlmostEqual(timing.reduction(row, rows["cloud-stream"]), 1.0)

    def test_floors(self):
        rows, _ = self.rows()
        method = rows["method"]
        self.assertAlmostEqual(method.link_floor, 20.0)
        self.assertAlmostEqual(method.edge_floor, 20.0)  # 10^12 operations at the faster 50 GFLOP/s
        self.assertAlmostEqual(method.cloud_floor, 40.0)
        self.assertIsNone(rows["alone"].link_floor)
        self.assertIsNone(rows["alone"].cloud_floor)

    def test_an_upload_counts_in_the_first_epoch(self):
        rows, race = self.rows()
        once = 40.0 * 5_500_000 / 5_600_000  # of it, training images
        first, later = rows["once, first epoch"], rows["once, later epochs"]
        self.assertAlmostEqual(first.seconds, once + 20)
        self.assertAlmostEqual(first.up, 5500)
        self.assertAlmostEqual(later.seconds, 20)
        self.assertEqual((later.up, later.link_busy, later.link_floor), (0, 0, 0))
        self.assertAlmostEqual(timing.accuracy_over_time(race.runs[2], "final_accuracy")[0][0], once + 20)
        # It gains 2 s an epoch, so that 39.3 s are made up for in the 20th.
        self.assertIn("runs of 20 epochs or more", timing.upload_verdict(race.runs)[1])

    def test_longer_runs_lend_a_race_their_accuracies(self):
        race = self.write_race()
        # Races of half the images and one epoch; another cut is another network.
        for racer in ("method", "alone"):
            path = race / racer / "edge" / "metrics.jsonl"
            lines = [line for line in path.read_text().splitlines() if f'"epoch": {EPOCHS}' not in line]
            path.write_text("".join(line + "\n" for line in lines))
            change(race / racer / "edge" / "config.json", train_images=IMAGES // 2)
        for name, strategy in (("long", "hierarchical"), ("uncut", "cloud-stream"), ("deeper", "hierarchical")):
            write_run(self.directory / name, strategy, 1.0, 1.0, 1.0, 1000)
        change(self.directory / "deeper" / "edge" / "config.json", cut=4)
        things = [
            thing for name in ("race", "long", "uncut", "deeper") for thing in runs.read_all(self.directory / name)
        ]
        timing.lend(things)
        pairs = {racer.name: (racer, run) for racer, run in things[0].lent}
        self.assertEqual({name: run.name for name, (_, run) in pairs.items()}, {"method": "long", "alone": "uncut"})
        # 22 s for half of the images.
        self.assertEqual(
            [seconds for seconds, _ in timing.lent_accuracies(*pairs["method"], "final_accuracy")], [44.0, 88.0]
        )
        self.assertIn(["method", "long", "2", "1,000", "1.5", "–", "80.00 %"], tables.lent(things[0]).rows)

    def test_ledger(self):
        write_run(self.directory / "good", "split", 1.0, 1.0, 1.0, 2000, down=16000)
        write_run(self.directory / "bad", "split", 1.0, 1.0, 1.0, 2000, down=16000, sent_bytes=2_100_001)
        write_run(self.directory / "odd", "hierarchical", 1.0, 1.0, 1.0, 2000, down=16000)
        differences = {
            name: ledger.differences(runs.read_all(self.directory / name)[0]) for name in ("good", "bad", "odd")
        }
        self.assertEqual(differences["good"], [])
        self.assertEqual(differences["bad"], ["edge sent_bytes 2100001, cloud received_bytes 2100000"])
        self.assertEqual(differences["odd"], ["hierarchical has 16000000 gradient bytes"])

    def test_tables_of_scripts(self):
        plan = self.directory / "plan.jsonl"
        pairs = ((9, 10), (21, 20), (40, 40))
        rows = [{"setting": "s", "predicted_seconds": one, "measured_seconds": other} for one, other in pairs]
        plan.write_text("".join(json.dumps(row) + "\n" for row in rows))
        (table,) = runs.read_all(plan)
        self.assertEqual(tables.median_error(table.rows), "3 settings; median error 5.0 %, largest 10.0 %")
        (self.directory / "f").mkdir()
        (self.directory / "f" / "frontier.tsv").write_text(
            "architecture\tbottleneck\tbits\tbytes_per_image\tfinal_accuracy\n"
            "vgg16\tnone\t4\t2048.5\t0.84\nvgg16\t16\t2\t300\t0.85\nresnet18\t-\t1\t900\t0.8\n"
        )
        (table,) = runs.read_all(self.directory / "f")
        self.assertEqual((table.kind, table.name), ("frontier", "f"))
        self.assertIsNone(table.rows[0]["bottleneck"])
        self.assertEqual([row["bits"] for row in timing.efficient(table.rows[:2])], [2])
        self.assertEqual(tables.frontier(table.rows).rows[-1][-1], "")  # beaten by the other of vgg16

    def test_markdown_has_numbers_and_commands(self):
        _, race = self.rows()
        text = document.as_markdown(sections.parts(race, [document.Picture("a.png", "A plot", "")]))
        for part in (
            "| method | 22.0 | 45.5 | −50.0 % | −29.0 % |",
            "scripts/race.sh",
            "lost: cut 9",
            "underway: did not arrive",
            "![A plot](a.png)",
        ):
            self.assertIn(part, text)

    def test_no_measured_time_is_no_crash(self):
        path = self.directory / "plan.jsonl"
        path.write_text('{"setting": "a", "predicted_seconds": 1, "measured_seconds": 0}\n')
        with self.assertRaisesRegex(files.ReportError, "measured_seconds is 0, expected more than 0"):
            runs.read_all(path)

    def test_exit_codes(self):
        race = self.write_race()
        write_run(self.directory / "run", "hierarchical", 1.0, 1.0, 1.0, 2000)
        (self.directory / "broken").mkdir()
        (self.directory / "broken" / "summary.json").write_text("{")
        (self.directory / "broken" / "metrics.jsonl").write_text("")
        (self.directory / "broken" / "config.json").write_text("{}")
        for arguments, code, error in (
            (["--tables", str(self.directory / "run")], 0, ""),
            (["--tables", str(race)], 1, "problem: lost: cut 9"),
            (["--tables", str(self.directory / "run"), "--follow"], 64, "--follow: goes with --tensorboard or --csv"),
            ([str(race)], 64, "expected either --output DIR or --tables"),
            (["--tables", "--output"], 64, "--output: expected one argument"),
            (["--tables", str(self.directory / "none")], 65, "no such file or directory"),
            (["--tables", str(self.directory / "broken")], 65, "no JSON"),
        ):
            with self.subTest(arguments=arguments):
                done = run_report(*arguments)
                self.assertEqual(done.returncode, code)
                self.assertIn(error, done.stderr)
                self.assertEqual(len(done.stderr.splitlines()), 0 if not error else 2 if code == 1 else 1)


if __name__ == "__main__":
    unittest.main()
