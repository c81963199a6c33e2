"""Steps and epochs of one side of a run as CSV, with the names that they have in metrics.jsonl."""

import csv
import io

STEP = ["epoch", "step", "wall_seconds", "loss", "learning_rate", "images", "sent_bytes", "received_bytes"]
EPOCH = [
    "epoch", "wall_seconds", "train_loss", "exit_accuracy", "final_accuracy", "train_images_per_second",
    "training_seconds", "busy_seconds", "idle_seconds", "train_payload_bytes", "evaluation_bytes",
    "gradient_payload_bytes", "sent_bytes", "received_bytes", "resent_bytes", "peak_memory_bytes",
]  # fmt: skip


class CSVFile:
    """The lines of one type."""

    def __init__(self, path, columns):
        self.path, self.columns = path, columns
        self.type = "step" if columns is STEP else "epoch"

    def head(self):
        """The headings."""
        return self.rows([self.columns])

    def encode(self, lines):
        """A row for each line; what is unknown is empty."""
        chosen = (line for line in lines if line.get("type") == self.type)
        return self.rows([[line.get(column) for column in self.columns] for line in chosen])

    def rows(self, rows):
        """As bytes."""
        file = io.StringIO(newline="")
        csv.writer(file, lineterminator="\n").writerows(rows)
        return file.getvalue().encode()
