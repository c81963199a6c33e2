"""Runs that the tests of reports write, and the programs that they call."""

import json
import subprocess
import sys
from pathlib import Path

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
sys.path.insert(0, str(SCRIPTS))

from report import packages  # noqa: E402

# A thousand images in each of two epochs, over a link of 1.1 Mbit/s.
IMAGES, EPOCHS, RATE, BATCH = 1000, 2, 1.1e6, 100


def python_with(*modules):
    """A Python that can import modules: this one, or that of the environment of report.py; None if neither can."""
    pythons = (sys.executable, packages.environment() / "bin" / "python")
    return next((str(python) for python in pythons if packages.has(python, *modules)), None)


def run_report(*arguments, python=sys.executable):
    """What scripts/report.py does with some arguments."""
    command = [python, "-B", SCRIPTS / "report.py", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def steps_of(role, epoch):
    """The lines of an epoch's steps."""
    per_epoch = IMAGES // BATCH
    for number in range(1, per_epoch + 1):
        step = (epoch - 1) * per_epoch + number
        yield {
            "type": "step", "role": role, "epoch": epoch, "step": step, "images": BATCH, "learning_rate": 0.1,
            "loss": (3.0 if role == "edge" else 2.0) / step, "wall_seconds": 0.5 * step, "sent_bytes": 10 * step,
            "received_bytes": step,
        }  # fmt: skip


def write_run(directory, strategy, seconds, edge_busy, cloud_busy, up, down=0, racer=None, uploaded=None, **changes):
    """A run whose epochs take `seconds`, with `up` and `down` bytes per image in all."""
    payload = up * IMAGES
    evaluation, gradients = 100_000, down * IMAGES
    common = {
        "strategy": strategy, "outcome": "completed", "completed_epochs": EPOCHS, "exit_accuracy": None,
        "final_accuracy": 0.8, "training_seconds": EPOCHS * seconds, "evaluation_bytes": evaluation if up else 0,
        "train_payload_bytes": payload, "gradient_payload_bytes": gradients, "run_id": f"run-{directory.name}",
        "threads": 1, "convolution": "im2col",
    }  # fmt: skip
    sent = payload + common["evaluation_bytes"]
    edge = common | {
        "role": "edge", "busy_seconds": EPOCHS * edge_busy, "sent_bytes": sent, "received_bytes": gradients,
        "link_busy_seconds": sent * 8 / RATE,
    }  # fmt: skip
    cloud = common | {
        "role": "cloud", "busy_seconds": EPOCHS * cloud_busy, "sent_bytes": gradients, "received_bytes": sent,
        "link_busy_seconds": gradients * 8 / RATE,
    }  # fmt: skip
    config = {
        "architecture": "vgg16", "role": "edge", "strategy": strategy, "train_images": IMAGES, "test_images": 100,
        "epochs": EPOCHS, "seed": 0, "batch_size": BATCH,
    }  # fmt: skip
    if strategy != "edge-only":
        config["link_rate"] = RATE
    if strategy in ("hierarchical", "split"):
        config |= {"cut": 3, "bits": 4}
    sides = [("edge", edge | changes, edge_busy)]
    sides += [("cloud/20260101-000000-abcdef", cloud, cloud_busy)] if up else []
    for side, summary, busy in sides:
        role = summary["role"]
        lines = [{"type": "event", "event": "started", "wall_seconds": 0.0}]
        if uploaded:
            lines.append({"type": "event", "event": "uploaded", "wall_seconds": uploaded})
        for epoch in range(1, EPOCHS + 1):
            lines += steps_of(role, epoch)
            lines.append(
                {
                    "type": "epoch", "role": role, "epoch": epoch, "training_seconds": seconds, "busy_seconds": busy,
                    "idle_seconds": seconds - busy, "train_loss": 1.0, "exit_accuracy": None,
                    "final_accuracy": 0.4 * epoch, "train_images_per_second": IMAGES / seconds, "wall_seconds": 5.0 * epoch,
                }
            )  # fmt: skip
        lines.append({"type": "event", "event": "completed", "wall_seconds": 5.0 * EPOCHS})
        path = directory / side
        path.mkdir(parents=True)
        (path / "summary.json").write_text(json.dumps(summary))
        (path / "config.json").write_text(json.dumps(config | {"role": role}))
        (path / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    if racer is not None:
        values = {
            "name": directory.name,
            "exit_code": 0,
            "started_at": "x",
            "edge_command": "edge",
            "cloud_command": "cloud",
        }
        (directory / "racer.json").write_text(json.dumps(values | racer))


SPEED = {"sgemm_gigaflops": [40.0, 50.0], "edge_operations": 10**9, "cloud_operations": 2 * 10**9}


def write_race(race):
    """A race of four strategies."""
    # 2750 bytes an image and epoch take 20 s at 1.1 Mbit/s.
    write_run(race / "method", "hierarchical", 22.0, 21.0, 12.0, EPOCHS * 2750, racer=SPEED)
    write_run(race / "cloud-stream", "cloud-stream", 44.0, 0.5, 30.0, EPOCHS * 5500, racer=SPEED)
    write_run(race / "once", "cloud-upload-once", 20.0, 0.0, 20.0, 5500, racer=SPEED, uploaded=40.0)
    write_run(race / "alone", "edge-only", 60.0, 60.0, 0.0, 0, racer=SPEED)
    machine = {"cpu": "C", "cores": 2, "processors": "0 and 1", "kernels": "Zen", "sgemm_gigaflops": 45.0}
    machine |= {"system": "Linux", "git_commit": "abc", "date": "today", "command": "scripts/race.sh"}
    (race / "machine.json").write_text(json.dumps(machine))
    return race


def change(file, **values):
    """Other values in a file of JSON; those that are None go."""
    content = json.loads(file.read_text()) | values
    file.write_text(json.dumps({key: value for key, value in content.items() if value is not None}))
