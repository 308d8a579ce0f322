"""Runs inside the booted kernel: the agent's whole life on a node with a real dummy link.

Prints one line `FACT name value` (value as JSON) for each thing seen; `test_booted_kernel.py` judges them.
Emulation is slow, so this asks little and waits patiently.
"""

import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from testbed import Agent, Bed, eventually  # noqa: E402
from testbed.addresses import V4, V6  # noqa: E402
from testbed.client import addresses, ttl  # noqa: E402

from facts import PATIENCE, SERVICE, ask_everywhere, fact, links  # noqa: E402

def main(binary: Path) -> None:
    with Bed() as bed:
        fact("bed", True)
        before = bed.network_state()
        agent = Agent(bed, binary, addresses=(V4.local, V4.kube_dns, V6.local))
        try:
            agent.start().wait_ready(PATIENCE)
            fact("links", links(bed))
            fact(
                "flags_of_the_tables",
                sorted(set(re.findall(r"^\s*flags (.*)$", agent.rules(), re.MULTILINE))),
            )
            for server in (V4.local, V4.kube_dns, V6.local):
                fact(f"answers_at_{server}", ask_everywhere(bed, server))
            tracked = [
                entry
                for server in (V4.local, V4.kube_dns, V6.local)
                for entry in bed.node.conntrack("--orig-dst", server)
            ]
            fact("tracked", tracked)
            fact("misses", sorted({one.transport for one in bed.at_cluster_dns.asked(SERVICE)}))
            first = bed.pod1.ask("web.shop.svc.cluster.local", timeout=5)
            eventually(
                lambda: ttl(bed.pod1.ask("web.shop.svc.cluster.local", timeout=5)) < ttl(first), within=20
            )
            fact("questions_for_a_cached_name", len(bed.at_cluster_dns.asked("web.shop.svc.cluster.local")))

            bed.node.ip("link", "del", "nodelocaldns")
            eventually(lambda: "nodelocaldns" in links(bed), within=PATIENCE)
            fact("answers_after_the_link_came_back", ask_everywhere(bed, V4.local))

            agent.send(15)
            fact("exit_code", agent.wait(PATIENCE))
        finally:
            if agent.process is not None and agent.process.poll() is None:
                agent.kill()
            print(agent.log, flush=True)
        after = bed.network_state()
        fact("left_behind", sorted(set(after.splitlines()) ^ set(before.splitlines())))
        fact("fallback", bed.fallback())
        fact(
            "answers_in_fallback", sorted(addresses(bed.pod1.ask(SERVICE, server=V4.local, timeout=5)))
        )
        bed.node.run(binary, "cleanup")
        fact("tables_after_cleanup", bed.tables())
        fact(
            "answers_of_cluster_dns", sorted(addresses(bed.pod1.ask(SERVICE, server=V4.kube_dns, timeout=5)))
        )


main(Path(sys.argv[1]))
