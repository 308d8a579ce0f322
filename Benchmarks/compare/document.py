"""The files of a session: docs/benchmarks.md with its pictures for readers, docs/benchmarks.json for programs."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from . import peers, plot, promises, table, upstream
from .arena import PORT, UPSTREAM_ADDRESS
from .cases import Pace
from .contestants import AGENT, agent_flags, corefile
from .results import Results


PROCESSOR = "benchmarks/cpu.svg"
LATENCY = "benchmarks/latency.svg"


@dataclass(frozen=True)
class Session:
    """A finished session."""

    date: str
    machine: dict[str, str]
    agent_version: str
    pace: Pace
    reflector_octets: int
    commands: dict[str, str]  # of the measured load, by the case's key
    results: Results


def markdown(session: Session) -> str:
    results = session.results
    parts = [
        "# Benchmarks",
        f"Written by `scripts/bench` on {session.date}; do not edit. The samples are in `benchmarks.json`.",
        "CPU per query is what a node pays; less is better. Every number is the median of "
        f"{session.pace.rounds} run{'s' if session.pace.rounds > 1 else ''}, with the least and the most beside it.",
        *_section("## Targets", table.targets(results)),
        *_section("## CPU and memory", table.comparison(results), _picture(PROCESSOR, plot.processor(results))),
        *_section("## Latency", table.latency(results), _picture(LATENCY, plot.latency(results))),
        *_section("## Growth of the agent", table.growth(results)),
        *_section("## Start", table.starts(results)),
        *_section("## Memory by process, 20 000 answers cached", table.memory_by_process(results)),
        "## Where a peer wins",
        _list(results.peers_that_win(), "Nowhere in this session."),
        "## Doubts",
        _list(results.doubts(), "None: no query was lost, the server's core was its own, answers had one size."),
        "## Machine",
        _list(
            [f"{name}: {value}" for name, value in (session.machine | {"agent": session.agent_version}).items()],
            "",
        ),
        "## Method",
        _method(session),
        "## How to repeat",
        REPEAT,
        "## Configurations",
        CONFIGURATIONS,
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _section(heading: str, lines: table.Table, *more: str) -> list[str]:
    return [heading, lines.markdown(), *more] if lines.lines else []


def _picture(path: str, drawn: str | None) -> str:
    return "" if drawn is None else f"![{Path(path).stem}]({path})"


def pictures(results: Results) -> dict[str, str]:
    """By their paths from the document."""
    drawn = {PROCESSOR: plot.processor(results), LATENCY: plot.latency(results)}
    return {path: picture for path, picture in drawn.items() if picture is not None}


def _list(sentences: list[str], otherwise: str) -> str:
    return "\n".join(f"- {sentence}" for sentence in sentences) or otherwise


def _method(session: Session) -> str:
    pace = session.pace
    general = [
        "Servers run on core 0, and only one at a time. dnsperf and the upstream (NSD) run on core 1. Servers and load "
        "have the best priority (nice -20). Everything is on loopback, so the network costs what the kernel's stack costs.",
        f"Contestants alternate: one run each, then the next round, {pace.rounds} rounds. Each run starts the server "
        f"afresh, fills its cache, warms up for {pace.warm_up_seconds} s and measures for {pace.seconds} s.",
        "CPU is user and system time of `/proc/PID/stat` over the measured part, divided by the queries answered; for "
        "the agent that is supervisor and worker together. Where the kernel does not account interrupts apart, "
        "network work done in softirqs on the server's core counts too, for everyone alike.",
        "Queries per second are those of this closed loop: where `core used` is below 100 %, the load's core was the "
        "limit, not the server.",
        "RSS and PSS are taken from `smaps_rollup` at the end of a run, summed over a server's processes. The sum of "
        "RSS counts pages that they share more than once; PSS does not, it is what the node pays.",
        "The reflector is `Benchmarks/compare/reflector.c`: recvmmsg and sendmmsg in batches of 64, nothing but the "
        f"QR bit changed, padded to the agent's answer of {session.reflector_octets} octets. It is the price of the "
        "system calls, not a DNS server.",
        "The start is measured from outside, from starting the process to the first answer to a question that is "
        "repeated every few milliseconds; the two small programs that pin and guard the process are included.",
        "The octets of a cached entry are the agent's own metrics, `nodelocal_cache_bytes` over "
        "`coredns_cache_entries`; they are held against the answer's size on the wire. `octets/entry` in the table of "
        "growth is what PSS grew by since the smallest case, divided by the entries added: room for twice as many "
        "entries, and all else that grew, included.",
        "That a hit allocates nothing is tested, not measured: `Tests/System/test_allocations.py`.",
        "Ratios are ratios of medians.",
    ]
    cases = {row.case.key: row.case for row in session.results.rows}
    each = [f"**{case.title}.** {case.method} `{session.commands[key]}`" for key, case in cases.items()]
    return _list(general + each, "")


REPEAT = """\
On Debian 12 with Swift, two cores at least and nothing else to do, as root:

    scripts/bench            # all rounds; writes this file
    scripts/bench --quick    # three minutes after the build; writes to .build/bench only
    scripts/bench --help     # other rounds, one case, another binary"""

