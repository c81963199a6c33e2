"""Compares the logits of trained weights with PyTorch's; see scripts/verify-with-pytorch.sh."""

from __future__ import annotations

import argparse
import itertools
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Iterator

from . import programs
from .programs import SCRIPTS, Failure, describe
from .progress import Course
from .trials import Trial

ARCHITECTURES = ("vgg8", "vgg16", "resnet18", "resnet18-imagenet")
EXIT_HEADS = ("pool", "conv", "deep", "pyramid", "residual")
# Bits and scale.
FORMATS = (
    "4 tensor", "4 channel", "1 tensor", "8 channel", "2 channel", "16 tensor", "3 tensor", "32 tensor", "5 channel",
    "6 tensor", "7 channel", "8 tensor", "1 channel",
)  # fmt: skip


def parse(arguments: list[str]) -> argparse.Namespace:
    """The options."""
    options = programs.Options()
    options.add_argument("weights", nargs="*")
    options.add_argument("--every-network", action="store_true")
    options.add_argument("--exchange", action="store_true")
    options.add_argument("--images", default="100")
    options.add_argument("--batch-size", type=int, default=100)
    options.add_argument("--threads")
    data = os.environ.get("CIFAR10_DIR") or str(Path.home() / ".cache/cifar-10-batches-bin")
    options.add_argument("--data", default=data if os.path.isdir(data) else "synthetic")
    own = options.parse_intermixed_args(arguments)
    if own.every_network and own.exchange:
        raise programs.usage("--every-network and --exchange: expected one of them")
    if own.every_network or own.exchange:
        own.data = "synthetic"
    elif not 1 <= len(own.weights) <= 2:
        raise programs.usage("expected the file of the edge's weights, and that of the cloud's or none")
    own.thread_options = ["--threads", own.threads] if own.threads else []
    return own


def agree(own: argparse.Namespace, weights: list[str], scratch: Path) -> bool:
    """Whether both sides give the same logits."""
    import verify

    for file in scratch.glob("logits-*"):
        file.unlink()
    own.edge_weights, own.cloud_weights = [*weights, None][:2]
    own.logits = f"{scratch}/logits"
    words = [f"--{side}-weights={file}" for side, file in zip(("edge", "cloud"), weights)] + own.thread_options
    words += [f"--{key.replace('_', '-')}={getattr(own, key)}" for key in ("data", "batch_size", "logits", "images")]
    # CIFAR-10's file is read there, too; other images are taken as edge-trainer has made them.
    words += ["--dump-features"] + ([] if (Path(own.data) / "test_batch.bin").is_file() else ["--dump-images"])
    log = scratch / "predict.log"
    with log.open("wb") as errors:
        code = programs.run(
            [programs.program("edge-trainer"), "predict", *words], stdout=subprocess.DEVNULL, stderr=errors
        )
    if code:
        sys.stderr.write(log.read_text(errors="replace"))
        raise Failure("", code)
    try:
        return verify.agree(own)
    except (ValueError, RuntimeError) as error:
        print(f"THE FILES DO NOT FIT: {error}")
        return False


# A run of two steps.
SHORT = ["--data", "synthetic", "--train-limit", "16", "--batch-size", "8", "--test-limit", "1", "--epochs", "1"]


def networks() -> Iterator[list[str]]:
    """The options of every network, with the formats in turn."""
    formats = itertools.cycle(FORMATS)
    for architecture, head in itertools.product(ARCHITECTURES, EXIT_HEADS):
        for entry in describe(architecture, head)["cuts"]:
            for narrowed in ([], ["--bottleneck", "12"]):
                bits, scale = next(formats).split()
                words = ["--architecture", architecture, "--cut", str(entry["cut"]), "--exit-head", head, *narrowed]
                yield [*words, "--bits", bits, "--scale", scale]


