"""What is refused before anything is built, and what is shown while something runs.

Usage: python3 -B -m unittest discover -s Tests/ExperimentsTests
"""

import contextlib
import io
import re
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
sys.path.insert(0, str(SCRIPTS))

from experiments import frontier, options, programs, progress  # noqa: E402


class WrongOptionTests(unittest.TestCase):
    def test_what_no_program_takes(self):
        for words, said in (
            ("--epoch 3", "--epoch is no option of edge-trainer train"),
            ("--epochs 3 4", "what is 4"),
            ("--epochs", "--epochs: expected a value"),
            ("--epochs --wait", "--epochs: expected a value"),
            ("--wait=1", "--wait takes no value"),
            ("--bits=9", "--bits 9: expected 1 2 3 4 5 6 7 8 16 32"),
            ("--cut 0", "--cut 0: expected a number from 1 on"),
            ("--epochs=3 --seed -1 --balance --data a", None),
        ):
            self.assertEqual(options.wrong(words.split()), said)

    def test_frontier_asks_nobody(self):
        wrong = (
            ("--networks vgg9:2", "--networks vgg9: expected vgg8 vgg16"),
            ("--networks vgg16:x", "--networks x: expected a number"),
            ("--bits 4,9", "--bits 9: expected 1 2"),
            ("--scales row", "--scales row: expected tensor channel"),
            ("--bottlenecks none,0", "--bottlenecks 0: expected none"),
            ("--exit-head big", "--exit-head big: expected pool"),
            ("--epochs 0", "--epochs 0: expected a number"),
            ("--epoch 3", "--epoch is no option of edge-trainer train"),
            ("--seed", "--seed: expected a value"),
            ("quick", "what is quick"),
        )
        with mock.patch("experiments.programs.program", side_effect=AssertionError("built")):
            for words, said in wrong:
                with self.subTest(words=words), self.assertRaises(programs.Failure) as raised:
                    frontier.parse(words.split())
                self.assertEqual(raised.exception.code, 64)
                self.assertTrue(str(raised.exception).startswith(said), raised.exception)
            frontier.parse("--networks vgg16:3 --bottlenecks none,32 --bits 16 --scales channel --seed 3".split())

    def test_options_are_those_of_the_program(self):
        snapshots = Path(__file__).resolve().parents[1] / "EndToEndTests/Snapshots"
        text = (snapshots / "edge-trainer-train.txt").read_text(encoding="utf-8")
        lines = re.findall(r"^  ((?:--[a-z-]+, )*)(--[a-z-]+)( <)?", text, re.MULTILINE)
        found = {name: value for others, name, value in lines}
        found |= {name: value for others, _, value in lines for name in others.split(", ")[:-1]}
        del found["--version"]
        self.assertEqual({name for name, value in found.items() if value}, options.VALUES)
        self.assertEqual({name for name, value in found.items() if not value}, options.FLAGS)
        blocks = dict(re.findall(r"^  (--[a-z-]+) (.*?)(?=^  -|^$)", text, re.MULTILINE | re.DOTALL))
        for name, known in options.CHOICES.items():
            if name != "--bits":
                listed = re.search(r"\(values:([^;)]*)", blocks[name])[1]
                self.assertEqual(set(known), set(listed.replace(",", " ").split()), name)
        self.assertEqual({name for name in options.COUNTS if blocks[name][:3] not in ("<n>", "<k>")}, set())


class ProgressTests(unittest.TestCase):
    def test_time_left_by_what_has_passed(self):
        now, lines = [0.0], []
        with mock.patch("experiments.progress.say", lines.append), mock.patch("experiments.programs.show") as show:
            course = progress.Course(4, clock=lambda: now[0])
            course.begin("one", "see one.log")
            course.show()
            now[0] = 60
            course.begin("two")
            now[0] = 90
            course.show("epoch 1/3")
            now[0] = 300
            course.show()
            course.begin("three")
        self.assertEqual(
            lines, ["one (1 of 4); see one.log", "two (2 of 4), about 3:00 left", "three (3 of 4), about 5:00 left"]
        )
        self.assertEqual(
            [call.args for call in show.mock_calls],
            [("one (1 of 4)  0:00",), ("two (2 of 4)  0:30  about 2:30 left  epoch 1/3",),
             ("two (2 of 4)  4:00  about 2:00 left",)],
        )  # fmt: skip
        self.assertEqual([progress.duration(seconds) for seconds in (7.4, 754, 3723)], ["0:07", "12:34", "1:02:03"])

    def test_a_terminal_has_a_line_that_changes(self):
        class Terminal(io.StringIO):
            def isatty(self):
                return True

        for kind in (Terminal, io.StringIO):
            with contextlib.redirect_stderr(kind()) as errors, mock.patch("os.environ", {"COLUMNS": "20"}):
                programs.show("one")
                programs.show("one")
                programs.show("a text that is too long for it")
                programs.say("said")
            expected = "\rexperiments: one\x1b[K\rexperiments: a text\x1b[K\r\x1b[K" if kind is Terminal else ""
            self.assertEqual(errors.getvalue(), expected + "experiments: said\n")

    def test_last_line_of_a_log(self):
        with tempfile.TemporaryDirectory() as directory:
            file = Path(directory) / "log"
            self.assertEqual(progress.last_line(file), "")
            file.write_text("x\n" * 5000 + "epoch 1/3 \x1b[K 57 %\nhal", encoding="utf-8")
            self.assertEqual(progress.last_line(file), "epoch 1/3 [K 57 %")


if __name__ == "__main__":
    unittest.main()
