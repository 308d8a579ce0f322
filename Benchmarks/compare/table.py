"""Results as text tables: the same cells for the terminal and for the document."""

from dataclasses import dataclass

from . import promises
from .contestants import REFLECTOR, ROLES, UNBOUND
from .results import Results, Row


@dataclass(frozen=True)
class Table:
    """Cells as text; the first column is left-aligned, the others are numbers."""

    head: list[str]
    lines: list[list[str]]

    def plain(self) -> str:
        widths = [max(len(cell) for cell in column) for column in zip(self.head, *self.lines, strict=True)]
        rule = ["─" * width for width in widths]
        return "\n".join(
            "  ".join(
                [
                    line[0].ljust(widths[0]),
                    *(cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True)),
                ]
            )
            for line in [self.head, rule, *self.lines]
        )

    def markdown(self) -> str:
        rule = ["---", *("---:" for _ in self.head[1:])]
        return "\n".join(f"| {' | '.join(line)} |" for line in [self.head, rule, *self.lines])


def comparison(results: Results) -> Table:
    """CPU and memory: a line for each contestant in each case."""
    head = ["", "CPU µs/query", "min–max", "× reflector", "× Unbound", "queries/s", "min–max", "core used"]
    head += ["RSS MiB", "PSS MiB"]
    lines: list[list[str]] = []
    for row in results.compared:
        if row.case.title not in (line[0] for line in lines):
            lines.append([row.case.title] + [""] * (len(head) - 1))
        lines.append(_comparison_line(results, row))
    return Table(head, lines)


def _comparison_line(results: Results, row: Row) -> list[str]:
    name = f"· {row.contestant}"
    memory = [f"{row.rss.median:.1f}", f"{row.pss.median:.1f}"]
    if not row.measures_cpu:
        return [name, *["–"] * 7, *memory]
    return [
        name,
        f"{row.cpu_microseconds.median:.2f}",
        f"{row.cpu_microseconds.least:.2f}–{row.cpu_microseconds.most:.2f}",
        _ratio(results.cpu_ratio(row, REFLECTOR)),
        _ratio(results.cpu_ratio(row, UNBOUND)),
        _thousands(row.queries_per_second.median),
        f"{_thousands(row.queries_per_second.least)}–{_thousands(row.queries_per_second.most)}",
        f"{row.core_share.median:.0%}",
        *memory,
    ]


def latency(results: Results) -> Table:
    """Microseconds from when a question is due to its answer, and what that is to the reflector's."""
    shares = ("0.5", "0.9", "0.99", "0.999")
    head = ["", *(f"p{float(share) * 100:g} µs" for share in shares), "p99 of a usual second", "min–max"]
    head += ["p50 × reflector", "usual p99 × reflector", "CPU µs/query", "lost"]
    lines = []
    for row in results.latencies:
        usual, floor = row.usual_p99, results.row(row.case.key, REFLECTOR)
        ratios: list[float | None] = [None, None]
        if floor and floor is not row:
            ratios[0] = row.quantiles["0.5"].median / floor.quantiles["0.5"].median
            ratios[1] = usual.median / floor.usual_p99.median if usual and floor.usual_p99 else None
        lines.append(
            [
                row.contestant,
                *(f"{row.quantiles[share].median:.1f}" for share in shares),
                *((f"{usual.median:.1f}", f"{usual.least:.1f}–{usual.most:.1f}") if usual else ("–", "–")),
                *map(_ratio, ratios),
                f"{row.cpu_microseconds.median:.2f}",
                str(row.lost),
            ]
        )
    return Table(head, lines)


def growth(results: Results) -> Table:
    """The agent alone: what a hit costs as one number grows."""
    head = ["", "CPU µs/query", "min–max", "× smallest", "queries/s", "× smallest", "PSS MiB", "octets/entry"]
    lines = []
    for rows in results.growth().values():
        for row in rows:
            cpu, speed = row.cpu_microseconds, row.queries_per_second
            octets = row.octets_by_entry(rows[0])
            lines.append(
                [
                    row.case.title,
                    f"{cpu.median:.2f}",
                    f"{cpu.least:.2f}–{cpu.most:.2f}",
                    _ratio(cpu.median / rows[0].cpu_microseconds.median),
                    _thousands(speed.median),
                    _ratio(speed.median / rows[0].queries_per_second.median),
                    f"{row.pss.median:.1f}",
                    "–" if octets is None else f"{octets:.0f}",
                ]
            )
    return Table(head, lines)


def starts(results: Results) -> Table:
    """From starting the process to its first answer, in the case of UDP hits."""
    lines = [
        [
            row.contestant,
            f"{row.start_milliseconds.median:.0f}",
            f"{row.start_milliseconds.least:.0f}–{row.start_milliseconds.most:.0f}",
        ]
        for row in results.rows
        if row.case.key == "udp-hits"
    ]
    return Table(["", "first answer after ms", "min–max"], lines)


def memory_by_process(results: Results) -> Table:
    """Who holds what in the case of 20 000 entries."""
    lines: list[list[str]] = []
    for row in results.rows:
        if row.case.key != "memory":
            continue
        roles = ROLES.get(row.contestant, ("",))
        for index, (rss, pss) in enumerate(row.processes):
            role = roles[index] if len(row.processes) == len(roles) else f"process {index + 1}"
            lines.append([f"{row.contestant} {role}".strip(), f"{rss:.1f}", f"{pss:.1f}"])
    return Table(["", "RSS MiB", "PSS MiB"], lines)


def targets(results: Results) -> Table:
    lines = [
        [
            target.text,
            f"{_measured(target.measured)} {target.unit}".strip(),
            f"{target.relation} {target.limit:g} {target.unit}".strip(),
            target.verdict,
        ]
        for target in promises.targets(results)
    ]
    return Table(["target", "measured", "limit", ""], lines)


def _measured(number: float) -> str:
    return _thousands(number) if number >= 100 else f"{number:.3g}"


def _thousands(number: float) -> str:
    return f"{number:,.0f}".replace(",", " ")


def _ratio(ratio: float | None) -> str:
    return "–" if ratio is None else f"{ratio:.2f}"


# In the order in which they are shown.
ALL = (comparison, latency, growth, starts, memory_by_process, targets)
