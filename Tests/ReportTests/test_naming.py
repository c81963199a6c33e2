"""What runs are called in reports, and the commands that are shown for them.

Usage: python3 -B -m unittest discover -s Tests/ReportTests
"""

import tempfile
import unittest
from pathlib import Path

from fixtures import change, write_run
from report import naming, runs, timing

IDS = ("20260101-000000-aaaaaa", "20260101-000001-bbbbbb", "20260101-000002-cccccc")


def run(directory="r", convolution="im2col", **changes):
    """A run with an edge alone at hand."""
    config = {"architecture": "vgg8", "strategy": "hierarchical", "cut": 2, "bits": 4} | changes
    summary = {"role": "edge", "strategy": "hierarchical", "threads": 2, "convolution": convolution}
    return runs.Run(directory, Path("."), {"edge": runs.Side(Path("."), summary, config, [])})


def labels(*several):
    """The names under which runs are shown together."""
    naming.label(several)
    return [one.label for one in several]


class NameTests(unittest.TestCase):
    def test_what_differs_instead_of_run_ids(self):
        self.assertEqual(labels(run(IDS[0]), run(IDS[1], bits=1)), ["4 bits", "1 bit"])
        self.assertEqual(labels(run(IDS[0]), run(IDS[1], "winograd", bits=2)), ["4 bits", "2 bits, winograd"])
        self.assertEqual(labels(run(IDS[0]), run(IDS[1], "winograd")), ["im2col", "winograd"])
        self.assertEqual(labels(run(IDS[0], learning_rate=0.1), run("mine", learning_rate=0.2)),
                         ["learning rate 0.1", "mine: learning rate 0.2"])  # fmt: skip

    def test_runs_of_the_same_settings_have_their_ids(self):
        names = labels(run(IDS[0]), run(IDS[1]), run(IDS[2], bits=2))
        self.assertEqual(names, [f"4 bits, {IDS[0]}", f"4 bits, {IDS[1]}", "2 bits"])
        self.assertEqual(labels(run(IDS[0]), run(IDS[1])), list(IDS[:2]))

    def test_names_that_users_gave(self):
        self.assertEqual(labels(run(IDS[0], name="mine"), run(IDS[1], bits=2)), ["mine", "2 bits"])
        names = labels(run(IDS[0], name="mine"), run(IDS[1], name="mine", bits=2))
        self.assertEqual(names, [f"mine, {IDS[0]}", f"mine, {IDS[1]}"])

    def test_where_a_run_was_is_not_said(self):
        here = run(IDS[0], cloud="a:1", data="/one", timeout=9.0, spool=0)
        self.assertEqual(labels(here, run(IDS[1], bits=2, local=True, data="/two")), ["4 bits", "2 bits"])

    def test_what_follows_from_the_bits_is_not_said(self):
        self.assertEqual(labels(run(IDS[0], full_scale=1.0), run(IDS[1], bits=2, full_scale=0.5)), ["4 bits", "2 bits"])
        names = labels(run(IDS[0], full_scale=1.0), run(IDS[1], full_scale=0.5))
        self.assertEqual(names, ["full scale 1", "full scale 0.5"])

    def test_titles_have_cut_and_bits(self):
        self.assertEqual(
            run(convolution="winograd", bits=2, compression="zstd").title, "vgg8, cut 2, 2 bits, zstd, winograd"
        )
        several = [run(link_rate=1.1e6), run(link_rate=1.1e6, bits=2)]
        self.assertEqual(naming.common_title(several), "vgg8, cut 2, 1.1 Mbit/s")
        whole = runs.Run(
            "w", Path("."), {"edge": runs.Side(Path("."), {"strategy": "cloud-stream"}, {"architecture": "vgg8"}, [])}
        )
        self.assertEqual(naming.common_title([run(), whole]), "vgg8, cut 2, 4 bits, link not shaped")


class CommandTests(unittest.TestCase):
    def test_options_of_a_configuration(self):
        config = {"architecture": "vgg8", "balance": True, "label_smoothing": 0.1, "data": "folder", "role": "edge"}
        config |= {"task": {"shape": {"height": 16, "width": 24, "channels": 1}, "classes": 3}}
        self.assertEqual(
            naming.edge_command(config, {}), "edge-trainer train --architecture vgg8 --balance --label-smoothing 0.1"
        )
        self.assertEqual((runs.raw_bytes(config), runs.raw_bytes({})), (384, 3072))

    def test_how_the_edge_was_called(self):
        config = {"name": "a b", "data": "/my images", "cloud": "host:7070", "insecure": True, "spool": 0}
        self.assertEqual(
            naming.edge_command(config, {}),
            "edge-trainer train --name 'a b' --data '/my images' --cloud host:7070 --insecure --spool 0",
        )
        self.assertEqual(naming.edge_command({"data": "cifar10"}, {}), "edge-trainer train")

    def test_complete_commands(self):
        config = {"architecture": "vgg8", "cloud": "there:7070", "data": "synthetic"}
        config |= {"task": {"shape": {"height": 48, "width": 48, "channels": 3}, "classes": 20}}
        summary = {"threads": 2, "convolution": "winograd", "initial_weights": "abcd"}
        self.assertEqual(
            naming.edge_command(config, summary),
            "edge-trainer train --architecture vgg8 --cloud there:7070 --data synthetic --image-size 48 --classes 20 "
            "--threads 2 --convolution winograd  # and --initial-weights, files with the digest abcd",
        )
        with tempfile.TemporaryDirectory() as name:
            write_run(Path(name) / "r", "hierarchical", 1.0, 1.0, 1.0, 2000)
            (cloud,) = Path(name).glob("r/cloud/*/summary.json")
            change(cloud, convolution="winograd", threads=3)
            (found,) = runs.read_all(Path(name) / "r")
            edge, cloud = found.commands.splitlines()
            self.assertTrue(
                edge.startswith("edge-trainer train ") and edge.endswith(" --threads 1 --convolution im2col"), edge
            )
            self.assertEqual(cloud, "cloud-trainer --threads 3 --convolution winograd")

    def test_other_losses_and_images_are_not_the_same_training(self):
        self.assertTrue(timing.learn_the_same(run(link_rate=1e6), run()))
        for changes in ({"balance": True}, {"label_smoothing": 0.1}, {"task": {"classes": 3}}):
            self.assertFalse(timing.learn_the_same(run(**changes), run()), changes)


if __name__ == "__main__":
    unittest.main()
