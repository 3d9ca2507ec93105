"""The parts of tools/compare: medians, ratios, bars, tables, chart; the network it runs in."""

import subprocess
import sys
import unittest
import xml.etree.ElementTree as ET
from pathlib import Path

TOOLS = Path(__file__).resolve().parents[2] / "tools"
sys.dont_write_bytecode = True
sys.path.insert(0, str(TOOLS))

from comparelib import chart, load, machine, measure, network, summary, table
from comparelib.works import BY_NAME, WORKS

ENTER = "--enter"  # this program's own words for the tests of the network
CONTENDERS = ["direct", "haproxy", "nginx", "ringway"]


def one_round(haproxy: float, nginx: float, ringway: float, work: str = "connect") -> dict:
    used = {"haproxy": haproxy, "nginx": nginx, "ringway": ringway}
    return {
        work: {
            name: {"proxy_cpu": cpu, "p99": 10 * cpu, "rate": 1 / cpu, "failures": 0}
            for name, cpu in used.items()
        }
    }


def report_of(rounds: list, syscalls: dict) -> dict:
    return {
        "machine": {
            "cpu": "A & B <CPU>", "processors": 2, "kernel": "Linux 1", "congestion": "reno",
        },
        "versions": ["HAProxy 1", "nginx 2", "Ringway 3"],
        "rounds": rounds,
        "syscalls": syscalls,
    }


def bar(bars: list, begin: str) -> summary.Bar:
    return next(one for one in bars if one.what.startswith(begin))


class Ratios(unittest.TestCase):
    def test_a_ratio_is_of_one_round_to_the_peer_that_is_better_in_the_run(self):
        rounds = [one_round(100, 200, 90), one_round(160, 150, 120), one_round(100, 300, 70)]
        self.assertEqual(summary.better_peer(rounds, "connect", "proxy_cpu"), "haproxy")
        self.assertEqual(summary.ratios(rounds, "connect", "proxy_cpu"), [0.9, 0.75, 0.7])

    def test_the_median_over_the_rounds_is_held_against_the_bar(self):
        rounds = [one_round(1, 2, ours) for ours in (0.1, 0.79, 9)]
        self.assertEqual(bar(summary.bars(rounds, {}), "connect: proxy CPU").value, 0.79)
        self.assertTrue(bar(summary.bars(rounds, {}), "connect: proxy CPU").met)
        rounds = [one_round(1, 2, ours) for ours in (0.1, 0.81, 9)]
        self.assertFalse(bar(summary.bars(rounds, {}), "connect: proxy CPU").met)

    def test_the_bar_of_bulk_depends_on_the_congestion_control(self):
        bulk = lambda name: bar(summary.bars([], {}, name), "bulk-up: proxy CPU").most
        self.assertEqual((bulk("bbr"), bulk("cubic")), (0.42, 0.55))
        with self.assertRaises(StopIteration):
            bulk("reno")

    def test_a_round_without_our_sample_or_without_a_peer_has_no_ratio(self):
        lost = {"connect": {"ringway": {"failures": 1}, "haproxy": {"proxy_cpu": 1}}}
        alone = {"connect": {"ringway": {"proxy_cpu": 1}, "direct": {"rate": 1}}}
        self.assertEqual(summary.ratios([lost, alone, {}], "connect", "proxy_cpu"), [])
        self.assertIsNone(bar(summary.bars([{}], {}), "connect: proxy CPU").met)

    def test_one_failure_misses_the_bar(self):
        rounds = [one_round(1, 1, 1), one_round(1, 1, 1)]
        self.assertTrue(bar(summary.bars(rounds, {}), "failed").met)
        rounds[1]["connect"]["ringway"]["failures"] = 1
        self.assertFalse(bar(summary.bars(rounds, {}), "failed").met)
        rounds[1]["connect"]["ringway"]["failures"] = 0
        rounds[1]["connect"]["nginx"]["failures"] = 7
        self.assertTrue(bar(summary.bars(rounds, {}), "failed").met)

    def test_system_calls_are_held_against_their_bars(self):
        bars = summary.bars([], {"connect": {"ringway": 17.6}, "round-trip-64": {"ringway": 4.4}})
        self.assertFalse(bar(bars, "connect: system calls").met)
        self.assertTrue(bar(bars, "round-trip-64: system calls").met)

    def test_nothing_measured_meets_nothing(self):
        self.assertTrue(all(one.met is None for one in summary.bars([], {})))


