"""The scripts of the experiments from end to end, with programs that train nothing.

Usage: python3 -B -m unittest discover -s Tests/ExperimentsTests
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
sys.path.insert(0, str(SCRIPTS))

from experiments.race import cores  # noqa: E402
from report import runs  # noqa: E402

STUB = (Path(__file__).parent / "stub.py").read_text(encoding="utf-8")


class ScriptTests(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.directory = Path(temporary.name)
        self.binaries = self.directory / "bin"
        self.binaries.mkdir()
        for name in ("edge-trainer", "cloud-trainer", "benchmark"):
            file = self.binaries / name
            file.write_text(f"#!{sys.executable}\n{STUB}", encoding="utf-8")
            file.chmod(0o755)

    def start(self, script, *words):
        """Starts a script in the test's directory, in a process group of its own."""
        return subprocess.Popen(
            [SCRIPTS / script, *words], cwd=self.directory, env=os.environ | {"BINARIES": str(self.binaries)},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
            # Whoever runs the tests in the background may have it ignored.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )  # fmt: skip

    def run_script(self, script, *words, code=0):
        """Runs a script, which has to end with a code; returns what it printed."""
        process = self.start(script, *words)
        output, errors = process.communicate(timeout=60)
        self.assertEqual(process.returncode, code, errors)
        self.assertNotIn("Traceback", errors)
        return output, errors

    def calls(self, part):
        """The calls of the programs that contain some text."""
        file = self.binaries / "calls"
        return [line for line in file.read_text().splitlines() if part in line] if file.exists() else []

    def interrupt(self, number, group, script, *words):
        """Sends a signal while a run hangs; returns the exit code and what went to standard error."""
        process = self.start(script, *words)
        deadline = time.monotonic() + 30
        while not list(self.directory.glob("**/hung-once")):
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.02)
        time.sleep(0.1)
        (os.killpg if group else os.kill)(process.pid, number)
        _, errors = process.communicate(timeout=30)
        return process.returncode, errors


FRONTIER = ("--directory", "f", "--networks", "vgg16:2,vgg16:3", "--bottlenecks", "none,100", "--bits", "4,1")
FRONTIER += ("--data", "synthetic", "--train-limit", "500")


class FrontierTests(ScriptTests):
    def test_grid_table_and_resume(self):
        output, _ = self.run_script("frontier.sh", *FRONTIER)
        lines = (self.directory / "f/frontier.tsv").read_text().splitlines()
        head, *rows = [line.split("\t") for line in lines]
        self.assertEqual(
            " ".join(head),
            "architecture cut bottleneck bits scale full_scale values raw_bytes packed_bytes_per_image bytes_per_image"
            " exit_accuracy final_accuracy epochs train_images seed directory command",
        )
        # 100 channels narrow the third cut alone.
        self.assertEqual([row[1:4] for row in rows[:2]], [["2", "none", "1"], ["2", "none", "4"]])
        self.assertEqual(len(rows), 6)
        row = dict(zip(head, next(row for row in rows if row[1:4] == ["3", "100", "4"])))
        self.assertEqual(row["directory"], "f/vgg16-cut3-bottleneck_100-4bit-tensor-seed0")
        self.assertEqual(
            (row["values"], row["packed_bytes_per_image"], row["bytes_per_image"]), ("500", "251.0", "100.0")
        )
        self.assertEqual((row["epochs"], row["final_accuracy"], row["full_scale"]), ("6", "0.5400", "0.5"))
        self.assertIn("train --local --exit-head conv --epochs 6 --data synthetic", row["command"])
        marked = [line.split()[3:5] for line in output.splitlines() if line.startswith("*")]
        self.assertEqual(marked, [["none", "1"], ["none", "4"]] * 2)
        (table,) = runs.read_all(self.directory / "f")
        self.assertEqual(table.kind, "frontier")

        trained = len(self.calls("train --local"))
        _, errors = self.run_script("frontier.sh", *FRONTIER)
        self.assertEqual(errors.count("is complete"), 6)
        self.assertEqual(len(self.calls("train --local")), trained)
        self.assertEqual(self.run_script("frontier.sh", "--table", "--directory", "f")[0], output)
        listed, _ = self.run_script("frontier.sh", *FRONTIER, "--list", "--bits", "4,2")
        self.assertEqual(listed.count("(complete)"), 3)
        self.assertEqual(len(listed.splitlines()), 6)
        _, errors = self.run_script("frontier.sh", *FRONTIER, "--batch-size", "7", code=64)
        self.assertIn("was run with other options: see f/", errors)

    def test_goes_on_after_ctrl_c(self):
        words = (*FRONTIER, "--seed", "98")
        code, errors = self.interrupt(signal.SIGINT, True, "frontier.sh", *words)
        self.assertEqual(code, 130)
        self.assertIn("interrupted; to go on: the same command with --directory f", errors)
        (summary,) = self.directory.glob("f/*/edge/summary.json")
        self.assertEqual(json.loads(summary.read_text())["outcome"], "interrupted")
        _, errors = self.run_script("frontier.sh", *words)
        self.assertEqual(errors.count("did not arrive last time; it starts again"), 1)
        self.assertEqual(len((self.directory / "f/frontier.tsv").read_text().splitlines()), 7)

    def test_one_that_fails(self):
        _, errors = self.run_script("frontier.sh", *FRONTIER, "--seed", "13", code=1)
        self.assertEqual(errors.count("FAILED with exit code 70: edge-trainer: the loss is not finite"), 6)
        self.assertEqual(len((self.directory / "f/frontier.tsv").read_text().splitlines()), 1)

    def test_wrong_options(self):
        for words, error in (
            (["--networks", "vgg16"], "--networks vgg16: expected architecture:cut"),
            (["--networks", "vgg8:3"], "vgg8:3: too small for the head"),
            (["--networks", "vgg8:9"], "vgg8:9: there is no such cut"),
            (["--bits", "4,4"], "4,4: an item of the list is empty, or there twice"),
            (["--bits"], "--bits: expected one argument"),
            (["--cut", "2"], "--cut is not for this script"),
            (["--cloud=x:1"], "--cloud is not for this script"),
            (["--table"], "--table needs the --directory of earlier runs"),
            (["--networks", "vgg16:2", "--max-bytes", "1"], "nothing is left of these settings"),
            ([*FRONTIER, "--link-rate", "x"], "edge-trainer: --link-rate x is no rate"),
        ):
            with self.subTest(words=words):
                _, errors = self.run_script("frontier.sh", *words, code=64)
                self.assertIn(error, errors)
                self.assertEqual(len(errors.splitlines()), 1)
        self.assertFalse((self.directory / "runs").exists())
        self.assertEqual(self.calls("train --local"), [])


