"""Measures how well the edge and the cloud work at the same time; see scripts/measure-overlap.sh."""

from __future__ import annotations

from report.runs import read_run

from . import programs

TARGET = 1.10
DEFAULTS = {
    "--architecture": "vgg16", "--cut": 3, "--bits": 4, "--exit-head": "conv", "--epochs": 1, "--train-limit": 5000,
    "--test-limit": 1000,
}  # fmt: skip


def main(arguments: list[str]) -> int:
    """Returns the exit code."""
    programs.refuse(arguments)
    data = programs.data_options(arguments)
    options = ["--one-core-each", *programs.unless_given(DEFAULTS, arguments), *data, *arguments]
    if programs.configuration(options)["strategy"] == "edge-only":
        raise programs.usage("--strategy edge-only has no cloud, and nothing overlaps")
    directory = programs.make_directory(programs.default_directory("overlap"))
    code = programs.run(programs.local_command(options, directory))
    if code:
        return code
    run = read_run(directory, directory.name)
    wall, edge, cloud = run.edge["training_seconds"], run.edge["busy_seconds"], run.cloud["busy_seconds"]
    ratio = wall / max(edge, cloud)
    print(f"\ntraining, wall   {wall:8.2f} s\nedge busy        {edge:8.2f} s\ncloud busy       {cloud:8.2f} s")
    print(f"one after the other would take {edge + cloud:.2f} s")
    print(f"wall / max(edge busy, cloud busy) = {ratio:.3f} (target: at most {TARGET:.2f})")
    return 0 if ratio <= TARGET else 1


if __name__ == "__main__":
    programs.start("measure-overlap.sh", main)
