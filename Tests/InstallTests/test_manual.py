"""The man pages that scripts/package/manual.py makes of a program's help.

Usage: python3 -B -m unittest discover -s Tests/InstallTests
"""

import importlib.util
import json
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "scripts/package/manual.py"
specification = importlib.util.spec_from_file_location("manual", SCRIPT)
manual = importlib.util.module_from_spec(specification)
specification.loader.exec_module(manual)


def option(kind="option", **more):
    return {"kind": kind, "isOptional": True, "isRepeating": False, "shouldDisplay": True, **more}


def named(*names):
    return {"names": [{"kind": "long" if len(name) > 1 else "short", "name": name} for name in names]}


COMMAND = {
    "commandName": "tool",
    "abstract": "Does ±1 of 3x3.",
    "discussion": ".begins like a request,\nand 'so' \\ does this.\n\nEXIT CODES:\n    0  all is\n       done\n  130  ended\n\nLast.",
    "shouldDisplay": True,
    "arguments": [
        option(**named("rate"), valueName="r", abstract="How fast.", defaultValue="0.1", sectionTitle="Speed"),
        option(**named("kind"), valueName="name", abstract="Which.", allValues=["a", "b-c"]),
        option("flag", **named("h", "help"), abstract="Help."),
        option("flag", **named("secret"), abstract="Unseen.") | {"shouldDisplay": False},
    ],
    "subcommands": [
        {
            "commandName": "do", "superCommands": ["tool"], "abstract": "Do it.", "shouldDisplay": True,
            "arguments": [option("positional", valueName="file", abstract="What.") | {"isRepeating": True}],
        },
        {"commandName": "help", "superCommands": ["tool"], "shouldDisplay": True},
    ],
}  # fmt: skip


def text(page):
    """What a page looks like on a terminal of 80 columns, without bold and italic; fails if groff warns."""
    ended = subprocess.run(
        ["groff", "-man", "-Tutf8", "-P-cbou", "-ww"], input=page, capture_output=True, encoding="utf-8", check=True
    )
    assert ended.stderr == "", ended.stderr
    return ended.stdout


@unittest.skipUnless(shutil.which("groff"), "needs groff")
class PageTests(unittest.TestCase):
    def test_everything_that_help_shows(self):
        lines = [line.strip() for line in text(manual.manual(COMMAND, "1.0")).splitlines() if line.strip()]
        self.assertEqual(lines[1:-1], [
            "NAME", "tool - Does ±1 of 3x3.",
            "SYNOPSIS", "tool [option...]", "tool subcommand [option...]",
            "DESCRIPTION", r".begins like a request, and 'so' \ does this.",
            "EXIT CODES", "0      all is done", "130    ended", "Last.",
            "OPTIONS", "--kind name", "Which. (values: a, b-c)", "-h, --help", "Help.",
            "Speed", "--rate r", "How fast. (default: 0.1)",
            "SUBCOMMANDS", "do     Do it.",
            "SEE ALSO", "tool-do(1)",
        ])  # fmt: skip
        self.assertIn("tool 1.0", lines[-1])

    def test_a_page_of_a_subcommand(self):
        page = text(manual.manual(COMMAND["subcommands"][0], "1.0"))
        self.assertIn("tool-do - Do it.", page)
        self.assertIn("tool do [file...]", page)
        self.assertIn("tool(1)", page)

    def test_files(self):
        with tempfile.TemporaryDirectory() as directory:
            program = Path(directory) / "tool"
            program.write_text(
                f"#!{sys.executable}\nimport sys\nprint('tool 1.0 (commit x)' if sys.argv[1] == '--version' else {json.dumps({'command': COMMAND})!r})\n"
            )
            program.chmod(0o755)
            subprocess.run([sys.executable, "-B", SCRIPT, program, "--output", directory], check=True)
            self.assertEqual({path.name for path in Path(directory).iterdir()}, {"tool", "tool.1", "tool-do.1"})


if __name__ == "__main__":
    unittest.main()
