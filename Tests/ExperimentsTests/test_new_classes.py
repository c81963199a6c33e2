"""new-classes.sh from end to end, with programs that train nothing.

Usage: python3 -B -m unittest discover -s Tests/ExperimentsTests
"""

import unittest
from pathlib import Path

from test_scripts import ScriptTests

WORDS = ("--directory", "n", "--data", "synthetic", "--train-limit", "500")


class NewClassesTests(ScriptTests):
    def test_runs_and_verdicts(self):
        output, _ = self.run_script("new-classes.sh", *WORDS, "--target", "0.6")
        self.assertIn("| scratch | 1 | 10 | 60.00 % | 70.00 % | 20.00 % | 50.00 % |", output)
        self.assertIn("| known | 1 | 10 | 60.00 % | 70.00 % | – | 50.00 % |", output)
        self.assertIn("again: 60.00 % of all classes after 2 s, from scratch after 10 s: 4.0 times sooner", output)
        self.assertIn("again: the known classes ended at 70.00 %, 70.00 % when there were no others", output)
        known, again, frozen, scratch = self.calls("train --local --architecture vgg16")[-4:]
        weights = "n/known/edge/edge.safetensors,n/known/cloud/20260101-000000-abcdef/cloud.safetensors"
        self.assertIn("--classes 8 --epochs 4", known)
        self.assertIn("--epochs 1 --learning-rate 0.08", again)
        self.assertIn("--freeze-front", frozen)
        for call in (again, frozen):
            self.assertIn(f"--initial-weights {weights} ", call)
            self.assertNotIn("--classes", call)
        self.assertNotIn("--initial-weights", scratch)
        # What is complete is not run again.
        ran = len(self.calls("--run-dir"))
        self.assertEqual(self.run_script("new-classes.sh", *WORDS, "--target", "0.6")[0], output)
        self.assertEqual(len(self.calls("--run-dir")), ran)
        output, _ = self.run_script("new-classes.sh", *WORDS, "--target", "0.61", code=1)
        self.assertIn("frozen: 61.00 % was not reached by frozen and scratch", output)

    def test_failing_runs(self):
        _, errors = self.run_script("new-classes.sh", *WORDS, "--before", "--seed 13", code=1)
        self.assertIn("known FAILED: edge-trainer: the loss is not finite", errors)
        self.assertIn("again has no weights to begin from", errors)
        self.assertIn("3 of 4 runs failed", errors)

    def test_wrong_options(self):
        for words, reason in (
            (("--known", "1"), "expected at least 2"),
            (("--known", "10"), "the data has 10 classes, expected more"),
            (("--target", "80"), "expected more than 0, less than 1"),
            (("--strategy", "split"), "--strategy is not for this script"),
            (("--again=--freeze-front",), "--freeze-front is not for this script"),
        ):
            _, errors = self.run_script("new-classes.sh", *WORDS, *words, code=64)
            self.assertIn(reason, errors)
        self.assertFalse(Path(self.directory, "n").exists())


if __name__ == "__main__":
    unittest.main()
