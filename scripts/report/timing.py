"""What follows from the files of a run: times and bytes of an epoch, floors, and the course of its training."""

from __future__ import annotations

from dataclasses import dataclass, replace

from . import ledger
from .runs import Race, Run

# Runtime of hierarchical training against streaming images to the cloud, CIFAR-10 over 3G: Sepehri et al., 2024.
PAPER_3G = {"vgg16": -0.29, "resnet18": -0.61}
RATE_3G = 1.1e6


@dataclass
class Epoch:
    """One epoch of a run, the mean of all; seconds in training, without evaluation. None where unknown."""

    name: str
    run: object
    images: int
    seconds: float
    edge_busy: float | None
    link_busy: float | None
    cloud_busy: float | None
    up: float  # bytes per image, framing included
    down: float
    edge_floor: float | None
    link_floor: float | None
    cloud_floor: float | None

    @property
    def images_per_second(self):
        """Training images by seconds."""
        return self.images / self.seconds

    def of(self, images):
        """The same with so many images: all of it takes its time for each image."""
        if images == self.images:
            return self
        factor = images / self.images
        times = ("seconds", "edge_busy", "link_busy", "cloud_busy", "edge_floor", "link_floor", "cloud_floor")
        scaled = {key: value * factor for key in times if (value := getattr(self, key)) is not None}
        return replace(self, name=f"{self.name}, scaled from {self.images} images", images=images, **scaled)

    @property
    def edge_idle(self):
        """Seconds in which the edge waited."""
        return None if self.edge_busy is None else max(0.0, self.seconds - self.edge_busy)

    @property
    def cloud_idle(self):
        """Seconds in which the cloud waited."""
        return None if self.cloud_busy is None else max(0.0, self.seconds - self.cloud_busy)

    @property
    def overlap(self):
        """Seconds by those of the busiest of edge, link and cloud: 1 is perfect. None if one of them is unknown."""
        busy = (self.edge_busy, self.link_busy, 0.0 if self.run.is_alone else self.cloud_busy)
        return None if None in busy else self.seconds / max(busy)


def epochs(run):
    """The epochs of a run to show: one, but two of a run that uploads its images before the first."""
    count = run.here["completed_epochs"]
    images = run.config["train_images"]
    # Test images, and features of test images, go up only.
    sent, received = ledger.moved(run)
    up, down = sent - run.here["evaluation_bytes"], received
    link = training_link_seconds(run)
    common = {
        "run": run,
        "images": images,
        "edge_busy": run.edge["busy_seconds"] / count if run.edge else None,
        "cloud_busy": run.cloud["busy_seconds"] / count if run.cloud else None,
        "edge_floor": arithmetic_floor(run, "edge_operations"),
        "cloud_floor": None if run.is_alone else arithmetic_floor(run, "cloud_operations"),
    }
    seconds = run.here["training_seconds"] / count
    if run.uploaded_seconds is None:
        per_image = {"up": up / images / count, "down": down / images / count}
        floor = link_floor(run, per_image)
        busy = None if link is None else link / count
        return [Epoch(run.label, seconds=seconds, link_busy=busy, link_floor=floor, **per_image, **common)]
    upload = upload_seconds(run)
    # What goes down are reports, a few bytes.
    first = {"up": up / images, "down": down / images / count}
    later = {"up": 0.0, "down": first["down"]}
    return [
        Epoch(
            f"{run.label}, first epoch",
            seconds=upload + seconds,
            link_busy=link,
            link_floor=link_floor(run, first),
            **first,
            **common,
        ),
        Epoch(
            f"{run.label}, later epochs",
            seconds=seconds,
            link_busy=0.0,
            link_floor=link_floor(run, later),
            **later,
            **common,
        ),
    ]


def training_link_seconds(run):
    """Seconds in which either side was sending, the part of them for training: that of the bytes. None if unknown."""
    # But for gradients, what the cloud sends is nearly nothing.
    if not run.edge or (not run.cloud and run.here["strategy"] == "split"):
        return None
    sent = run.edge["sent_bytes"]
    share = (sent - run.edge["evaluation_bytes"]) / sent if sent else 0.0
    back = run.cloud["link_busy_seconds"] if run.cloud else 0.0
    return run.edge["link_busy_seconds"] * share + back


def upload_seconds(run):
    """Seconds until the training images were in the cloud: the test images went up as well."""
    images, test = run.here["train_payload_bytes"], run.here["evaluation_bytes"]
    return run.uploaded_seconds * images / (images + test)


def link_floor(run, per_image):
    """Seconds that the bytes of an epoch need on a shaped link; None if it is not shaped."""
    rate = run.config.get("link_rate")
    if not rate:
        return None
    return (per_image["up"] + per_image["down"]) * run.config["train_images"] * 8 / rate


def arithmetic_floor(run, key):
    """Seconds that the arithmetic of an epoch takes at the speed of sgemm on one core, if all convolutions are direct
    ones; None if that is not known."""
    operations, speeds = run.racer.get(key), run.racer.get("sgemm_gigaflops")
    if operations is None or not speeds:
        return None
    return operations * run.config["train_images"] / (max(speeds) * 1e9)


