"""The lines that docs/logs.md promises, in the log of an agent that sees all sorts of things."""

import json
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from testbed import Bed, eventually
from testbed.addresses import V4
from testbed.agent import Agent, for_addresses, manifest_template

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "logs.md"
PROMISED = re.findall(r"^\| `(\[[A-Z]+\] .+?)` \| ", DOCUMENT.read_text().split("These lines of node-cache's")[0], re.M)
TROUBLE = """
trouble.example.net:53 {{
    bind {bind}
    log
    errors
    forward silent.trouble.example.net {silent}
    forward refused.trouble.example.net {resolver}:9 {{
        force_tcp
    }}
    forward trouble.example.net {resolver} {{
        except none.trouble.example.net
    }}
}}
heaped.example.net:53 {{
    bind {bind}
    errors {{
        consolidate 1s "i/o timeout$" warning
    }}
    forward . {silent}
}}
"""


@pytest.fixture(scope="module")
def log(bed: Bed, binary: Path, silent_server: str) -> Iterator[str]:
    template = for_addresses(manifest_template(), [V4.local, V4.kube_dns])
    health = f"health {V4.local}:8080"
    template = template.replace(health, f"{health} {{\n        lameduck 1s\n    }}")
    template += TROUBLE.format(
        bind=V4.local, silent=silent_server, resolver=V4.resolver
    )
    stub = {"stubDomains": json.dumps({"internal.example.org": [V4.stub]})}
    with Agent(bed, binary, template=template, config_map=stub, name="talkative") as agent:
        for name in ("ok", "a.silent", "a.refused", "a.none"):
            bed.pod1.ask(f"{name}.trouble.example.net", server=V4.local, timeout=6)
        for name in ("a", "b"):
            bed.pod1.ask(f"{name}.heaped.example.net", server=V4.local, timeout=6)
        agent.wait_log("occurred in last")
        agent.template.replace({"Corefile.base": template.replace("cache 30", "cache 29")})
        agent.wait_log("Reloading complete", within=10)
        agent.template.replace({"Corefile.base": template.replace("cache 30", "cahce 30")})
        agent.wait_log("reload failed", within=10)
        agent.send(signal.SIGUSR1)
        agent.wait_log("SIGUSR1")
        agent.send(signal.SIGTERM)
        eventually(lambda: agent.process.poll() is not None, within=15, what="the end")
        yield agent.log


def test_some_lines_are_promised() -> None:
    assert len(PROMISED) >= 20


@pytest.mark.parametrize("line", PROMISED)
def test_the_log_has(log: str, line: str) -> None:
    pattern = re.sub(r"<[a-z]+>", r"\\S.*", re.escape(line))
    stamp = r"^\d{4}/\d\d/\d\d \d\d:\d\d:\d\d "
    assert re.search(stamp + pattern + "$", log, re.M), log
