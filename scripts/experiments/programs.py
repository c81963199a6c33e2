"""What the experiments share: how they read options, ask and start the programs, and how they end."""

from __future__ import annotations

import argparse
import contextlib
import functools
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from report.files import ReportError
from report.terminal import printable

from .options import wrong

SCRIPTS = Path(__file__).resolve().parents[1]
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# What an experiment gives edge-trainer by itself.
RESERVED = ("--local", "--one-core-each", "--cloud", "--cloud-run-dir", "--cloud-log", "--run-dir", "--dry-run")
script = "experiments"  # that speaks
shown = ""  # the line that changes


class Failure(Exception):
    """Ends the script with one line, or none if all has been said, and an exit code."""

    def __init__(self, message: str = "", code: int = 1):
        super().__init__(message)
        self.code = code


class Interrupted(Failure):
    """A signal ends the script."""


def usage(message: str) -> Failure:
    """The script was called wrongly."""
    return Failure(f"{message}; see --help", 64)


def say(text: str) -> None:
    """Progress and errors go to standard error: standard output is for results."""
    show()
    print(f"{script}: {printable(text)}", file=sys.stderr, flush=True)


def show(text: str = "") -> None:
    """Replaces the line at the end of standard error, as far as it fits, if that is a terminal; nothing removes it."""
    global shown
    if text != shown and sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        columns = shutil.get_terminal_size().columns
        print("\r" + f"{script}: {text}"[: columns - 1] * bool(text), end="\033[K", file=sys.stderr, flush=True)
        shown = text


def interrupt(number: int, _frame) -> None:
    """Ends the script, but what it has started first; another signal does not disturb that."""
    for one in SIGNALS:
        signal.signal(one, signal.SIG_IGN)
    raise Interrupted("", 128 + number)


def start(name: str, main) -> None:
    """Runs `main` with the script's arguments, and ends with the exit code that it returns."""
    global script
    script = name
    for number in SIGNALS:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, interrupt)
    try:
        code = main(sys.argv[1:])
        sys.stdout.flush()
    except BrokenPipeError:
        # What is still in the buffer would fail again when Python ends.
        os._exit(1)
    except OSError as error:
        say(f"error: {error.filename or 'standard output'}: {error.strerror or error}")
        os._exit(74)
    except (Failure, ReportError) as error:
        if str(error):
            say(f"error: {error}")
        code = getattr(error, "code", 65)
    sys.exit(code)


@contextlib.contextmanager
def uninterrupted():
    """Signals wait until what is within is done. Gives those that waited before."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield before
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def started(command: list[str], patience: float | None = None, **files):
    """A program that has ended afterwards: in its own time after SIGTERM, or after so many seconds killed."""
    process = None
    try:
        with uninterrupted() as mask:
            unmask = functools.partial(signal.pthread_sigmask, signal.SIG_SETMASK, mask)
            process = subprocess.Popen(command, preexec_fn=unmask, **files)
        yield process
    finally:
        with uninterrupted():
            if process and process.poll() is None:
                process.terminate()
                if not has_ended(process, patience):
                    process.kill()
                    process.wait()


def has_ended(process: subprocess.Popen, seconds: float | None) -> bool:
    """Whether a process ends within so many seconds; None waits for ever."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(seconds)
    return process.returncode is not None


def run(command: list[str], watch=None, **files) -> int:
    """Runs a program, which completes its logs if a signal ends the script meanwhile, and returns its exit code. Calls
    `watch` each second, if there is something to call."""
    with started(command, **files) as process:
        while not has_ended(process, 1 if watch else None):
            watch()
        code = process.returncode
    show()
    return code if code >= 0 else 128 - code


def output_of(command: list[str], **options) -> str:
    """What a program prints; ends the script if it fails, having said why."""
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False, **options)
    if done.returncode:
        raise Failure("", done.returncode if done.returncode > 0 else 128 - done.returncode)
    return done.stdout.strip()


@functools.lru_cache(maxsize=None)
def from_common(function: str, variable: str) -> str:
    """What a function of common.sh puts into a variable."""
    text = f'source "$1/common.sh"; {function}; printf %s "${{{variable}}}"'
    return output_of(["bash", "-euo", "pipefail", "-c", text, script, str(SCRIPTS)])


