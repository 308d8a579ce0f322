"""Runs inside the booted kernel: the image, by runc, as the DaemonSet has it, on a node with a real dummy link.

Prints one line `FACT name value` (value as JSON) for each thing seen; `test_booted_kernel.py` judges them.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from testbed import Bed  # noqa: E402
from testbed.addresses import V4  # noqa: E402
from testbed.agent import process_status  # noqa: E402
from testbed.bundle import BundledAgent  # noqa: E402
from testbed.container import pod_of_the_manifest  # noqa: E402

from facts import PATIENCE, ask_everywhere, fact, links  # noqa: E402


def main(binary: Path) -> None:
    pod = pod_of_the_manifest()
    pod["containers"][0]["resources"]["limits"] = {"memory": "64Mi"}
    with Bed() as bed:
        before = bed.network_state()
        agent = BundledAgent(pod, bed, binary, flags={"skipteardown": "false"})
        try:
            agent.start().wait_ready(PATIENCE)
            fact("links", links(bed))
            for server in (V4.local, V4.kube_dns):
                fact(f"answers_at_{server}", ask_everywhere(bed, server))
            metrics = agent.metrics()
            fact("memory_limit", metrics.value("nodelocal_memory_limit_bytes"))
            fact("cache_budget", metrics.value("nodelocal_cache_budget_bytes"))
            (worker,) = agent.children()
            status = process_status(worker)
            fact("user_of_the_worker", status["Uid"].split())
            fact("capabilities_of_the_worker", int(status["CapEff"], 16))
            fact("filters", [int(process_status(pid)["Seccomp_filters"]) for pid in (agent.pid, worker)])
            agent.send(15)
            fact("exit_code", agent.wait(PATIENCE))
        finally:
            if agent.process is not None and agent.process.poll() is None:
                agent.kill()
            print(agent.log, flush=True)
        fact("left_behind", sorted(set(bed.network_state().splitlines()) ^ set(before.splitlines())))


main(Path(sys.argv[1]))
