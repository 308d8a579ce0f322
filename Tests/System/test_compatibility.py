"""What docs/compatibility.md says about lines without effect is what an operator reads in the log: once."""

import re
from pathlib import Path

from testbed import Bed, eventually
from testbed.addresses import STUB_DOMAIN, V4
from testbed.agent import for_addresses, manifest_template
from testbed.client import addresses

TABLE = Path(__file__).resolve().parents[2] / "docs" / "compatibility.md"

# How each is written in a Corefile: directives, and properties by the line that they stand in.
DIRECTIVES = {
    "cancel": "cancel 2s",
    "debug": "debug",
    "metadata": "metadata",
    "multisocket": "multisocket 2",
    "pprof": "pprof :6053",
    "root": "root /etc/zones",
    "trace": "trace zipkin 192.0.2.1:9411",
}
PROPERTIES = {
    ("dnstap", "skipverify"): "dnstap /run/none.sock {\n skipverify\n }",
    ("errors", "stacktrace"): "errors {\n stacktrace\n }",
    ("hosts", "reload"): "hosts {\n reload 5s\n fallthrough\n }",
    ("loadbalance", "reload"): "loadbalance weighted /etc/hosts.weights {\n reload 5s\n }",
    ("template", "upstream"): "template IN A never.example.org {\n rcode NXDOMAIN\n upstream\n }",
    ("timeouts", "write"): "timeouts {\n write 5s\n }",
}


def idle_rows() -> list[tuple[str, str, str]]:
    """Plugin, property or nothing, and why, of every row of the table that has no effect."""
    row = r"^\| (\w+) \| (?:`(\S+?)(?: [^`]*)?`)? *\| accepted without effect \| (.*) \|$"
    rows = re.findall(row, TABLE.read_text(), re.M)
    assert rows
    return rows


def test_every_line_without_effect_is_told_once(bed: Bed, new_agent) -> None:
    rows = idle_rows()
    directives = {plugin for plugin, name, _ in rows if not name}
    properties = {(plugin, name) for plugin, name, _ in rows if name and plugin not in directives}
    assert directives == set(DIRECTIVES)
    assert properties == set(PROPERTIES)
    lines = "\n".join([*DIRECTIVES.values(), *PROPERTIES.values()])
    block = f"idle.example.org:53 {{\n{lines}\nbind {V4.local} {V4.kube_dns}\nforward . {V4.resolver}\n}}\n"
    template = for_addresses(manifest_template(), [V4.local, V4.kube_dns])
    with new_agent(template=template + block) as agent:
        # Another configuration that still has them is no reason to tell it again.
        stub = f"{STUB_DOMAIN}:53 {{\n bind {V4.local} {V4.kube_dns}\n forward . {V4.stub}\n}}\n"
        agent.template.replace({"Corefile.base": template + block + stub})
        eventually(lambda: addresses(bed.pod1.ask(f"app.{STUB_DOMAIN}")) == {"192.0.2.90"}, what="the reload")
        for plugin, name, reason in rows:
            if not name:
                told = f"plugin/{plugin}: accepted without effect: {reason}"
            elif plugin in directives:
                continue  # said by the directive
            else:
                told = f"plugin/{plugin}: '{name}' is accepted without effect: {reason}"
            assert agent.log.count(told) == 1, told
