"""Compares one training step of this engine with PyTorch's: the loss and the gradient of every parameter.

Reads what `benchmark export` wrote. The reference is PyTorch in float64; beside it stands PyTorch in float32. Exits with
1 if our loss differs by more than 1e-5 of the loss, or a gradient by more than a thousandth of its largest value. See
scripts/compare-gradients.sh.
"""

import argparse
import json
import sys

import numpy as np
import torch
from torch import nn

from networks import Configuration, SplitNetwork

LOSS_TOLERANCE = 1e-5
GRADIENT_TOLERANCE = 1e-3


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("architecture")
    parser.add_argument("directory", help="of the arrays, with the printed object in step.json")
    parser.add_argument("--threads", type=int)
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    with open(f"{options.directory}/step.json") as file:
        step = json.load(file)
    names, smoothing = step["parameters"], step["label_smoothing"]
    reference_loss, reference = compute(options, names, smoothing, torch.float64)
    loss, gradients = compute(options, names, smoothing, torch.float32)
    theirs, _ = largest_difference(gradients, reference)
    ours, worst = largest_difference({name: read(options.directory, name, "gradient") for name in names}, reference)
    loss_difference = abs(step["loss"] - reference_loss) / abs(reference_loss)
    agree = bool(loss_difference <= LOSS_TOLERANCE and ours <= GRADIENT_TOLERANCE)
    verdict = "they agree" if agree else "THEY DIFFER"
    print(
        f"{options.architecture}: loss {step['loss']:.7f}, PyTorch float64 {reference_loss:.7f} (relative difference "
        f"{loss_difference:.1e}; float32 {abs(loss - reference_loss) / abs(reference_loss):.1e}); {len(names)} gradients, "
        f"largest relative difference {ours:.1e} ({worst}; PyTorch float32 {theirs:.1e}): {verdict}"
    )
    return 0 if agree else 1


def compute(options, names: list[str], smoothing: float, precision: torch.dtype) -> tuple[float, dict[str, np.ndarray]]:
    """PyTorch's loss and gradients, in float64 for the comparison."""
    parts = SplitNetwork(Configuration(options.architecture, 1, "pool", None, 4, "tensor"))
    parameters = {**dict(parts.front.named_parameters()), **dict(parts.rest.named_parameters())}
    if set(parameters) != set(names):
        raise ValueError(f"other parameters: {sorted(set(parameters) ^ set(names))}")
    with torch.no_grad():
        for name, parameter in parameters.items():
            parameter.copy_(torch.from_numpy(read(options.directory, name, "value")))
    network = nn.Sequential(parts.front, parts.rest).train().to(precision)
    images = np.ascontiguousarray(np.load(f"{options.directory}/images.npy").transpose(0, 3, 1, 2))
    labels = torch.from_numpy(np.load(f"{options.directory}/labels.npy").astype(np.int64))
    logits = network(torch.from_numpy(images).to(precision))
    loss = nn.functional.cross_entropy(logits, labels, label_smoothing=smoothing)
    loss.backward()
    return loss.item(), {name: parameter.grad.double().numpy() for name, parameter in parameters.items()}


def largest_difference(gradients: dict, reference: dict) -> tuple[float, str]:
    """The largest difference, relative to the parameter's largest gradient, and the parameter."""
    largest, where = 0.0, ""
    for name, expected in reference.items():
        difference = float(np.abs(gradients[name] - expected).max() / np.abs(expected).max())
        # Not max(): a difference that is not a number is the largest of all.
        if not difference <= largest:
            largest, where = difference, name
    return largest, where


def read(directory: str, name: str, kind: str) -> np.ndarray:
    """An array in PyTorch's layout."""
    array = np.load(f"{directory}/{name}.{kind}.npy")
    if array.ndim == 4:
        array = array.transpose(3, 2, 0, 1)
    elif array.ndim == 2:
        array = array.transpose()
    return np.ascontiguousarray(array)


if __name__ == "__main__":
    sys.exit(main())
