"""The chart for docs/comparison.md, as SVG. Pure.

One panel a work, one bar a proxy, shorter is better. The colours are neutral
greys and one blue that keep their contrast on white and on black alike, because
a page's theme does not reach into an image.
"""

from xml.sax.saxutils import escape

from comparelib import summary

TEXT = "#7d8590"
PEER_FILL = {"haproxy": "#8b949e", "nginx": "#a8b0b8"}
OUR_FILL = "#2f81f7"
LABELS = {"haproxy": "HAProxy", "nginx": "nginx", "ringway": "Ringway"}
# Work, field, heading, digits.
PANELS = (
    ("bulk-up", "proxy_cpu", "Bulk up: CPU s per GB", 2),
    ("bulk-down", "proxy_cpu", "Bulk down: CPU s per GB", 2),
    ("round-trip-64", "proxy_cpu", "64 B round trip: CPU µs", 1),
    ("round-trip-16k", "proxy_cpu", "16 KiB round trip: CPU µs", 1),
    ("connect", "proxy_cpu", "Connect, answer, close: CPU µs", 0),
    ("idle", "bytes_per_connection", "Idle connection: bytes of user memory", 0),
)
COLUMNS = 2
PANEL_WIDTH, PANEL_HEIGHT = 400, 112
LABEL_WIDTH, VALUE_WIDTH = 66, 60
BAR_HEIGHT, BAR_STEP = 18, 25
MARGIN = 16


def _text(x: float, y: float, words: str, more: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}"{more}>{escape(words)}</text>'


def _panel(x: float, y: float, heading: str, digits: int, found: dict) -> list[str]:
    lines = [_text(x, y + 14, heading, ' font-weight="600"')]
    widest = max(found.values())
    room = PANEL_WIDTH - LABEL_WIDTH - VALUE_WIDTH - MARGIN
    for i, (name, value) in enumerate(found.items()):
        top = y + 24 + i * BAR_STEP
        width = room * value / widest if widest > 0 else 0
        fill = PEER_FILL.get(name, OUR_FILL)
        ours = ' font-weight="600"' if name == summary.OURS else ""
        lines.append(_text(x, top + 13, LABELS[name], ours))
        lines.append(
            f'<rect x="{x + LABEL_WIDTH}" y="{top}" width="{width:.1f}" height="{BAR_HEIGHT}" '
            f'rx="2" fill="{fill}"/>'
        )
        lines.append(_text(x + LABEL_WIDTH + width + 6, top + 13, f"{value:,.{digits}f}", ours))
    return lines


def draw(report: dict) -> str:
    """The chart of what was measured, panels without values left out."""
    panels = []
    for work, field, heading, digits in PANELS:
        found = {
            name: value
            for name in LABELS
            if (value := summary.middle(report["rounds"], work, name, field)) is not None
        }
        if found:
            panels.append((heading, digits, found))
    lines = []
    for i, (heading, digits, found) in enumerate(panels):
        row, column = divmod(i, COLUMNS)
        x, y = MARGIN + column * PANEL_WIDTH, MARGIN + row * PANEL_HEIGHT
        lines += _panel(x, y, heading, digits, found)
    rows = -(-len(panels) // COLUMNS)
    foot = MARGIN + rows * PANEL_HEIGHT + 8
    machine = report["machine"]
    notes = (
        "One worker on one core; processor time of the proxy alone. "
        f"Interleaved rounds: {len(report['rounds'])}; medians. Shorter is better.",
        f"{machine['cpu']}, {machine['kernel']}, {machine['congestion']}; "
        + ", ".join(report["versions"]),
    )
    lines += [_text(MARGIN, foot + 16 * i, note, ' font-size="11"') for i, note in enumerate(notes)]
    width, height = 2 * MARGIN + COLUMNS * PANEL_WIDTH, foot + 16 * len(notes)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" role="img" aria-label="Ringway beside HAProxy and nginx" '
        f'font-family="system-ui, sans-serif" font-size="13" fill="{TEXT}">\n'
        + "\n".join(lines)
        + "\n</svg>\n"
    )
