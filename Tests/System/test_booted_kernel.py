"""The agent on Debian's own kernel, booted for it: there the dummy link is real."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
EVERYWHERE = {
    f"{place}-{transport}": ["10.96.0.1"]
    for place in ("pod1", "pod2", "host")
    for transport in ("udp", "tcp")
}


@pytest.fixture(scope="module")
def facts(binary: Path) -> dict[str, object]:
    """What the guest has seen; see guest/whole_life.py."""
    guest = Path(__file__).with_name("guest") / "run"
    command = [REPOSITORY / "scripts" / "boot-kernel", "run", guest, sys.prefix, binary]
    done = subprocess.run(
        list(map(str, command)),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=300,
    )
    found: dict[str, object] = {
        "exit_code_of_the_guest": done.returncode,
        "output": done.stdout + done.stderr,
    }
    for line in done.stdout.splitlines():
        if line.startswith("FACT "):
            _, name, value = line.split(" ", 2)
            found[name] = json.loads(value)
    return found


def test_the_guest_runs_to_its_end(facts: dict[str, object]) -> None:
    assert facts["exit_code_of_the_guest"] == 0, facts["output"]


EXPECTED = {
    "links": {"nodelocaldns": "dummy"},
    "flags_of_the_tables": ["owner"],
    "answers_at_169.254.20.10": EVERYWHERE,
    "answers_at_10.96.0.10": EVERYWHERE,
    "answers_at_fd00:20::10": EVERYWHERE,
    "tracked": [],
    "misses": ["tcp"],
    "questions_for_a_cached_name": 1,
    "answers_after_the_link_came_back": EVERYWHERE,
    "exit_code": 0,
    "left_behind": [],
    # Only IPv4 has an upstream Service there; the other family's table keeps its answers out of conntrack.
    "fallback": ["ip nodelocaldns-fallback", "ip6 nodelocaldns-fallback"],
    "answers_in_fallback": ["10.96.0.1"],
    "tables_after_cleanup": [],
    "answers_of_cluster_dns": ["10.96.0.1"],
}


@pytest.mark.parametrize("name", EXPECTED)
def test_on_a_booted_kernel(facts: dict[str, object], name: str) -> None:
    assert facts.get(name, "not reached") == EXPECTED[name]
