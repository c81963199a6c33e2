"""The numbers of scripts/report.py, on runs that are written here; no matplotlib.

Usage: python3 -B -m unittest discover -s Tests/ReportTests
"""

import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
sys.path.insert(0, str(SCRIPTS))

from report import runs, tables, timing  # noqa: E402


# A thousand images in each of two epochs, over a link of 1.1 Mbit/s.
IMAGES, EPOCHS, RATE = 1000, 2, 1.1e6


def write_run(directory, strategy, seconds, edge_busy, cloud_busy, up, down=0, racer=None, uploaded=None, **changes):
    """A run whose epochs take `seconds`, with `up` and `down` bytes per image in all."""
    payload = up * IMAGES
    evaluation, gradients = 100_000, down * IMAGES
    common = {
        "strategy": strategy, "outcome": "completed", "completed_epochs": EPOCHS, "exit_accuracy": None,
        "final_accuracy": 0.8, "training_seconds": EPOCHS * seconds, "evaluation_bytes": evaluation if up else 0,
        "train_payload_bytes": payload, "gradient_payload_bytes": gradients,
    }  # fmt: skip
    sent = payload + common["evaluation_bytes"]
    edge = common | {
        "role": "edge", "busy_seconds": EPOCHS * edge_busy, "sent_bytes": sent, "received_bytes": gradients,
        "link_busy_seconds": sent * 8 / RATE,
    }  # fmt: skip
    cloud = common | {
        "role": "cloud", "busy_seconds": EPOCHS * cloud_busy, "sent_bytes": gradients, "received_bytes": sent,
        "link_busy_seconds": gradients * 8 / RATE,
    }  # fmt: skip
    config = {
        "architecture": "vgg16", "role": "edge", "strategy": strategy, "train_images": IMAGES, "test_images": 100,
        "epochs": EPOCHS, "seed": 0,
    }  # fmt: skip
    if strategy != "edge-only":
        config["link_rate"] = RATE
    if strategy in ("hierarchical", "split"):
        config |= {"cut": 3, "bits": 4}
    lines = [{"type": "event", "event": "started"}]
    if uploaded:
        lines.append({"type": "event", "event": "uploaded", "wall_seconds": uploaded})
    for epoch in range(1, EPOCHS + 1):
        lines.append(
            {
                "type": "epoch",
                "epoch": epoch,
                "training_seconds": seconds,
                "busy_seconds": edge_busy,
                "idle_seconds": seconds - edge_busy,
                "train_loss": 1.0,
                "exit_accuracy": None,
                "final_accuracy": 0.4 * epoch,
            }
        )
    sides = [("edge", edge | changes)] + ([("cloud/20260101-000000-abcdef", cloud)] if up else [])
    for side, summary in sides:
        path = directory / side
        path.mkdir(parents=True)
        (path / "summary.json").write_text(json.dumps(summary))
    (directory / "edge" / "config.json").write_text(json.dumps(config))
    (directory / "edge" / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    if racer is not None:
        values = {
            "name": directory.name,
            "exit_code": 0,
            "started_at": "x",
            "edge_command": "edge",
            "cloud_command": "cloud",
        }
        (directory / "racer.json").write_text(json.dumps(values | racer))


class ReportTests(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.directory = Path(temporary.name)

    def write_race(self):
        race = self.directory / "race"
        speed = {"sgemm_gigaflops": [40.0, 50.0], "edge_operations": 10**9, "cloud_operations": 2 * 10**9}
        # 2750 bytes an image and epoch take 20 s at 1.1 Mbit/s.
        write_run(race / "method", "hierarchical", 22.0, 21.0, 12.0, EPOCHS * 2750, racer=speed)
        write_run(race / "cloud-stream", "cloud-stream", 44.0, 0.5, 30.0, EPOCHS * 5500, racer=speed)
        write_run(race / "once", "cloud-upload-once", 20.0, 0.0, 20.0, 5500, racer=speed, uploaded=40.0)
        write_run(race / "alone", "edge-only", 60.0, 60.0, 0.0, 0, racer=speed)
        (race / "lost").mkdir()
        (race / "lost" / "racer.json").write_text('{"name": "lost", "exit_code": 64, "error": "cut 9"}')
        (race / "underway").mkdir()
        (race / "underway" / "edge.log").touch()
        machine = {"cpu": "C", "cores": 2, "processors": "0 and 1", "kernels": "Zen", "sgemm_gigaflops": 45.0}
        machine |= {"system": "Linux", "git_commit": "abc", "date": "today", "command": "scripts/race.sh"}
        (race / "machine.json").write_text(json.dumps(machine))
        return race

    def rows(self):
        (race,) = runs.read_all(self.write_race())
        return {row.name: row for row in tables.rows_of(race)}, race

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
        path = race / "method" / "edge" / "config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | {"train_images": IMAGES // 4}))
        (loaded,) = runs.read_all(race)
        rows = {row.name: row for row in tables.rows_of(loaded)}
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
            path.write_text("".join(line + "\n" for line in path.read_text().splitlines()[:-1]))
            config = race / racer / "edge" / "config.json"
            config.write_text(json.dumps(json.loads(config.read_text()) | {"train_images": IMAGES // 2}))
        for name, strategy in (("long", "hierarchical"), ("uncut", "cloud-stream"), ("deeper", "hierarchical")):
            write_run(self.directory / name, strategy, 1.0, 1.0, 1.0, 1000)
        config = self.directory / "deeper" / "edge" / "config.json"
        config.write_text(json.dumps(json.loads(config.read_text()) | {"cut": 4}))
        things = [thing for name in ("race", "long", "uncut", "deeper") for thing in runs.read_all(self.directory / name)]
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
            name: timing.ledger_differences(runs.read_all(self.directory / name)[0]) for name in ("good", "bad", "odd")
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
        text = tables.as_markdown(race, [("a.png", "A plot")])
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
        with self.assertRaisesRegex(runs.ReportError, "measured_seconds is 0, expected more than 0"):
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
            (["--tables", str(race)], 1, ""),  # a racer failed
            ([str(race)], 64, "expected either --output DIR or --tables"),
            (["--tables", "--output"], 64, "--output: expected one argument"),
            (["--tables", str(self.directory / "none")], 65, "no such file or directory"),
            (["--tables", str(self.directory / "broken")], 65, "no JSON"),
        ):
            with self.subTest(arguments=arguments):
                program = [sys.executable, "-B", SCRIPTS / "report.py", *arguments]
                done = subprocess.run(program, capture_output=True, text=True, check=False)
                self.assertEqual(done.returncode, code)
                self.assertIn(error, done.stderr)
                self.assertEqual(len(done.stderr.splitlines()), 1 if error else 0)


if __name__ == "__main__":
    unittest.main()
