"""A pod's resolver, its search list, and servers that take their time: what looking ahead saves."""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import dns.message
import dns.rcode
import dns.rrset
import pytest

from testbed import Agent, Bed, eventually
from testbed.addresses import V4
from testbed.client import Client, addresses, rcode
from testbed.troublemaker import Channel, Server

DELAY = 0.1  # seconds for every answer of either server
INSIDE, OUTSIDE = "192.0.2.73", "192.0.2.74"
# Two clusters in one agent: one block looks ahead, the other does not.
AHEAD = ["shop.svc.ahead.example", "svc.ahead.example", "ahead.example"]
BEHIND = ["shop.svc.behind.example", "svc.behind.example", "behind.example"]


class SlowServer(Server):
    """Denies what is below a search domain, knows everything else, and takes its time for both."""

    def __init__(self, bed: Bed, address: str) -> None:
        super().__init__(bed.outside, address, obeys=False, liar=address)
        # The second answer must not wait for the first one's acknowledgement; connections inherit this.
        self.listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.names: list[str] = []

    def take(self, packet: bytes, way: Channel) -> None:
        query = dns.message.from_wire(packet)
        question = query.question[0]
        name = question.name.to_text()
        self.names.append(name)
        reply = dns.message.make_response(query, recursion_available=True)
        if name.endswith((".ahead.example.", ".behind.example.")):
            reply.set_rcode(dns.rcode.NXDOMAIN)
            reply.authority.append(dns.rrset.from_text("example.", 30, "IN", "SOA", "ns. mail. 1 2 3 4 5"))
        else:
            kind, data = ("A", "192.0.2.10") if question.rdtype == 1 else ("AAAA", "2001:db8::10")
            reply.answer.append(dns.rrset.from_text(name, 30, "IN", kind, data))
        asyncio.get_running_loop().call_later(DELAY, way.send, reply.to_wire())


@pytest.fixture(scope="module")
def servers(bed: Bed) -> Iterator[list[SlowServer]]:
    for address in (INSIDE, OUTSIDE):
        bed.outside.ip("address", "add", f"{address}/32", "dev", "lo")
    made = [SlowServer(bed, address) for address in (INSIDE, OUTSIDE)]
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    for server in made:
        asyncio.run_coroutine_threadsafe(server.start(), loop).result(5)
    yield made
    loop.call_soon_threadsafe(loop.stop)
    thread.join(5)
    for server in made:
        server.server.close()
        server.datagrams.close()
        server.listener.close()
    for address in (INSIDE, OUTSIDE):
        bed.outside.ip("address", "del", f"{address}/32", "dev", "lo")


def template() -> str:
    clusters = "".join(
        f"{zone}.example:53 {{\n    cache {{\n        denial 9984 5\n{line}    }}\n    bind {V4.local}\n"
        f"    forward . {INSIDE} {{\n        force_tcp\n    }}\n    prometheus :9253\n}}\n"
        for zone, line in (("ahead", "        search_ahead\n"), ("behind", ""))
    )
    outside = f"    cache 30\n    bind {V4.local}\n    forward . {OUTSIDE}\n    prometheus :9253\n"
    return f"{clusters}.:53 {{\n{outside}    health {V4.local}:8080\n}}\n"


def look_up(pod: Client, name: str, search: list[str]) -> float:
    """Asks as glibc does with ndots:5, A and AAAA together; the seconds until there are addresses."""
    began = time.monotonic()
    for candidate in [*(f"{name}.{domain}" for domain in search), name]:
        queries = [dns.message.make_query(candidate, kind) for kind in ("A", "AAAA")]
        with pod.open_socket(V4.local, socket.SOCK_DGRAM, 5) as asker:
            for query in queries:
                asker.sendto(query.to_wire(), (V4.local, 53))
            replies = [dns.message.from_wire(asker.recv(4096)) for _ in queries]
        assert {reply.id for reply in replies} == {query.id for query in queries}
        if all(rcode(reply) == "NOERROR" and addresses(reply) for reply in replies):
            assert candidate == name
            return time.monotonic() - began
    raise AssertionError(f"{name} was not found")


def test_a_cold_look_up_waits_twice_instead_of_four_times(
    bed: Bed, binary: Path, servers: list[SlowServer]
) -> None:
    with Agent(bed, binary, addresses=(V4.local,), template=template()) as agent:
        for number in range(2):  # nothing is known of the lists yet
            for search in (AHEAD, BEHIND):
                assert look_up(bed.pod1, f"{search[-1][0]}-{number}.example.org", search) >= 4 * DELAY

        took: dict[str, list[float]] = {"ahead": [], "behind": []}
        for number in range(8):
            # Another pod: the list is the namespace's, not the pod's.
            took["ahead"].append(look_up(bed.pod2, f"new-{number}.example.org", AHEAD))
            took["behind"].append(look_up(bed.pod2, f"other-{number}.example.org", BEHIND))
        medians = {which: sorted(times)[len(times) // 2] for which, times in took.items()}
        print("median seconds of a cold look-up:", {which: round(time, 3) for which, time in medians.items()})
        assert medians["behind"] >= 4 * DELAY
        assert medians["ahead"] < 0.75 * medians["behind"], "the names behind the first are not asked one after the other"

        # Nothing was asked twice, and nothing that the clients would not have asked.
        names = [name for server in servers for name in server.names if name.startswith("new-")]
        assert len(names) == 8 * 2 * 4 and len(set(names)) == 8 * 4
        asked = agent.metrics().value("nodelocal_search_ahead_total", result="asked")
        # A client that is quicker than we are asks for itself.
        assert 8 * 2 * 2 <= asked <= 8 * 2 * 3
        eventually(
            lambda: agent.metrics().value("nodelocal_search_ahead_total", result="used") >= asked / 2,
            within=5,
            what="most of it was used",
        )
