"""Samples become medians and spreads. What we have promised is checked in `promises.py`."""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

from .cases import ENTRIES, Case
from .contestants import AGENT, PEERS, REFLECTOR
from .run import Sample

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
    start_milliseconds: Spread
    quantiles: dict[str, Spread]  # of latency in microseconds, by share; empty unless open loop
    usual_p99: Spread | None  # the same: the p99 of a second, the median of a run's seconds
    entry_octets: Spread | None
    response_octets: int
    lost: int
    failed: int
    foreign_core_share: float  # the worst run

    def octets_by_entry(self, smaller: "Row") -> float | None:
        """What each further entry has added to PSS, the room kept for more included."""
        if self.case.growth is None or self.case.growth.axis != ENTRIES or self is smaller:
            return None
        return (self.pss.median - smaller.pss.median) * (1 << 20) / (self.point - smaller.point)

    @property
    def point(self) -> int:
        """Where the case stands on its axis."""
        return self.case.growth.point if self.case.growth else 0

    @property
    def measures_cpu(self) -> bool:
        """The load of the memory case is one short pass: no measurement of speed."""
        return self.case.key != "memory"


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

    @property
    def compared(self) -> list[Row]:
        """Rows of CPU and memory, side by side."""
        return [row for row in self.rows if row.case.growth is None and not row.quantiles]

    @property
    def latencies(self) -> list[Row]:
        return [row for row in self.rows if row.case.growth is None and row.quantiles]

    def growth(self) -> dict[str, list[Row]]:
        """By what grows, the smallest first."""
        found: dict[str, list[Row]] = {}
        for row in self.rows:
            if row.case.growth is not None:
                found.setdefault(row.case.growth.axis, []).append(row)
        return {axis: sorted(rows, key=lambda row: row.point) for axis, rows in found.items()}

    def row(self, case: str, contestant: str) -> Row | None:
        return next((row for row in self.rows if (row.case.key, row.contestant) == (case, contestant)), None)

    def cpu_ratio(self, row: Row, other: str) -> float | None:
        """Of the medians of CPU per query; nothing where it would say nothing."""
        base = self.row(row.case.key, other)
        if base is None or base is row or not row.measures_cpu:
            return None
        return row.cpu_microseconds.median / base.cpu_microseconds.median

    def best_peer(self, case: str) -> Row | None:
        """Which needs the least CPU."""
        rows = [row for row in self.rows if row.case.key == case and row.contestant in PEERS]
        return min(rows, key=lambda row: row.cpu_microseconds.median, default=None)

    def peers_that_win(self) -> list[str]:
        """Plain sentences, one for every number in which a peer is better than the agent."""
        sentences: list[str] = []
        for row in self.rows:
            ours = self.row(row.case.key, AGENT)
            if ours is None or row.contestant in (AGENT, REFLECTOR):
                continue
            for what, unit, value in _compared(row):
                theirs, own = f"{value(row):.1f}", f"{value(ours):.1f}"
                if float(theirs) < float(own):  # what differs only behind the shown digits is no victory
                    numbers = f"{theirs} against {own} {unit}"
                    sentences.append(f"{row.case.title}: {row.contestant} needs less {what} ({numbers}).")
        return sentences

    def doubts(self) -> list[str]:
        """What makes a number less than sure."""
        sentences: list[str] = []
        for row in self.rows:
            where = f"{row.case.title}, {row.contestant}"
            if row.foreign_core_share > 0.05 and row.measures_cpu:
                sentences.append(f"{where}: others took up to {row.foreign_core_share:.0%} of the server's core.")
            if row.lost or row.failed:
                sentences.append(f"{where}: {row.lost} queries lost, {row.failed} not answered with NOERROR.")
            ours = self.row(row.case.key, AGENT)
            if ours and row.response_octets != ours.response_octets:
                sizes = f"{row.response_octets} octets, the agent's {ours.response_octets}"
                sentences.append(f"{where}: its answers are {sizes}.")
        return sentences


def _compared(row: Row) -> list[tuple[str, str, Callable[[Row], float]]]:
    memory = ("memory (PSS)", "MiB", lambda row: row.pss.median)
    start = ("time to its first answer", "ms", lambda row: row.start_milliseconds.median)
    if row.quantiles:
        return [
            ("time at p50", "µs", lambda row: row.quantiles["0.5"].median),
            ("time at p99 of a usual second", "µs", lambda row: row.usual_p99.median),
        ]
    if not row.measures_cpu:
        return [memory]
    cpu = ("CPU per query", "µs", lambda row: row.cpu_microseconds.median)
    return [cpu, memory, start] if row.case.key == "udp-hits" else [cpu, memory]


def _row(case: Case, name: str, samples: list[Sample]) -> Row:
    def spread(value: Callable[[Sample], float]) -> Spread:
        return Spread.of([value(sample) for sample in samples])

    sizes = [sample.entry_octets for sample in samples if sample.entry_octets is not None]
    seconds = [sample.load.usual_p99 for sample in samples if sample.load.usual_p99 is not None]
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
        start_milliseconds=spread(lambda sample: sample.start_milliseconds),
        quantiles={
            share: spread(lambda sample, share=share: (sample.load.quantiles or {})[share])
            for share in samples[0].load.quantiles or {}
        },
        usual_p99=Spread.of(seconds) if seconds else None,
        entry_octets=Spread.of(sizes) if sizes else None,
        response_octets=samples[-1].load.response_octets,
        lost=sum(sample.load.lost for sample in samples),
        failed=sum(sample.load.failed for sample in samples),
        foreign_core_share=max(sample.foreign_core_share for sample in samples),
    )