CONFIGURATIONS = f"""\
The agent runs with all that the default manifest switches on, metrics included, on two addresses:

    node-local-dns {agent_flags()}

```
{corefile()}```

The peers are Debian's packages: one thread for queries, two addresses as well, caches larger than they need, no
DNSSEC validation, no log of queries. Unbound:

```
{peers.UNBOUND_CONFIGURATION}```

dnsdist:

```
{peers.DNSDIST_CONFIGURATION}```

PowerDNS Recursor:

```
{peers.RECURSOR_CONFIGURATION}```

dnsmasq:

```
{peers.DNSMASQ_CONFIGURATION}```

NSD answers on {UPSTREAM_ADDRESS} port {PORT}, one process, `minimal-responses: yes`, no limit of rate or of queries
per connection, with this zone:

```
{upstream.ZONE}```"""


def record(session: Session) -> str:
    """Every sample, for programs; times in microseconds, memory in KiB."""
    results = session.results
    samples = [
        {
            "case": case,
            "contestant": contestant,
            "round": number,
            "cpuMicrosecondsPerQuery": round(sample.cpu_microseconds, 3),
            "coreShare": round(sample.core_share, 4),
            "foreignCoreShare": round(sample.foreign_core_share, 4),
            "startMilliseconds": round(sample.start_milliseconds, 1),
            "entryOctets": sample.entry_octets,
            "load": asdict(sample.load),
            "memory": [asdict(process) for process in sample.memory],
        }
        for (case, contestant), taken in results.samples.items()
        for number, sample in enumerate(taken, start=1)
    ]
    medians = [
        {
            "case": row.case.key,
            "contestant": row.contestant,
            "cpuMicrosecondsPerQuery": asdict(row.cpu_microseconds),
            "queriesPerSecond": asdict(row.queries_per_second),
            "rssMiB": asdict(row.rss),
            "pssMiB": asdict(row.pss),
            "startMilliseconds": asdict(row.start_milliseconds),
            "latencyMicroseconds": {share: asdict(spread) for share, spread in row.quantiles.items()},
            "usualP99Microseconds": asdict(row.usual_p99) if row.usual_p99 else None,
        }
        for row in results.rows
    ]
    targets = [asdict(target) | {"met": target.met} for target in promises.targets(results)]
    whole = {
        "date": session.date,
        "machine": session.machine,
        AGENT: session.agent_version,
        "pace": asdict(session.pace),
        "commands": session.commands,
        "reflectorOctets": session.reflector_octets,
        "targets": targets,
        "medians": medians,
        "samples": samples,
    }
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"
