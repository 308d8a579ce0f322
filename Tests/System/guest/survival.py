"""Runs inside the booted kernel: the agent's deaths on a node with a real dummy link, and behind real IPVS.

Prints one line `FACT name value` (value as JSON) for each; `test_booted_kernel.py` judges them. Emulation is some
ten times slower than a processor: the askers put five questions a second each, and wait five seconds for an answer.
"""

import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from testbed import Agent, Bed, eventually  # noqa: E402
from testbed.addresses import V4  # noqa: E402
from testbed.askers import Askers  # noqa: E402

RATE = 5
ASKERS_PATIENCE = 5
PATIENCE = 60.0


def fact(name: str, value: object) -> None:
    print(f"FACT {name} {json.dumps(value)}", flush=True)


def start(bed: Bed, binary: Path, *addresses: str) -> Agent:
    agent = Agent(bed, binary, addresses=addresses).start()
    agent.wait_log(r"\[INFO\] Serving$", within=PATIENCE)
    return agent


def kill_worker(agent: Agent) -> None:
    (dead,) = agent.children()
    printed = len(agent.log)
    os.kill(dead, signal.SIGKILL)
    agent.wait_log("The worker ended", start=printed, within=PATIENCE)
    eventually(lambda: agent.children() not in ([], [dead]), within=PATIENCE, what="the next worker")


def kill_supervisor(agent: Agent) -> None:
    agent.process.kill()


def kill_both(agent: Agent) -> None:
    workers = agent.children()
    for pid in [agent.process.pid, *workers]:
        os.kill(pid, signal.SIGKILL)


def trial(bed: Bed, name: str, act: Callable[[], object], servers: tuple[str, ...], seconds: float = 3) -> None:
    """Everybody asks, before, while and after something happens."""
    with Askers(bed, servers=servers, rate=RATE, patience=ASKERS_PATIENCE) as askers:
        askers.go_on(1)
        act()
        askers.go_on(seconds)
    outcome = askers.outcome
    fact(f"{name}_sent", outcome.sent)
    fact(f"{name}_lost", len(outcome.losses))
    print(f"{name}: {outcome}", flush=True)


def deaths(bed: Bed, binary: Path, prefix: str, *addresses: str) -> None:
    for name, kill in (("worker", kill_worker), ("supervisor", kill_supervisor), ("both", kill_both)):
        agent = start(bed, binary, *addresses)
        trial(bed, f"{prefix}{name}", lambda kill=kill, agent=agent: kill(agent), addresses)
        if agent.process.poll() is None:
            agent.stop(within=PATIENCE)


def upgrade(bed: Bed, binary: Path) -> None:
    old = start(bed, binary, V4.local, V4.kube_dns)
    running = [old]

    def replace() -> None:
        running.append(start(bed, binary, V4.local, V4.kube_dns))
        old.stop(within=PATIENCE)

    trial(bed, "upgrade", replace, (V4.local, V4.kube_dns))
    fact("links_after_upgrade", [name for name in ("nodelocaldns",) if name in bed.node.ip("-o", "link")])
    running[-1].stop(within=PATIENCE)


def main(binary: Path) -> None:
    with Bed() as bed:
        deaths(bed, binary, "", V4.local, V4.kube_dns)
        upgrade(bed, binary)
        bed.use_kube_proxy("ipvs")
        agent = start(bed, binary, V4.local, V4.kube_dns)
        fact("ipvs_seen", "Services are translated by ipvs" in agent.log)
        fact("ipvs_cluster_ip_left_alone", f"{V4.kube_dns} stays with kube-proxy" in agent.log)
        agent.stop(within=PATIENCE)
        deaths(bed, binary, "ipvs_", V4.local)
        bed.node.run(binary, "cleanup")
        fact("tables_after_cleanup", bed.tables())


main(Path(sys.argv[1]))
