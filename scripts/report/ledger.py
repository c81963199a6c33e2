"""Whether both sides of a run have counted the same bytes, and what is unknown since one side's files are not at
hand."""


def counter(run):
    """The side whose counts of bytes are taken: the edge, if it is at hand and has not lost some of them, say."""
    sides = [run.sides[role] for role in ("edge", "cloud") if role in run.sides]
    return next((side for side in sides if not side.went_back), sides[0])


def moved(run):
    """Bytes that went up and down, as one side has counted them."""
    side = counter(run)
    keys = ("sent_bytes", "received_bytes")
    return tuple(side.summary[key] for key in (keys if side.role == "edge" else reversed(keys)))


def is_at_least(run):
    """Whether there may have been more bytes than that; with no cloud none travel."""
    return counter(run).went_back and not run.is_alone


def began_anew(run):
    """Whether the cloud has counted nothing of what it was sent before: it began the run anew, without the files of the
    one before, and the edge sent everything again."""
    if run.is_alone or run.missing or any(side.went_back for side in run.sides.values()):
        return False
    return 0 < run.edge["sent_bytes"] - run.cloud["received_bytes"] <= run.edge.get("resent_bytes", 0)


def lost(run):
    """What the counts of a run lack, one text for each side that lacks something."""
    if began_anew(run):
        yield "the cloud began the run anew: what one before it had received, or lost, is in none of its counts"
    for role, side in run.sides.items():
        if side.went_back and not run.is_alone:
            yield (
                f"the {role} went on from a checkpoint, since its process was killed, for example: bytes that "
                "travelled after it, until then, are in none of its counts"
            )


def differences(run):
    """Counts of bytes in which the two sides of a run differ, or which cannot be; empty if all is well, or unknown."""
    edge, cloud = run.edge, run.cloud
    found = []
    if run.is_alone:
        return [f"edge-only moved {edge[key]} bytes" for key in ("sent_bytes", "received_bytes") if edge[key]]
    if run.missing:
        return []
    pairs = [(key, key) for key in ("train_payload_bytes", "evaluation_bytes", "gradient_payload_bytes")]
    if not any(lost(run)):
        pairs = [("sent_bytes", "received_bytes"), ("received_bytes", "sent_bytes"), *pairs]
    for here, there in pairs:
        if edge[here] != cloud[there]:
            found.append(f"edge {here} {edge[here]}, cloud {there} {cloud[there]}")
    if (edge["strategy"] == "split") != (edge["gradient_payload_bytes"] > 0):
        found.append(f"{edge['strategy']} has {edge['gradient_payload_bytes']} gradient bytes")
    return found


def unknown(run):
    """What is unknown since one side's files are not at hand, and which directory to copy; None if all are."""
    role = run.missing
    if not role:
        return None
    there = next(iter(run.sides.values())).directory
    base = there.parent if there.resolve().name in ("edge", "cloud") else there
    name = run.here.get("run_id", "<run>")
    own = f"<its --run-dir>/{name}" if role == "cloud" else "<its --run-dir>"
    return (
        f"what only the {role} knows is unknown, since its files are not here: copy its directory of this run "
        f"(runs/{name}/{role} where {role}-trainer ran, or {own}) to {base / role}, or name both directories"
    )
