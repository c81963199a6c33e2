"""report.html in a headless Chromium: its text, its marks, what they tell under the pointer, and both themes.

Usage: python3 -B -m unittest discover -s Tests/ReportTests
"""

import html
import json
import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from fixtures import EPOCHS, SCRIPTS, SPEED, change, python_with, run_report, write_race, write_run

# Prints how many pixels of a PNG have each colour.
PIXELS = """
import json, sys
from matplotlib.image import imread
image = (imread(sys.argv[1])[..., :3] * 255).round().astype(int)
print(json.dumps([int((image == [int(color[i : i + 2], 16) for i in (0, 2, 4)]).all(-1).sum()) for color in sys.argv[2:]]))
"""
# Prints how an axis shows each of several lists of ticks.
TICKS = """
import json, sys
sys.path.insert(0, sys.argv[1])
from report.style import Percent
print(json.dumps([Percent().format_ticks(ticks) for ticks in json.loads(sys.argv[2])]))
"""
# Puts the pointer on the mark that tells a text.
POINT = """<script>
for (const mark of document.querySelectorAll(".mark")) {
  if (!mark.getAttribute("aria-label").startsWith(TEXT)) continue;
  const box = mark.getBoundingClientRect();
  const [clientX, clientY] = [box.left + box.width / 2, box.top + box.height / 2];
  mark.dispatchEvent(new PointerEvent("pointermove", { clientX, clientY, bubbles: true }));
}
</script>"""
PRESS = """<script>
const plot = document.querySelector("svg");
for (const key of ["ArrowRight", "ArrowRight"]) plot.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
</script>"""
LIGHT = {"edge": "0072b2", "link": "e69f00", "cloud": "009e73", "paper": "ffffff"}
DARK = {"edge": "4aa8e8", "link": "f0b13c", "cloud": "2bc79b", "paper": "16181b"}
PYTHON = python_with("matplotlib")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)


