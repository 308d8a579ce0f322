"""`scripts/bench-trouble`: what a pod notices of trouble upstream, with the agent and with Unbound."""

import argparse
import json
import os
import signal
import sys
import time
from dataclasses import asdict
from pathlib import Path

from compare import machine
from compare.arena import LOAD_CORE, SERVER_CORE
from compare.errors import BenchError
from testbed import Bed

from .cases import CASES, FULL, QUICK, Figure
from .contestants import AGENT, UNBOUND
from .stage import Cores, Stage


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/bench-trouble", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="shorter cases, one round; keeps docs/")
    parser.add_argument("--rounds", type=int, metavar="N", help="the worst of N rounds counts (default: 3; quick: 1)")
    parser.add_argument(
        "--case", action="append", default=[], metavar="KEY", help=", ".join(case.key for case in CASES)
    )
    parser.add_argument("--only", choices=[AGENT, UNBOUND], help="leave the other one out")
    parser.add_argument("--binary", type=Path, required=True, metavar="PATH", help="measure this node-local-dns")
    parser.add_argument("--output", type=Path, metavar="DIR", help="default: docs; otherwise .build/bench")
    parser.add_argument("--build", default="given with --binary", help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    chosen = arguments()
    if os.cpu_count() == 1:
        raise BenchError("needs two cores: one for the server, one for the load")
    pace = QUICK if chosen.quick else FULL
    rounds = chosen.rounds or (1 if chosen.quick else 3)
    cases = [case for case in CASES if not chosen.case or case.key in chosen.case]
    names = [chosen.only] if chosen.only else [AGENT, UNBOUND]
    taken: dict[tuple[str, str], list[list[Figure]]] = {}
    with Bed() as bed:
        for number in range(1, rounds + 1):
            for case in cases:
                for name in names:
                    with Stage(bed, Cores(server=(SERVER_CORE,), load=(LOAD_CORE,))) as stage:
                        figures = case.measure(stage, name, chosen.binary.resolve(), pace)
                    taken.setdefault((case.key, name), []).append(figures)
                    shown = "  ".join(f"{figure.key} {figure.value:.5g}{figure.unit}" for figure in figures)
                    print(f"round {number}/{rounds}  {case.key:<18} {name:<15} {shown}", flush=True)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # unwinds: every namespace is removed on the way
    try:
        main()
    except BenchError as error:
        sys.exit(f"bench-trouble: error: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
