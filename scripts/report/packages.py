"""The packages that Python does not have by itself, in a virtual environment of their own."""

import contextlib
import importlib
import os
import subprocess
import sys
from pathlib import Path

from experiments.programs import Failure, say

# What they are installed as.
PACKAGES = {"matplotlib": "matplotlib>=3.8,<4", "tensorboard": "tensorboard>=2.15,<3"}


def environment():
    """The directory of the virtual environment."""
    try:
        cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    except RuntimeError:  # HOME is not set, and the user database does not know the user.
        cache = None
    given = os.environ.get("REPORT_VENV")
    if not given and not cache:
        raise Failure(f"HOME is not set, and user {os.getuid()} has none; set HOME or REPORT_VENV", 69)
    return Path(given or Path(cache) / "hierarchical-trainer" / "report-venv")


def has(python, *modules):
    """Whether a Python is there and can import modules."""
    command = [python, "-c", f"import {', '.join(modules)}"]
    return Path(python).exists() and not subprocess.run(command, check=False, capture_output=True).returncode


def ensure(*modules):
    """Returns if these modules can be imported, else goes on in the virtual environment, in which they can."""
    with contextlib.suppress(ImportError):
        for module in modules:
            importlib.import_module(module)
        return
    venv, names = environment(), " and ".join(modules)
    python = venv / "bin" / "python"
    if Path(sys.prefix) == venv:
        raise Failure(f"{venv} has no usable {names}; remove it and try again", 69)
    if not has(python, *modules):
        say(f"preparing {names} in {venv}")
        pip = [python, "-m", "pip", "--disable-pip-version-check", "--quiet", "install"]
        for command in ([sys.executable, "-m", "venv", venv], [*pip, *(PACKAGES[module] for module in modules)]):
            if subprocess.run(command, check=False, stdout=sys.stderr).returncode:
                raise Failure(f"{names} cannot be installed in {venv}", 69)
    os.execv(python, [str(python), "-B", *sys.argv])
