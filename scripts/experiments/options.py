"""The options of edge-trainer train, as far as they can be wrong before there is an edge-trainer to ask."""

from __future__ import annotations

# With a value, and without; Tests/ExperimentsTests compares them with the program's help.
VALUES = set(
    """
    --architecture --batch-size --bits --bottleneck --checkpoint-interval --classes --cloud --cloud-log --cloud-run-dir
    --compression --config --convolution --cut --data --epochs --exit-head --full-scale --image-size --initial-weights
    --keep-weights --label-smoothing --labels --learning-rate --link-delay --link-rate --lr --max-memory --momentum
    --name --normalization --reconnect-for --run-dir --scale --schedule --seed --spool --state-dir --strategy --test-fraction
    --test-limit --threads --timeout --tls-authority --tls-certificate --tls-key --trace --train-limit
    --weight-decay --window
    """.split()
)
FLAGS = set(
    """
    --balance --dry-run --freeze-front --insecure --local --offline --one-core-each --send-weights --skip-unreadable
    --tls --wait
    """.split()
)
# Values that must be numbers from 1 on.
COUNTS = set(
    "--batch-size --bottleneck --classes --cut --epochs --image-size --test-limit --threads --train-limit --window".split()
)
ARCHITECTURES = ("vgg8", "vgg16", "resnet18", "resnet18-imagenet")
EXIT_HEADS = ("pool", "conv", "deep", "pyramid", "residual")
SCALES = ("tensor", "channel")
BITS = tuple(map(str, (*range(1, 9), 16, 32)))
CHOICES = {
    "--architecture": ARCHITECTURES, "--exit-head": EXIT_HEADS, "--scale": SCALES, "--bits": BITS,
    "--strategy": ("hierarchical", "split", "cloud-stream", "cloud-upload-once", "edge-only"),
    "--compression": ("none", "zstd"), "--convolution": ("im2col", "winograd"),
    "--schedule": ("constant", "cosine", "one-cycle"),
}  # fmt: skip


def is_count(text: str) -> bool:
    """Whether a text is a number from 1 on."""
    return text.isdecimal() and int(text) > 0


def wrong(words: list[str]) -> str | None:
    """What edge-trainer train would not take of these words, for the end of a sentence; None if it may take them."""
    words = list(words)
    while words:
        name, equals, value = words.pop(0).partition("=")
        if name in VALUES:
            if not equals:
                value = words.pop(0) if words else "--"
                if value.startswith("--"):
                    return f"{name}: expected a value"
            if name in CHOICES and value not in CHOICES[name]:
                return f"{name} {value}: expected {' '.join(CHOICES[name])}"
            if name in COUNTS and not is_count(value):
                return f"{name} {value}: expected a number from 1 on"
        elif name not in FLAGS:
            return f"{name} is no option of edge-trainer train" if name.startswith("-") else f"what is {name}"
        elif equals:
            return f"{name} takes no value"
    return None
