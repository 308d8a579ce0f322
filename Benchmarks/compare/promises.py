"""What we have promised, and whether this session keeps it."""

from collections.abc import Iterator
from dataclasses import dataclass

from .cases import ENTRIES, THREADS
from .contestants import AGENT, DNSDIST, REFLECTOR, UNBOUND
from .results import Results, Row


@dataclass(frozen=True)
class Target:
    """One promise: `relation` is "≤" or "≥"."""

    text: str
    measured: float
    relation: str
    limit: float
    unit: str

    @property
    def met(self) -> bool:
        return self.measured >= self.limit if self.relation == "≥" else self.measured <= self.limit

    @property
    def verdict(self) -> str:
        return "met" if self.met else "NOT MET"


def targets(results: Results) -> list[Target]:
    """Those that this session has measured."""
    kinds = (_processor, _latency, _growth, _memory, _entries, _start)
    return [target for kind in kinds for target in kind(results)]


def _processor(results: Results) -> Iterator[Target]:
    def against(text: str, case: str, other: str, limit: float) -> Iterator[Target]:
        ours = results.row(case, AGENT)
        ratio = results.cpu_ratio(ours, other) if ours else None
        if ratio is not None:
            yield Target(text, ratio, "≤", limit, "×")

    yield from against("UDP hit: CPU against the reflector", "udp-hits", REFLECTOR, 1.10)
    best = results.best_peer("udp-hits")
    if best is not None:
        name = best.contestant
        yield from against(f"UDP hit: CPU against the best peer, {name}", "udp-hits", name, 0.85)
    yield from against("TCP hit: CPU against dnsdist", "tcp-hits", DNSDIST, 0.9)
    yield from against("Miss over TCP: CPU against Unbound", "misses", UNBOUND, 0.7)
    crowded = results.row("misses-20000", AGENT)
    if crowded is not None:
        text = "20 000 misses outstanding: lost or answered with an error"
        yield Target(text, crowded.lost + crowded.failed, "≤", 0, "")


def _latency(results: Results) -> Iterator[Target]:
    ours, floor = results.row("latency", AGENT), results.row("latency", REFLECTOR)
    if ours is None or floor is None:
        return
    text = "Latency of a hit at 10 000 queries/s: "
    ratio = ours.quantiles["0.5"].median / floor.quantiles["0.5"].median
    yield Target(f"{text}p50 against the reflector's", ratio, "≤", 1.2, "×")
    if ours.usual_p99 is not None and floor.usual_p99 is not None:
        ratio = ours.usual_p99.median / floor.usual_p99.median
        yield Target(f"{text}p99 of a usual second against the reflector's", ratio, "≤", 1.2, "×")


def _growth(results: Results) -> Iterator[Target]:
    for axis, rows in results.growth().items():
        if len(rows) < 2:
            continue
        if axis == THREADS:
            yield _scaling(rows)
            continue
        worst = max(rows[1:], key=lambda row: row.cpu_microseconds.median)
        ratio = worst.cpu_microseconds.median / rows[0].cpu_microseconds.median
        text = f"Growth: CPU per hit, {worst.case.title} against {rows[0].case.title}"
        yield Target(text, ratio, "≤", 1.25, "×")


def _scaling(rows: list[Row]) -> Target:
    return Target(
        "Two packet threads against one: queries/s",
        rows[-1].queries_per_second.median / rows[0].queries_per_second.median,
        "≥",
        1.7,
        "×",
    )


def _memory(results: Results) -> Iterator[Target]:
    row = results.row("memory", AGENT)
    if row is None:
        return
    text = "20 000 entries: proportional set size of supervisor and worker"
    yield Target(text, row.pss.median, "≤", 25, "MiB")
    if row.entry_octets is not None:
        limit = 1.5 * row.response_octets + 64
        text = f"A cached entry by the agent's own count, for an answer of {row.response_octets} octets"
        yield Target(text, row.entry_octets.median, "≤", limit, "octets")


def _entries(results: Results) -> Iterator[Target]:
    """From outside: what the largest cache has added to the processes, whatever the agent itself counts."""
    rows = results.growth().get(ENTRIES, [])
    octets = rows[-1].octets_by_entry(rows[0]) if rows else None
    if octets is not None:
        size = rows[-1].response_octets
        text = f"PSS added by each further entry, for an answer of {size} octets, room for twice as many included"
        yield Target(text, octets, "≤", 1.5 * size + 64, "octets")


def _start(results: Results) -> Iterator[Target]:
    row = results.row("udp-hits", AGENT)
    if row is not None:
        yield Target("Start to the first answer", row.start_milliseconds.median, "≤", 100, "ms")
