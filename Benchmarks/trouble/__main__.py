"""`scripts/bench-trouble`: what a pod notices of trouble upstream, with the agent and with Unbound."""

import argparse
import os
import signal
import sys
import time
from pathlib import Path

from compare import machine, section
from compare.arena import LOAD_CORE, SERVER_CORE
from compare.errors import BenchError
from testbed import Bed

from . import document
from .cases import CASES, FULL, QUICK, Case, Pace
from .contestants import AGENT, UNBOUND
from .document import Session
from .results import Taken, shown
from .stage import Cores, Stage


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/bench-trouble", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="shorter cases, one round; keeps docs/")
    parser.add_argument("--rounds", type=int, metavar="N", help="the worst of N rounds counts (default: 3; quick: 1)")
    parser.add_argument(
        "--case", action="append", default=[], metavar="KEY", help=", ".join(case.key for case in CASES)
    )
    parser.add_argument("--only", choices=[AGENT, UNBOUND], help="leave the other one out")
    parser.add_argument("--binary", type=Path, required=True, metavar="PATH", help="measure this node-local-dns; builds nothing")
    parser.add_argument("--output", type=Path, metavar="DIR", help="default: docs; otherwise .build/bench")
    parser.add_argument("--build", default="given with --binary", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.rounds is not None and chosen.rounds < 1:
        parser.error("--rounds must be 1 or more")
    return chosen


def main() -> None:
    chosen = arguments()
    if not {SERVER_CORE, LOAD_CORE} <= os.sched_getaffinity(0):
        raise BenchError(f"needs the cores {SERVER_CORE} and {LOAD_CORE}: one for the server, one for the load")
    unknown = set(chosen.case) - {case.key for case in CASES}
    if unknown:
        raise BenchError(f"no case {min(unknown)!r}: there are {', '.join(case.key for case in CASES)}")
    facts = machine.describe()
    pace = QUICK if chosen.quick else FULL
    rounds = chosen.rounds or (1 if chosen.quick else 3)
    cases = [case for case in CASES if not chosen.case or case.key in chosen.case]
    names = [chosen.only] if chosen.only else [AGENT, UNBOUND]
    session = Session(
        date=time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        machine=facts,
        build=chosen.build,
        rounds=rounds,
        pace=pace,
        cases=cases,
        taken=_measure_all(cases, names, rounds, pace, chosen.binary.resolve()),
    )
    _tell("\n" + document.table(session).plain())
    if sentences := document.victories(session):
        _tell("\n".join(["", "Where Unbound is better:", *(f"  {sentence}" for sentence in sentences)]))
    # Only a whole session is worth a section that is kept.
    is_whole = not (chosen.quick or chosen.case or chosen.only)
    _write(session, chosen.output or (Path("docs") if is_whole else Path(".build/bench")))


def _measure_all(cases: list[Case], names: list[str], rounds: int, pace: Pace, binary: Path) -> Taken:
    """Rounds outside, contestants inside: whatever the machine does meanwhile, it does to both."""
    taken: Taken = {}
    with Bed() as bed:
        for number in range(1, rounds + 1):
            for case in cases:
                for name in names:
                    with Stage(bed, Cores(server=(SERVER_CORE,), load=(LOAD_CORE,))) as stage:
                        figures = case.measure(stage, name, binary, pace)
                    taken.setdefault((case.key, name), []).append(figures)
                    brief = "  ".join(f"{figure.key} {shown(figure.value, figure.unit)}" for figure in figures)
                    _tell(f"round {number}/{rounds}  {case.key:<18} {name:<15} {brief}")
    return taken


def _write(session: Session, directory: Path) -> None:
    pictures = directory / "benchmarks"
    pictures.mkdir(parents=True, exist_ok=True)
    section.write_trouble(directory / "benchmarks.md", document.markdown(session))
    (pictures / "trouble.json").write_text(document.record(session))
    _tell(f"\nWritten: {directory}/benchmarks.md, {pictures}/trouble.json")


def _tell(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # unwinds: every namespace is removed on the way
    try:
        main()
    except BenchError as error:
        sys.exit(f"bench-trouble: error: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
