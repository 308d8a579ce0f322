"""Figures of several rounds become lines: of each the worst counts, because what is promised is a bound."""

import math
from dataclasses import dataclass

from .cases import Case, Figure
from .contestants import AGENT, UNBOUND

# case key, contestant -> the figures of every round
Taken = dict[tuple[str, str], list[list[Figure]]]


@dataclass(frozen=True)
class Line:
    """One figure of a case, for both contestants. Nothing where one was left out."""

    case: Case
    figure: Figure  # the agent's, or Unbound's where the agent was left out
    agent: float | None
    unbound: float | None
    unbound_loses_more: bool = False  # questions of this case

    @property
    def verdict(self) -> str:
        if self.figure.limit is None or self.agent is None:
            return ""
        return "met" if self.agent <= self.figure.limit else "NOT MET"

    @property
    def limit(self) -> str:
        return "" if self.figure.limit is None else f"≤ {shown(self.figure.limit, self.figure.unit)}"

    def shown(self, value: float | None) -> str:
        return "–" if value is None else shown(value, self.figure.unit)

    @property
    def is_won_by_unbound(self) -> bool:
        if not self.figure.compares or self.agent is None or self.unbound is None:
            return False
        # Who leaves the slow ones unanswered is not fast.
        if self.figure.unit == "ms" and self.unbound_loses_more:
            return False
        # What differs only behind the shown digits is no victory.
        return self.unbound < self.agent and self.shown(self.unbound) != self.shown(self.agent)


def lines(cases: list[Case], taken: Taken) -> list[Line]:
    """In the order of the cases and of their figures."""
    found: list[Line] = []
    for case in cases:
        ours, theirs = (_worst(taken.get((case.key, name), [])) for name in (AGENT, UNBOUND))
        loses_more = _lost(theirs) > _lost(ours)
        for key, figure in (ours or theirs).items():
            values = [each[key].value if key in each else None for each in (ours, theirs)]
            found.append(Line(case, figure, *values, loses_more))
    return found


def _lost(figures: dict[str, Figure]) -> float:
    return sum(figures[key].value for key in ("failed", "lost", "hits-lost") if key in figures)


def _worst(rounds: list[list[Figure]]) -> dict[str, Figure]:
    found: dict[str, Figure] = {}
    for figures in rounds:
        for figure in figures:
            if figure.key not in found or figure.value > found[figure.key].value:
                found[figure.key] = figure
    return found


def shown(value: float, unit: str) -> str:
    if math.isinf(value):
        return "not seen"
    if unit in ("", "/s"):
        number = f"{value:,.0f}".replace(",", " ")
    elif value >= 100:
        number = f"{value:,.0f}".replace(",", " ")
    else:
        number = f"{value:.3g}" if value >= 0.01 or value == 0 else f"{value:.2f}"
    return f"{number} {unit}".strip()
