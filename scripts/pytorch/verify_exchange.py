"""Compares networks that have gone from this engine to PyTorch, and from PyTorch to this engine, with what they were.

See scripts/verify-with-pytorch.sh --exchange, which runs both sides.
"""

from __future__ import annotations

import importlib.util

import numpy as np
import torch
from torch import nn

import exchange
from images import normalize
from networks import VGG, Configuration, SplitNetwork, Task

# Of the largest value.
TOLERANCE = 1e-4


class WholeNetwork(nn.Module):
    """A network with torchvision's names and layers, but for its pooling and its classifier, cut after its last block."""

    def __init__(self, architecture: str, blocks: int):
        super().__init__()
        parts = SplitNetwork(Configuration(architecture, blocks, "pool", None, 32, "tensor"))
        self.features, self.classifier = parts.front, parts.rest
        if architecture in VGG:
            for module in self.features.modules():
                if isinstance(module, nn.Conv2d):
                    module.bias = nn.Parameter(torch.zeros(module.out_channels))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.classifier(self.features(images))

    @property
    def state(self) -> dict[str, torch.Tensor]:
        return {**self.features.state_dict(), **self.classifier.state_dict()}

    def load(self, state: dict[str, torch.Tensor]) -> None:
        """Loads it all; RuntimeError where a name or a shape differs."""
        own = self.features.state_dict().keys()
        self.features.load_state_dict({name: value for name, value in state.items() if name in own})
        self.classifier.load_state_dict({name: value for name, value in state.items() if name not in own})


def exported(architecture: str, blocks: int, path: str, logits: str) -> bool:
    """Whether PyTorch gives the logits of edge-trainer from a state dict that was written of its files."""
    state, _ = exchange.read(path)
    images = torch.from_numpy(normalize(np.load(f"{logits}-images.npy"), Task()))
    ours = np.load(f"{logits}-final.npy")
    network = WholeNetwork(architecture, blocks).eval()
    network.load(state)
    same = compare(f"{architecture}: logits of edge-trainer, and of PyTorch", ours, infer(network, images))
    theirs = torchvision_model(architecture, ours.shape[1])
    if theirs is not None:
        theirs.load_state_dict(state)
        name = f"{architecture}: logits of edge-trainer, and of torchvision"
        same = compare(name, ours, infer(theirs.eval(), images)) and same
    return same


def torchvision_model(architecture: str, classes: int) -> nn.Module | None:
    """torchvision's network, if it is installed and has this one."""
    if architecture not in ("vgg16", "resnet18-imagenet") or importlib.util.find_spec("torchvision") is None:
        return None
    from torchvision import models

    if architecture == "resnet18-imagenet":
        return models.resnet18(num_classes=classes)
    model = models.vgg16_bn()
    model.avgpool, model.classifier = nn.AdaptiveAvgPool2d(1), nn.Linear(512, classes)
    # One layer, as `classifier.weight`.
    return model


def make(architecture: str, blocks: int, path: str) -> WholeNetwork:
    """A network whose every number is another one, and its state dict as a file."""
    torch.manual_seed(1)
    network = WholeNetwork(architecture, blocks).eval()
    with torch.no_grad():
        for name, tensor in network.state.items():
            if tensor.dtype != torch.float32:
                tensor.fill_(3)
            elif tensor.dim() == 1:
                # Biases, and what a normalization has learned; variances are positive.
                tensor.uniform_(0.5, 1.5) if name.endswith(("weight", "var")) else tensor.uniform_(-0.2, 0.2)
    torch.save({"state_dict": {f"module.{name}": tensor for name, tensor in network.state.items()}}, path)
    return network


def imported(network: WholeNetwork, architecture: str, logits: str) -> bool:
    """Whether edge-trainer has the features that PyTorch's network has in front of its classifier."""
    ours = np.load(f"{logits}-features.npy").transpose(0, 3, 1, 2)
    images = torch.from_numpy(normalize(np.load(f"{logits}-images.npy"), Task()))
    return compare(f"{architecture}: features of PyTorch, and of edge-trainer", ours, infer(network.features, images))


@torch.inference_mode()
def infer(network: nn.Module, images: torch.Tensor) -> np.ndarray:
    return network(images).numpy()


def compare(name: str, ours: np.ndarray, theirs: np.ndarray) -> bool:
    """Prints a line. True if they agree; never for NaN."""
    if ours.shape != theirs.shape:
        print(f"{name}: of shapes {ours.shape} and {theirs.shape}")
        return False
    difference = np.abs(ours - theirs).max() / np.abs(theirs).max()
    same = bool(difference <= TOLERANCE)
    print(f"{name}: relative difference {difference:.1e}{'' if same else '  THEY DIFFER'}", flush=True)
    return same
