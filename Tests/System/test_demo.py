"""What `scripts/demo --kill` shows is what the README says of it."""

import re
import subprocess
import sys
from pathlib import Path

from testbed.priority import real_time


def test_look_ups_go_on_while_the_agent_is_killed_and_do_not_with_plain_rules(binary: Path) -> None:
    with real_time():
        shown = subprocess.run(
            [sys.executable, "-B", "-m", "testbed.demo", "--kill", binary],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            timeout=120,
        )
    assert shown.returncode == 0, shown.stdout + shown.stderr
    rows = re.findall(r"^  (\S.*?) +(\d+) +(\d+) +([\d.]+) s$", shown.stdout, re.MULTILINE)
    lost = {title: int(lost) for title, _, lost, _ in rows}
    plain = lost.pop("NOTRACK rules, as node-cache's")
    # All that is asked in the three seconds until the next start: eight askers, 100 questions a second each.
    assert plain >= 2000, shown.stdout
    assert list(lost) == [f"our tables, {who} killed" for who in ("worker", "supervisor", "both")]
    assert max(lost.values()) <= plain / 20, shown.stdout
