"""Results as text tables: the same cells for the terminal and for the document."""

from dataclasses import dataclass

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
    """The one table: a line for each contestant in each case."""
    head = ["", "CPU µs/query", "min–max", "× reflector", "× Unbound", "queries/s", "min–max", "core used"]
    head += ["RSS MiB", "PSS MiB"]
    lines: list[list[str]] = []
    for row in results.rows:
        if row.case.title not in (line[0] for line in lines):
            lines.append([row.case.title] + [""] * (len(head) - 1))
        lines.append(_comparison_line(results, row))
    return Table(head, lines)


def _comparison_line(results: Results, row: Row) -> list[str]:
    name = f"· {row.contestant}"
    memory = [f"{row.rss.median:.1f}", f"{row.pss.median:.1f}"]
    if row.case.key == "memory":  # its load is one short pass: not a measurement of speed
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
            f"{target.measured:.2f} {target.unit}",
            f"{'<' if target.strict else '≤'} {target.limit:g} {target.unit}",
            "met" if target.met else "MISSED",
        ]
        for target in results.targets()
    ]
    return Table(["target", "measured", "limit", ""], lines)


def _thousands(number: float) -> str:
    return f"{number:,.0f}".replace(",", " ")


def _ratio(ratio: float | None) -> str:
    return "–" if ratio is None else f"{ratio:.2f}"
