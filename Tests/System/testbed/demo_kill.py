"""Shows look-ups that go on while the agent is killed: `python -m testbed.demo --kill BINARY`, as root.

Twice the same: once with what node-cache leaves in the kernel, NOTRACK rules of iptables, and once with our tables.
"""

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .addresses import V4
from .agent import Agent
from .askers import Askers, Outcome
from .bed import Bed
from .trial import favour, wait_serving

SERVERS = (V4.local, V4.kube_dns)
BEFORE, DEAD, AFTER = 1.0, 3.0, 1.0
STEP = 0.1


@dataclass(frozen=True)
class Show:
    """What one death has cost."""

    title: str
    outcome: Outcome
    killed: float

    def line(self, asker: str) -> str:
        """One sign for a tenth of a second: `.` all answered, `x` not."""
        steps = int((BEFORE + DEAD + AFTER) / STEP)
        begins = [self.killed - BEFORE + step * STEP for step in range(steps)]
        lost = [loss for loss in self.outcome.losses if loss.asker == asker]
        return "".join("x" if any(one <= loss.sent < one + STEP for loss in lost) else "." for one in begins)

    @property
    def cells(self) -> tuple[str, ...]:
        silence = max(self.outcome.gap([self.killed], DEAD), 10)
        return (
            self.title,
            str(self.outcome.sent),
            str(len(self.outcome.losses)),
            f"{silence / 1000:.2f} s",
        )


def plain_rules(bed: Bed, operation: str) -> None:
    """What node-cache has at work: `-A` adds it, `-D` takes it away. (Its comment is left out: we would clean up.)"""
    for address in SERVERS:
        for protocol in ("udp", "tcp"):
            for chain, side, port in (
                ("PREROUTING", "-d", "--dport"),
                ("OUTPUT", "-d", "--dport"),
                ("OUTPUT", "-s", "--sport"),
            ):
                match = (side, address, "-p", protocol, "-m", protocol, port, 53)
                bed.node.run("iptables-nft", "-t", "raw", operation, chain, *match, "-j", "NOTRACK")


def kill_worker(agent: Agent) -> None:
    os.kill(agent.children()[0], signal.SIGKILL)


def kill_all(agent: Agent) -> None:
    workers = agent.children()
    for pid in [agent.process.pid, *workers]:
        os.kill(pid, signal.SIGKILL)


def show(title: str, bed: Bed, make: Callable[[], Agent], kill: Callable[[Agent], None]) -> Show:
    """Kills, waits as long as a kubelet may, starts again; everybody asks all the time."""
    agent = wait_serving(make().start())
    with Askers(bed, servers=SERVERS, kinds=("udp", "tcp"), wrapper=favour("chrt", "-f", "10")) as askers:
        askers.go_on(BEFORE)
        killed = time.monotonic()
        kill(agent)
        askers.go_on(DEAD)
        if agent.process.poll() is not None:
            agent = wait_serving(make().start())
        askers.go_on(AFTER)
    agent.stop()
    return Show(title, askers.outcome, killed)


def main(binary: Path, title: Callable[[str], None]) -> None:
    with Bed() as bed:
        title("Eight askers, pod and host, UDP and TCP, at both addresses, 100 look-ups a second each: kill -9")
        print(f"  started again after {DEAD:g} s, as by a kubelet in no hurry; one second of patience, no second try")
        plain_rules(bed, "-A")
        shows = [
            show(
                "NOTRACK rules, as node-cache's",
                bed,
                lambda: Agent(bed, binary, flags={"setupiptables": "false"}),
                kill_all,
            )
        ]
        plain_rules(bed, "-D")
        for what, kill in (
            ("our tables, worker killed", kill_worker),
            ("our tables, supervisor killed", lambda agent: agent.process.kill()),
            ("our tables, both killed", kill_all),
        ):
            shows.append(show(what, bed, lambda: Agent(bed, binary), kill))
        title(f"A pod at {V4.local} over UDP, a tenth of a second each: . answered, x lost")
        for one in shows:
            print(f"  {one.title:31} {one.line(f'pod udp@{V4.local}')}")
        print(f"  {'':31} {' ' * int(BEFORE / STEP)}^ kill -9")
        title("All of them together")
        rows = [("", "asked", "lost", "longest silence"), *(one.cells for one in shows)]
        for row in rows:
            print(f"  {row[0]:31} {row[1]:>8} {row[2]:>8} {row[3]:>17}")
        bed.node.run(binary, "cleanup")
