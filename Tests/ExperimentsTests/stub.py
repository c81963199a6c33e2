"""Stands for edge-trainer, cloud-trainer and benchmark: answers as they do, and trains nothing.

With --seed 13 a run fails; with --seed 99 it goes on until a signal ends it, and --seed 98 does so once.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path

CHANNELS = {"1": 32, "2": 64, "3": 128, "4": 256}
RATES = {"3g": 1.1e6, "wifi": 18.88e6, "none": None}


def end(code, line=""):
    """Ends as the programs do."""
    if line:
        print(line, file=sys.stderr)
    sys.exit(code)


def options_of(words):
    """The options with their values; a flag has none."""
    options, place = {}, 0
    while place < len(words):
        name, _, value = words[place].partition("=")
        if not value and place + 1 < len(words) and not words[place + 1].startswith("--"):
            place += 1
            value = words[place]
        options[name[2:].replace("-", "_")] = value
        place += 1
    return options


def write(path, values):
    """A file of JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(values, indent=2))


def config_of(options):
    """config.json; ends with 64 if something is wrong."""
    if options.get("link_rate", "3g") not in RATES:
        end(64, f"edge-trainer: --link-rate {options['link_rate']} is no rate; see 'edge-trainer train --help'")
    cut = options.get("cut", "2")
    if cut not in CHANNELS:
        end(64, f"edge-trainer: --cut {cut} is out of range; see 'edge-trainer train --help'")
    strategy = options.get("strategy", "hierarchical")
    config = {"role": "edge", "strategy": strategy, "architecture": options.get("architecture", "vgg8")}
    config |= {
        "train_images": int(options.get("train_limit", 1000)),
        "test_images": int(options.get("test_limit", 100)),
    }
    config |= {"epochs": int(options.get("epochs", 10)), "seed": int(options.get("seed", 0))}
    if strategy != "edge-only" and "link_rate" in options:
        config["link_rate"] = RATES[options["link_rate"]]
    if strategy in ("hierarchical", "split"):
        config |= {"cut": int(cut), "bits": int(options.get("bits", 4)), "scale": options.get("scale", "tensor")}
        config |= {"exit_head": options.get("exit_head", "deep"), "full_scale": 0.5}
        if "bottleneck" in options:
            config["bottleneck"] = int(options["bottleneck"])
    if "classes" in options:
        config["task"] = {"classes": int(options["classes"])}
    return config


