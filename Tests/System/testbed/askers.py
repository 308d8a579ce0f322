"""Everybody who asks while something dies: pod and host, UDP and TCP, at every address, with an open loop.

The asking is done by a program in C (`askers/`), because 2000 questions a second have to leave in time on a busy
machine, and what was lost has to be the server's loss.
"""

import json
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from .addresses import V4
from .bed import Bed
from .eventually import eventually

SOURCES = Path(__file__).resolve().parents[1] / "askers"
KINDS = ("udp", "udp-fixed", "tcp", "tcp-kept")
NAMES = [f"load-{index}.shop.svc.cluster.local" for index in range(500, 600)]


@dataclass(frozen=True)
class Loss:
    """A question without an answer. Times are those of `time.monotonic`."""

    asker: str
    sent: float
    why: str


@dataclass(frozen=True)
class Gap:
    """A while without an answer for one asker, who asks all the time."""

    asker: str
    began: float
    milliseconds: float


@dataclass(frozen=True)
class Outcome:
    """What all of them saw."""

    askers: int
    sent: int
    losses: list[Loss]
    gaps: list[Gap]
    longest_gap: float  # milliseconds, of all
    longest_delay: float  # milliseconds that a question left late: the machine's fault, not the server's

    def lost(self, since: float = 0, until: float = float("inf")) -> list[Loss]:
        """Those whose question was sent in this time."""
        return [loss for loss in self.losses if since <= loss.sent < until]

    def gap(self, moments: list[float] | None = None, within: float = 2.0) -> float:
        """The longest gap, in milliseconds, that has to do with one of `moments`; with none, of all."""
        if moments is None:
            return self.longest_gap
        near = [
            gap.milliseconds
            for gap in self.gaps
            if any(
                gap.began < moment + within and gap.began + gap.milliseconds / 1000 > moment
                for moment in moments
            )
        ]
        return max(near, default=0)

    def __str__(self) -> str:
        lost = "".join(f"\n  {loss.sent:.4f} {loss.asker}: {loss.why}" for loss in self.losses[:40])
        worst = sorted(self.gaps, key=lambda gap: -gap.milliseconds)[:8]
        gaps = "".join(f"\n  {gap.began:.4f} {gap.asker}: {gap.milliseconds:.0f} ms" for gap in worst)
        return (
            f"{len(self.losses)} lost of {self.sent} ({self.askers} askers; a question left"
            f" {self.longest_delay:.1f} ms late){lost}\ngaps:{gaps}"
        )


def compiled(bed: Bed) -> Path:
    """The program, made once for each bed."""
    program = bed.directory / "askers"
    if not program.exists():
        options = ["-O2", "-std=c11", "-Wall", "-Wextra", "-Werror"]
        subprocess.run(["gcc", *options, "-o", program, *sorted(SOURCES.glob("*.c"))], check=True)
    return program


class Askers:
    """Use it with `with`: they ask inside; `outcome` is there behind.

    Who has no answer after `patience` seconds has lost a question.
    `wrapper` starts the program, such as one that gives it priority over what else the machine does.
    """

    outcome: Outcome

    def __init__(
        self,
        bed: Bed,
        *,
        servers: tuple[str, ...] = (V4.local, V4.kube_dns),
        kinds: tuple[str, ...] = KINDS,
        rate: int = 100,
        patience: float = 1,
        names: list[str] = NAMES,
        wrapper: tuple[str, ...] = (),
    ) -> None:
        self.bed = bed
        self.clients = [f"{kind}@{server}" for kind in kinds for server in servers]
        self.rate = rate
        self.patience = patience
        self.names = names
        self.wrapper = wrapper

    def __enter__(self) -> "Askers":
        queries = self.bed.directory / "asked"
        queries.write_text("".join(f"{name} A\n" for name in self.names))
        program = compiled(self.bed)
        self.began = time.monotonic()
        self.processes = {
            place: subprocess.Popen(
                [
                    *("ip", "netns", "exec", namespace.name, *self.wrapper),
                    *(program, str(self.rate), str(self.patience), queries, *self.clients),
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for place, namespace in (("pod", self.bed.pods[0]), ("host", self.bed.node))
        }
        self.go_on(0.5)  # answers of everybody, so that a gap is one
        return self

    def __exit__(self, *_: object) -> None:
        found = []
        for process in self.processes.values():
            process.stdin.close()
        for place, process in self.processes.items():
            said = process.stdout.read()
            assert process.wait(10) == 0
            found += [(f"{place} {one['client']}", one) for one in map(json.loads, said.splitlines())]
        self.outcome = Outcome(
            askers=len(found),
            sent=sum(one["sent"] for _, one in found),
            losses=sorted(
                (Loss(name, *loss) for name, one in found for loss in one["losses"]),
                key=lambda loss: loss.sent,
            ),
            gaps=[Gap(name, *gap) for name, one in found for gap in one["gaps"]],
            longest_gap=max(one["longestGap"] for _, one in found),
            longest_delay=max(one["longestDelay"] for _, one in found),
        )

    def go_on(self, seconds: float) -> None:
        """What happens to those who ask is what counts, so this is time, not an event."""
        deadline = time.monotonic() + seconds
        eventually(lambda: self.running() and time.monotonic() > deadline, within=seconds + 1, what="asking")

    def running(self) -> bool:
        assert all(process.poll() is None for process in self.processes.values()), "the askers have ended"
        return True

    @property
    def asked(self) -> int:
        """About how many questions were sent so far."""
        return int((time.monotonic() - self.began) * self.rate * len(self.clients) * len(self.processes))
