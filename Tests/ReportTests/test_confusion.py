"""What scripts/report.py makes of a file of `edge-trainer predict --confusion`.

Usage: python3 -B -m unittest discover -s Tests/ReportTests
"""

import re
import tempfile
import unittest
from pathlib import Path

from fixtures import python_with, run_report
from report import confusion, document, files, sections, tables

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
        table = self.read("output,class,a|b,c\nexit,a|b,1,0\nexit,c,0,1\n")
        text = document.as_markdown(sections.parts(table, []))
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
            with self.subTest(text=text), self.assertRaisesRegex(files.ReportError, message):
                self.read(text)
        with self.assertRaisesRegex(files.ReportError, "No such file"):
            confusion.read(self.path.with_name("none"))

    def test_program(self):
        self.path.write_text(FILE)
        done = run_report("--tables", "--confusion", self.path)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("dog, small (1)", done.stdout)
        done = run_report("--tables", "--confusion", self.path.with_name("none"))
        self.assertEqual((done.returncode, len(done.stderr.splitlines())), (65, 1))

    def draw(self, text):
        """The directory of a report of a file."""
        python = python_with("matplotlib")
        if not python:
            self.skipTest("matplotlib is not installed; scripts/report.py --output installs it")
        self.path.write_text(text)
        output = self.path.parent / "report"
        done = run_report("--confusion", self.path, "--output", output, python=python)
        self.assertEqual(done.returncode, 0, done.stderr)
        return output

    def test_colours_are_those_of_the_theme(self):
        page = (self.draw(FILE.replace("cat", "#0072b2")) / "report.html").read_text()
        used = set(re.findall(r"var\(--c([0-9a-f]{6}), #\1\)", page))
        self.assertLessEqual({"0072b2", "222222", "ffffff"}, used)
        # Every one has another on a dark screen, and none is without a name.
        self.assertLessEqual(used, set(re.findall(r"--c([0-9a-f]{6}):", page)))
        self.assertEqual(re.findall(r'(?:fill|stroke): ?#[0-9a-f]{6}', page), [])
        # What a class is called is no colour.
        self.assertRegex(page, r"<title>#0072b2, rightly taken: 3 of 4, 75\.00 %</title>")
        self.assertRegex(page, r">#0072b2</text>")

    def test_heat_map(self):
        output = self.draw(FILE)
        self.assertEqual(
            sorted(file.name for file in output.glob("*.png")), ["confusion-c-exit.png", "confusion-c-final.png"]
        )
        for file in output.glob("*.png"):
            self.assertTrue(file.read_bytes().startswith(b"\x89PNG"))
        self.assertIn(
            '<title>dog, small, taken for a "q": 2 of 7, 28.57 %</title>', (output / "report.html").read_text()
        )


if __name__ == "__main__":
    unittest.main()
