"""Shows the agent at work on a node made of network namespaces: `python -m testbed.demo [--kill] BINARY`, as root.

Every command is shown as it is run, with what it printed.
"""

import sys
import time
from pathlib import Path

from . import demo_kill
from .addresses import V4
from .agent import Agent
from .bed import Bed
from .namespace import Namespace

SERVICE = "web.shop.svc.cluster.local"
BOLD, FAINT, PLAIN = ("\033[1m", "\033[2m", "\033[0m") if sys.stdout.isatty() else ("", "", "")

METRICS = (
    "coredns_cache_hits_total",
    "coredns_cache_misses_total",
    "coredns_dns_requests_total",
    "coredns_proxy_request_duration_seconds_count",
)


def title(text: str) -> None:
    print(f"\n{BOLD}{text}{PLAIN}")


def show(place: str, namespace: Namespace, *command: str, nothing: str = "") -> None:
    """Runs a command in a namespace; prints it and its output, or `nothing` when there was none."""
    print(f"  {FAINT}{place}${PLAIN} {' '.join(command)}")
    output = namespace.run(*command, check=False).rstrip()
    for line in output.splitlines() or [nothing]:
        print(f"    {line.expandtabs(8)}")


def look_up(bed: Bed, *words: str) -> None:
    show("pod1", bed.pods[0], "dig", "+noall", "+answer", f"@{V4.local}", *words)


def main(binary: Path) -> None:
    with Bed() as bed:
        title("A node with two pods, kube-proxy's rules and cluster DNS behind a Service")
        print(f"  node   {V4.node}   pods {', '.join(V4.pods)}   resolv.conf: {V4.resolver}")
        print(f"  kube-dns {V4.kube_dns} and kube-dns-upstream {V4.upstream} -> {', '.join(V4.endpoints)}")

        before = bed.network_state()
        began = time.monotonic()
        with Agent(bed, binary) as agent:
            took = time.monotonic() - began
            title(f"The agent serves {' and '.join(agent.addresses)} (started in {took:.1f} s)")
            print(f"  {FAINT}node${PLAIN} node-local-dns {' '.join(agent.arguments[:2])} …")
            for line in agent.log.splitlines()[:3]:
                print(f"    {line}")

            title("A pod looks up a Service: a miss, asked over TCP at kube-dns-upstream; then a hit, aged")
            look_up(bed, SERVICE)
            time.sleep(2)  # for the eye: the next TTL has aged
            look_up(bed, SERVICE)
            asked = bed.at_cluster_dns.asked(SERVICE)
            transports = ", ".join(one.transport for one in asked)
            print(f"    cluster DNS was asked {len(asked)} time, over {transports}")

            title("The same over TCP, and a name outside the cluster through the node's resolver")
            look_up(bed, "+tcp", SERVICE)
            look_up(bed, "www.example.org")

            title("At the ClusterIP of kube-dns, which pods have in their resolv.conf: the same agent")
            show("pod2", bed.pods[1], "dig", "+noall", "+answer", f"@{V4.kube_dns}", SERVICE)

            title("No connection tracking entry for any of it")
            for address in agent.addresses:
                show("node", bed.node, "conntrack", "-L", "--orig-dst", address, nothing="(none)")

            title("Because of this table, which the kernel removes when the agent dies")
            for line in agent.rules().splitlines():
                print(f"    {line.expandtabs(2)}")

            title("What Prometheus sees")
            for line in agent.metrics().text.splitlines():
                if line.startswith(METRICS) and not line.endswith(" 0"):
                    print(f"    {line}")

        title("Stopped: the node's addresses, links and rules are as before")
        print(f"    {'identical' if bed.network_state() == before else 'NOT identical'}")


if __name__ == "__main__":
    *options, program = sys.argv[1:]
    if options == ["--kill"]:
        demo_kill.main(Path(program).resolve(), title)
    else:
        main(Path(program).resolve())