def reduction(epoch, baseline):
    """How much shorter (negative) or longer an epoch is than the baseline's; None without one."""
    return epoch.seconds / baseline.seconds - 1 if baseline else None


def goes_below(run, role):
    """Whether a side of a run multiplies less than direct convolutions do, so that their time is no floor of its
    own."""
    return run.summaries.get(role, run.here).get("convolution") == "winograd"


def baseline_of(rows):
    """The epoch of cloud-stream among those of a race."""
    return next((row for row in rows if row.run.here["strategy"] == "cloud-stream"), None)


def paper_reduction(run):
    """The paper's figure for this run's setting, if it has one."""
    is_other = "task" in run.config or run.config.get("link_rate") != RATE_3G
    if run.here["strategy"] != "hierarchical" or is_other:
        return None
    return PAPER_3G.get(run.config["architecture"])


def loss_over_epochs(run, role, points=120):
    """Points (epochs so far, mean loss) of what a side logged of its steps, at most so many, and how many steps a mean
    is of."""
    steps = run.sides[role].of_type("step") if role in run.sides else []
    if not steps:
        return [], 1
    # A run that is complete ends with an epoch.
    per_epoch = steps[-1]["step"] / steps[-1]["epoch"]
    size = -(-len(steps) // points)
    groups = [steps[start : start + size] for start in range(0, len(steps), size)]
    return [(group[-1]["step"] / per_epoch, sum(step["loss"] for step in group) / len(group)) for group in groups], size


def accuracy_over_time(run, key):
    """Points (seconds of training so far, accuracy); the upload counts, evaluation does not."""
    seconds = upload_seconds(run) if run.uploaded_seconds is not None else 0.0
    points = []
    for epoch in run.epochs:
        seconds += epoch["training_seconds"]
        if epoch.get(key) is not None:
            points.append((seconds, epoch[key]))
    return points


TRAINING = (
    "task", "architecture", "seed", "batch_size", "learning_rate", "momentum", "weight_decay", "schedule", "balance",
    "label_smoothing", "freeze_front",
)  # fmt: skip
CUT = ("strategy", "cut", "bottleneck", "exit_head", "bits", "scale", "full_scale")


def learn_the_same(one, other):
    """Whether two runs end with the same accuracies, given the same images and epochs: links and, for a network in one
    piece, strategies do not matter."""
    uncut = "cut" not in one.config
    keys = TRAINING if uncut else TRAINING + CUT
    return uncut == ("cut" not in other.config) and all(one.config.get(key) == other.config.get(key) for key in keys)


def lend(things):
    """Gives every race the single runs of more epochs from which it can have accuracies."""
    for race in things:
        if isinstance(race, Race):
            race.lent = [
                (racer, run)
                for racer in race.runs
                for run in things
                if isinstance(run, Run) and len(run.epochs) > len(racer.epochs) and learn_the_same(racer, run)
            ]


def lent_accuracies(racer, run, key):
    """Points (seconds, accuracy): those of a run's epochs when the racer's seconds per image would have got there."""
    share = run.config["train_images"] / racer.config["train_images"]
    start = upload_seconds(racer) if racer.uploaded_seconds is not None else 0.0
    seconds = epochs(racer)[-1].seconds
    return [
        ((start + place * seconds) * share, epoch[key])
        for place, epoch in enumerate(run.epochs, start=1)
        if epoch.get(key) is not None
    ]


def upload_verdict(runs):
    """What the upload of all images costs and gains against hierarchical training, as sentences."""
    upload = next((run for run in runs if run.uploaded_seconds is not None), None)
    sentences = []
    if not upload:
        return sentences
    once, later = upload_seconds(upload), epochs(upload)[1].seconds
    count = upload.here["completed_epochs"]
    sentences.append(
        f"{upload.name}: the upload takes {once:.1f} s, an epoch {later:.1f} s; over the run's "
        f"{count} {'epoch' if count == 1 else 'epochs'} that is {(once + count * later) / count:.1f} s an epoch."
    )
    for run in runs:
        if run.here["strategy"] != "hierarchical":
            continue
        gain = epochs(run)[0].seconds - later
        if gain <= 0:
            sentences.append(f"It never catches up with {run.name}, whose epochs are shorter even than its later ones.")
        else:
            needed = int(once / gain) + 1
            which = "any run" if needed == 1 else f"runs of {needed} epochs or more"
            sentences.append(
                f"In total it is faster than {run.name} for {which}, provided that the images may leave the edge."
            )
    return sentences


def prediction_errors(rows):
    """Predicted by measured, less one, for each row."""
    return [row["predicted_seconds"] / row["measured_seconds"] - 1 for row in rows]


def median(values):
    """The middle of a list that is not empty."""
    ordered = sorted(values)
    return (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2


def efficient(rows):
    """Rows of a frontier that no other beats in both bytes and accuracy, fewest bytes first."""
    best, chosen = -1.0, []
    for row in sorted(rows, key=lambda row: (row["bytes_per_image"], -row["final_accuracy"])):
        if row["final_accuracy"] > best:
            best = row["final_accuracy"]
            chosen.append(row)
    return chosen