def describe(options):
    """The cuts, of which each has half the pixels of the one before it; vgg8 has no third."""
    bits, cuts = int(options.get("bits", 4)), []
    for cut, channels in CHANNELS.items():
        values = 16 // int(cut) * int(options.get("bottleneck", channels))
        features = {"height": 4, "width": 4, "channels": int(options.get("bottleneck", channels))}
        cuts.append({"cut": int(cut), "features": features, "values": values, "bytes": values * bits // 8})
    impossible = [{"cut": 3, "reason": "too small for the head"}] if options.get("architecture") == "vgg8" else []
    described = {"architecture": options["architecture"], "cuts": cuts[: 2 if impossible else 4]}
    print(json.dumps(described | {"impossible_cuts": impossible}))


def train(options):
    """Leaves what a run leaves."""
    config = config_of(options)
    cloud = Path(options["cloud_run_dir"]) / "20260101-000000-abcdef"
    edge = Path(options["run_dir"])
    Path(options["cloud_log"]).write_text("the cloud's log\n")
    write(edge / "config.json", config)
    print("training", file=sys.stderr, flush=True)
    outcome, code = "completed", 0
    once = Path(options["run_dir"]).parents[1] / "hung-once"
    if options.get("seed") == "13":
        outcome, code = "failed", 70
        print("edge-trainer: the loss is not finite", file=sys.stderr)
    elif options.get("seed") == "99" or (options.get("seed") == "98" and not once.exists()):
        once.touch()
        stopped = []
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stopped.append(1))
        while not stopped:
            time.sleep(0.02)
        time.sleep(0.2)  # to complete its logs
        outcome, code = "interrupted", 130
    payload = config["train_images"] * config["epochs"] * 25 * config.get("bits", 4)
    payload *= config["strategy"] != "edge-only"
    down = payload * 2 if config["strategy"] == "split" else 0
    summary = {key: config.get(key) for key in ("strategy", "architecture", "cut", "bits", "epochs", "seed")}
    summary |= {"role": "edge", "outcome": outcome, "completed_epochs": config["epochs"], "training_seconds": 10.0}
    summary |= {"busy_seconds": 9.5, "link_busy_seconds": 4.0, "sent_bytes": payload, "received_bytes": down}
    summary |= {"train_payload_bytes": payload, "gradient_payload_bytes": down, "evaluation_bytes": 0}
    accuracy = 0.6 + config.get("bits", 0) / 100 - ("bottleneck" in config) / 10
    summary |= {"exit_accuracy": 0.5, "final_accuracy": accuracy, "peak_memory_bytes": 10**8}
    write(edge / "summary.json", summary)
    epoch = {"type": "epoch", "epoch": 1, "training_seconds": 10.0, "busy_seconds": 9.5, "idle_seconds": 0.5}
    epoch |= {"train_loss": 1.0, "exit_accuracy": 0.5, "final_accuracy": 0.6}
    classes = config.get("task", {}).get("classes", 10)
    epoch["final_class_accuracies"] = [0.7] * min(8, classes) + [0.2, None][: classes - 8]
    if "initial_weights" in options:
        if not all(Path(file).exists() for file in options["initial_weights"].split(",")):
            end(65, "edge-trainer: no such weights")
        epoch["training_seconds"] = 2.5
    (edge / "edge.safetensors").write_text("")
    uploaded = {"type": "event", "event": "uploaded", "wall_seconds": 3.0}
    lines = [uploaded, epoch] if config["strategy"] == "cloud-upload-once" else [epoch]
    (edge / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    if payload:
        (cloud.mkdir(parents=True, exist_ok=True), (cloud / "cloud.safetensors").write_text(""))
        write(cloud / "summary.json", summary | {"role": "cloud", "sent_bytes": down, "received_bytes": payload})
        rate, steps = config.get("link_rate") or 8e6, []
        for number, seconds in enumerate((1.0, 2.0, 11.0), start=1):
            step = {"type": "step", "epoch": 1, "step": number, "loss": 2.0, "wall_seconds": seconds}
            steps.append(step | {"received_bytes": int(rate / 8 * seconds * 1.01)})
        (cloud / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in steps))
    if not code:
        print("run  a table")
    end(code)


def plan(options):
    """A plan of all settings asked for, one tenth too short."""
    rows = []
    for strategy in options["strategies"].split(","):
        cut = strategy in ("hierarchical", "split")
        pairs = (
            [(int(k), int(n)) for k in options["cuts"].split(",") for n in options["bits"].split(",")] if cut else []
        )
        for k, bits in pairs or [(None, None)]:
            row = {"strategy": strategy, "cut": k, "bits": bits, "bound": "edge", "epoch_seconds": 9.0}
            rows.append(row | {"bytes_per_image": 25 * (bits or 4), "edge_memory_bytes": 2 * 10**8})
    write(Path(options["output"]), {"rows": rows})


def main():
    name, words = os.path.basename(sys.argv[0]), sys.argv[1:]
    with open(Path(sys.argv[0]).parent / "calls", "a", encoding="utf-8") as calls:
        calls.write(" ".join([name, *words]) + "\n")
    options = options_of(words[1:])
    if name == "benchmark":
        peak = {"gigaflops": 40.5, "kernels": "SkylakeX"}
        print(json.dumps(peak if words[0] == "peak" else {"edge_operations": 10**9, "cloud_operations": 2 * 10**9}))
    elif words[0] == "describe":
        describe(options)
    elif "dry_run" in options:
        print(json.dumps(config_of(options)))
    else:
        {"train": train, "plan": plan}[words[0]](options)


main()
