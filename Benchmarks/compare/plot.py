"""The two pictures of the document, written as SVG by hand: bars of CPU per query, lines of latency."""

import math
from html import escape

from .contestants import AGENT, REFLECTOR
from .results import Results, Row

WIDTH = 760
FONT = 'font-family="system-ui, sans-serif" font-size="13"'
INK = "#444"
GRID = "#ddd"
OURS = "#d9480f"
FLOOR = "#adb5bd"
OTHERS = ("#1971c2", "#2f9e44", "#7048e8", "#0c8599")


def processor(results: Results) -> str | None:
    """Horizontal bars, case by case; a thin line spans the least and the most."""
    rows = [row for row in results.compared if row.measures_cpu]
    if not rows:
        return None
    left, right, line = 130, 60, 24
    longest = max(row.cpu_microseconds.most for row in rows)
    scale = (WIDTH - left - right) / longest
    parts: list[str] = []
    y, title = 34, ""
    for row in rows:
        if row.case.title != title:
            title = row.case.title
            y += 10
            parts.append(_text(8, y + 13, title, weight="bold"))
            y += line
        cpu = row.cpu_microseconds
        parts.append(_text(left - 8, y + 13, row.contestant, anchor="end"))
        colour = _colour(row.contestant, results)
        width = cpu.median * scale
        parts.append(f'<rect x="{left}" y="{y}" width="{width:.1f}" height="{line - 7}" fill="{colour}"/>')
        parts.append(_line(left + cpu.least * scale, y + 8, left + cpu.most * scale, y + 8, INK))
        parts.append(_text(left + max(width, cpu.most * scale) + 6, y + 13, f"{cpu.median:.1f}"))
        y += line
    return _picture("CPU per query in microseconds: less is better", y + 12, parts)


def latency(results: Results) -> str | None:
    """Latency by percentile, both scales logarithmic: the tail is where servers differ."""
    rows = results.latencies
    if not rows:
        return None
    left, right, top, bottom, height = 70, 150, 40, 46, 420
    shares = [share for share in rows[0].quantiles if 0 < float(share) < 1]
    values = [row.quantiles[share].median for row in rows for share in shares]
    low, high = 10 ** math.floor(math.log10(min(values))), 10 ** math.ceil(math.log10(max(values)))

    def x_of(share: float) -> float:
        nines = -math.log10(1 - share)  # 0.9 is 1, 0.99 is 2
        return left + nines / 4 * (WIDTH - left - right)

    def y_of(value: float) -> float:
        part = (math.log10(value) - math.log10(low)) / (math.log10(high) - math.log10(low))
        return height - bottom - part * (height - top - bottom)

    parts: list[str] = []
    for share in (0.5, 0.9, 0.99, 0.999, 0.9999):
        parts.append(_line(x_of(share), top, x_of(share), height - bottom, GRID))
        parts.append(_text(x_of(share), height - bottom + 18, f"p{share * 100:g}", anchor="middle"))
    value = low
    while value <= high:
        parts.append(_line(left, y_of(value), WIDTH - right, y_of(value), GRID))
        parts.append(_text(left - 8, y_of(value) + 4, _time(value), anchor="end"))
        value *= 10
    ends: list[tuple[float, Row]] = []
    for row in rows:
        points = [(x_of(float(share)), y_of(row.quantiles[share].median)) for share in shares]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        colour = _colour(row.contestant, results)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        ends.append((points[-1][1], row))
    y = 0.0
    for end, row in sorted(ends, key=lambda pair: pair[0]):
        y = max(y + 16, end + 4)  # names do not cover each other
        parts.append(_text(WIDTH - right + 8, y, row.contestant, colour=_colour(row.contestant, results)))
    return _picture("Latency of a cached answer at 10 000 queries/s, by percentile", height, parts)


def _colour(contestant: str, results: Results) -> str:
    if contestant in (AGENT, REFLECTOR):
        return OURS if contestant == AGENT else FLOOR
    others = list(dict.fromkeys(row.contestant for row in results.rows if row.contestant not in (AGENT, REFLECTOR)))
    return OTHERS[others.index(contestant) % len(OTHERS)]


def _time(microseconds: float) -> str:
    return f"{microseconds:g} µs" if microseconds < 1000 else f"{microseconds / 1000:g} ms"


def _text(x: float, y: float, words: str, anchor: str = "start", weight: str = "normal", colour: str = INK) -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-weight="{weight}" fill="{colour}"'
    return f"<text {place}>{escape(words)}</text>"


def _line(x1: float, y1: float, x2: float, y2: float, colour: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"/>'


def _picture(title: str, height: float, parts: list[str]) -> str:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:g}" {FONT}>'
    ground = '<rect width="100%" height="100%" fill="white"/>'
    heading = f'<text x="8" y="22" font-size="16" fill="{INK}">{escape(title)}</text>'
    return "\n".join([head, f"<title>{escape(title)}</title>", ground, heading, *parts, "</svg>"]) + "\n"
