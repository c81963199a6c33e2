"""The parts of scripts/experiments that start nothing.

Usage: python3 -B -m unittest discover -s Tests/ExperimentsTests
"""

import argparse
import json
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
sys.path.insert(0, str(SCRIPTS))

from experiments import flood, frontier, link, load, plan, programs, race, two_hosts, verify  # noqa: E402


class OptionTests(unittest.TestCase):
    def parser(self):
        options = programs.Options()
        options.add_argument("--bits", type=programs.items, default="4")
        options.add_argument("--list", action="store_true")
        return options

    def test_own_options_and_those_of_edge_trainer(self):
        own, others = self.parser().split(["--epochs", "2", "--bits=1,2", "--seed=3", "--list", "--wait"])
        self.assertEqual((own.bits, own.list), (["1", "2"], True))
        self.assertEqual(others, ["--epochs", "2", "--seed=3", "--wait"])
        self.assertEqual(self.parser().split([])[0].bits, ["4"])

    def test_wrong_ones(self):
        for words in (["--bits"], ["--bits", "1,1"], ["--bits", "1,,2"], ["--bits", ""], ["--cloud=x"], ["--no", "1"], ["--bi", "4"]):
            with self.subTest(words=words), self.assertRaises(programs.Failure) as raised:
                self.parser().split(words, "--no")
            self.assertEqual(raised.exception.code, 64)

    def test_defaults_only_where_nothing_is_given(self):
        defaults = {"--cut": 3, "--epochs": 1, "--bits": 4}
        self.assertEqual(
            programs.unless_given(defaults, ["--epochs=5", "--bits", "2", "--cutter", "x"]), ["--cut", "3"]
        )

    def test_options_of_both_programs(self):
        words = ["--threads", "2", "--bits", "4", "--timeout=9", "--convolution", "winograd", "--seed", "1"]
        shared = ["--threads", "2", "--timeout=9", "--convolution", "winograd"]
        self.assertEqual(two_hosts.for_cloud(words), shared)

    def test_lines_for_the_shell(self):
        self.assertEqual(programs.as_line(["a", "--racer", "b: --bits 2"]), "a --racer 'b: --bits 2'")


class LoadTests(unittest.TestCase):
    def test_speed_in_the_steps_between(self):
        steps = [{"images": 10, "wall_seconds": seconds} for seconds in (1, 2, 4, 6, 7)]
        self.assertEqual(load.Result("x", steps=steps).speed((2, 4)), 5)

    def test_connections_are_of_three_kinds(self):
        one = flood.Flood(("127.0.0.1", 1), 6, 1)
        words = []
        while one.left:
            words.append(one.words())
            one.left -= 1
        self.assertEqual([len(said) == 0 for said in words], [True, False, False] * 2)
        # A record of a handshake, of which half is missing.
        half = words[1]
        self.assertEqual((half[0], 2 * len(half) in range(int.from_bytes(half[3:5], "big"), 600)), (22, True))

    def test_wrong_options(self):
        for words in (["--connections", "0"], ["--at-once", "901"], ["--addresses", "x"], ["--tls"]):
            with self.subTest(words=words), self.assertRaises(programs.Failure) as raised:
                load.parse(words)
            self.assertEqual(raised.exception.code, 64)