@unittest.skipUnless(PYTHON, "matplotlib is not installed; scripts/report.py --output installs it")
class PageTests(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        temporary = tempfile.TemporaryDirectory()
        cls.addClassCleanup(temporary.cleanup)
        cls.directory = Path(temporary.name)
        race = write_race(cls.directory / "race")
        write_run(race / "fast", "hierarchical", 15.0, 14.0, 9.0, EPOCHS * 1400, racer=SPEED, convolution="winograd")
        for number in (1, 2):
            name = cls.directory / f"20260101-00000{number}-abcdef"
            write_run(name, "hierarchical", 2.0, 1.0, 1.0, 2000)
            change(name / "edge" / "config.json", bits=2 * number)
        shutil.rmtree(cls.directory / "20260101-000002-abcdef" / "cloud")
        paths = [path for path in sorted(cls.directory.iterdir())]
        done = run_report(*paths, "--output", cls.directory / "report", python=PYTHON)
        if done.returncode:
            raise AssertionError(done.stderr)
        cls.page = cls.directory / "report" / "report.html"
        cls.text = cls.page.read_text(encoding="utf-8")

    def test_ticks_have_the_decimals_that_they_need(self):
        ticks = [[0.25, 0.275, 0.3], [0.2, 0.4, 1.0], [-0.1, 0.0], [0.7705, 0.771]]
        command = [PYTHON, "-B", "-c", TICKS, str(SCRIPTS), json.dumps(ticks)]
        found = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
        expected = [["25.0 %", "27.5 %", "30.0 %"], ["20 %", "40 %", "100 %"], ["−10 %", "0 %"], ["77.05 %", "77.10 %"]]
        self.assertEqual(found, expected)

    def test_it_needs_nothing_else(self):
        self.assertNotRegex(self.text, r"<link|@import|\bsrc=")
        for address in re.findall(r"""(?:href=|url\()["']?([^"')]*)""", self.text):
            self.assertRegex(address, r"^(#plot\d+-|data:image/png;base64,)")
        names = re.findall(r' id="([^"]*)"', self.text)
        self.assertEqual(len(names), len(set(names)))

    def test_it_is_readable_without_a_script(self):
        words = html.unescape(
            re.sub(r"<[^>]*>", " ", re.sub(r"<(style|script)>.*?</\1>", "", self.text, flags=re.DOTALL))
        )
        for part in (
            "vgg16, cut 3, 1.1 Mbit/s", "2 bits", "4 bits", "early exit", "--threads 1 --convolution im2col",
            "direct arithmetic ÷ sgemm, no floor for winograd", "direct arithmetic ÷ sgemm, a floor but for padding",
            "link floor: bytes ÷ rate",
            "what only the cloud knows is unknown", "−50.0 %", "paper (−29 %)",
        ):  # fmt: skip
            with self.subTest(part=part):
                self.assertTrue(part in words)
        markdown = (self.page.parent / "report.md").read_text(encoding="utf-8")
        cells = {cell.strip() for line in markdown.splitlines() if line.startswith("| ") for cell in line.split("|")}
        for cell in cells - {"", "---", "---:"}:
            self.assertTrue(cell in words.replace("\u00a0", " "), cell)
        for file in re.findall(r"!\[.*\]\((.*)\)", markdown):
            self.assertTrue((self.page.parent / file).read_bytes().startswith(b"\x89PNG"))
        # Text of a plot is text, and each mark says what it is.
        for part in (
            ">seconds of an epoch",
            "<title>method\nlink busy: 20.0 of 22.0 s</title>",
            "<title>fast\nedge, direct arithmetic ÷ sgemm, no floor for winograd: 20.0 s</title>",
            "<title>4 bits\ncloud: unknown here, of 2.0 s</title>",
        ):
            with self.subTest(part=part):
                self.assertTrue(part in self.text)

    def browse(self, page, *options):
        """What Chromium prints."""
        if not CHROMIUM:
            self.skipTest("chromium is not installed")
        with tempfile.TemporaryDirectory() as profile:
            command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run"]
            command += [f"--user-data-dir={profile}", "--window-size=1250,2000", *options, page.as_uri()]
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def told(self, script):
        """What the page shows beside the pointer, after a script."""
        page = self.page.with_name("pointed.html")
        page.write_text(self.text + script, encoding="utf-8")
        dom = self.browse(page, "--dump-dom")
        (found,) = re.findall(r'<div id="told"([^>]*)>([^<]*)</div>', dom)
        self.assertEqual('class="ring"' in dom, "hidden" not in found[0])
        return None if "hidden" in found[0] else html.unescape(found[1])

    def test_marks_tell_under_the_pointer(self):
        self.assertIsNone(self.told(""))
        for text in (
            "method\nlink busy: 20.0 of 22.0 s",
            "once, first epoch\ncloud busy: 20.0 of ",
            "method\nedge, direct arithmetic ÷ sgemm, a floor but for padding: 20.0 s",  # a thin line on a bar
            # It lies on the other's.
            "fast, early exit\nepoch 0.50: loss 0.6000\nmethod, early exit\nepoch 0.50: loss 0.6000",
            "cloud-stream\nepoch 2, 88.0 seconds: 80.00 %",
        ):
            with self.subTest(text=text):
                lines = text.splitlines()
                found = self.told(POINT.replace("TEXT", json.dumps("\n".join(lines[:2]))))
                self.assertTrue(found and found.startswith(text), found)

    def test_arrow_keys_go_from_mark_to_mark(self):
        self.assertEqual(self.told(PRESS), re.findall(r"<title>([^<]*)</title>", self.text)[2])

    def test_screenshots_in_both_themes(self):
        for scheme, colors, others in ((1, LIGHT, DARK), (0, DARK, LIGHT)):
            with self.subTest(colors=colors):
                file = self.directory / f"{scheme}.png"
                self.browse(self.page, f"--screenshot={file}", f"--blink-settings=preferredColorScheme={scheme}")
                command = [PYTHON, "-c", PIXELS, file, *colors.values(), *others.values()]
                counts = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
                own, foreign = dict(zip(colors, counts)), dict(zip(others, counts[len(colors) :]))
                self.assertGreater(own.pop("paper"), 1_000_000)
                self.assertLess(foreign["paper"], 1000)
                for lane, count in own.items():
                    self.assertGreater(count, 1000, lane)


if __name__ == "__main__":
    unittest.main()
