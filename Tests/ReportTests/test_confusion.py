"""What scripts/report.py makes of a file of `edge-trainer predict --confusion`.

Usage: python3 -B -m unittest discover -s Tests/ReportTests
"""

import importlib.util
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
sys.path.insert(0, str(SCRIPTS))

from report import confusion, runs, tables, timing  # noqa: E402

# Names that must be quoted; of the last class there are no images.
FILE = '''output,class,cat,"dog, small","a ""q"""
exit,cat,3,1,0
exit,"dog, small",0,5,2
exit,"a ""q""",0,0,0
final,cat,4,0,0
final,"dog, small",0,7,0
final,"a ""q""",0,0,0
'''


class ConfusionTests(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.path = Path(temporary.name) / "c.csv"

    def read(self, text):
        self.path.write_text(text)
        return confusion.read(self.path)

    def test_read(self):
        table = self.read(FILE)
        self.assertEqual((table.kind, table.name), ("confusion", "c"))
        self.assertEqual([row["output"] for row in table.rows], ["exit", "final"])
        self.assertEqual(table.rows[0]["classes"], ["cat", "dog, small", 'a "q"'])
        self.assertEqual(table.rows[0]["counts"], [[3, 1, 0], [0, 5, 2], [0, 0, 0]])

    def test_table(self):
        rows = tables.confused(self.read(FILE).rows).rows
        self.assertEqual(rows[0], ["exit", "cat", "4", "75.00 %", "dog, small (1)"])
        self.assertEqual(rows[1], ["exit", "dog, small", "7", "71.43 %", 'a "q" (2)'])
        self.assertEqual(rows[2], ["exit", 'a "q"', "0", "–", "–"])
        self.assertEqual(rows[4], ["final", "dog, small", "7", "100.00 %", "–"])

    def test_worst_of_many_classes(self):
        names = [f"c{number}" for number in range(21)]
        lines = [["exit", name, *("0" for _ in names)] for name in names]
        for number, line in enumerate(lines):
            # c0 is never right; c1 has 1 of 2, c2 2 of 3, ...
            line[2 + number] = str(number)
            line[2 + (number + 1) % 21] = "1"
        text = "\n".join(",".join(line) for line in [["output", "class", *names], *lines])
        rows = tables.confused(self.read(text).rows).rows
        self.assertEqual([row[1] for row in rows], [f"c{number}" for number in range(10)])
        self.assertEqual(rows[1][2:], ["2", "50.00 %", "c2 (1)"])

    def test_a_bar_is_no_column_of_markdown(self):
        text = tables.as_markdown(self.read("output,class,a|b,c\nexit,a|b,1,0\nexit,c,0,1\n"), [])
        self.assertIn(r"| exit | a\|b | 1 | 100.00 % | – |", text)

    def test_no_such_file(self):
        for text, message in (
            ("", "expected the heading"),
            ("a,b\n1,2\n", "expected the heading"),
            ("output,class,a,b\n", "no rows"),
            ("output,class,a,b\nexit,a,1\n", "line 2: expected output, class and 2 counts"),
            ("output,class,a,b\nexit,a,1,x\n", "line 2: expected output, class and 2 counts"),
            ("output,class,a,b\nexit,a,1,2\n", "the rows of the exit prediction are not"),
            ('output,class,"a', "no CSV"),
        ):
            with self.subTest(text=text), self.assertRaisesRegex(runs.ReportError, message):
                self.read(text)
        with self.assertRaisesRegex(runs.ReportError, "No such file"):
            confusion.read(self.path.with_name("none"))

    def test_program(self):
        self.path.write_text(FILE)
        program = [sys.executable, "-B", SCRIPTS / "report.py", "--tables", "--confusion"]
        done = subprocess.run([*program, self.path], capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("dog, small (1)", done.stdout)
        done = subprocess.run([*program, self.path.with_name("none")], capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, len(done.stderr.splitlines())), (65, 1))

    @unittest.skipUnless(importlib.util.find_spec("matplotlib"), "needs matplotlib")
    def test_heat_map(self):
        from report import plots

        output = self.path.parent
        ((_, images),) = plots.draw([self.read(FILE)], output)
        self.assertEqual([file for file, _ in images], ["confusion-c-exit.png", "confusion-c-final.png"])
        for file, _ in images:
            self.assertTrue((output / file).read_bytes().startswith(b"\x89PNG"))


class CommandTests(unittest.TestCase):
    def test_options_of_a_configuration(self):
        config = {"architecture": "vgg8", "balance": True, "label_smoothing": 0.1, "data": "folder", "role": "edge"}
        config |= {"task": {"shape": {"height": 16, "width": 24, "channels": 1}, "classes": 3}}
        self.assertEqual(
            runs.command_of(config), "edge-trainer train --architecture vgg8 --balance --label-smoothing 0.1"
        )
        self.assertEqual((runs.raw_bytes(config), runs.raw_bytes({})), (384, 3072))

    def test_other_losses_and_images_are_not_the_same_training(self):
        def run(**changes):
            return runs.Run("r", {"architecture": "vgg8"} | changes, {}, None, [])

        self.assertTrue(timing.learn_the_same(run(link_rate=1e6), run()))
        for changes in ({"balance": True}, {"label_smoothing": 0.1}, {"task": {"classes": 3}}):
            self.assertFalse(timing.learn_the_same(run(**changes), run()), changes)


if __name__ == "__main__":
    unittest.main()
