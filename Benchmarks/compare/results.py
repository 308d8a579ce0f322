"""Samples become medians, spreads, ratios, and verdicts on the targets."""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

from .cases import Case, Sample
from .contestants import AGENT, REFLECTOR, UNBOUND

# case key, contestant -> its samples, one a round
Samples = dict[tuple[str, str], list[Sample]]


@dataclass(frozen=True)
class Spread:
    """What several runs gave."""

    median: float
    least: float
    most: float

    @staticmethod
    def of(values: list[float]) -> "Spread":
        return Spread(median(values), min(values), max(values))


@dataclass(frozen=True)
class Row:
    """One contestant in one case. Memory in MiB, `processes` as medians of (RSS, PSS)."""

    case: Case
    contestant: str
    cpu_microseconds: Spread
    queries_per_second: Spread
    core_share: Spread
    rss: Spread
    pss: Spread
    processes: list[tuple[float, float]]
    response_octets: int
    lost: int
    failed: int
    foreign_core_share: float  # the worst run


@dataclass(frozen=True)
class Target:
    """Something we have promised, and what was measured."""

    text: str
    measured: float
    limit: float
    unit: str
    strict: bool  # must stay under the limit; otherwise may reach it

    @property
    def met(self) -> bool:
        return self.measured < self.limit if self.strict else self.measured <= self.limit


class Results:
    """All rows of a session, in the order of the table."""

    def __init__(self, cases: list[Case], samples: Samples) -> None:
        self.samples = samples
        self.rows = [
            _row(case, name, samples[case.key, name])
            for case in cases
            for name in case.contestants
            if (case.key, name) in samples
        ]

    def row(self, case: str, contestant: str) -> Row | None:
        return next((row for row in self.rows if (row.case.key, row.contestant) == (case, contestant)), None)

    def cpu_ratio(self, row: Row, other: str) -> float | None:
        """Of the medians of CPU per query; nothing where it would say nothing."""
        base = self.row(row.case.key, other)
        if base is None or base is row or row.case.key == "memory":
            return None
        return row.cpu_microseconds.median / base.cpu_microseconds.median

    def targets(self) -> list[Target]:
        found: list[Target] = []

        def cpu(text: str, case: str, other: str, limit: float, strict: bool) -> None:
            row = self.row(case, AGENT)
            ratio = self.cpu_ratio(row, other) if row else None
            if ratio is not None:
                found.append(Target(text, ratio, limit, "×", strict))

        cpu("UDP hit: CPU at most 1.25 × the reflector's", "udp-hits", REFLECTOR, 1.25, strict=False)
        cpu("UDP hit: less CPU than Unbound", "udp-hits", UNBOUND, 1, strict=True)
        cpu("Miss over TCP: less CPU than Unbound", "misses", UNBOUND, 1, strict=True)
        memory = self.row("memory", AGENT)
        if memory:
            text = "20 000 entries: supervisor and worker under 40 MiB resident (the sum of both RSS)"
            found.append(Target(text, memory.rss.median, 40, "MiB", strict=True))
        return found

    def peers_that_win(self) -> list[str]:
        """Plain sentences, one for every number in which a peer is better than the agent."""
        sentences: list[str] = []
        for row in self.rows:
            ours = self.row(row.case.key, AGENT)
            if ours is None or row.contestant in (AGENT, REFLECTOR):
                continue
            for what, unit, value in _compared(row.case.key):
                if value(row) < value(ours):
                    numbers = f"{value(row):.1f} against {value(ours):.1f} {unit}"
                    sentences.append(f"{row.case.title}: {row.contestant} needs less {what} ({numbers}).")
        return sentences

    def doubts(self) -> list[str]:
        """What makes a number less than sure."""
        sentences: list[str] = []
        for row in self.rows:
            where = f"{row.case.title}, {row.contestant}"
            if row.foreign_core_share > 0.05 and row.case.key != "memory":
                sentences.append(f"{where}: others took up to {row.foreign_core_share:.0%} of the server's core.")
            if row.lost or row.failed:
                sentences.append(f"{where}: {row.lost} queries lost, {row.failed} not answered with NOERROR.")
            ours = self.row(row.case.key, AGENT)
            if ours and row.response_octets != ours.response_octets:
                sizes = f"{row.response_octets} octets, the agent's {ours.response_octets}"
                sentences.append(f"{where}: its answers are {sizes}.")
        return sentences


def _compared(case: str) -> list[tuple[str, str, Callable[[Row], float]]]:
    memory = ("memory (PSS)", "MiB", lambda row: row.pss.median)
    if case == "memory":
        return [memory]
    return [("CPU per query", "µs", lambda row: row.cpu_microseconds.median), memory]


def _row(case: Case, name: str, samples: list[Sample]) -> Row:
    def spread(value: Callable[[Sample], float]) -> Spread:
        return Spread.of([value(sample) for sample in samples])

    return Row(
        case=case,
        contestant=name,
        cpu_microseconds=spread(lambda sample: sample.cpu_microseconds),
        queries_per_second=spread(lambda sample: sample.load.queries_per_second),
        core_share=spread(lambda sample: sample.core_share),
        rss=spread(lambda sample: sum(process.rss for process in sample.memory) / 1024),
        pss=spread(lambda sample: sum(process.pss for process in sample.memory) / 1024),
        processes=[
            (
                median(process.rss for process in column) / 1024,
                median(process.pss for process in column) / 1024,
            )
            for column in zip(*(sample.memory for sample in samples), strict=True)
        ],
        response_octets=samples[-1].load.response_octets,
        lost=sum(sample.load.lost for sample in samples),
        failed=sum(sample.load.failed for sample in samples),
        foreign_core_share=max(sample.foreign_core_share for sample in samples),
    )
