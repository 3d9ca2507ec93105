"""The tables for people. Pure."""

from comparelib import summary
from comparelib.works import BY_NAME, Work

MISSING = "-"
# Conditions that make the comparison unreliable.
EXPLAINED = {
    ("bulk-up", "nginx"): " (the sink's answer: by default it has no half-closed connections)"
}


def text(value: float | None, digits: int) -> str:
    return MISSING if value is None else f"{value:,.{digits}f}"


def lay_out(rows: list[list[str]]) -> str:
    """Columns as wide as needed, the first to the left, the others to the right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [cell.rjust(width) for cell, width in zip(row, widths, strict=True)]
        cells[0] = row[0].ljust(widths[0])
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def _work_columns(work: Work) -> list[tuple[str, str, int]]:
    """Heading, field, digits."""
    if work.is_idle:
        return [("bytes/connection", "bytes_per_connection", 0),
                ("CPU while idle", "proxy_cpu_idle_share", 4)]
    digits, unit = (3, "s/GB") if work.is_bulk else (2, "us")
    columns = [("GB/s" if work.is_bulk else "per second", "rate", 2 if work.is_bulk else 0)]
    if not work.is_bulk:
        columns += [("p50 us", "p50", 0), ("p99 us", "p99", 0), ("p99.9 us", "p99.9", 0)]
        rate = f"at {work.even_rate:,}/s"
        columns += [(f"p50 {rate}", "even_p50", 0), (f"p99 {rate}", "even_p99", 0)]
    return [*columns,
            (f"proxy CPU {unit}", "proxy_cpu", digits), (f"load CPU {unit}", "load_cpu", digits),
            (f"machine CPU {unit}", "machine_cpu", digits), ("proxy busy", "proxy_busy", 2)]


def work_table(rounds: list[dict], work: Work, contenders: list[str]) -> str:
    columns = _work_columns(work)
    rows = [["", *(heading for heading, _, _ in columns), "failures"]]
    for contender in contenders:
        if not any(contender in one.get(work.name, {}) for one in rounds):
            continue
        cells = [
            text(summary.middle(rounds, work.name, contender, field), digits)
            for _, field, digits in columns
        ]
        failed = sum(summary.values(rounds, work.name, contender, "failures"))
        rows.append([contender, *cells, str(failed)])
    told = f"{work.title}\n{lay_out(rows)}"
    for contender in contenders:
        if kinds := summary.failure_kinds(rounds, work.name, contender):
            told += f"\nfailures of {contender}: "
            told += ", ".join(f"{count} {kind}" for kind, count in kinds.items())
            told += EXPLAINED.get((work.name, contender), "")
    found = summary.ratios(rounds, work.name, "proxy_cpu")
    if found:
        peer = summary.better_peer(rounds, work.name, "proxy_cpu")
        told += f"\nproxy CPU, ringway to {peer}, by round: "
        told += " ".join(f"{ratio:.2f}" for ratio in found)
    others = [
        share
        for contender in contenders
        for share in summary.values(rounds, work.name, contender, "others_share")
    ]
    if others and max(others) > 0.1:
        told += f"\nnot a quiet machine: others used up to {max(others):.0%} of its busy time"
    return told


def syscall_table(syscalls: dict, contenders: list[str]) -> str:
    rows = [["System calls", *syscalls]]
    for contender in contenders:
        cells = [text(of.get(contender), 2) for of in syscalls.values()]
        if any(cell != MISSING for cell in cells):
            rows.append([contender, *cells])
    return lay_out(rows)


def bar_table(bars: list[summary.Bar]) -> str:
    words = {True: "met", False: "MISSED", None: "not measured"}
    rows = [["Bar", "at most", "measured", ""]]
    for bar in bars:
        digits = 0 if bar.most >= 100 or bar.most == 0 else 2
        rows.append([bar.what, text(bar.most, digits), text(bar.value, digits), words[bar.met]])
    return lay_out(rows)


def whole(report: dict, contenders: list[str], bars: list[summary.Bar]) -> str:
    machine = report["machine"]
    parts = [f"{machine['cpu']}, {machine['processors']} processors, {machine['kernel']}, "
             f"{machine['congestion']}; " + ", ".join(report["versions"])]
    rounds = report["rounds"]
    done = [name for name in BY_NAME if any(name in one for one in rounds)]
    parts += [work_table(rounds, BY_NAME[name], contenders) for name in done]
    if report["syscalls"]:
        parts.append(syscall_table(report["syscalls"], contenders))
    parts.append(bar_table(bars))
    return "\n\n".join(parts)
