"""Weights of edge-trainer and cloud-trainer as a state dict with torchvision's names, and back.

The two programs write torchvision's names and PyTorch's layouts themselves. What differs: a network in two files; VGG's
convolutions, which have a bias in torchvision (before a batch normalization, which takes it away) and none here; and what
else a state dict may be: a pickle, in half precision, or that of a wrapped model.
"""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file

# Put before all names by torch.nn.DataParallel, torch.compile, and by some who publish models.
PREFIXES = ("module.", "_orig_mod.", "model.")
# Of what other programs save with a state dict in one file.
KEYS = ("state_dict", "model_state_dict", "model")


class ExchangeError(Exception):
    """A file cannot be used; one line."""


def read(path: str) -> tuple[dict[str, torch.Tensor], dict]:
    """The tensors of a file, and what it says of the run that wrote it; nothing if another program did."""
    try:
        if Path(path).suffix == ".safetensors":
            with safe_open(path, framework="pt") as file:
                metadata = file.metadata() or {}
            return load_file(path), {key: metadata[key] for key in ("configuration", "epoch", "step") if key in metadata}
        saved = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise ExchangeError(f"{path}: {error.strerror or 'cannot be read, or does not exist'}") from error
    except SafetensorError as error:
        raise ExchangeError(f"{path}: not safetensors: {str(error).splitlines()[0]}") from error
    except Exception as error:  # What is no pickle of tensors ends in errors of all kinds.
        raise ExchangeError(f"{path}: not what torch.save makes of tensors alone ({type(error).__name__})") from error
    for key in KEYS:
        if isinstance(saved, dict) and isinstance(saved.get(key), dict):
            saved = saved[key]
    if not isinstance(saved, dict) or not all(
        isinstance(name, str) and isinstance(value, torch.Tensor) for name, value in saved.items()
    ):
        raise ExchangeError(f"{path}: expected a state dict, names with tensors, found {type(saved).__name__}")
    return saved, {}


def to_torchvision(paths: list[str], with_exit: bool) -> tuple[dict[str, torch.Tensor], list[str]]:
    """One state dict of our files, and what it cannot have of them, in words."""
    state: dict[str, torch.Tensor] = {}
    runs = []
    for path in paths:
        tensors, run = read(path)
        if len(run) < 3:
            raise ExchangeError(f"{path}: no file of edge-trainer or cloud-trainer: it does not say how it was trained")
        runs.append(run)
        if run != runs[0]:
            raise ExchangeError(f"{path} and {paths[0]} are not of one run and one epoch")
        state.update(tensors)
    notes = []
    exit_names = [name for name in state if name.startswith("exit.")]
    if exit_names and not with_exit:
        notes.append(f"left out: {len(exit_names)} tensors of the early exit (--with-exit keeps them)")
        state = {name: tensor for name, tensor in state.items() if name not in exit_names}
    try:
        architecture = str(json.loads(runs[0]["configuration"])["architecture"])
    except (ValueError, KeyError, TypeError) as error:
        raise ExchangeError(f"{paths[0]}: the configuration in it names no architecture") from error
    if architecture.startswith("vgg"):
        for name in [name for name, tensor in state.items() if name.startswith("features.") and tensor.dim() == 4]:
            state[name.removesuffix("weight") + "bias"] = torch.zeros(state[name].shape[0])
        notes.append("the classifier is one linear layer behind avgpool = AdaptiveAvgPool2d(1)")
    if architecture == "resnet18":
        notes.append("the stem is that of small images: conv1 is 3x3 with stride 1, and there is no maxpool")
    if any(name.startswith("bottleneck.") for name in state):
        notes.append("torchvision's network has no bottleneck, and other channels behind it")
    if not any(name in state for name in ("fc.weight", "classifier.weight")):
        notes.append("only a part of the network: give the files of both sides")
    return state, notes


def to_ours(path: str) -> tuple[dict[str, torch.Tensor], list[str]]:
    """A state dict as --initial-weights takes it, and what was done, in words."""
    tensors, _ = read(path)
    notes = []
    for prefix in PREFIXES:
        if tensors and all(name.startswith(prefix) for name in tensors):
            tensors = {name.removeprefix(prefix): tensor for name, tensor in tensors.items()}
            notes.append(f"took {prefix} from the names")
    state = {}
    for name, tensor in tensors.items():
        if tensor.dtype.is_floating_point:
            state[name] = tensor.to(torch.float32)
        elif tensor.dtype in (torch.int64, torch.int32, torch.int16, torch.uint8):
            state[name] = tensor.to(torch.int64)
        else:
            notes.append(f"left out: {name}, of type {tensor.dtype}")
    converted = sum(state[name].dtype != tensor.dtype for name, tensor in tensors.items() if name in state)
    if converted:
        notes.append(f"{converted} tensors were of another type than float32 and int64")
    return state, notes


def write(state: dict[str, torch.Tensor], path: str) -> None:
    """As safetensors or, by the name, as PyTorch's own format."""
    # Each with memory of its own, in the order of its sizes.
    state = {name: tensor.detach().clone().contiguous() for name, tensor in state.items()}
    try:
        if Path(path).suffix == ".safetensors":
            save_file(state, path, metadata={"format": "pt"})
        else:
            torch.save(state, path)
    except (OSError, RuntimeError, SafetensorError) as error:
        raise ExchangeError(f"{path}: cannot be written: {str(error).splitlines()[0]}") from error
