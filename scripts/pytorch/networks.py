"""The networks of edge-trainer and cloud-trainer in PyTorch, loaded from the files that the two programs write.

    from networks import load
    network = load("edge.safetensors", "cloud.safetensors").eval()
    features = network.front(images)       # [N, C, H, W]: what the edge computes
    logits = network.exit(features)        # [N, classes]: the early exit
    logits = network.rest(features)        # [N, classes]: the whole network, without quantization between the halves

Images are float32 [N, 3, 32, 32], or of the configuration's task, normalized as in images.py. The parts are plain `nn.Sequential`s whose parameters
have the names of torchvision's VGG (`features.0.weight`) and ResNet (`layer1.0.conv1.weight`).
"""

import json
from collections import OrderedDict
from dataclasses import dataclass

import torch
from safetensors import safe_open
from torch import nn

# Channels of each convolution, block by block.
VGG = {
    "vgg8": [[32, 32], [64, 64], [128, 128]],
    "vgg16": [[64, 64], [128, 128], [256, 256, 256], [512, 512, 512], [512, 512, 512]],
}
# Channels and stride of each stage of two residual blocks.
RESNET18 = [(64, 1), (128, 2), (256, 2), (512, 2)]


@dataclass(frozen=True)
class Task:
    """What the images are; without anything else said, those of CIFAR-10 with the figures in general use."""

    shape: tuple[int, int, int] = (3, 32, 32)  # channels, height, width
    classes: int = 10
    # Per channel, of values from 0 to 1.
    mean: tuple[float, ...] = (0.4914, 0.4822, 0.4465)
    deviation: tuple[float, ...] = (0.2470, 0.2435, 0.2616)

    @staticmethod
    def of(configuration: dict) -> "Task":
        """The task of a run's configuration, which is silent about the usual one."""
        task = configuration.get("task")
        if task is None:
            return Task()
        shape = tuple(task["shape"][side] for side in ("channels", "height", "width"))
        return Task(shape, task["classes"], tuple(task["mean"]), tuple(task["deviation"]))


@dataclass(frozen=True)
class Configuration:
    """What decides the layers, and how the features travel between the halves."""

    architecture: str
    cut: int  # after this block, counted from 1
    exit_head: str  # pool, conv, deep, pyramid, residual
    bottleneck: int | None  # channels
    bits: int  # 1 to 8, 16, 32
    scale: str  # tensor, channel
    full_scale: float = 1  # of the largest value, 0.01 to 1
    task: Task = Task()


class SplitNetwork(nn.Module):
    """A network cut in two: `front` and `exit` belong to the edge, `rest` (None if there is no file) to the cloud."""

    def __init__(self, configuration: Configuration, with_rest: bool = True):
        super().__init__()
        self.configuration = configuration
        cut, bottleneck = configuration.cut, configuration.bottleneck
        shape, classes = configuration.task.shape, configuration.task.classes
        blocks, name = _blocks(configuration.architecture, cut, bottleneck, shape[0])
        if not 1 <= cut <= len(blocks):
            raise ValueError(f"cut {cut} of {configuration.architecture}, which has {len(blocks)} blocks")
        front = blocks[:cut]
        cut_channels = channels = _output_channels(front)
        if bottleneck is not None:
            layers = nn.Sequential(nn.Conv2d(channels, bottleneck, 1, bias=False), nn.BatchNorm2d(bottleneck), nn.ReLU())
            front = [*front, [("bottleneck", layers)]]
            channels = bottleneck
        self.front = _sequential(front)
        with torch.no_grad():
            side = max(self.front.eval()(torch.zeros(1, *shape)).shape[-2:])
        self.front.train()
        self.exit = _exit_head(configuration.exit_head, channels, cut_channels, side, classes)
        self.rest = None
        if with_rest:
            rest = blocks[cut:]
            self.rest = _sequential([*rest, _classifier(name, _output_channels(rest) or channels, classes)])


class ResidualBlock(nn.Module):
    """torchvision's BasicBlock: `relu(bn2(conv2(relu(bn1(conv1(x))))) + downsample(x))`."""

    def __init__(self, inputs: int, outputs: int, stride: int):
        super().__init__()
        self.conv1 = _convolution(inputs, outputs, stride=stride)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = _convolution(outputs, outputs)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU()
        self.downsample = None
        if stride != 1 or inputs != outputs:
            shortcut = nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False)
            self.downsample = nn.Sequential(shortcut, nn.BatchNorm2d(outputs))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return self.relu(y + (x if self.downsample is None else self.downsample(x)))


def load(edge: str, cloud: str | None = None) -> SplitNetwork:
    """Builds the network that the edge's file describes and loads every parameter and running statistic of both files.

    Raises ValueError when the files are not the two halves of one run, RuntimeError (of load_state_dict) when a name or
    a shape differs.
    """
    configuration, progress, tensors = _read(edge, "edge")
    network = SplitNetwork(configuration, with_rest=cloud is not None)
    network.front.load_state_dict({k: v for k, v in tensors.items() if not k.startswith("exit.")}, strict=True)
    network.exit.load_state_dict(
        {k.removeprefix("exit."): v for k, v in tensors.items() if k.startswith("exit.")}, strict=True
    )
    if cloud is not None:
        cloud_configuration, cloud_progress, tensors = _read(cloud, "cloud")
        if (cloud_configuration, cloud_progress) != (configuration, progress):
            raise ValueError(
                f"{edge} ({configuration}, {progress}) and {cloud} ({cloud_configuration}, {cloud_progress}) "
                "are not of the same run and epoch"
            )
        network.rest.load_state_dict(tensors, strict=True)
    return network


