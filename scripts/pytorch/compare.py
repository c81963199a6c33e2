"""Times training steps of this engine and of PyTorch in turns, and prints medians and ratios.

See scripts/compare-pytorch.sh. Each measurement is a process of its own: ours with both kinds of convolution, then PyTorch
in both memory formats, again and again, so that a machine whose speed drifts is as fast for the one as for the other.
"""

import argparse
import json
import os
import platform
import statistics
import sys
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from experiments import programs  # noqa: E402
from experiments.progress import Course  # noqa: E402

FORMATS = ("contiguous_format", "channels_last")
CONVOLUTIONS = ("im2col", "winograd")


@dataclass(frozen=True)
class Setting:
    architecture: str
    part: str
    threads: int
    precision: str = "fp32"  # of PyTorch; ours is always float32

    @property
    def name(self) -> str:
        part = "whole" if self.part == "whole" else f"{self.part} (cut 3)"
        return f"{self.architecture} {part}, {self.threads} thread{'s' if self.threads > 1 else ''}, {self.precision}"


def main(arguments: list[str]) -> int:
    """Returns the exit code."""
    options = parse_options(arguments)
    if options.check:
        return 0
    most = options.threads
    settings = [Setting(network, "whole", most) for network in ("vgg16", "resnet18")]
    settings += [Setting("vgg16", part, 1) for part in ("front", "rest")]
    if most > 1:
        settings.append(Setting("vgg16", "whole", 1))
    if options.precision == "bf16":
        settings = []
    if options.precision != "fp32":
        settings += [Setting(network, "whole", most, "bf16") for network in ("vgg16", "resnet18")]
    print(f"batch {options.batch_size}, {options.rounds} rounds of {options.steps} steps in turns; {processor()}")
    header = ("setting", "ours", "images/s", "PyTorch", "format", "ratio", "of sgemm", "ours MB", "PyTorch MB", "memory")
    print("{:36} {:>9} {:>9} {:>9} {:>14} {:>6} {:>8} {:>8} {:>10} {:>6}".format(*header), flush=True)
    own, course = {}, Course(len(settings))
    for setting in settings:
        course.begin(setting.name)
        all_ours, theirs = measure(setting, options)
        best = min(theirs, key=lambda name: theirs[name].median)
        for convolution, ours in all_ours.items():
            own[setting, convolution] = ours.median
            print(
                f"{setting.name:36} {convolution:>9} {options.batch_size / ours.median:9.1f} "
                f"{options.batch_size / theirs[best].median:9.1f} {best.removesuffix('_format'):>14} "
                f"{theirs[best].median / ours.median:6.2f} {statistics.median(ours.shares):8.2f} "
                f"{ours.memory / 1e6:8.0f} {theirs[best].memory / 1e6:10.0f} {ours.memory / theirs[best].memory:6.2f}",
                flush=True,
            )
    print("images per second; ratio: ours / PyTorch; of sgemm: direct arithmetic, as share of the sgemm peak that was")
    print("measured between our steps; winograd multiplies less, so it may exceed 1")
    for setting in settings:
        if setting.precision == "fp32":
            print(f"{setting.name}: winograd is {own[setting, 'im2col'] / own[setting, 'winograd']:.2f} times as fast as im2col")
    one, two = Setting("vgg16", "whole", 1), Setting("vgg16", "whole", most)
    if most > 1 and options.precision != "bf16":
        for convolution in CONVOLUTIONS:
            ratio = own[one, convolution] / own[two, convolution]
            print(f"{most} threads are {ratio:.2f} times as fast as one (vgg16 whole, {convolution})")
    return 0


class Times:
    """Seconds of all counted steps, the largest peak memory, and shares of the sgemm peak."""

    def __init__(self):
        self.seconds: list[float] = []
        self.memory = 0
        self.shares: list[float] = []

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    def add(self, output: dict):
        self.seconds += output["seconds"]
        self.memory = max(self.memory, output["peak_memory_bytes"])
        if "share_of_peak" in output:
            self.shares.append(output["share_of_peak"])


def measure(setting: Setting, options) -> tuple[dict[str, Times], dict[str, Times]]:
    """Ours by convolution, and PyTorch's by memory format."""
    ours, theirs = {name: Times() for name in CONVOLUTIONS}, {name: Times() for name in FORMATS}
    common = ["--architecture", setting.architecture, "--part", setting.part, "--cut", "3", "--exit-head", "pool"]
    common += ["--batch-size", str(options.batch_size), "--threads", str(setting.threads)]
    for _ in range(options.rounds):
        for name, times in ours.items():
            extra = ["--runs", str(options.steps), "--convolution", name]
            times.add(run([options.benchmark, "step", *common, *extra]))
        for name, times in theirs.items():
            script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "time_step.py")
            extra = ["--steps", str(options.steps), "--precision", setting.precision, "--memory-format", name]
            times.add(run([sys.executable, "-B", script, *common, *extra]))
    return ours, theirs


def run(command: list[str]) -> dict:
    return json.loads(programs.output_of(command))


def processor() -> str:
    try:
        with open("/proc/cpuinfo") as file:
            names = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
        model = names[0] if names else platform.machine()
    except OSError:
        model = platform.machine()
    import torch

    return f"{model}, {os.cpu_count()} processors; PyTorch {torch.__version__} ({torch.backends.cpu.get_cpu_capability()})"


def parse_options(arguments: list[str]) -> argparse.Namespace:
    parser = programs.Options()
    parser.add_argument("--benchmark", default="benchmark", help="the program of Sources/Benchmark")
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--threads", type=int, default=2, help="threads of the whole networks (default: 2)")
    parser.add_argument("--rounds", type=int, default=3, help="how often the two take turns (default: 3)")
    parser.add_argument("--steps", type=int, default=4, help="counted steps of a turn (default: 4)")
    parser.add_argument(
        "--precision", choices=("both", "fp32", "bf16"), default="both", help="of PyTorch (default: both)"
    )
    parser.add_argument("--check", action="store_true", help="read the options, and do nothing")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    programs.start("compare-pytorch.sh", main)
