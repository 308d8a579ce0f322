"""Configuration that changes under a running agent."""

import itertools
import json
import re
import signal
from pathlib import Path

import pytest

from testbed import Agent, Bed, eventually
from testbed.addresses import STUB_DOMAIN, V4
from testbed.agent import for_addresses, manifest_template
from testbed.client import addresses, rcode
from testbed.load import Load

APPLIED = 5.0  # seconds a change may take


def template() -> str:
    return for_addresses(manifest_template(), [V4.local, V4.kube_dns])


def setup_errors(agent: Agent) -> float:
    return agent.metrics(9353).value("coredns_nodecache_setup_errors_total", errortype="configmap")


def test_a_stub_domain_is_added_without_losing_a_query_or_a_cache(bed: Bed, new_agent) -> None:
    names = [f"load-{index}.shop.svc.cluster.local" for index in range(10, 20)]
    with new_agent() as agent:
        for name in names:
            bed.pod1.ask(name)
        bed.at_cluster_dns.clear()
        assert addresses(bed.pod1.ask(f"app.{STUB_DOMAIN}")) == {"192.0.2.99"}  # the resolver's wildcard

        with (
            Load(bed.pod1, V4.local, names) as load,
            Load(bed.pod2, V4.kube_dns, names, rate=20, tcp=True) as slow,
        ):
            agent.kube_dns.replace({"stubDomains": json.dumps({STUB_DOMAIN: [V4.stub]})})
            eventually(
                lambda: addresses(bed.host.ask(f"app.{STUB_DOMAIN}")) == {"192.0.2.90"},
                within=APPLIED,
                what="the stub domain is served",
            )
        assert (load.lost, slow.lost) == ([], [])
        assert load.sent > 0
        # The block of cluster.local has not changed, so everything was still in its cache.
        assert [one for one in bed.at_cluster_dns.asked() if one.name in names] == []


def test_upstream_nameservers_replace_resolv_conf_and_go_again(bed: Bed, new_agent) -> None:
    numbers = itertools.count()

    def fresh_name() -> set[str]:
        """Asks for a name that no cache can know."""
        return addresses(bed.pod1.ask(f"fresh-{next(numbers)}.example.org"))

    with new_agent() as agent:
        assert fresh_name() == {"192.0.2.99"}
        agent.kube_dns.replace({"upstreamNameservers": json.dumps([V4.other_resolver])})
        eventually(lambda: fresh_name() == {"203.0.113.99"}, within=APPLIED, what="the new resolver is asked")
        agent.kube_dns.replace({})
        eventually(
            lambda: fresh_name() == {"192.0.2.99"}, within=APPLIED, what="the node's resolver is asked again"
        )


def test_the_template_changes(bed: Bed, new_agent) -> None:
    with new_agent() as agent:
        block = f"{STUB_DOMAIN}:53 {{\n    bind {V4.local} {V4.kube_dns}\n    forward . {V4.stub}\n}}\n"
        agent.template.replace({"Corefile.base": template() + block})
        eventually(
            lambda: addresses(bed.pod1.ask(f"app.{STUB_DOMAIN}")) == {"192.0.2.90"},
            within=APPLIED,
            what="applied",
        )


WRONG_MAPS = [
    ("broken-json", {"stubDomains": '{"acme.local": ["10.0.0.1"'}),
    ("array-instead-of-object", {"stubDomains": '["10.0.0.1"]'}),
    ("server-that-is-a-name", {"stubDomains": '{"acme.local": ["ns.example.org"]}'}),
    ("bad-upstream-address", {"upstreamNameservers": '["/etc/resolv.conf"]'}),
    ("four-upstreams", {"upstreamNameservers": '["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"]'}),
]


@pytest.mark.parametrize(("case", "wrong"), WRONG_MAPS, ids=[case for case, _ in WRONG_MAPS])
def test_a_wrong_config_map_keeps_the_old_configuration(bed: Bed, new_agent, case: str, wrong: dict) -> None:
    right = {"stubDomains": json.dumps({STUB_DOMAIN: [V4.stub]})}
    with new_agent(config_map=right) as agent:
        before, printed = setup_errors(agent), len(agent.log)
        agent.kube_dns.replace(wrong)
        eventually(lambda: setup_errors(agent) > before, within=APPLIED, what="the error is counted")
        assert addresses(bed.pod1.ask(f"app.{STUB_DOMAIN}")) == {"192.0.2.90"}
        complaints = re.findall(r"^.*\[ERROR\].*$", agent.log[printed:], re.MULTILINE)
        assert len(complaints) == 1, case
        # A right one after it is taken.
        agent.kube_dns.replace({})
        eventually(
            lambda: addresses(bed.pod1.ask(f"late-{case}.{STUB_DOMAIN}")) == {"192.0.2.99"},
            within=APPLIED,
            every=0.5,
            what="the next change is applied",
        )


def test_an_unparsable_corefile_keeps_the_old_configuration(bed: Bed, new_agent) -> None:
    with new_agent() as agent:
        before, printed = setup_errors(agent), len(agent.log)
        agent.template.replace({"Corefile.base": template().replace("cache 30", "cache thirty minutes {", 1)})
        eventually(lambda: setup_errors(agent) > before, within=APPLIED, what="the error is counted")
        agent.wait_log(r"\[ERROR\].*Corefile", start=printed)
        assert addresses(bed.pod1.ask("kubernetes.default.svc.cluster.local")) == {"10.96.0.1"}
        assert addresses(bed.pod1.ask("www.example.org")) == {"192.0.2.80"}


def test_a_missing_upstream_service_never_becomes_nil(bed: Bed, new_agent, binary: Path) -> None:
    """Without the Service's address the agent serves what it can, and leaves the rest to cluster DNS."""
    bed.node.run(binary, "cleanup")  # a fall-back would take what is not intercepted
    agent = new_agent(upstream=None, flags={"upstreamsvc": "nowhere"}).start()
    eventually(
        lambda: agent.running() and addresses(bed.host.ask("www.example.org")) == {"192.0.2.80"},
        within=10,
        what="outside names are served",
    )
    assert rcode(bed.host.ask("kubernetes.default.svc.cluster.local")) == "SERVFAIL"
    assert addresses(bed.pod1.ask("kubernetes.default.svc.cluster.local", "A", V4.kube_dns)) == {"10.96.0.1"}
    assert agent.rules() == ""
    assert "<nil>" not in agent.log
    assert not agent.corefile.exists() or "<nil>" not in agent.corefile.read_text()
    agent.stop()


def test_a_missing_upstream_service_is_found(bed: Bed, new_agent) -> None:
    """The pod is older than the Service: its address is asked for where kube-proxy leads to cluster DNS."""
    agent = new_agent(upstream=None).start()
    eventually(
        lambda: addresses(bed.pod1.ask("kubernetes.default.svc.cluster.local")) == {"10.96.0.1"},
        within=15,
        what="cluster names are served",
    )
    agent.wait_log("Found upstream service kube-dns-upstream at 10.96.134.149")
    eventually(agent.rules, what="traffic is intercepted")
    agent.stop()


@pytest.mark.parametrize("signal_name", ["SIGHUP", "SIGUSR1"])
def test_a_signal_reloads(bed: Bed, new_agent, signal_name: str) -> None:
    with new_agent() as agent:
        printed = len(agent.log)
        agent.send(getattr(signal, signal_name))
        agent.wait_log(r"[Rr]eload", start=printed)
        assert agent.running()
        assert addresses(bed.pod1.ask("kubernetes.default.svc.cluster.local"))
