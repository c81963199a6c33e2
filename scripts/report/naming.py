"""What runs are called: by their settings, as far as these tell them apart; and the commands that made them."""

import re
import shlex

# A directory that the programs named; any other is named by the user.
RUN_ID = re.compile(r"\d{8}-\d{6}-[0-9a-f]{6}")
LONGEST = 44  # characters of a name with what differs
# What a configuration holds that is nobody's choice.
NO_OPTIONS = ("role", "task", "run_id", "started_at", "software_version", "kernels")
# Options that change nothing in what is trained.
CIRCUMSTANCES = (
    "name", "data", "cloud", "local", "one_core_each", "offline", "insecure", "tls", "tls_authority", "tls_certificate",
    "tls_key", "state_dir", "timeout", "checkpoint_interval", "reconnect_for", "spool",
)  # fmt: skip
# Places on the edge that are nobody else's business.
SECRETIVE = ("state_dir", "tls_authority", "tls_certificate", "tls_key")
# What the cloud, and runs from before there was a path, say of the images.
KINDS_OF_DATA = ("cifar10", "cifar100", "folder", "tiny-imagenet")
# What goes without saying.
USUAL = {
    "scale": "tensor scales", "compression": "no compression", "convolution": "im2col", "link_rate": "link not shaped",
    "link_delay": "0 ms delay", "initial_weights": "weights from the seed",
}  # fmt: skip
# What a title says of its runs, if they have it in common.
COMMON = ("cut", "bottleneck", "bits", "scale", "compression", "convolution")


def settings(run):
    """The settings of a run in words, the most telling ones first; a word is the same whatever else a run has."""
    config, found = run.config, {}
    rate, delay = config.get("link_rate"), config.get("link_delay")
    methods = {role: summary["convolution"] for role, summary in run.summaries.items() if "convolution" in summary}
    threads = {role: summary["threads"] for role, summary in run.summaries.items() if "threads" in summary}
    known = {
        "architecture": "{}", "strategy": "{}", "cut": "cut {}", "bottleneck": "bottleneck {}", "bits": "{} bits",
        "scale": "{} scales", "full_scale": "full scale {:g}", "compression": "{}", "exit_head": "{} exit",
    }  # fmt: skip
    found = {key: text.format(config[key]) for key, text in known.items() if config.get(key) is not None}
    if config.get("bits") == 1:
        found["bits"] = "1 bit"
    if found.get("compression") == "none":
        found["compression"] = "no compression"
    found["convolution"] = by_side(methods, "{}") or "im2col"
    found["link_rate"] = f"{rate / 1e6:g} Mbit/s" if rate else "link not shaped"
    found["link_delay"] = f"{1e3 * (delay or 0):g} ms delay"
    found["threads"] = by_side(threads, "{} threads").replace("1 threads", "1 thread")
    for key, value in config.items():
        is_named = key in (*NO_OPTIONS, *CIRCUMSTANCES, *found)
        if not is_named and value is not None and not isinstance(value, (dict, list)):
            words = key.replace("_", " ")
            found[key] = words if value is True else f"{value} epochs" if key == "epochs" else f"{words} {value}"
    weights = run.here.get("initial_weights")
    found["initial_weights"] = f"initial weights {weights[:8]}" if weights else "weights from the seed"
    found["kernels"] = f"{run.here.get('kernels')} kernels"
    return found


def by_side(values, text):
    """What both sides have, or each."""
    if len(set(values.values())) < 2:
        return "".join(text.format(value) for value in list(values.values())[:1])
    return ", ".join(
        f"{text.format(value)} at the {role}".replace("at the cloud", "in the cloud") for role, value in values.items()
    )


def title(run):
    """Network, and what decides the bytes and the speed."""
    words = settings(run)
    return ", ".join(telling(words, ("architecture", *COMMON)))


def telling(words, keys):
    """The words of some settings, but for the usual ones."""
    return [words[key] for key in keys if key in words and words[key] != USUAL.get(key)]


def common_title(runs):
    """What all runs have in common, as far as they can have it, and their links."""
    found = [settings(run) for run in runs]
    parts = [" / ".join(dict.fromkeys(words["architecture"] for words in found))]
    for key in COMMON:
        values = {words[key] for words in found if key in words}
        parts += telling({key: value for value in values}, [key]) if len(values) == 1 else []
    with_link = [words for run, words in zip(runs, found) if not run.is_alone]
    links = dict.fromkeys(words["link_rate"] for words in with_link)
    return ", ".join([*parts, *([" / ".join(links)] if links else [])])


def label(runs):
    """Gives each run of several the name under which it is shown with the others: that of --name; else what differs
    between them instead of a directory that a program has named, and after one that a user has named."""
    found = [settings(run) for run in runs]
    keys = list(dict.fromkeys(key for words in found for key in words))
    differing = [key for key in keys if len({words[key] for words in found if key in words}) > 1]
    # It follows from the others, if nobody sets it.
    pairs = {(words.get("bits"), words.get("scale"), words.get("full_scale")) for words in found}
    if len(pairs) == len({pair[:2] for pair in pairs}):
        differing = [key for key in differing if key != "full_scale"]
    labels = [", ".join(telling(words, differing)) for words in found]
    if "" in labels or len(set(labels)) < len(runs):
        labels = [", ".join(words[key] for key in differing if key in words) for words in found]
    names = [run.config.get("name") for run in runs]
    for run, text in zip(runs, labels):
        if own := run.config.get("name"):
            run.label = own if names.count(own) == 1 else f"{own}, {run.name}"
        elif RUN_ID.fullmatch(run.name):
            run.label = text if text and labels.count(text) == 1 else f"{text}, {run.name}".removeprefix(", ")
        else:
            named = f"{run.name}: {text}"
            run.label = named if text and len(named) <= LONGEST else run.name


def edge_command(config, summary):
    """The options that give this configuration. What the files do not hold is not there: in the cloud, which images
    they were, if they are not synthetic, and files of weights."""
    words = ["edge-trainer train"]
    task = config.get("task", {})
    values = {key: value for key, value in config.items() if key not in (*NO_OPTIONS, *SECRETIVE)}
    if config.get("data") == "synthetic" and task:
        values |= {"image_size": task["shape"]["height"], "classes": task["classes"]}
    values |= {key: summary[key] for key in ("threads", "convolution") if key in summary}
    for key, value in values.items():
        option = {"train_images": "train-limit", "test_images": "test-limit"}.get(key, key.replace("_", "-"))
        if value is None or value is False or isinstance(value, dict) or (key == "data" and value in KINDS_OF_DATA):
            continue
        # What is no name of an option was written by nobody's edge-trainer.
        if not re.fullmatch("[a-z_]+", key):
            continue
        if isinstance(value, list):
            value = ",".join(map(str, value))
        if value is True:
            words.append(f"--{option}")
            continue
        if key == "link_rate":
            value = f"{value:.0f}bit"
        elif key == "link_delay":
            if not value:
                continue
            value = f"{value * 1e3:.12g}ms"
        words.append(f"--{option} {shlex.quote(str(value))}")
    weights = summary.get("initial_weights") if "initial_weights" not in config else None
    return " ".join(words) + (f"  # and --initial-weights, files with the digest {weights}" if weights else "")


def cloud_command(summary):
    """What decides how the cloud computed."""
    words = (f"--{key} {summary[key]}" for key in ("threads", "convolution") if key in summary)
    return " ".join(["cloud-trainer", *words])