@functools.lru_cache(maxsize=None)
def program(name: str) -> str:
    """The path of edge-trainer, cloud-trainer or benchmark: built if need be, unless $BINARIES says where they are."""
    if os.environ.get("BINARIES"):
        return str(Path(os.environ["BINARIES"]).resolve() / name)
    if name == "benchmark":
        return from_common("build_benchmark", "benchmark")
    return str(built() / name)


@functools.lru_cache(maxsize=None)
def built() -> Path:
    """Where both programs are, once they are built."""
    output_of(["bash", "-c", '"$0/build.sh" >&2', str(SCRIPTS)])
    return SCRIPTS.parent / ".build/release"


def ask(*words: str) -> dict:
    """The object that edge-trainer prints; ends the script as edge-trainer does if it refuses."""
    done = subprocess.run([program("edge-trainer"), *words], capture_output=True, text=True, check=False)
    if done.returncode:
        print(*done.stderr.strip().splitlines()[-1:], file=sys.stderr)
        raise Failure("", done.returncode if done.returncode > 0 else 128 - done.returncode)
    try:
        return json.loads(done.stdout)
    except ValueError as error:
        raise usage(f"edge-trainer {as_line(words)} gave no JSON") from error


def configuration(options: list[str]) -> dict:
    """The config.json of the run that edge-trainer would do; ends the script if the options are wrong."""
    return ask("train", "--dry-run", "--local", *options)


@functools.lru_cache(maxsize=None)
def describe(
    architecture: str, exit_head: str, bottleneck: str = "none", bits: str | None = None, image_options: tuple = ()
) -> dict:
    """What edge-trainer knows of a network's cuts."""
    words = ["--architecture", architecture, "--exit-head", exit_head]
    words += ["--bottleneck", bottleneck] if bottleneck != "none" else []
    return ask("describe", "--json", *words, *(["--bits", bits] if bits else []), *image_options)


def local_command(options: list[str], directory: Path, subcommand: str = "train") -> list[str]:
    """Starts both programs, with their files in a directory."""
    files = ["--run-dir", f"{directory}/edge"] if subcommand == "train" else []
    files += ["--cloud-run-dir", f"{directory}/cloud", "--cloud-log", f"{directory}/cloud.log"]
    return [program("edge-trainer"), subcommand, "--local", *options, *files]


def make_directory(directory: Path) -> Path:
    """Makes a directory, with those above it."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Failure(f"{directory}: {error.strerror}", 73) from error
    return directory


def default_directory(kind: str) -> Path:
    """Where an experiment that starts now goes."""
    return Path("runs", f"{kind}-{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}")


class Options(argparse.ArgumentParser):
    """The options of a script; all others are for edge-trainer."""

    def __init__(self):
        super().__init__(prog=script, add_help=False, allow_abbrev=False)

    def error(self, message):
        raise usage(message.replace("argument ", "", 1))

    def split(self, arguments: list[str], *refused: str) -> tuple[argparse.Namespace, list[str]]:
        """The script's own options, and the others; ends the script if these are nobody's to give."""
        own, others = self.parse_known_args(arguments)
        refuse(others, *refused)
        return own, others


def refuse(words: list[str], *refused: str) -> None:
    """Ends the script if an option that is reserved, one of these, or one of nobody's is among the words."""
    for name in (word.split("=")[0] for word in words):
        if name in RESERVED + refused:
            raise usage(f"{name} is not for this script")
    if reason := wrong(words):
        raise usage(reason)


def has(option: str, words: list[str]) -> bool:
    """Whether an option is among the words, as --option value or --option=value."""
    return any(word == option or word.startswith(option + "=") for word in words)


def unless_given(defaults: dict, words: list[str]) -> list[str]:
    """The defaults of the options that are not among the words."""
    return [word for key, value in defaults.items() if not has(key, words) for word in (key, str(value))]


def data_options(words: list[str]) -> list[str]:
    """The --data that edge-trainer shall have, unless it is among the words."""
    return [] if has("--data", words) else ["--data", from_common("find_data", "data_options[1]")]


def items(text: str) -> list[str]:
    """Of a list, separated by commas: all different."""
    found = text.split(",")
    if "" in found or len(set(found)) < len(found):
        raise argparse.ArgumentTypeError(f"{text}: an item of the list is empty, or there twice")
    return found


def as_line(words) -> str:
    """A command as a line for the shell."""
    return " ".join(map(shlex.quote, words))
