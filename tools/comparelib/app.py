"""The command line of tools/compare."""

import argparse
import json
import sys
from pathlib import Path

from comparelib import chart, machine, measure, network, proxies, summary, table
from comparelib.works import BY_NAME, TLS_WORKS, WORKS

ROOT = Path(__file__).resolve().parents[2]
WARMUP_SECONDS = 1.0
COUNTED_WORKS = ("connect", "round-trip-64")  # by strace


def _arguments(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="compare",
        description="Ringway beside HAProxy and nginx: interleaved rounds, each proxy with one "
        f"worker on processor {machine.PROXY_CPU}, the load on processor {machine.LOAD_CPU}.",
    )
    parser.add_argument("--ringway", type=Path, default=ROOT / "build/release/bin/ringway",
                        help="the program; loadgen lies beside it (default: %(default)s)")
    parser.add_argument("--before", type=Path, metavar="FILE",
                        help="another build of it, measured beside it")
    parser.add_argument("--engines", action="store_true",
                        help="Ringway with engine: epoll as well, measured beside it as epoll")
    parser.add_argument("--rounds", type=int, help="default 7, quick 3")
    parser.add_argument("--seconds", type=float, help="of each run; default 5, quick 1")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds")
    parser.add_argument("--congestion", metavar="NAME",
                        help="TCP's congestion control, cubic for example, in a network "
                        "namespace of its own (default: the machine's network, as it is)")
    parser.add_argument("--tls", action="store_true",
                        help="the works within TLS, in place of the others")
    parser.add_argument("--only", metavar="WORK[,WORK]", help=", ".join(BY_NAME))
    parser.add_argument("--json", type=Path, metavar="FILE", help="everything measured")
    parser.add_argument("--chart", type=Path, metavar="FILE.svg", help="the chart for docs/comparison.md")
    given = parser.parse_args(words)
    given.rounds = given.rounds or (3 if given.quick else 7)
    given.seconds = given.seconds or (1.0 if given.quick else 5.0)
    given.works = list(TLS_WORKS if given.tls else WORKS)
    if given.only:
        names = given.only.split(",")
        unknown = [name for name in names if name not in BY_NAME]
        if unknown:
            parser.error(f"no work {', '.join(unknown)}: there are {', '.join(BY_NAME)}")
        given.works = [BY_NAME[name] for name in names]
    if not 1 <= given.rounds <= 100 or not 0.1 <= given.seconds <= 600:
        parser.error("--rounds must be from 1 to 100, --seconds from 0.1 to 600")
    return given


def _progress(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


def _measure_rounds(given: argparse.Namespace, settings: measure.Settings, contenders) -> list:
    rounds = []
    for number in range(given.rounds):
        _progress(f"round {number + 1} of {given.rounds}")
        one = {}
        for work in given.works:
            # No proxy is always first.
            turn = (number + given.works.index(work)) % len(contenders)
            for contender in contenders[turn:] + contenders[:turn]:
                if (work.is_idle or work.is_tls) and contender.name == proxies.Direct.name:
                    continue
                sample = _measure(settings, contender, work)
                one.setdefault(work.name, {})[contender.name] = sample
                used = sample.get("proxy_cpu", sample.get("bytes_per_connection"))
                _progress(f"  {work.name:17} {contender.name:8} {table.text(used, 3):>10}")
        rounds.append(one)
    return rounds


def _measure(settings: measure.Settings, contender, work) -> dict:
    """Trouble with one run is a failure of it, and does not cost all others."""
    try:
        return measure.measure(settings, contender, work)
    except machine.Trouble as trouble:
        _progress(f"  {work.name} {contender.name}: {trouble}")
        return {"failures": 1, "failure_kinds": {"total": 1, "no_result": 1}}


def _count_syscalls(given: argparse.Namespace, settings: measure.Settings, contenders) -> dict:
    counted = {}
    for work in given.works:
        if work.name not in COUNTED_WORKS:
            continue
        for contender in contenders:
            if contender.name == proxies.Direct.name:
                continue
            _progress(f"system calls: {work.name} {contender.name}")
            try:
                calls = measure.syscalls_per_operation(settings, contender, work)
            except machine.Trouble as trouble:  # no right to trace, for example
                _progress(f"  not counted: {trouble}")
                continue
            counted.setdefault(work.name, {})[contender.name] = calls
    return counted


def _compare(given: argparse.Namespace) -> None:
    loadgen = given.ringway.parent / "loadgen"
    for program in (given.ringway, loadgen, given.before):
        if program and not program.exists():
            raise machine.Trouble(f"{program} is not built")
    machine.require("haproxy", "nginx", "strace", proxies.NGINX_STREAM)
    machine.raise_descriptor_limit()
    settings = measure.Settings(loadgen, given.seconds, min(WARMUP_SECONDS, given.seconds / 2))
    contenders = [
        proxies.Direct(), proxies.HAProxy(), proxies.Nginx(), proxies.Ringway(given.ringway)
    ]
    if given.engines:
        contenders.append(proxies.Ringway(given.ringway, "epoll", "epoll"))
    if given.before:
        contenders.append(proxies.Ringway(given.before, "before"))
    report = {
        "machine": machine.describe() | {"congestion": network.congestion()},
        "versions": [one.version for one in contenders if one.version],
        "seconds": given.seconds,
        "rounds": _measure_rounds(given, settings, contenders),
        "syscalls": _count_syscalls(given, settings, contenders),
    }
    congestion = report["machine"]["congestion"]
    bars = summary.bars(report["rounds"], report["syscalls"], congestion)
    report["bars"] = [
        {"what": bar.what, "most": bar.most, "value": bar.value, "met": bar.met} for bar in bars
    ]
    print(table.whole(report, [one.name for one in contenders], bars))
    if given.json:
        given.json.write_text(json.dumps(report, indent=1) + "\n")
    if given.chart:
        given.chart.write_text(chart.draw(report))


def main(words: list[str]) -> int:
    try:
        given = _arguments(words)
        network.enter(given.congestion)
        _compare(given)
    except machine.Trouble as trouble:
        print(f"compare: {trouble}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0
