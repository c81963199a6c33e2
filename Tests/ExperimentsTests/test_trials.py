"""How the experiments run programs, one after the other, and what a signal does.

Usage: python3 -B -m unittest discover -s Tests/ExperimentsTests
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
sys.path.insert(0, str(SCRIPTS))

from experiments import programs, race, two_hosts  # noqa: E402
from experiments.trials import Trial, run_all  # noqa: E402


class TrialTests(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.directory = Path(temporary.name)
        program = mock.patch("experiments.programs.program", lambda name: f"/bin/{name}")
        program.start()
        self.addCleanup(program.stop)

    def trial(self, outcome=None, options=("--bits", "4"), kind=Trial):
        """A trial that ran with --bits 4 and this outcome."""
        trial = kind("t", self.directory / "t", list(options))
        (trial.directory / "edge").mkdir(parents=True, exist_ok=True)
        recorded = Trial("t", trial.directory, ["--bits", "4"]).command
        (trial.directory / "command").write_text(programs.as_line(recorded))
        if outcome:
            (trial.directory / "edge/summary.json").write_text(json.dumps({"outcome": outcome}))
        return trial

    def test_command(self):
        place = f"{self.directory}/t"
        expected = f"/bin/edge-trainer train --local --bits 4 --run-dir {place}/edge --cloud-run-dir {place}/cloud"
        self.assertEqual(" ".join(self.trial().command), f"{expected} --cloud-log {place}/cloud.log")
        self.assertNotIn("--run-dir", programs.local_command([], self.directory, "plan"))

    def test_only_what_is_complete_stays(self):
        self.assertFalse(self.trial().is_complete())
        self.assertFalse(self.trial("interrupted", ("--bits", "2")).is_complete())
        self.assertTrue(self.trial("completed").is_complete())

    def test_other_options_are_refused(self):
        with self.assertRaisesRegex(programs.Failure, "t was run with other options"):
            self.trial("completed", ("--bits", "2")).is_complete()

    def test_a_racer_has_arrived_once_it_is_described(self):
        racer = self.trial("completed", kind=race.Racer)
        self.assertFalse(racer.is_complete())
        for code in (70, 0):
            (racer.directory / "racer.json").write_text(json.dumps({"exit_code": code}))
            self.assertEqual(racer.is_complete(), code == 0)

    def test_last_words(self):
        trial = self.trial()
        (trial.directory / "edge.log").write_text("started\nepoch 1\rloss\x07 is nan\n\n")
        self.assertEqual(trial.last_words(70), "loss is nan")
        (trial.directory / "edge.log").write_text("\n")
        self.assertEqual(trial.last_words(70), "exit code 70")

    def test_all_run_but_the_complete_ones(self):
        complete = self.trial("completed")
        others = [Trial(name, self.directory / name, []) for name in ("good", "bad")]
        ran = []
        with mock.patch("experiments.trials.say"), mock.patch("experiments.progress.say"):
            failures = run_all(
                [others[0], complete, others[1]], lambda one: ran.append(one) or len(ran) - 1, self.directory
            )
        self.assertEqual((ran, failures), (others, 1))


class ProcessTests(unittest.TestCase):
    """What a signal does to a script and to the program that it waits for."""

    def test_ends_gently_or_is_killed(self):
        stubborn = (
            "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True); time.sleep(60)"
        )
        for code, expected in (("print(1, flush=True); import time; time.sleep(60)", 15), (stubborn, 9)):
            command = [sys.executable, "-c", code]
            with programs.started(command, patience=0.5, stdout=subprocess.PIPE) as process:
                process.stdout.readline()
            process.stdout.close()
            self.assertEqual(process.returncode, -expected)

    def test_a_signal_waits_for_what_must_not_be_left(self):
        code = """if True:
            import os, signal, time
            from experiments import programs
            def main(_):
                with programs.uninterrupted():
                    os.kill(os.getpid(), signal.SIGTERM)
                    print("taken down", flush=True)
                print("not reached")
            programs.start("x", main)"""
        environment = os.environ | {"PYTHONPATH": str(SCRIPTS)}
        done = subprocess.run(
            [sys.executable, "-Bc", code], env=environment, stdout=subprocess.PIPE, text=True, check=False
        )
        self.assertEqual((done.returncode, done.stdout), (128 + signal.SIGTERM, "taken down\n"))

    def test_exit_codes_are_those_of_the_shell(self):
        self.assertEqual(programs.run([sys.executable, "-c", "raise SystemExit(70)"]), 70)
        self.assertEqual(programs.run([sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"]), 137)

    def test_listens_or_ends(self):
        with tempfile.TemporaryDirectory() as scratch:
            output, errors = Path(scratch, "o"), Path(scratch, "e")
            errors.write_text("")
            for code, expected in (("print('listening on 10.0.0.1:7')", "10.0.0.1:7"), ("raise SystemExit(69)", None)):
                with output.open("wb") as stdout, programs.started(
                    [sys.executable, "-c", code], stdout=stdout
                ) as cloud:
                    if expected:
                        self.assertEqual(two_hosts.address_of(cloud, output, errors), expected)
                    else:
                        with self.assertRaisesRegex(programs.Failure, "did not start") as raised:
                            two_hosts.address_of(cloud, output, errors)
                        self.assertEqual(raised.exception.code, 69)


if __name__ == "__main__":
    unittest.main()
