"""Ready is who has proved that the node's look-ups reach it; asked locally, of one's own agent, or over HTTP."""

import contextlib
import signal
import socket
from collections.abc import Iterator

import pytest

from testbed import Agent, Bed, eventually
from testbed.addresses import V4
from test_life import resolves

pytestmark = pytest.mark.usefixtures("real_time_priority")


def is_active(agent: Agent) -> bool:
    return agent.metrics(9353).value("nodelocal_interception_active", family="ipv4") == 1


def test_ready_while_it_serves_and_not_when_it_leaves(bed: Bed, new_agent) -> None:
    with new_agent(flags={"drain-delay": "1s"}) as agent:
        eventually(lambda: agent.unreadiness() is None, what="ready")
        assert agent.get("/ready", 8181) == (200, "OK")
        assert is_active(agent)
        agent.send(signal.SIGTERM)
        agent.wait_log("Answering as before for 1s, then leaving")
        assert agent.unreadiness() == "leaving"
        assert agent.get("/ready", 8181) == (503, "leaving\n")
        assert resolves(bed) and "notrack" in agent.rules()
        assert agent.wait(5) == 0
    assert "Connection refused" in agent.unreadiness()


def test_each_of_two_agents_speaks_for_itself(bed: Bed, new_agent) -> None:
    with new_agent() as old:
        # Its traffic is left to cluster DNS.
        new = new_agent(upstream=None, flags={"upstreamsvc": "not-there"}).start()
        new.wait_log("Serving")
        assert "upstream Service is not known" in new.unreadiness()
        assert old.unreadiness() is None
        new.stop()


@contextlib.contextmanager
def thief(bed: Bed) -> Iterator[None]:
    """Somebody's rule takes the look-ups of this node away, but not those with our mark."""
    rule = f"ip daddr {V4.local} udp dport 53 meta mark != 53 drop"
    bed.node.run("nft", f"table ip thief {{ chain out {{ type filter hook output priority -400; {rule}; }}; }}")
    try:
        yield
    finally:
        bed.node.run("nft", "delete", "table", "ip", "thief")


def test_what_is_not_ours_any_more_is_told_though_the_rules_are_there(bed: Bed, new_agent) -> None:
    with new_agent() as agent:
        eventually(lambda: is_active(agent), what="traffic is ours")
        with thief(bed):
            agent.wait_log("Look-ups of this node do not reach this agent: udp 169.254.20.10:53", within=15)
            assert not is_active(agent)
            assert agent.get("/ready", 8181, V4.kube_dns)[0] == 503
            assert "notrack" in agent.rules(), "it is the way to us that is broken, not we"
        eventually(lambda: is_active(agent) and agent.unreadiness() is None, within=8, what="ours again")


@pytest.mark.parametrize("port", [8080, 8181, 9253, 9353])
def test_a_busy_port_never_stops_dns_and_is_opened_when_it_is_free(bed: Bed, new_agent, port: int) -> None:
    with bed.node.open_socket(socket.AF_INET6, socket.SOCK_STREAM) as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("::", port))
        other.listen()
        with new_agent() as agent:
            assert resolves(bed)
            agent.wait_log(rf"listen tcp \S+:{port}: Address already in use; trying again")
            seen = 9253 if port != 9253 else 9353
            failures = "nodelocal_probe_bind_failures_total"
            if seen == 9253 or port != 9253:
                eventually(lambda: agent.metrics(seen).value(failures) > 1, what="tried again, and counted")
            other.close()
            eventually(lambda: agent.get("/", port), what="the port is open")
            assert agent.log.count(f":{port}: Address already in use") == 1
