"""Times training steps of one network, or of a part of it, in PyTorch on the CPU: forward, backward, SGD.

Prints one JSON object: the seconds of each counted step, and the peak resident memory of the process. See
scripts/compare-pytorch.sh, which runs it in turns with `benchmark step`.
"""

import argparse
import json
import resource
import time

import torch
from torch import nn

from networks import Configuration, SplitNetwork


def main() -> None:
    options = parse_options()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    memory_format = getattr(torch, options.memory_format)
    parts = SplitNetwork(Configuration(options.architecture, options.cut, options.exit_head, None, 4, "tensor"))
    task = parts.configuration.task
    images = torch.randn(options.batch_size, *task.shape)
    if options.part == "whole":
        network, inputs = nn.Sequential(parts.front, parts.rest), images
    elif options.part == "front":
        network, inputs = nn.Sequential(parts.front, parts.exit), images
    else:
        with torch.inference_mode():
            inputs = parts.front(images)
        inputs = inputs.clone()
        network = parts.rest
    del parts
    network = network.train().to(memory_format=memory_format)
    inputs = inputs.contiguous(memory_format=memory_format)
    labels = torch.randint(task.classes, (options.batch_size,))
    optimizer = torch.optim.SGD(
        network.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4, nesterov=True, fused=True
    )
    seconds = []
    for _ in range(options.warm_up + options.steps):
        start = time.perf_counter()
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", torch.bfloat16, enabled=options.precision == "bf16"):
            loss = nn.functional.cross_entropy(network(inputs), labels)
        loss.backward()
        optimizer.step()
        seconds.append(time.perf_counter() - start)
    if not torch.isfinite(loss):
        raise ValueError(f"the loss is {loss.item()}")
    # In kilobytes on Linux.
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"seconds": seconds[options.warm_up :], "peak_memory_bytes": memory}))


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--architecture", default="vgg16")
    parser.add_argument("--part", choices=["whole", "front", "rest"], default="whole", help="front includes the exit")
    parser.add_argument("--cut", type=int, default=3)
    parser.add_argument("--exit-head", choices=["pool", "conv", "deep", "pyramid", "residual"], default="pool")
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="fp32")
    parser.add_argument("--memory-format", choices=["contiguous_format", "channels_last"], default="channels_last")
    parser.add_argument("--warm-up", type=int, default=1, help="steps that are not counted")
    parser.add_argument("--steps", type=int, default=3, help="steps that are counted")
    return parser.parse_args()


if __name__ == "__main__":
    main()
