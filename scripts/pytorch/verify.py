"""Compares the logits that `edge-trainer predict` wrote with those of PyTorch, from the same files of weights.

They differ when a logit does by more than a thousandth of the largest, or a prediction. See
scripts/experiments/verify.py, which runs both sides.
"""

import os
import sys

import numpy as np
import torch

from images import normalize, read_cifar10
from networks import load
from quantization import quantize

# Of the largest logit. Both sides compute in float32 and add in different orders.
TOLERANCE = 1e-3


def agree(options) -> bool:
    """Whether the logits of the two sides agree, given the files of weights, what `predict` was given, and `threads`."""
    if options.threads:
        torch.set_num_threads(int(options.threads))
    network = load(options.edge_weights, options.cloud_weights).eval()
    ours = {"exit": np.load(f"{options.logits}-exit.npy")}
    if options.cloud_weights:
        ours["final"] = np.load(f"{options.logits}-final.npy")
    labels = np.load(f"{options.logits}-labels.npy")
    if os.path.exists(f"{options.logits}-images.npy"):
        images = np.load(f"{options.logits}-images.npy")
    else:
        images, labels_of_file = read_cifar10(options.data, len(labels))
        if not np.array_equal(labels, labels_of_file):
            print("the labels differ from those of the data set", file=sys.stderr)
            return False

    configuration = network.configuration
    features, theirs = predict(network, normalize(images, configuration.task), options.batch_size)
    print(
        f"{configuration.architecture}, cut {configuration.cut}, exit head {configuration.exit_head}, "
        f"bottleneck {configuration.bottleneck or 'none'}, {configuration.bits} bits, scale per {configuration.scale}: "
        f"{len(labels)} images in batches of {options.batch_size}, PyTorch {torch.__version__}"
    )
    print("logits  accuracy  largest logit  largest difference  relative  other predictions")
    print("------  --------  -------------  ------------------  --------  -----------------")
    same = all([compare(name, ours[name], theirs[name], labels) for name in ours])
    if not explain(network, features, ours, labels, options):
        same = False
    print("the logits agree" if same else "THE LOGITS DIFFER", flush=True)
    return same


@torch.inference_mode()
def predict(network, images: np.ndarray, batch_size: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The features at the cut, [images, C, H, W], and the logits [images, classes] of the exit and of the whole network."""
    parts = [torch.from_numpy(images[start : start + batch_size]) for start in range(0, len(images), batch_size)]
    features = np.concatenate([network.front(part).numpy() for part in parts])
    logits = {"exit": np.concatenate([network.exit(part).numpy() for part in batches(features, batch_size)])}
    if network.rest is not None:
        logits["final"] = finish(network, received(network, features, batch_size), batch_size)
    return features, logits


def received(network, features: np.ndarray, batch_size: int) -> np.ndarray:
    """The features after quantization, batch by batch: a batch shares its scales."""
    configuration = network.configuration
    bits, scale, full_scale = configuration.bits, configuration.scale, configuration.full_scale
    parts = [quantize(part.numpy(), bits, scale, full_scale) for part in batches(features, batch_size)]
    return np.concatenate(parts)


@torch.inference_mode()
def finish(network, features: np.ndarray, batch_size: int) -> np.ndarray:
    return np.concatenate([network.rest(part).numpy() for part in batches(features, batch_size)])


def batches(values: np.ndarray, batch_size: int) -> list[torch.Tensor]:
    return [torch.from_numpy(values[start : start + batch_size]) for start in range(0, len(values), batch_size)]


def explain(network, features: np.ndarray, ours: dict, labels: np.ndarray, options) -> bool:
    """Prints what quantization makes of the last bits, if `predict` dumped its features. True if all is well.

    The features of the two sides differ in the last bits of float32. A value that lies between two codes may then be
    rounded to one here and to the other there, which moves the final logits of its image far more than anything else.
    From the same features, the final logits have to be the same.
    """
    path = f"{options.logits}-features.npy"
    if network.rest is None or not os.path.exists(path):
        return True
    our_features = np.ascontiguousarray(np.load(path).transpose(0, 3, 1, 2))
    if our_features.shape != features.shape:
        print(f"features of shape {our_features.shape}, expected {features.shape}")
        return False
    difference = np.abs(our_features - features).max() / max(np.abs(features).max(), np.finfo(np.float32).tiny)
    same_input = received(network, our_features, options.batch_size)
    if network.configuration.bits <= 8:
        # Scales differ in the last bits too: then values of the same code do, by far less than the width of a code.
        width = 1e-3 / 255 * np.abs(same_input).max(axis=(0, 2, 3), keepdims=True)
        moved = int((np.abs(same_input - received(network, features, options.batch_size)) > width).sum())
        print(f"features: relative difference {difference:.1e}; {moved} of {features.size} rounded to another code")
    else:
        print(f"features: relative difference {difference:.1e}")
    print("from our features:")
    same = compare("final", ours["final"], finish(network, same_input, options.batch_size), labels)
    return bool(difference <= TOLERANCE) and same


def compare(name: str, ours: np.ndarray, theirs: np.ndarray, labels: np.ndarray) -> bool:
    """Prints a row of the table. True if the logits agree; never for NaN."""
    if ours.shape != theirs.shape:
        print(f"{name}: logits of shape {ours.shape}, expected {theirs.shape}")
        return False
    largest = np.abs(theirs).max()
    difference = np.abs(ours - theirs).max()
    predictions = ours.argmax(axis=1)
    other = int((predictions != theirs.argmax(axis=1)).sum())
    accuracy = (predictions == labels).mean()
    print(
        f"{name:6}  {accuracy:8.2%}  {largest:13.4f}  {difference:18.2e}  {difference / largest:8.1e}  {other:17}"
    )
    return bool(difference <= TOLERANCE * largest) and other == 0
