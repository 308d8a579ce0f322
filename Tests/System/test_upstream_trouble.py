"""Upstreams that fall silent under load: the short form of `scripts/bench-trouble`, whose cases these are.

docs/benchmarks.md has the numbers of a quiet machine. Where a busy one cannot keep a promise that is counted in
milliseconds, the bound here is looser; nothing may be lost all the same.
"""

from pathlib import Path

import pytest

from testbed import Bed
from trouble.cases import CASES, SHORT, Case
from trouble.contestants import AGENT
from trouble.stage import Stage

# By case and figure; what is not here has the bound that is promised. A flood that two busy cores cannot carry
# overflows socket buffers, hits and all: one of a hundred may be lost.
BUSY = {
    ("stale", "first"): 1500,
    ("stale", "then"): 500,
    **{(f"flood-{transport}", "ratio"): None for transport in ("tcp", "udp")},
    **{(f"flood-{transport}", "beside-p99"): 1000 for transport in ("tcp", "udp")},
    **{(f"flood-{transport}", "hits-lost"): 0.01 * SHORT.hits * SHORT.flood_seconds for transport in ("tcp", "udp")},
    ("recovery-tcp", "first"): 2000,
    ("recovery-udp", "first"): 2000,
}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.key)
def test_pods_hardly_notice(bed: Bed, binary: Path, case: Case) -> None:
    with Stage(bed) as stage:
        figures = case.measure(stage, AGENT, binary, SHORT)
    missed = [
        f"{figure.text}: {figure.value:.1f} {figure.unit}, bound {bound:g}"
        for figure in figures
        if (bound := BUSY.get((case.key, figure.key), figure.limit)) is not None and figure.value > bound
    ]
    assert not missed, "\n".join([*missed, *(f"  {figure.key} {figure.value:.2f}" for figure in figures)])
