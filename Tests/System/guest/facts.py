"""What the scripts of this folder see on the node, and how they tell it to those who judge."""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from testbed import Bed  # noqa: E402
from testbed.addresses import V4, V6  # noqa: E402
from testbed.client import addresses  # noqa: E402

SERVICE = "kubernetes.default.svc.cluster.local"
PATIENCE = 60.0


def fact(name: str, value: object) -> None:
    print(f"FACT {name} {json.dumps(value)}", flush=True)


def links(bed: Bed) -> dict[str, str]:
    """Link name -> kind of the links that carry the agent's addresses."""
    found = {}
    for link in json.loads(bed.node.ip("-d", "-j", "address")):
        if {one["local"] for one in link["addr_info"]} & {V4.local, V4.kube_dns, V6.local}:
            found[link["ifname"]] = link.get("linkinfo", {}).get("info_kind", "")
    return found


def ask_everywhere(bed: Bed, server: str) -> dict[str, list[str]]:
    answers = {}
    for place in ("pod1", "pod2", "host"):
        for tcp in (False, True):
            answer = getattr(bed, place).ask(SERVICE, server=server, tcp=tcp, timeout=5)
            answers[f"{place}-{'tcp' if tcp else 'udp'}"] = sorted(addresses(answer))
    return answers