@unittest.skipIf(len(cores()) < 2, "needs two cores")
class RaceTests(ScriptTests):
    def race(self, *words, code=0):
        return self.run_script("race.sh", "--directory", "r", "--data", "synthetic", *words, code=code)

    def test_race(self):
        output, _ = self.race("--link-rate", "3g", "--train-limit", "700")
        (race,) = runs.read_all(self.directory / "r")
        self.assertEqual([run.name for run in race.runs], runs.STRATEGIES)
        racer = race.runs[0].racer
        self.assertEqual((racer["sgemm_gigaflops"], racer["cloud_operations"]), ([40.5, 40.5], 2 * 10**9))
        self.assertRegex(
            racer["edge_command"],
            "edge-trainer train --local --one-core-each --link-rate 3g --data synthetic --train-limit 700 --strategy "
            "hierarchical --epochs 1 --test-limit 1000 --architecture vgg16 --cut 3 --exit-head conv --run-dir r/hier",
        )
        self.assertEqual((race.machine["kernels"], race.machine["sgemm_gigaflops"]), ("SkylakeX", 40.5))
        self.assertRegex(race.machine["command"], "^scripts/race.sh --directory r --data synthetic --link-rate 3g")
        self.assertEqual((self.directory / "r/split/cloud.log").read_text(), "the cloud's log\n")
        self.assertIn("cloud-upload-once, later epochs", output)
        _, errors = self.race("--link-rate", "3g", "--train-limit", "700")
        self.assertEqual(errors.count("is complete"), 5)
        self.assertIn("was run with other options", self.race("--link-rate", "wifi", code=64)[1])

    def test_one_that_fails_and_one_that_hangs(self):
        racers = ("--racers", "edge-only", "--racer", "bad: --seed 13", "--racer", "two: --bits 2")
        output, errors = self.race(*racers, code=1)
        self.assertIn("bad FAILED: edge-trainer: the loss is not finite", errors)
        self.assertIn("PROBLEM: bad: edge-trainer: the loss is not finite", output)
        racer = json.loads((self.directory / "r/bad/racer.json").read_text())
        self.assertEqual((racer["exit_code"], racer["error"]), (70, "edge-trainer: the loss is not finite"))
        self.assertNotIn("edge_operations", racer)
        # What arrived stays; the signal to the script alone reaches the run.
        words = ("race.sh", "--directory", "r", "--data", "synthetic", *racers, "--racer", "z: --seed 99")
        code, errors = self.interrupt(signal.SIGTERM, False, *words)
        self.assertEqual(code, 143)
        self.assertEqual(errors.count("is complete"), 2)
        self.assertIn("bad did not arrive last time; it starts again", errors)
        self.assertFalse((self.directory / "r/z/racer.json").exists())
        summary = json.loads((self.directory / "r/z/edge/summary.json").read_text())
        self.assertEqual(summary["outcome"], "interrupted")

    def test_another_machine(self):
        self.race("--racers", "split")
        machine = self.directory / "r/machine.json"
        machine.write_text(json.dumps(json.loads(machine.read_text()) | {"cpu": "another"}))
        self.assertIn("r holds a race on another machine", self.race("--racers", "split", code=1)[1])

    def test_wrong_options(self):
        for words, error in (
            (["--racers", "split,fast"], "fast: expected some of hierarchical split"),
            (["--racer", "no colon"], "expected a name of letters"),
            (["--racer", "a:", "--racer", "a:"], "two racers are named a"),
            (["--racer", "a: --run-dir x"], "--run-dir is not for this script"),
            (["--strategy", "split"], "--strategy is not for this script"),
            (["--racer", "a: --cut 9"], "edge-trainer: --cut 9 is out of range"),
            (["--directory"], "--directory: expected one argument"),
        ):
            with self.subTest(words=words):
                self.assertIn(error, self.run_script("race.sh", "--data", "synthetic", *words, code=64)[1])
        self.assertEqual(self.calls("train --local"), [])
        (self.directory / "file").touch()
        self.assertIn("file/r: Not a dir", self.run_script("race.sh", "--data=x", "--directory", "file/r", code=73)[1])


