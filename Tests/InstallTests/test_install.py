"""What scripts/setup.sh says of Swift, and what scripts/install.sh leaves, with a compiler that compiles nothing.

Usage: python3 -B -m unittest discover -s Tests/InstallTests
"""

import gzip
import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COMPILER = r"""#!/usr/bin/env bash
if [[ $1 == --version ]]; then
  [[ $SWIFT_VERSION ]] || { echo "swift: cannot start" >&2; exit 127; }
  echo "Swift version $SWIFT_VERSION (swift-$SWIFT_VERSION-RELEASE)"
  exit
fi
while (($#)); do
  case $1 in
    --scratch-path) scratch=$2 ;;
    --product) product=$2 ;;
    -Xcc) echo "$2" >>"$SWIFT_CALLS" ;;
  esac
  shift
done
mkdir -p "$scratch/release"
printf '%s\n' '#!/bin/sh' 'case $1 in --version) echo edge-trainer 1.2.3 \(commit x\) ;; --generate-completion-script) echo "$2" ;;' \
  "*) echo '{\"command\": {\"commandName\": \"$product\", \"abstract\": \"A.\", \"shouldDisplay\": true}}' ;; esac" \
  >"$scratch/release/$product"
chmod +x "$scratch/release/$product"
"""


class ScriptTests(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.directory = Path(temporary.name)
        # A clone of its own: the build belongs to it.
        self.clone = self.directory / "clone"
        shutil.copytree(ROOT / "scripts", self.clone / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "LICENSE", self.clone)
        compiler = self.directory / "bin/swift"
        compiler.parent.mkdir()
        compiler.write_text(COMPILER)
        compiler.chmod(0o755)
        self.prefix = self.directory / "prefix"

    def run_script(self, script, *words, code=0, version="6.2.1", **environment):
        """Runs a script, which has to end with a code; returns its standard error."""
        environment = os.environ | {
            "PATH": f"{self.directory}/bin:{os.environ['PATH']}", "SWIFT_VERSION": version,
            "SWIFT_CALLS": str(self.directory / "calls"),
        } | environment  # fmt: skip
        ended = subprocess.run(
            [self.clone / "scripts" / script, *words], env=environment, capture_output=True, text=True, check=False
        )
        self.assertEqual(ended.returncode, code, ended.stderr)
        return ended.stderr


class InstallTests(ScriptTests):
    def files(self, directory):
        return {str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file()}

    def test_installed_and_removed(self):
        said = self.run_script("install.sh", "--prefix", str(self.prefix))
        self.assertIn(f"{self.prefix}/bin is not in PATH: add it (export PATH=\"{self.prefix}/bin:$PATH\")", said)
        files = self.files(self.prefix)
        for program in ("edge-trainer", "cloud-trainer"):
            self.assertLessEqual({
                f"bin/{program}", f"share/bash-completion/completions/{program}",
                f"share/zsh/site-functions/_{program}", f"share/fish/vendor_completions.d/{program}.fish",
                f"share/man/man1/{program}.1.gz",
            }, files)  # fmt: skip
            page = gzip.decompress((self.prefix / f"share/man/man1/{program}.1.gz").read_bytes()).decode()
            self.assertIn(rf"{program.replace('-', chr(92) + '-')} \- A.", page)
        self.assertEqual((self.prefix / "share/zsh/site-functions/_edge-trainer").read_text(), "zsh\n")
        # systemd does not look there.
        self.assertEqual([name for name in files if "systemd" in name], [])
        self.assertEqual((self.directory / "calls").read_text().split()[0].split("=")[1], "native")
        self.run_script("install.sh", "--prefix", str(self.prefix), "--uninstall")
        self.assertFalse(self.prefix.exists())

    def test_what_others_have_there_stays(self):
        other = self.prefix / "share/man/man1/other.1"
        other.parent.mkdir(parents=True)
        other.write_text("x")
        (self.prefix / "lib").mkdir()
        # A directory that is elsewhere stays there.
        elsewhere = self.directory / "elsewhere"
        elsewhere.mkdir()
        (self.prefix / "share/fish").symlink_to(elsewhere)
        path = f"{self.directory}/bin:{os.environ['PATH']}:{self.prefix}/bin"
        self.assertNotIn("PATH", self.run_script("install.sh", f"--prefix={self.prefix}", PATH=path))
        run = self.prefix / "bin/runs"
        run.mkdir()
        # An older version had a page that this one has not.
        listed = self.prefix / "share/hierarchical-trainer/installed"
        old = self.prefix / "share/man/man1/old.1.gz"
        old.write_text("x")
        listed.write_text(listed.read_text() + "share/man/man1/old.1.gz\n")
        self.run_script("install.sh", f"--prefix={self.prefix}")
        self.assertFalse(old.exists())
        self.assertTrue((elsewhere / "vendor_completions.d/edge-trainer.fish").exists())
        self.run_script("install.sh", f"--prefix={self.prefix}", "--uninstall")
        self.assertEqual(self.files(self.prefix), {"share/man/man1/other.1"})
        left = {path.name for path in self.prefix.rglob("*") if path.is_dir()}
        self.assertEqual(left, {"bin", "runs", "lib", "share", "man", "man1", "fish"})

    def test_a_prefix_is_no_pattern(self):
        prefix = self.directory / "a[1]"
        path = f"{self.directory}/bin:{os.environ['PATH']}:{prefix}/bin"
        self.assertNotIn("PATH", self.run_script("install.sh", "--prefix", str(prefix), PATH=path))

    def test_a_package_is_put_together_elsewhere(self):
        self.run_script("install.sh", "--prefix", "/usr", "--processor", "x86-64-v2", DESTDIR=str(self.prefix))
        service = (self.prefix / "usr/lib/systemd/system/cloud-trainer.service").read_text()
        self.assertIn("ExecStart=/usr/bin/cloud-trainer ", service)
        self.assertNotIn("@", service.split("SystemCallFilter")[0])
        self.assertTrue((self.prefix / "usr/share/zsh/vendor-completions/_edge-trainer").exists())
        self.assertEqual((self.directory / "calls").read_text().split()[0].split("=")[1], "x86-64-v2")
        for path in self.prefix.rglob("*"):
            expected = 0o755 if path.is_dir() or path.parent.name == "bin" else 0o644
            self.assertEqual(path.stat().st_mode & 0o777, expected, path)

    def test_wrong_calls(self):
        for words in (["--prefix"], ["--prefix", "here"], ["--prefix", "/"], ["--processor", "a b"], ["--remove"]):
            self.assertIn("see --help", self.run_script("install.sh", *words, code=64))
        errors = self.run_script("install.sh", "--prefix", str(self.prefix), "--uninstall", code=65)
        self.assertIn(f"there is no {self.prefix}/share/hierarchical-trainer/installed", errors)
        for words in (["x"], ["--processor"], ["--processor", "x86-64-v3", "--uninstall"]):
            self.assertIn("expected nothing or --processor NAME", self.run_script("package.sh", *words, code=64))
        self.assertFalse(self.prefix.exists())


class SetupTests(ScriptTests):
    def setUp(self):
        super().setUp()
        # No package system is asked, or changed.
        self.offer("(none)")

    def offer(self, candidate):
        for name, text in {
            "apt-cache": f"echo '  Candidate: {candidate}'", "dpkg-query": "echo installed",
            "apt-get": f"echo \"$*\" >>'{self.directory}/apt'",
        }.items():  # fmt: skip
            file = self.directory / "bin" / name
            file.write_text(f"#!/bin/sh\n{text}\n")
            file.chmod(0o755)

    def test_versions(self):
        for version in ("6.2", "6.2.1", "6.10", "7.0"):
            self.assertEqual(self.run_script("setup.sh", version=version), "")
        for version in ("5.10.1", "6.0.3", "6.1"):
            errors = self.run_script("setup.sh", version=version, code=1)
            self.assertEqual(len(errors.splitlines()), 1)
            self.assertIn(f"Swift {version} ({self.directory}/bin/swift) is too old. Get Swift 6.2 or newer", errors)

    def test_swift_of_apt(self):
        self.offer("6.0.3-2")
        self.assertIn("Swift 6.0.3", self.run_script("setup.sh", version="6.0.3", code=1))
        for candidate in ("6.2.1-1", "1:6.10-3"):
            self.offer(candidate)
            # It is installed, and this one still comes first.
            self.assertIn("put it first in PATH", self.run_script("setup.sh", version="6.0.3", code=1))
            calls = (self.directory / "apt").read_text().splitlines()
            self.assertTrue(calls[-1].endswith(" swiftlang"), calls)

    def test_swift_that_does_not_start(self):
        errors = self.run_script("setup.sh", version="", code=1)
        self.assertIn("bin/swift does not say which version it is: swift: cannot start", errors)
        self.assertIn("libncurses6", (self.directory / "apt").read_text())


if __name__ == "__main__":
    unittest.main()