def every_network(own: argparse.Namespace, scratch: Path) -> bool:
    """Trains each network for two steps, and compares it."""
    agreeing, found = [], list(networks())
    course = Course(len(found))
    for words in found:
        course.begin(programs.as_line(words))
        trial = Trial("run", scratch / "run", [*SHORT, *words, *own.thread_options])
        code = trial.run()
        if code:
            raise Failure(f"edge-trainer train {programs.as_line(words)}: {trial.last_words(code)}", code)
        weights = [*trial.directory.glob("edge/edge.safetensors"), *trial.directory.glob("cloud/*/cloud.safetensors")]
        agreeing.append(agree(own, list(map(str, weights)), scratch))
    print(f"{len(agreeing)} networks, {agreeing.count(False)} differ")
    return all(agreeing)


def exchange_every_architecture(own: argparse.Namespace, scratch: Path) -> bool:
    """Takes each network to PyTorch and back, and compares it."""
    import exchange
    import verify_exchange

    def trained(name: str, words: list[str]) -> list[str]:
        """The files of weights of a run."""
        trial = Trial(name, scratch / name, [*SHORT, *words, *own.thread_options])
        code = trial.run()
        if code:
            raise Failure(f"edge-trainer train {programs.as_line(words)}: {trial.last_words(code)}", code)
        return [str(next(trial.directory.glob(f"{side}.safetensors"))) for side in ("edge/edge", "cloud/*/cloud")]

    def predicted(name: str, weights: list[str], *extra: str) -> str:
        """The prefix of the arrays that edge-trainer makes of the images."""
        files = [f"--{side}-weights={file}" for side, file in zip(("edge", "cloud"), weights)]
        words = [*files, "--data=synthetic", f"--images={own.images}", f"--logits={scratch}/{name}", "--dump-images"]
        programs.output_of([programs.program("edge-trainer"), "predict", *words, *extra], stderr=subprocess.DEVNULL)
        return f"{scratch}/{name}"

    agreeing, course = [], Course(len(ARCHITECTURES))
    for architecture in ARCHITECTURES:
        course.begin(architecture)
        blocks = len(describe(architecture, "pool")["cuts"])
        there = ["--architecture", architecture, "--cut", "1", "--exit-head", "pool", "--bits", "32"]
        weights = trained("there", there)
        state, _ = exchange.to_torchvision(weights, with_exit=False)
        exchange.write(state, f"{scratch}/there.pt")
        logits = predicted("there", weights)
        agreeing.append(verify_exchange.exported(architecture, blocks, f"{scratch}/there.pt", logits))
        # The front is the network up to its classifier, and stays as it begins.
        network = verify_exchange.make(architecture, blocks, f"{scratch}/back.pt")
        state, _ = exchange.to_ours(f"{scratch}/back.pt")
        exchange.write(state, f"{scratch}/back.safetensors")
        back = ["--architecture", architecture, "--cut", str(blocks), "--exit-head", "pool", "--freeze-front"]
        weights = trained("back", [*back, "--initial-weights", f"{scratch}/back.safetensors"])
        logits = predicted("back", weights, "--dump-features")
        agreeing.append(verify_exchange.imported(network, architecture, logits))
    print(f"{len(agreeing)} ways, {agreeing.count(False)} differ")
    return all(agreeing)


def main(arguments: list[str]) -> int:
    """Returns the exit code."""
    own = parse(arguments)
    programs.program("edge-trainer")
    python = programs.from_common("prepare_pytorch", "python")
    if not os.path.samefile(sys.prefix, Path(python).parents[1]):
        os.execv(python, [python, "-B", "-m", "experiments.verify", *arguments])
    sys.path.insert(0, str(SCRIPTS / "pytorch"))
    with tempfile.TemporaryDirectory() as scratch:
        if own.exchange:
            same = exchange_every_architecture(own, Path(scratch))
        else:
            same = every_network(own, Path(scratch)) if own.every_network else agree(own, own.weights, Path(scratch))
    return 0 if same else 1


if __name__ == "__main__":
    programs.start("verify-with-pytorch.sh", main)
