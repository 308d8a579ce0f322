"""The section of docs/benchmarks.md, and the file with every number beside it."""

import json
import math
from dataclasses import asdict, dataclass

from compare.section import TROUBLE
from compare.table import Table

from . import contestants
from .cases import Case, Pace
from .contestants import AGENT, UNBOUND, Forwarding
from .results import Line, Taken, lines
from .stage import FIRST, SECOND, SILENCE


@dataclass(frozen=True)
class Session:
    """A finished session."""

    date: str
    machine: dict[str, str]
    build: str
    rounds: int
    pace: Pace
    cases: list[Case]
    taken: Taken


def table(session: Session) -> Table:
    """A heading for every case, a line for every figure."""
    rows: list[list[str]] = []
    for line in lines(session.cases, session.taken):
        if line.case.title not in (row[0] for row in rows):
            rows.append([line.case.title, "", "", "", ""])
        values = [line.shown(line.agent), line.shown(line.unbound)]
        rows.append([f"· {line.figure.text}", *values, line.limit, line.verdict])
    return Table(["", AGENT, UNBOUND, "promised", ""], rows)


def victories(session: Session) -> list[str]:
    """Where Unbound is better."""
    return [_victory(line) for line in lines(session.cases, session.taken) if line.is_won_by_unbound]


def _victory(line: Line) -> str:
    return f"{line.case.title}: {line.figure.text}: {line.shown(line.unbound)} against {line.shown(line.agent)}."


def markdown(session: Session) -> str:
    rounds = f"the worst of {session.rounds} rounds" if session.rounds > 1 else "one round"
    parts = [
        TROUBLE,
        f"Written by `scripts/bench-trouble` on {session.date}; do not edit. Every round's numbers are in "
        "`benchmarks/trouble.json`.",
        f"What a pod notices when upstreams fall silent: nothing comes back from them, no RST and no ICMP. Each "
        f"number is {rounds}; smaller is better.",
        table(session).markdown(),
        "### Where Unbound is better",
        _list(victories(session)) or "Nowhere in this session.",
        "### How trouble is made",
        _list(_method(session)),
        "### How to repeat trouble",
        REPEAT,
        "### Configurations in trouble",
        CONFIGURATIONS,
    ]
    return "\n\n".join(parts) + "\n"


def _list(sentences: list[str]) -> str:
    return "\n".join(f"- {sentence}" for sentence in sentences)


def _method(session: Session) -> list[str]:
    pace = session.pace
    facts = session.machine
    general = [
        "A node, its pods and the machine of the upstreams are network namespaces (`Tests/System/testbed`), with "
        "kube-proxy's rules in the node's. The agent runs as its manifest starts it, interception included; Unbound "
        "listens on the same node-local address. A pod asks over UDP.",
        "The upstreams are one NSD on two addresses. They fall silent by nftables rules on their own machine:\n\n"
        f"  ```\n{_indented(SILENCE.strip())}\n  ```\n",
        "The server, with one thread for queries, has core 0; load and NSD have core 1; all have the best priority (nice -20). Each contestant starts afresh "
        "for every case, one right after the other.",
        f"The load is `Benchmarks/compare/latency.c`, an open loop: {_thousands(pace.misses)} names a second that nobody asks "
        f"twice, for {pace.seconds:g} s of trouble, each question's latency counted from when it was due. Lost is "
        "what has no answer six seconds after the last question; latencies are those of the others. The flood is "
        f"{_thousands(pace.flood)} misses a second for {pace.flood_seconds:g} s beside {_thousands(pace.hits)} hits a second.",
        "Memory is resident and of all processes. Packets to the dead upstreams are datagrams and TCP segments, "
        "counted where they are dropped.",
        f"Machine: {facts['CPU']}, {facts['cores']} cores, kernel {facts['kernel']}, load average at the start "
        f"{facts['load average at the start']}; unbound {facts['unbound']}, nsd {facts['nsd']}; agent {session.build}.",
    ]
    return general + [f"**{case.title}.** {case.method}" for case in session.cases]


def _thousands(number: int) -> str:
    return f"{number:,}".replace(",", " ")


def _indented(text: str) -> str:
    return "\n".join(f"  {line}".rstrip() for line in text.splitlines())


REPEAT = """\
On Debian 12 with Swift, two cores at least and nothing else to do, as root:

    scripts/bench-trouble            # three rounds, about half an hour; writes this section
    scripts/bench-trouble --quick    # five minutes after the build; writes to .build/bench only
    scripts/bench-trouble --help     # one case, one contestant, another binary

The tests have a short form of every case: `Tests/System/test_upstream_trouble.py`."""


def _configurations() -> str:
    stale = Forwarding((FIRST, SECOND), over_tcp=True, serves_stale=True)
    return f"""\
The agent, here with stale answers, which only the case about them has; without `force_tcp` for UDP:

```
{contestants.corefile(stale)}```

Unbound the same:

```
{contestants.unbound_configuration(stale)}```"""


CONFIGURATIONS = _configurations()


def _finite(value: float) -> float | None:
    """JSON knows no infinity."""
    return None if math.isinf(value) else value


def record(session: Session) -> str:
    """Every figure of every round, for programs."""
    rounds = [
        {
            "case": case,
            "contestant": contestant,
            "round": number,
            "figures": {figure.key: {"value": _finite(figure.value), "unit": figure.unit} for figure in figures},
        }
        for (case, contestant), every in session.taken.items()
        for number, figures in enumerate(every, start=1)
    ]
    promises = [
        {
            "case": line.case.key,
            "figure": line.figure.key,
            "measured": None if line.agent is None else _finite(line.agent),
            "limit": line.figure.limit,
            "met": line.verdict == "met",
        }
        for line in lines(session.cases, session.taken)
        if line.verdict
    ]
    whole = {
        "date": session.date,
        "machine": session.machine,
        AGENT: session.build,
        "pace": asdict(session.pace),
        "promises": promises,
        "rounds": rounds,
    }
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"
