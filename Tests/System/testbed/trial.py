"""One kind of disaster, repeated while everybody asks, and what it cost them.

A trial is short in the test suite: it shows that the design holds, with room for a busy machine of two processors.
With `--measure` it is long and is held to the numbers of docs/operations.md (`scripts/survival`).
"""

import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from .addresses import V4
from .agent import Agent
from .askers import Askers, Outcome
from .bed import Bed
from .eventually import eventually

# A processor that does other things answers late, and a question in the hands of a process that is about to die
# waits there for longer. For each time; a design that fails costs 1600 a second.
BUSY_MILLISECONDS = 700
BUSY_LOSSES = 32

# From here on a question cannot have been in the hands of who died.
AFTERMATH = 0.005
BUSY_AFTERMATH = 0.05


@dataclass
class Row:
    """What one kind of disaster has cost, over all forms of kube-proxy."""

    name: str
    times: int = 0
    sent: int = 0
    lost: int = 0
    lost_later: int = 0
    longest_gap: float = 0
    whole_again: float = 0
    most_at_once: int = 0
    forms: list[str] = field(default_factory=list)

    def add(self, form: str, moments: list[float], outcome: Outcome) -> None:
        self.times += len(moments)
        self.sent += outcome.sent
        self.lost += len(outcome.losses)
        self.longest_gap = max(self.longest_gap, outcome.gap(moments))
        for begin, end in zip(moments, [*moments[1:], float("inf")], strict=True):
            lost = outcome.lost(begin - 1, end - 1)
            self.most_at_once = max(self.most_at_once, len(lost))
            self.lost_later += len([loss for loss in lost if loss.sent > begin + AFTERMATH])
            self.whole_again = max([self.whole_again, *(loss.sent - begin for loss in lost)])
        if form not in self.forms:
            self.forms.append(form)


ROWS = pytest.StashKey[dict[str, Row]]()
"""Where a run with `--measure` gathers its rows."""

HEADING = (
    "| what happens | how often | questions | lost | of them asked 5 ms later or more "
    "| most lost at once | longest gap | last lost question |\n|---|---|---|---|---|---|---|---|"
)


def table(rows: list[Row]) -> str:
    """The measured rows as Markdown."""
    return "\n".join(
        [
            HEADING,
            *(
                f"| {row.name} | {row.times} | {row.sent} | {row.lost} | {row.lost_later} | {row.most_at_once} "
                f"| {f'{row.longest_gap:.0f} ms' if row.longest_gap else '< 25 ms'} "
                f"| {f'{row.whole_again * 1000:.1f} ms after' if row.lost else '–'} |"
                for row in rows
            ),
        ]
    )


class Trial:
    """Makes agents and askers for one test, and judges what the askers saw."""

    def __init__(self, bed: Bed, new_agent: Callable[..., Agent], rows: dict[str, Row] | None) -> None:
        self.bed = bed
        self.new_agent = new_agent
        self.rows = rows
        self.is_measured = rows is not None
        self.moments: list[float] = []
        self.outcomes: list[tuple[list[float], Outcome]] = []
        self.asking: Askers | None = None

    # Making

    def agent(self, **options) -> Agent:
        return self.new_agent(**options)

    def askers(self, servers: tuple[str, ...] = (V4.local, V4.kube_dns)) -> "CountedAskers":
        return CountedAskers(self, Askers(self.bed, servers=servers, wrapper=favour("chrt", "-f", "10")))

    def rounds(self, short: int, measured: int) -> Iterator[int]:
        yield from range(measured if self.is_measured else short)

    def enough(self, askers: Askers, short: int, measured: int) -> Iterator[int]:
        """Goes on until so many questions were asked."""
        number = 0
        while askers.asked < (measured if self.is_measured else short):
            yield number
            number += 1

    # Happening

    def happens(self, what: Callable[..., object], *arguments: object) -> float:
        """Does it, and notes when."""
        self.moments.append(moment := time.monotonic())
        what(*arguments)
        return moment

    # Judging

    def costs(
        self,
        name: str,
        *,
        each: int | None = None,
        later: int | None = None,
        gap: float | None = None,
        whole_within: float | None = None,
    ) -> None:
        """Holds what was seen to the promise, for each time that it happened.

        `each`: questions lost; `later`: questions lost that were asked after it; `gap`: milliseconds without an
        answer for anybody; `whole_within`: after so many seconds nothing more is lost.
        """
        row = Row(name)
        for moments, outcome in self.outcomes:
            row.add(self.bed.kube_proxy, moments, outcome)
            if self.rows is not None:
                whole = self.rows.setdefault(name, Row(name))
                whole.add(self.bed.kube_proxy, moments, outcome)
        seen = f"{row}\n" + "\n".join(f"at {moments}: {outcome}" for moments, outcome in self.outcomes)
        slack = 0 if self.is_measured else 1
        if each is not None:
            assert row.lost <= each * row.times + (BUSY_LOSSES * row.times * slack if each else 0), seen
        if later is not None:
            since = AFTERMATH if self.is_measured else BUSY_AFTERMATH
            late = [
                loss
                for moments, outcome in self.outcomes
                for begin, end in zip(moments, [*moments[1:], float("inf")], strict=True)
                for loss in outcome.lost(begin + since, end - 1)
            ]
            assert len(late) <= later * row.times, seen
        if gap is not None:
            assert row.longest_gap <= gap + BUSY_MILLISECONDS * slack, seen
        if whole_within is not None:
            assert row.whole_again <= whole_within + 0.3 * slack, seen


class CountedAskers:
    """Askers whose outcome is the trial's."""

    def __init__(self, trial: Trial, askers: Askers) -> None:
        self.trial = trial
        self.askers = askers

    def __enter__(self) -> Askers:
        self.trial.moments = []
        return self.askers.__enter__()

    def __exit__(self, kind: object, *rest: object) -> None:
        self.askers.__exit__(kind, *rest)
        self.trial.outcomes.append((self.trial.moments, self.askers.outcome))


def favour(*command: str) -> tuple[str, ...]:
    """`command`, which gives priority, where we may."""
    allowed = subprocess.run([*command, "true"], capture_output=True).returncode == 0
    return command if allowed else ()


def wait_serving(agent: Agent, within: float = 10) -> Agent:
    """Returns when traffic is the agent's. Unlike `wait_ready` it asks nothing and changes nothing."""
    agent.wait_log(r"\[INFO\] Serving$", within=within)
    return agent


def wait_replaced(agent: Agent, dead: int, within: float = 10) -> None:
    """Returns when another worker is there."""
    eventually(lambda: agent.children() not in ([], [dead]), within=within, what="the next worker")
