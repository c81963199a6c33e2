"""Steps and epochs of one side of a run as an event file of TensorBoard."""

import io
import struct
from datetime import datetime, timezone

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter

from .files import read_json

# Keys of metrics.jsonl; <end> is exit or final.
STEP = {
    "loss": "loss/<end>", "learning_rate": "learning_rate", "sent_bytes": "bytes/sent",
    "received_bytes": "bytes/received",
}  # fmt: skip
EPOCH = {
    "train_loss": "epoch_loss/<end>", "exit_accuracy": "accuracy/exit", "final_accuracy": "accuracy/final",
    "train_images_per_second": "images_per_second", "training_seconds": "epoch_seconds/training",
    "busy_seconds": "epoch_seconds/busy", "idle_seconds": "epoch_seconds/idle", "sent_bytes": "epoch_bytes/sent",
    "received_bytes": "epoch_bytes/received", "resent_bytes": "epoch_bytes/resent",
    "train_payload_bytes": "epoch_bytes/train_payload", "evaluation_bytes": "epoch_bytes/evaluation",
    "gradient_payload_bytes": "epoch_bytes/gradient_payload", "peak_memory_bytes": "peak_memory_bytes",
}  # fmt: skip


class EventFile:
    """One side's events. An epoch's are at its last step."""

    def __init__(self, log, directory):
        self.path = directory / "events.out.tfevents.report"
        self.log = log
        config = log.config
        self.steps_per_epoch = -(-config["train_images"] // config["batch_size"])
        has_exit = config.get("role") == "edge" and config["strategy"] == "hierarchical"
        self.end = "exit" if has_exit else "final"
        self.start = 0.0  # seconds since 1970

    def head(self):
        """The event that an event file begins with."""
        self.start = self.started()
        return record(Event(wall_time=self.start, file_version="brain.Event:2"))

    def started(self):
        """When the run began: as the file says, if it is there, so that it stays the same; else as the run's files
        do."""
        head = self.path.read_bytes()[:1024] if self.path.exists() else b""
        if len(head) > 12:
            (length,) = struct.unpack("<Q", head[:8])
            if len(head) >= 12 + length:
                return Event.FromString(head[12 : 12 + length]).wall_time
        summary = self.log.directory / "summary.json"
        text = read_json(summary).get("started_at") if summary.exists() else None
        if text:
            return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc).timestamp()
        return (self.log.directory / "config.json").stat().st_mtime

    def encode(self, lines):
        """The events of lines."""
        return b"".join(map(self.event, lines))

    def event(self, line):
        """That of a line; nothing if it has no numbers."""
        if line.get("type") == "step":
            tags, step = STEP, line["step"]
        elif line.get("type") == "epoch":
            tags, step = EPOCH, line["epoch"] * self.steps_per_epoch
        else:
            return b""
        values = [
            Summary.Value(tag=tag.replace("<end>", self.end), simple_value=line[key])
            for key, tag in tags.items()
            if line.get(key) is not None
        ]
        return record(Event(wall_time=self.start + line["wall_seconds"], step=step, summary=Summary(value=values)))


def record(event):
    """An event as it is in a file, with its length and checksums."""
    file = io.BytesIO()
    RecordWriter(file).write(event.SerializeToString(deterministic=True))
    return file.getvalue()
