"""Nothing of an agent moves, not even its supervisor: with -dead-man the kernel notices by itself."""

import os
import signal

import pytest

from testbed import Bed, eventually
from testbed.addresses import V4
from test_life import resolves
from test_ready import is_active

pytestmark = pytest.mark.usefixtures("real_time_priority")


@pytest.mark.parametrize("stopped", ["supervisor", "both"])
def test_traffic_goes_to_cluster_dns_and_comes_back(bed: Bed, new_agent, stopped: str) -> None:
    with new_agent(flags={"dead-man": "1s"}) as agent:
        eventually(lambda: is_active(agent), what="traffic is ours")
        pids = [agent.process.pid, *(agent.children() if stopped == "both" else [])]
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            eventually(lambda: resolves(bed, V4.local), within=2, what="cluster DNS answers pods")
            eventually(lambda: bed.host.ask("cluster.local", "SOA", V4.kube_dns, timeout=0.5), what="the host")
            eventually(lambda: "expires" not in alive_set(bed), what="the kernel counts us as dead")
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)
        eventually(lambda: "expires" in alive_set(bed), what="alive again")
        eventually(lambda: is_active(agent) and agent.unreadiness() is None, within=8, what="ours again")
        assert resolves(bed)


def alive_set(bed: Bed) -> str:
    (own,) = [table for table in bed.tables() if table not in bed.fallback()]
    return bed.node.run("nft", "list", "set", *own.split(), "alive")