class Samples(unittest.TestCase):
    RESULT = {
        "seconds": 2.0, "operations": 1000, "bytes_up": 3_000_000_000, "bytes_down": 1_000_000_000,
        "failures": {"total": 0}, "latency_us": {"p50": 1.0, "p99": 2.0, "p99.9": 3.0},
        "cpu_seconds": {"machine": 4.0, "load": 0.5, "server": 0.5, "proxy": 1.0},
    }

    def test_bulk_is_told_per_gigabyte_and_the_rest_per_operation(self):
        bulk = measure.sample_of(self.RESULT, BY_NAME["bulk-up"])
        self.assertEqual((bulk["rate"], bulk["proxy_cpu"], bulk["machine_cpu"]), (2.0, 0.25, 1.0))
        self.assertNotIn("p99", bulk)
        moving = measure.sample_of(self.RESULT, BY_NAME["connect"])
        self.assertEqual((moving["rate"], moving["proxy_cpu"], moving["p99"]), (500, 1000, 2.0))
        self.assertEqual(moving["others_share"], 0.5)

    def test_a_run_that_moved_nothing_is_no_sample(self):
        nothing = self.RESULT | {"operations": 0}
        with self.assertRaises(machine.Trouble):
            measure.sample_of(nothing, BY_NAME["connect"])

    def test_a_run_at_a_fixed_rate_adds_its_latencies_and_failures(self):
        sample = measure.sample_of(self.RESULT, BY_NAME["connect"])
        sample |= {"failures": 1, "failure_kinds": {"total": 1, "reset": 1}}
        even = self.RESULT | {
            "failures": {"total": 3, "reset": 2, "timeout": 1},
            "latency_us": {"p50": 7.0, "p99": 8.0, "p99.9": 9.0},
        }
        measure.add_even(sample, even)
        self.assertEqual((sample["p99"], sample["even_p50"], sample["even_p99"]), (2.0, 7.0, 8.0))
        self.assertEqual(sample["failures"], 4)
        self.assertEqual(sample["failure_kinds"], {"total": 4, "reset": 3, "timeout": 1})

    def test_the_total_of_strace_is_read_with_and_without_errors(self):
        head = "% time     seconds  usecs/call     calls    errors syscall\n"
        for errors in ("", "45 "):
            text = head + f"100.00    0.198504          96      2049      {errors}total\n"
            self.assertEqual(measure.total_calls(text), 2049)
        with self.assertRaises(machine.Trouble):
            measure.total_calls(head)


class Told(unittest.TestCase):
    def setUp(self):
        rounds = [
            {name: samples for work in WORKS
             for name, samples in one_round(cpu, 2 * cpu, cpu / 2, work.name).items()}
            for cpu in (1.0, 1.5)
        ]
        for one in rounds:
            for sample in one["idle"].values():
                sample["bytes_per_connection"] = 1234.5
        rounds[0]["connect"]["nginx"] |= {"failures": 2, "failure_kinds": {"total": 2, "reset": 2}}
        self.report = report_of(rounds, {"connect": {"haproxy": 18.0, "ringway": 15.0}})
        self.bars = summary.bars(rounds, self.report["syscalls"])

    def test_the_table_names_machine_works_failures_and_bars(self):
        text = table.whole(self.report, CONTENDERS, self.bars)
        for word in ("A & B <CPU>", "reno", "HAProxy 1", "2 reset", "15.00", "met",
                     "ringway to haproxy, by round: 0.50 0.50"):
            self.assertIn(word, text)
        for work in WORKS:
            self.assertIn(work.title, text)
        self.assertNotIn("direct", text)  # was not measured

    def test_the_chart_is_xml_with_a_bar_for_each_value_within_its_panel(self):
        root = ET.fromstring(chart.draw(self.report))
        bars = root.findall("{*}rect")
        self.assertEqual(len(bars), 3 * len(chart.PANELS))
        widths = [float(one.get("width")) for one in bars]
        self.assertAlmostEqual(widths[2] / widths[0], 0.5, 2)
        width = float(root.get("width"))
        self.assertTrue(all(float(one.get("x")) + float(one.get("width")) < width for one in bars))
        words = " ".join(one.text for one in root.findall("{*}text"))
        for word in ("A & B <CPU>", "reno", "HAProxy 1", "nginx 2", "Ringway 3", "1,23"):
            self.assertIn(word, words)

    def test_a_chart_of_one_work_has_one_panel(self):
        only = report_of([one_round(1, 2, 3)], {})
        self.assertEqual(len(ET.fromstring(chart.draw(only)).findall("{*}rect")), 3)
        self.assertEqual(len(ET.fromstring(chart.draw(report_of([], {}))).findall("{*}rect")), 0)


class Works(unittest.TestCase):
    def test_a_probe_that_nobody_answers_is_no_pass(self):
        self.assertFalse(load.probe(machine.free_port(), BY_NAME["connect"]))


class Network(unittest.TestCase):
    """In programs of their own, since entering starts the program again."""

    def run_program(self, *words: str) -> subprocess.CompletedProcess:
        if network.problem():
            self.skipTest(network.problem())
        return subprocess.run(words, capture_output=True, text=True, check=False)

    def test_the_congestion_control_asked_for_holds_inside_and_nowhere_else(self):
        before = network.congestion()
        inside = self.run_program(sys.executable, __file__, ENTER, "reno")
        self.assertEqual((inside.stdout, inside.stderr), ("reno\n", ""))
        self.assertEqual(network.congestion(), before)

    def test_one_that_the_kernel_does_not_have_is_refused(self):
        done = self.run_program(sys.executable, str(TOOLS / "compare"), "--congestion", "none such")
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, "^compare: .*none such")


if __name__ == "__main__":
    if sys.argv[1:2] == [ENTER]:
        network.enter(sys.argv[2])
        print(network.congestion())
    else:
        unittest.main()
