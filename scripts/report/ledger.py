"""Whether both sides of a run have counted the same bytes, and what is unknown since one side's files are not at
hand."""


def moved(run):
    """Bytes that went up and down, as either side has counted them."""
    return (
        (run.edge["sent_bytes"], run.edge["received_bytes"])
        if run.edge
        else (run.cloud["received_bytes"], run.cloud["sent_bytes"])
    )


def differences(run):
    """Counts of bytes in which the two sides of a run differ, or which cannot be; empty if all is well, or unknown."""
    edge, cloud = run.edge, run.cloud
    found = []
    if run.is_alone:
        return [f"edge-only moved {edge[key]} bytes" for key in ("sent_bytes", "received_bytes") if edge[key]]
    if run.missing:
        return []
    for here, there in (
        ("sent_bytes", "received_bytes"),
        ("received_bytes", "sent_bytes"),
        ("train_payload_bytes", "train_payload_bytes"),
        ("evaluation_bytes", "evaluation_bytes"),
        ("gradient_payload_bytes", "gradient_payload_bytes"),
    ):
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
