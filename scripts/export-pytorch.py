#!/usr/bin/env python3
"""Turns weights of edge-trainer and cloud-trainer into a state dict with torchvision's names, and back.

Usage: scripts/export-pytorch.py EDGE_FILE [CLOUD_FILE] --output FILE [--with-exit]
       scripts/export-pytorch.py --to-ours STATE_DICT --output FILE.safetensors

  scripts/export-pytorch.py runs/<run>/edge/edge.safetensors runs/<run>/cloud/cloud.safetensors --output resnet18.pt
  scripts/export-pytorch.py --to-ours resnet18-f37072fd.pth --output resnet18.safetensors
  edge-trainer train --initial-weights resnet18.safetensors --architecture resnet18-imagenet ...

FILE is safetensors if its name ends so, else what torch.load reads. The early exit is left out without --with-exit, and
VGG's convolutions get a bias of zeros, as in torchvision. Afterwards, in PyTorch:

  model = torchvision.models.resnet18(num_classes=10)       # --architecture resnet18-imagenet
  model = torchvision.models.vgg16_bn()                     # --architecture vgg16
  model.avgpool, model.classifier = nn.AdaptiveAvgPool2d(1), nn.Linear(512, 10)
  model.load_state_dict(torch.load("FILE"))

--to-ours takes a state dict of torchvision's vgg16_bn or resnet18, or one with their names, as safetensors or a pickle of
tensors, in any precision; edge-trainer and cloud-trainer log what of it does not fit their part. Safetensors in float32 with
these names need no conversion.

PyTorch is that of $PYTORCH_VENV, else of ~/.cache/hierarchical-trainer/venv, which is made if need be. Exit code 64 for wrong
options, 65 for a file that cannot be used, 69 if PyTorch cannot be had, 74 if the output cannot be written.
"""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

# The package beside this file; Python prefers it to other ones of the name.
from experiments import programs  # noqa: E402


def parse(arguments):
    """The options."""
    options = programs.Options()
    options.add_argument("files", nargs="*")
    options.add_argument("--to-ours", action="store_true")
    options.add_argument("--with-exit", action="store_true")
    options.add_argument("--output")
    own = options.parse_intermixed_args(arguments)
    if not 1 <= len(own.files) <= (1 if own.to_ours else 2):
        raise programs.usage("expected one state dict" if own.to_ours else "expected the file of a side, or of both")
    if not own.output:
        raise programs.usage("expected --output FILE")
    if own.to_ours and (own.with_exit or not own.output.endswith(".safetensors")):
        raise programs.usage("--to-ours writes FILE.safetensors, and has no --with-exit")
    return own


def main(arguments):
    """Returns the exit code."""
    if any(argument in ("-h", "--help") for argument in arguments):
        print(__doc__.strip())
        return 0
    own = parse(arguments)
    python = programs.from_common("prepare_pytorch", "python")
    if not os.path.samefile(sys.prefix, Path(python).parents[1]):
        os.execv(python, [python, "-B", *sys.argv])
    sys.path.insert(0, str(programs.SCRIPTS / "pytorch"))
    import exchange

    try:
        state, notes = exchange.to_ours(own.files[0]) if own.to_ours else exchange.to_torchvision(own.files, own.with_exit)
    except exchange.ExchangeError as error:
        raise programs.Failure(str(error), 65) from error
    try:
        exchange.write(state, own.output)
    except exchange.ExchangeError as error:
        raise programs.Failure(str(error), 74) from error
    for note in notes:
        programs.say(note)
    programs.say(f"wrote {len(state)} tensors to {own.output}")
    return 0


if __name__ == "__main__":
    programs.start("export-pytorch.py", main)