class FrontierTests(unittest.TestCase):
    @staticmethod
    def describe(architecture, _head, bottleneck="none", bits="4", image_options=()):
        assert image_options in ((), ("--image-size", "16", "--classes", "3")), image_options
        channels = 64 if bottleneck == "none" else int(bottleneck)
        cut = {"cut": 3, "features": {"channels": channels}, "values": 16 * channels, "bytes": 2 * channels * int(bits)}
        reason = {"cut": 5, "reason": "too small"}
        return {"architecture": architecture, "cuts": [cut], "impossible_cuts": [reason]}

    def settings(self, **changes):
        choice = {
            "networks": ["vgg16:3"],
            "bottlenecks": ["none", "64", "16"],
            "bits": ["4", "1"],
            "scales": ["tensor"],
        }
        own = argparse.Namespace(**choice | {"max_bytes": 4096, "exit_head": "conv"} | changes)
        return [" ".join(words) for words in frontier.settings(own, self.describe)]

    def test_settings(self):
        found = self.settings()
        self.assertEqual(len(found), 4)  # 64 channels are no bottleneck
        self.assertEqual(found[0], "--architecture vgg16 --cut 3 --bits 4 --compression zstd --scale tensor")
        self.assertIn("--cut 3 --bottleneck 16 --bits 1 ", found[3])
        self.assertEqual(len(self.settings(max_bytes=511)), 3)
        self.assertEqual(len(self.settings(max_bytes=512, scales=["tensor", "channel"])), 8)
        for changes, message in (
            ({"networks": ["vgg16:5"]}, "vgg16:5: too small"),
            ({"networks": ["vgg16:6"]}, "no such cut"),
            ({"max_bytes": 1}, "nothing is left"),
        ):
            with self.assertRaisesRegex(programs.Failure, message):
                self.settings(**changes)

    def test_marks(self):
        rows = []
        for architecture, count, accuracy in (
            ("a", "100.0", "0.8"), ("a", "90.0", "0.8"), ("a", "200.0", "0.9"), ("a", "90.0", "0.8"), ("b", "300.0", "0.1"),
        ):  # fmt: skip
            numbers = {"architecture": architecture, "bytes_per_image": count, "final_accuracy": accuracy}
            rows.append(dict.fromkeys(frontier.COLUMNS, 0) | numbers)
        grid = frontier.table(rows)
        self.assertEqual([cells[0] for cells in grid.rows], ["", "*", "*", "*", "*"])
        self.assertEqual(grid.rows[2][grid.headings.index("final %")], "90.00")
        self.assertEqual(len(grid.headings), len(grid.rows[0]))

    def test_row(self):
        row = self.row({})
        self.assertEqual(tuple(row), frontier.COLUMNS)
        cells = "\t".join(str(row[column]) for column in frontier.COLUMNS[:-2])
        self.assertEqual(
            cells, "vgg16\t3\tnone\t2\tchannel\t0.5\t1024\t3072\t257.0\t500.0\t0.5000\t0.6667\t3\t1000\t7"
        )
        self.assertEqual(row["command"], "edge-trainer train")
        other = {"shape": {"height": 16, "width": 16, "channels": 1}, "classes": 3}
        self.assertEqual(self.row({"task": other})["raw_bytes"], 256)

    def row(self, changes):
        config = {
            "architecture": "vgg16",
            "cut": 3,
            "exit_head": "conv",
            "bits": 2,
            "scale": "channel",
            "full_scale": 0.5,
        }
        config |= {"train_images": 1000, "seed": 7} | changes
        summary = {
            "completed_epochs": 3,
            "train_payload_bytes": 1_500_000,
            "exit_accuracy": 0.5,
            "final_accuracy": 2 / 3,
        }
        with tempfile.TemporaryDirectory() as place, mock.patch("experiments.frontier.describe", self.describe):
            edge = Path(place, "edge")
            edge.mkdir()
            (edge / "config.json").write_text(json.dumps(config))
            (edge / "summary.json").write_text(json.dumps(summary))
            Path(place, "command").write_text("edge-trainer train\n")
            return frontier.row(Path(place))


class RaceTests(unittest.TestCase):
    def test_racers_in_their_order(self):
        words = ["--racer", "4bit: --bits 4 --seed 1", "--racers", "split,edge-only", "--train-limit", "9"]
        own, others = race.parse(words)
        expected = [("4bit", ["--bits", "4", "--seed", "1"]), ("split", ["--strategy", "split"])]
        self.assertEqual(own.racers[:2], expected)
        self.assertEqual((len(own.racers), others, own.link_rate), (3, ["--train-limit", "9"], "3g"))
        self.assertEqual(len(race.parse([])[0].racers), 5)

    def test_options(self):
        line = " ".join(race.options_of("3g", ["--train-limit", "9"], ["--bits", "2"]))
        self.assertEqual(
            line,
            "--one-core-each --link-rate 3g --train-limit 9 --bits 2 --epochs 1 --test-limit 1000 --architecture vgg16 "
            "--cut 3 --exit-head conv",
        )
        # Another network has the program's own cut and head.
        line = " ".join(race.options_of("none", ["--architecture=resnet18"], []))
        self.assertEqual(
            line, "--one-core-each --architecture=resnet18 --epochs 1 --train-limit 5000 --test-limit 1000"
        )