class OtherTests(ScriptTests):
    def test_plan(self):
        output, _ = self.run_script("measure-plan.sh", "quick", "--data", "synthetic")
        (table,) = runs.read_all(next(self.directory.glob("runs/plan-*")))
        self.assertEqual((table.kind, len(table.rows)), ("plan", 11))
        self.assertIn(
            "| vgg16, hierarchical, cut 3, 4 bits, wifi | edge | 9.00 | 10.00 | 0.900 | 100 / 100 | 200 / 100 |", output
        )
        self.assertIn("median error 10.0% over 11 settings", output)
        plans = self.calls("plan --local")
        self.assertEqual(len(plans), 4)
        self.assertIn("--train-limit 64 ", plans[1])
        self.assertIn("--batch-size 16", plans[1])
        self.assertRegex(plans[1], "--strategies hierarchical,split --cuts 1,2 --bits 4,32 --output runs/")
        self.run_script("measure-plan.sh", "--data", "synthetic", "--seed", "13", code=70)

    def test_overlap(self):
        output, _ = self.run_script("measure-overlap.sh", "--data", "synthetic", "--cut", "2")
        self.assertIn("wall / max(edge busy, cloud busy) = 1.053 (target: at most 1.10)", output)
        (call,) = self.calls("train --local")
        self.assertIn("--one-core-each --architecture vgg16 --bits 4", call)
        self.run_script("measure-overlap.sh", "--data", "synthetic", "--strategy", "edge-only", code=64)

    def test_link(self):
        output, _ = self.run_script("measure-link.sh", "wifi", "--timeout", "5")
        self.assertIn("asked for       18.8800 Mbit/s\nachieved        19.0688 Mbit/s (+1.00 %)", output)
        (call,) = self.calls("train --local")
        self.assertIn("--bits 32 --batch-size 5 --train-limit 1594 ", call)
        self.assertIn("x is no rate", self.run_script("measure-link.sh", "x", code=64)[1])

    def test_verify_options(self):
        for words in (["--images"], [], ["a", "b", "c"], ["--wrong", "a"], ["a", "--threads"], ["--exchange", "--every-network"]):
            with self.subTest(words=words):
                errors = self.run_script("verify-with-pytorch.sh", *words, code=64)[1]
                self.assertEqual(len(errors.splitlines()), 1)

    def test_export_options(self):
        wrong = (["a"], ["--output", "b"], ["a", "b", "c", "--output", "d"], ["--to-ours", "a", "b", "--output", "c.safetensors"])
        for words in (*wrong, ["--to-ours", "a", "--output", "b.pt"], ["a", "--output", "b", "--threads", "1"]):
            with self.subTest(words=words):
                errors = self.run_script("export-pytorch.py", *words, code=64)[1]
                self.assertEqual(len(errors.splitlines()), 1)
        self.assertIn("Usage: scripts/export-pytorch.py", self.run_script("export-pytorch.py", "--help")[0])

    def test_help(self):
        for script in ("race", "frontier", "measure-plan", "measure-overlap", "measure-link", "two-hosts", "load-test"):
            output, _ = self.run_script(f"{script}.sh", "--threads", "1", "--help")
            self.assertIn(f"Usage: scripts/{script}.sh", output)


if __name__ == "__main__":
    unittest.main()
