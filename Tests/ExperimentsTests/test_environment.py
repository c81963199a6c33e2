"""What the machine may lack: a home, line feeds.

Usage: python3 -B -m unittest discover -s Tests/ExperimentsTests
"""

import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# A user whom no database knows, without a home: what find_home says, given a HOME.
FIND_HOME = 'source "$0/scripts/common.sh"; getent() { [[ -n $FOLDER ]] && echo "x:x:0:0::$FOLDER:/bin/sh"; }'
FIND_HOME += '; find_home "HOME or THIS"; echo "$home"'


class HomeTests(unittest.TestCase):
    def find(self, home, folder=""):
        environment = {name: value for name, value in os.environ.items() if name != "HOME"} | {"FOLDER": folder}
        environment |= {"HOME": home} if home is not None else {}
        return subprocess.run(
            ["bash", "-euo", "pipefail", "-c", FIND_HOME, ROOT], env=environment, capture_output=True, text=True,
            check=False,
        )  # fmt: skip

    def test_variable_comes_before_the_database(self):
        for home, folder, expected in [
            ("/home/x", "/tmp", "/home/x"), (None, "/tmp", "/tmp"), ("", "/tmp", "/tmp"), ("/", "/tmp", "/tmp"),
        ]:  # fmt: skip
            found = self.find(home, folder)
            self.assertEqual((found.returncode, found.stdout), (0, expected + "\n"), found.stderr)

    def test_no_home_is_a_sentence(self):
        for home, folder, named in [(None, "", "not set"), ("/", "", "/"), ("", "/nonexistent", "not set")]:
            found = self.find(home, folder)
            self.assertEqual((found.returncode, found.stdout), (65, ""))
            self.assertEqual(len(found.stderr.splitlines()), 1)
            self.assertIn(f"HOME is {named}, expected a folder", found.stderr)
            self.assertIn("set HOME or THIS", found.stderr)

    def test_images_are_not_replaced_by_others(self):
        script = 'source "$0/scripts/common.sh"; getent() { false; }; export -f getent; find_data; echo "$data"'
        environment = {name: value for name, value in os.environ.items() if name not in ("HOME", "CIFAR10_DIR")}
        found = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script, ROOT], env=environment, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        self.assertEqual((found.returncode, found.stdout), (65, ""), found.stderr)


@unittest.skipUnless(shutil.which("git"), "needs git")
class LineFeedTests(unittest.TestCase):
    def test_clones_have_line_feeds(self):
        def git(*words):
            subprocess.run(["git", "-c", "core.autocrlf=true", *words], check=True, capture_output=True)

        with tempfile.TemporaryDirectory() as directory:
            origin, clone = Path(directory) / "origin", Path(directory) / "clone"
            origin.mkdir()
            for name in (".gitattributes", "scripts/test.sh", "README.md", "docs/images/predicted.png"):
                (origin / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, origin / name)
            git("init", origin)
            git("-C", origin, "add", ".")
            git("-C", origin, "-c", "user.name=x", "-c", "user.email=x", "commit", "-m", "x")
            git("clone", origin, clone)
            for name in ("scripts/test.sh", "README.md", "docs/images/predicted.png"):
                self.assertEqual((clone / name).read_bytes(), (ROOT / name).read_bytes(), name)


if __name__ == "__main__":
    unittest.main()
