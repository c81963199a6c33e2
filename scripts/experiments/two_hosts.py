"""Trains in two network namespaces whose only link the kernel shapes; see scripts/two-hosts.sh."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from . import programs
from .programs import SCRIPTS, Failure, has_ended, say, started, uninterrupted, usage

HOSTS = ("10.77.0.1", "10.77.0.2")  # of the edge and of the cloud
# The cloud gets these, too; all others are the edge's.
OF_BOTH = ("--threads", "--timeout", "--convolution")
# Seconds that the cloud may go on after the edge, by the edge's exit code: after 0 it ends by itself, and the others
# mean that the edge never reached it.
GRACE = {0: 60, 64: 0, 65: 0, 69: 0, 73: 0}


def for_cloud(words: list[str]) -> list[str]:
    """The options among the words that the cloud gets, too."""
    found = []
    for place, word in enumerate(words):
        if word.split("=")[0] in OF_BOTH:
            found += words[place : place + 1 + ("=" not in word)]
    return found


def disciplines(rate: float | None, delay: float | None) -> list[list[str]]:
    """What tc adds to a device that sends at a rate in bit/s and delays by seconds."""
    # A bucket of 50 ms, but of five packets at least: with a smaller one a busy machine, whose timers fire late, loses
    # much of the rate. A queue of 1 s.
    bucket = f"root handle 1: tbf rate {rate or 0:.0f}bit burst {max(8000, int((rate or 0) / 160))} latency 1s"
    late = f"{'parent 1:1' if rate else 'root'} netem delay {1e3 * (delay or 0):g}ms limit 100000"
    return [words.split() for words, wanted in ((bucket, rate), (late, delay)) if wanted]


def kernel(command: list[str], trouble: str = "the kernel gives no network namespaces") -> None:
    """Sets up something; ends the script if that fails."""
    if subprocess.run(command, check=False).returncode:
        raise Failure(trouble)


@contextlib.contextmanager
def hosts(rate: float | None, delay: float | None):
    """Makes two hosts with a link between them, and gives what starts a command on each. None is left afterwards."""
    names = [f"edge-{os.getpid()}", f"cloud-{os.getpid()}"]
    inside = [["ip", "netns", "exec", name] for name in names]
    try:
        for name in names:
            kernel(["ip", "netns", "add", name])
        pair = ["name", "uplink", "netns", names[0], "type", "veth", "peer", "name", "uplink", "netns", names[1]]
        kernel(["ip", "link", "add", *pair], "the kernel gives no virtual network devices (veth)")
        for name, address, prefix in zip(names, HOSTS, inside):
            kernel(["ip", "-netns", name, "address", "add", f"{address}/30", "dev", "uplink"])
            for device in ("uplink", "lo"):
                kernel(["ip", "-netns", name, "link", "set", "dev", device, "up"])
            for words in disciplines(rate, delay):
                trouble = "shape the link (tbf)" if "tbf" in words else "delay (no netem); leave out --link-delay"
                kernel([*prefix, "tc", "qdisc", "add", "dev", "uplink", *words], f"the kernel cannot {trouble}")
        yield inside
    finally:
        # The devices go with their namespaces.
        with uninterrupted():
            for name in names:
                subprocess.run(["ip", "netns", "delete", name], stderr=subprocess.DEVNULL, check=False)


def address_of(cloud: subprocess.Popen, output: Path, errors: Path) -> str:
    """Where cloud-trainer listens; ends the script if it ends before it does."""
    while True:
        ended = has_ended(cloud, 0.05)
        found = re.search(r"^listening on (\S+)\n", output.read_text(), re.MULTILINE)
        if found:
            return found[1]
        if ended:
            sys.stderr.write(errors.read_text(errors="replace"))
            raise Failure("cloud-trainer did not start", abs(cloud.returncode) or 1)


def train(inside: list[list[str]], options: list[str], edge_directory: str | None) -> int:
    """Trains on two hosts, says where the files are and, if it failed, what the cloud's last words were."""
    edge, cloud = ([*prefix, programs.program(name)] for prefix, name in zip(inside, ("edge-trainer", "cloud-trainer")))
    with tempfile.TemporaryDirectory() as scratch:
        output, errors = Path(scratch, "output"), Path(scratch, "errors")
        keys = [["--state-dir", str(Path(scratch, side))] for side in ("edge", "cloud")]
        serve = [*cloud, "--listen", f"{HOSTS[1]}:0", "--sessions", "1", *keys[1], *for_cloud(options)]
        try:
            with output.open("wb") as stdout, errors.open("wb") as stderr:
                with started(serve, patience=10, stdout=stdout, stderr=stderr) as process:
                    address = address_of(process, output, errors)
                    invitation = programs.output_of([*cloud, "invite", "--address", address, *keys[1]])
                    programs.output_of([*edge, "join", invitation, *keys[0]])
                    code = programs.run([*edge, "train", *options, "--cloud", address, *keys[0]])
                    has_ended(process, GRACE.get(code, 5))
            if code not in (0, 64, 65, 73, 130):
                say("the last words of cloud-trainer:")
                print(*errors.read_text(errors="replace").splitlines()[-5:], sep="\n", file=sys.stderr)
            return code
        finally:
            run = re.search(r" run=([A-Za-z0-9-]+)", errors.read_text(errors="replace"))
            if run:
                say(f"the files of the run: {edge_directory or f'runs/{run[1]}/edge'} and runs/{run[1]}/cloud")


def main(arguments: list[str]) -> int:
    """Returns the exit code."""
    parser = programs.Options()
    for option in ("--link-rate", "--link-delay", "--run-dir"):
        parser.add_argument(option)
    own, others = parser.split(arguments)
    if os.geteuid() != 0:
        raise Failure(f"network namespaces need root; try: sudo scripts/two-hosts.sh {programs.as_line(arguments)}")
    others = programs.data_options(others) + others
    link = ["--link-rate", own.link_rate] if own.link_rate else []
    link += ["--link-delay", own.link_delay] if own.link_delay else []
    config = programs.configuration(others + link)
    if config["strategy"] == "edge-only":
        raise usage("--strategy edge-only has no cloud, and needs no second host")
    programs.output_of([str(SCRIPTS / "setup.sh"), "iproute2"])
    others += ["--run-dir", own.run_dir] if own.run_dir else []
    with hosts(config.get("link_rate"), config.get("link_delay")) as inside:
        delay = f", {own.link_delay} of delay each way" if own.link_delay else ""
        say(f"two hosts, linked at {own.link_rate or 'full speed'}{delay}")
        return train(inside, others, own.run_dir)


if __name__ == "__main__":
    programs.start("two-hosts.sh", main)
