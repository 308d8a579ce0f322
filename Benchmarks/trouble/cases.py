"""What happens upstream, and what is measured of it. Every case takes a contestant from its start to its end.

A figure is a number that is better when it is smaller, with the limit that the agent promises where there is one.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .contestants import ADDRESS, Forwarding, Server, running
from .stage import (
    BRIEF_PARENT,
    FIRST,
    LASTING_PARENT,
    MISSES,
    SECOND,
    SERVICE,
    Heard,
    Stage,
    Stream,
)

BOTH = (FIRST, SECOND)


@dataclass(frozen=True)
class Pace:
    """How much, and for how long."""

    misses: int  # a second, where misses are not the point
    seconds: float  # that trouble lasts
    known_names: int
    hits: int  # a second, beside the flood
    flood: int  # misses a second
    flood_seconds: float


# Hits are many enough that the load never sleeps: it would wake up late, and count that.
FULL = Pace(misses=1000, seconds=20, known_names=500, hits=5000, flood=50_000, flood_seconds=60)
QUICK = Pace(misses=1000, seconds=6, known_names=250, hits=5000, flood=50_000, flood_seconds=10)
# For the tests: what two busy cores can do beside everything else.
SHORT = Pace(misses=300, seconds=3, known_names=100, hits=1000, flood=50_000, flood_seconds=10)

# Seconds after the start of the load.
TROUBLE_BEGINS = 1.0
# Longer than any server here takes to give up.
PATIENCE = 6.0
# From a pod's end until kube-proxy's rules know it.
KUBE_PROXY_LAGS = 0.5

@dataclass(frozen=True)
class Figure:
    """One measured number."""

    key: str
    text: str
    value: float
    unit: str
    limit: float | None = None
    compares: bool = True  # a smaller number is a better server

    @property
    def met(self) -> bool:
        return self.limit is None or self.value <= self.limit


Measure = Callable[[Stage, str, Path, Pace], list[Figure]]


@dataclass(frozen=True)
class Case:
    """One kind of trouble."""

    key: str
    title: str
    method: str
    measure: Measure


def _failures(heard: Heard, limit: int | None = 0) -> list[Figure]:
    return [
        Figure("failed", "answered with an error", heard.failed, "", limit),
        Figure("lost", "not answered", heard.lost, "", limit),
    ]


def _milliseconds(key: str, text: str, seconds: float, limit: float | None = None) -> Figure:
    return Figure(key, text, seconds * 1000, "ms", limit)


# One of two is gone.


def _one_of_two(over_tcp: bool) -> Measure:
    def measure(stage: Stage, name: str, binary: Path, pace: Pace) -> list[Figure]:
        with running(name, stage, Forwarding(BOTH, over_tcp), binary):
            return _one_is_silenced(stage, pace, 1000)

    return measure


def _one_behind_the_service(stage: Stage, name: str, binary: Path, pace: Pace) -> list[Figure]:
    stage.route_service(*BOTH)
    with running(name, stage, Forwarding((SERVICE,), over_tcp=True), binary):
        return _one_is_silenced(stage, pace, None)


def _one_is_silenced(stage: Stage, pace: Pace, limit: float | None) -> list[Figure]:
    load = stage.load(ADDRESS, TROUBLE_BEGINS + pace.seconds, PATIENCE, Stream(MISSES, pace.misses))
    load.at(TROUBLE_BEGINS)
    try:
        stage.silence(FIRST)
        (heard,) = load.finished()
    finally:
        stage.unsilence()
    return [
        _milliseconds("p99", "p99", heard.quantiles["0.99"]),
        _milliseconds("p99.9", "p99.9", heard.quantiles["0.999"], limit),
        _milliseconds("slowest", "slowest", heard.slowest),
        *_failures(heard, None if limit is None else 0),
    ]


# Both are gone, and stale answers are allowed.


def _stale(stage: Stage, name: str, binary: Path, pace: Pace) -> list[Figure]:
    known = stage.names("known", pace.known_names, BRIEF_PARENT)
    rate = pace.known_names // 2
    with running(name, stage, Forwarding(BOTH, over_tcp=True, serves_stale=True), binary):
        stage.fill(ADDRESS, known, pace.known_names)
        idle = stage.load(ADDRESS, 2, 0, Stream(MISSES, 100))  # while the names expire
        idle.finished()
        try:
            stage.silence(*BOTH)
            (first,) = stage.load(ADDRESS, pace.known_names / rate, PATIENCE, Stream(known, rate)).finished()
            (then,) = stage.load(ADDRESS, pace.seconds, PATIENCE, Stream(known, rate)).finished()
        finally:
            stage.unsilence()
    return [
        _milliseconds("first", "slowest of every name's first answer", first.slowest, 500),
        _milliseconds("then-p99", "p99 of the answers after that", then.quantiles["0.99"]),
        _milliseconds("then", "slowest of the answers after that", then.slowest, 10),
        Figure("failed", "answered with an error", first.failed + then.failed, "", 0),
        Figure("lost", "not answered", first.lost + then.lost, "", 0),
    ]


# The upstream is replaced.


def _replaced(over_tcp: bool) -> Measure:
    def measure(stage: Stage, name: str, binary: Path, pace: Pace) -> list[Figure]:
        stage.route_service(FIRST, FIRST)
        with running(name, stage, Forwarding((SERVICE,), over_tcp), binary):
            load = stage.load(ADDRESS, TROUBLE_BEGINS + pace.seconds, PATIENCE, Stream(MISSES, pace.misses))
            load.at(TROUBLE_BEGINS)
            try:
                stage.silence(FIRST)
                load.at(TROUBLE_BEGINS + KUBE_PROXY_LAGS)
                stage.route_service(SECOND, SECOND)
                (heard,) = load.finished()
            finally:
                stage.unsilence()
        # An error is as good as a second retry: the asker has lost its patience with us.
        bad = heard.failed + heard.lost
        return [
            _milliseconds("p99.9", "p99.9", heard.quantiles["0.999"]),
            _milliseconds("slowest", "slowest", heard.slowest),
            Figure("once", "retries of askers with a time-out of 1 s", heard.slower[1] + bad, ""),
            Figure("twice", "more than one retry, with a time-out of 1 s", heard.slower[2] + bad, "", 0),
            Figure("five", "any retry, with a time-out of 5 s", heard.slower[5] + bad, "", 0),
            *_failures(heard),
        ]

    return measure


# All are gone, and somebody asks for names that nobody knows.


def _flood(over_tcp: bool) -> Measure:
    def measure(stage: Stage, name: str, binary: Path, pace: Pace) -> list[Figure]:
        hot = stage.names("hot", 1000, LASTING_PARENT)
        hits = Stream(hot, pace.hits)
        with running(name, stage, Forwarding(BOTH, over_tcp), binary) as server:
            stage.fill(ADDRESS, hot, 1000)
            try:
                stage.silence(*BOTH)
                # The first of them finds out that they are gone.
                stage.load(ADDRESS, 2, PATIENCE, Stream(MISSES, 100)).finished()
                return _flooded(stage, server, hits, pace)
            finally:
                stage.unsilence()

    return measure


def _flooded(stage: Stage, server: Server, hits: Stream, pace: Pace) -> list[Figure]:
    misses, seconds = Stream(MISSES, pace.flood), pace.flood_seconds
    (alone,) = stage.load(ADDRESS, seconds / 3, 1, hits).finished()
    # As many questions, but none that upstream would have to be asked: what differs from this is what misses do.
    crowded, _ = stage.load(ADDRESS, seconds / 3, 1, hits, Stream(hits.queries, pace.flood)).finished()
    before, tried = server.memory(), stage.packets_to_the_silent()
    beside, flood = stage.load(ADDRESS, seconds, PATIENCE, hits, misses).finished()
    most = server.peak_memory()
    tried = stage.packets_to_the_silent() - tried
    against_alone, against_crowd = (beside.usual_p99 / other.usual_p99 for other in (alone, crowded))
    late = max(0.0, 100 - 100 * flood.sent / (flood.seconds * misses.rate))
    return [
        _milliseconds("alone-p99", "p99 of hits alone, in a usual second", alone.usual_p99),
        _milliseconds("crowd-p99", "p99 of hits beside as many other hits, in a usual second", crowded.usual_p99),
        _milliseconds("beside-p50", "p50 of hits beside the misses", beside.quantiles["0.5"]),
        _milliseconds("beside-p99", "p99 of hits beside the misses, in a usual second", beside.usual_p99),
        _milliseconds("whole-p99", "p99 of hits beside the misses, in the whole minute", beside.quantiles["0.99"]),
        Figure("ratio", "p99 of hits, beside the misses against alone", against_alone, "×", 1.5),
        Figure("crowd-ratio", "the same, against beside as many hits", against_crowd, "×"),
        Figure("hits-lost", "hits not answered", beside.lost + beside.failed, "", 0),
        Figure("growth", "memory: the most, less that before", most - before, "MiB", 64),
        Figure("most", "memory: the most", most, "MiB"),
        Figure("tried", "packets to the dead upstreams", tried / flood.seconds, "/s", 5000),
        Figure("misses", "misses not answered at all", 100 * flood.lost / flood.sent, "%"),
        Figure("late", "misses that the load was too slow to ask", late, "%", compares=False),
    ]


# All are gone, and come back.


def _recovery(over_tcp: bool) -> Measure:
    def measure(stage: Stage, name: str, binary: Path, pace: Pace) -> list[Figure]:
        with running(name, stage, Forwarding(BOTH, over_tcp), binary):
            away = TROUBLE_BEGINS + pace.seconds
            load = stage.load(ADDRESS, away + 5, PATIENCE, Stream(MISSES, 200))
            load.at(TROUBLE_BEGINS)
            try:
                stage.silence(*BOTH)
                load.at(away)
            finally:
                stage.unsilence()
            back = load.at(away)
            (heard,) = load.finished()
        first = heard.first_good_after(back)
        return [_milliseconds("first", "first address after their return", math.inf if first is None else first, 1000)]

    return measure


CASES = [
    Case(
        "one-of-two-tcp",
        "One of two upstreams is gone, TCP",
        "Two upstreams, questions forwarded over TCP. One second after the load begins the first of them falls silent "
        "and stays so.",
        _one_of_two(over_tcp=True),
    ),
    Case("one-of-two-udp", "One of two upstreams is gone, UDP", "The same over UDP.", _one_of_two(over_tcp=False)),
    Case(
        "one-behind-service",
        "One of two pods behind a Service is gone, TCP",
        "The same, but both stand behind one address, by kube-proxy's rules, and nobody tells kube-proxy: half of all new "
        "connections lead to the dead one. Nothing is promised for this.",
        _one_behind_the_service,
    ),
    Case(
        "stale",
        "Both upstreams are gone, stale answers allowed",
        "Names with a TTL of 1 s are asked, expire, and both upstreams fall silent. Every name is asked once, within two "
        "seconds, then all of them in turn. The agent: `serve_stale 1h verify`; Unbound: `serve-expired` with RFC 8767's "
        "`serve-expired-client-timeout: 1800`.",
        _stale,
    ),
    Case(
        "replaced-tcp",
        "The upstream is replaced, TCP",
        "One Service address; the pod behind it falls silent, and half a second later kube-proxy's rules lead to another one. "
        "Whoever waits longer than its time-out asks again; an error or no answer counts as two retries.",
        _replaced(over_tcp=True),
    ),
    Case("replaced-udp", "The upstream is replaced, UDP", "The same over UDP.", _replaced(over_tcp=False)),
    Case(
        "flood-tcp",
        "A flood of misses towards dead upstreams, TCP",
        "1 000 names are cached, both upstreams fall silent. The names are asked alone, then beside 50 000 more questions a "
        "second for themselves, then beside 50 000 for names that nobody knows; all from the same program. The second "
        "against the first is what so many questions do, the third against the second what it does that they are misses. "
        "The p99 of a usual second is the median of all seconds: a virtual machine stops for some milliseconds now and "
        "then, which is about one question in a hundred, whatever the server does.",
        _flood(over_tcp=True),
    ),
    Case("flood-udp", "A flood of misses towards dead upstreams, UDP", "The same over UDP.", _flood(over_tcp=False)),
    Case(
        "recovery-tcp",
        "Both upstreams come back, TCP",
        "Both are silent for a while, 200 misses a second go on; the time from their return to the first address.",
        _recovery(over_tcp=True),
    ),
    Case("recovery-udp", "Both upstreams come back, UDP", "The same over UDP.", _recovery(over_tcp=False)),
]
