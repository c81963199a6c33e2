"""Measures the rate that --link-rate achieves; see scripts/measure-link.sh."""

from __future__ import annotations

from report.files import ReportError, read_lines

from . import programs

SECONDS = 22
TOLERANCE = 0.03
# Of an image, in vgg8 after block 1. In 32 bits these are 32 KB, for very little arithmetic.
VALUES = 8192


def sizes(rate: int) -> tuple[int, int, int]:
    """Bits of a value, images of a batch and of the run, for a rate in bit/s.

    Batches of about a tenth of a second at high rates; at low ones single images of fewer bits, to measure finely.
    """
    bits = 1 if rate < 500_000 else 32
    batch = min(128, rate // 4_000_000 + 1)
    return bits, batch, rate * SECONDS // (VALUES * bits) + 2 * batch


def traffic(lines: list[dict]) -> tuple[int, float]:
    """Bytes and seconds between the first and the last step of the cloud's log."""
    steps = [line for line in lines if line.get("type") == "step"]
    if len(steps) < 2 or steps[-1]["wall_seconds"] <= steps[0]["wall_seconds"]:
        raise ReportError("the log lacks figures")
    return tuple(steps[-1][key] - steps[0][key] for key in ("received_bytes", "wall_seconds"))


def main(arguments: list[str]) -> int:
    """Returns the exit code."""
    named = arguments[:1] if not "".join(arguments[:1]).startswith("-") else []
    others = arguments[len(named) :]
    programs.refuse(others)
    network = ["--data", "synthetic", "--architecture", "vgg8", "--cut", "1", "--exit-head", "pool", "--threads", "1"]
    network += ["--link-rate", *(named or ["3g"]), "--window", "16", "--learning-rate", "0.001", "--epochs", "1"]
    asked = programs.configuration(network + others)["link_rate"]
    bits, batch, images = sizes(int(asked))
    network += ["--bits", str(bits), "--batch-size", str(batch), "--train-limit", str(images), "--test-limit", "1"]
    directory = programs.make_directory(programs.default_directory("link"))
    code = programs.run(programs.local_command(network + others, directory), stdout=2)
    if code:
        return code
    count, seconds = traffic(read_lines(next(directory.glob("cloud/*/metrics.jsonl"))))
    achieved = count * 8 / seconds
    error = achieved / asked - 1
    print(f"asked for  {asked / 1e6:12.4f} Mbit/s")
    print(f"achieved   {achieved / 1e6:12.4f} Mbit/s ({100 * error:+.2f} %), {count} bytes in {seconds:.2f} s")
    return 0 if abs(error) <= TOLERANCE else 1


if __name__ == "__main__":
    programs.start("measure-link.sh", main)