class PlanTests(unittest.TestCase):
    def test_options(self):
        settings = plan.SETTINGS["wifi", 2048, "vgg8"]
        self.assertEqual(
            plan.lists_of(settings), ["--strategies", "hierarchical,split", "--cuts", "1,2", "--bits", "4,32"]
        )
        self.assertEqual(plan.lists_of([plan.Setting("edge-only")]), ["--strategies", "edge-only"])
        self.assertEqual(settings[0].options, ["--strategy", "hierarchical", "--cut", "1", "--bits", "4"])
        self.assertIn("--link-rate", plan.options_of("3g", 1, "vgg8", []))
        self.assertNotIn("--link-rate", plan.options_of("none", 1, "vgg8", []))
        self.assertEqual(sum(map(len, plan.SETTINGS.values())), 11)

    def test_prediction_and_measurement(self):
        key = {"strategy": "split", "cut": 2, "bits": 4}
        row = key | {"bound": "link", "epoch_seconds": 9.0, "bytes_per_image": 20, "edge_memory_bytes": None}
        others = [key | {"bits": 8}, key | {"strategy": "hierarchical"}]
        summary = key | {"architecture": "vgg8", "training_seconds": 12.0, "train_payload_bytes": 200}
        summary |= {"peak_memory_bytes": 5_000_000}
        run = plan.compare("3g", {"rows": [row, *others]}, {"train_images": 10}, summary)
        self.assertEqual(run["setting"], "vgg8, split, cut 2, 4 bits, 3g")
        self.assertEqual((run["predicted_seconds"], run["measured_seconds"]), (9.0, 12.0))
        self.assertEqual((run["measured_bytes_per_image"], run["predicted_edge_memory_bytes"]), (20, None))
        (cells,) = plan.table([run]).rows
        self.assertEqual(cells[2:], ["9.00", "12.00", "0.750", "20 / 20", "- / 5"])
        with self.assertRaisesRegex(programs.Failure, "has 2 rows for --strategy split"):
            plan.compare("3g", {"rows": [row, row]}, {"train_images": 10}, summary)
        upload = plan.compare("none", {"rows": [row | {"bytes_per_image": 0}]}, {"train_images": 10}, summary)
        self.assertEqual((upload["measured_bytes_per_image"], upload["setting"][-10:]), (0, "no shaping"))


class LinkTests(unittest.TestCase):
    def test_about_the_same_time_at_every_rate(self):
        for rate in (130_000, 1_100_000, 18_880_000, 400_000_000):
            bits, batch, images = link.sizes(rate)
            self.assertAlmostEqual((images - 2 * batch) * 8192 * bits / rate, 22, delta=0.3)
            self.assertLessEqual(batch, 128)
        self.assertEqual([link.sizes(rate)[:2] for rate in (130_000, 4_000_000)], [(1, 1), (32, 2)])

    def test_traffic(self):
        steps = [{"type": "step", "received_bytes": 10 + 7 * n, "wall_seconds": 1 + n / 2} for n in range(5)]
        self.assertEqual(link.traffic([{"type": "event"}, *steps, {"type": "epoch"}]), (28, 2.0))
        with self.assertRaisesRegex(link.ReportError, "lacks figures"):
            link.traffic(steps[:1])

    def test_what_the_kernel_does(self):
        rate, delay = two_hosts.disciplines(1.1e6, 0.05)
        self.assertEqual(" ".join(rate), "root handle 1: tbf rate 1100000bit burst 8000 latency 1s")
        self.assertEqual(" ".join(delay), "parent 1:1 netem delay 50ms limit 100000")
        self.assertIn("6250000", two_hosts.disciplines(1e9, None)[0])
        self.assertEqual(two_hosts.disciplines(None, 0.0015)[0][:4], ["root", "netem", "delay", "1.5ms"])
        self.assertEqual(two_hosts.disciplines(None, None), [])


class VerifyTests(unittest.TestCase):
    def test_every_network_has_its_turn(self):
        described = {"cuts": [{"cut": 1}, {"cut": 2}]}
        with mock.patch("experiments.verify.describe", lambda *_: described):
            lines = [" ".join(words) for words in verify.networks()]
        self.assertEqual(len(set(lines)), 4 * 5 * 2 * 2)
        self.assertEqual(
            lines[1], "--architecture vgg8 --cut 1 --exit-head pool --bottleneck 12 --bits 4 --scale channel"
        )
        self.assertTrue(lines[13].endswith("--bits 4 --scale tensor"))

    def test_files_and_options_in_any_order(self):
        own = verify.parse(["a", "--images", "5", "b", "--threads", "2"])
        self.assertEqual((own.weights, own.images, own.thread_options), (["a", "b"], "5", ["--threads", "2"]))


if __name__ == "__main__":
    unittest.main()