def _read(path: str, role: str):
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata() or {}
        if metadata.get("role") != role:
            raise ValueError(f"{path}: the file's role is {metadata.get('role')}, expected {role}")
        raw = json.loads(metadata["configuration"])
        keys = ("architecture", "cut", "exit_head", "bits", "scale")
        configuration = Configuration(
            bottleneck=raw.get("bottleneck"),
            full_scale=raw.get("full_scale", 1),
            task=Task.of(raw),
            **{key: raw[key] for key in keys},
        )
        progress = {key: metadata[key] for key in ("epoch", "step")}
        return configuration, progress, {name: file.get_tensor(name) for name in file.keys()}


def _blocks(architecture: str, cut: int, bottleneck: int | None, inputs: int):
    """The blocks that a network can be cut after, each a list of (name, module), and the classifier's name.

    The block after the cut takes the bottleneck's channels, if there is one.
    """
    if architecture in VGG:
        return _vgg_blocks(VGG[architecture], cut, bottleneck, inputs), "classifier"
    if architecture in ("resnet18", "resnet18-imagenet"):
        return _resnet_blocks(architecture == "resnet18-imagenet", cut, bottleneck, inputs), "fc"
    raise ValueError(f"architecture {architecture}: expected one of {[*VGG, 'resnet18', 'resnet18-imagenet']}")


def _vgg_blocks(table, cut: int, bottleneck: int | None, inputs: int):
    number, blocks = 0, []
    for index, widths in enumerate(table):
        if index == cut and bottleneck is not None:
            inputs = bottleneck
        layers = []
        for width in widths:
            layers += [_convolution(inputs, width), nn.BatchNorm2d(width), nn.ReLU()]
            inputs = width
        layers.append(nn.MaxPool2d(2))
        blocks.append([(f"features.{number + place}", layer) for place, layer in enumerate(layers)])
        number += len(layers)
    return blocks


def _resnet_blocks(imagenet_stem: bool, cut: int, bottleneck: int | None, inputs: int):
    stem = _convolution(inputs, 64, kernel_size=7, stride=2) if imagenet_stem else _convolution(inputs, 64)
    blocks = []
    inputs = 64
    for stage, (width, stride) in enumerate(RESNET18):
        for index in range(2):
            if len(blocks) == cut and bottleneck is not None:
                inputs = bottleneck
            blocks.append([(f"layer{stage + 1}.{index}", ResidualBlock(inputs, width, stride if index == 0 else 1))])
            inputs = width
    start = [("conv1", stem), ("bn1", nn.BatchNorm2d(64)), ("relu", nn.ReLU())]
    if imagenet_stem:
        start.append(("maxpool", nn.MaxPool2d(3, stride=2, padding=1)))
    blocks[0] = start + blocks[0]
    return blocks


def _exit_head(kind: str, channels: int, cut_channels: int, side: int, classes: int) -> nn.Sequential:
    """The exit behind features of side x side and so many channels; cut_channels: without a bottleneck."""

    def convolution(inputs, outputs):
        return [_convolution(inputs, outputs), nn.BatchNorm2d(outputs), nn.ReLU()]

    # Of each convolution, with a pooling between one and the next, or of each residual block.
    if kind == "pool":
        widths = []
    elif kind == "conv":
        widths = [channels]
    elif kind == "deep":
        widths = [2 * channels, 2 * channels]
    elif kind == "pyramid":
        widths = [2 * cut_channels]
        while side > 4:
            widths.insert(0, widths[0] // 2)
            side //= 2
    elif kind == "residual":
        widths = [2 * cut_channels]
        while (side := side // 2) > 4:
            widths.append(2 * widths[-1])
    else:
        raise ValueError(f"exit head {kind}: expected pool, conv, deep, pyramid or residual")
    named, outputs = [], channels
    for place, width in enumerate(widths):
        if kind == "residual":
            named.append((f"blocks.{place}", ResidualBlock(outputs, width, stride=2)))
        else:
            layers = [nn.MaxPool2d(2)] if place > 0 else []
            layers += convolution(outputs, width)
            named += [(f"features.{number}", layer) for number, layer in enumerate(layers, len(named))]
        outputs = width
    return _sequential([named, _classifier("classifier", outputs, classes)])


def _classifier(name: str, channels: int, classes: int):
    return [("avgpool", nn.AdaptiveAvgPool2d(1)), ("flatten", nn.Flatten()), (name, nn.Linear(channels, classes))]


def _convolution(inputs: int, outputs: int, kernel_size: int = 3, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel_size, stride=stride, padding=kernel_size // 2, bias=False)


def _output_channels(blocks) -> int | None:
    """Channels after the last convolution of these blocks; None if there is none."""
    convolutions = [m for block in blocks for _, module in block for m in module.modules() if isinstance(m, nn.Conv2d)]
    # The shortcut of a residual block comes last and has the block's output channels too.
    return convolutions[-1].out_channels if convolutions else None


def _sequential(blocks) -> nn.Sequential:
    """One Sequential of all blocks; names such as "features.3" become an inner Sequential "features" with a "3"."""
    groups: OrderedDict = OrderedDict()
    for block in blocks:
        for name, module in block:
            group, dot, place = name.partition(".")
            if dot:
                groups.setdefault(group, OrderedDict())[place] = module
            else:
                groups[group] = module
    return nn.Sequential(
        OrderedDict((name, nn.Sequential(m) if isinstance(m, OrderedDict) else m) for name, m in groups.items())
    )
