"""`scripts/bench`: measures the agent beside its peers and a bare reflector, prints a table, writes the document."""

import argparse
import shlex
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

from . import cases, document, machine, names, programs, run, section, table, upstream
from .arena import LOAD_CORE, SERVER_CORE, UPSTREAM_ADDRESS, Arena
from .cases import Case, Pace
from .document import Session
from .errors import BenchError
from .probe import ensure_free, wait_for_answer
from .processes import usable_cores
from .results import Results, Samples

WORK = Path(".build/bench")
C_PROGRAMS = ("reflector", "latency", "burst")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/bench",
        description="Measures CPU, latency and memory of node-local-dns beside other servers and a bare reflector.",
    )
    parser.add_argument("--quick", action="store_true", help="fewer and shorter runs: three minutes; keeps docs/")
    parser.add_argument("--rounds", type=int, metavar="N", help="runs of each contestant (default: 5; quick: 1)")
    parser.add_argument("--seconds", type=int, metavar="N", help="length of a run (default: 10; quick: 3)")
    parser.add_argument(
        "--case",
        action="append",
        default=[],
        metavar="KEY",
        help="only this one, several times for several: "
        f"{', '.join(case.key for case in cases.CASES)}",
    )
    parser.add_argument("--binary", type=Path, metavar="PATH", help="measure this node-local-dns; builds nothing")
    parser.add_argument(
        "--output",
        type=Path,
        metavar="DIR",
        help="for the document (default: docs; with --quick or --case .build/bench)",
    )
    parser.add_argument("--agent-command", help=argparse.SUPPRESS)  # words with {flags}
    parser.add_argument("--build", default="given with --binary", help=argparse.SUPPRESS)  # how it was made
    chosen = parser.parse_args()
    if not (chosen.binary or chosen.agent_command):
        parser.error("--binary is needed here: scripts/bench gives it after its build")
    if chosen.rounds is not None and chosen.rounds < 1:
        parser.error("--rounds must be 1 or more")
    if chosen.seconds is not None and not 1 <= chosen.seconds <= 20:
        parser.error("--seconds must be 1 to 20: cached answers live for 30")
    return chosen


def main() -> None:
    chosen = arguments()
    if not {SERVER_CORE, LOAD_CORE} <= usable_cores():
        raise BenchError(f"needs the cores {SERVER_CORE} and {LOAD_CORE}: one for the server, one for the load")
    pace = _pace(chosen)
    facts = machine.describe()
    WORK.mkdir(parents=True, exist_ok=True)
    command = chosen.agent_command or f"{shlex.quote(str(chosen.binary.resolve()))} {{flags}}"
    arena = Arena(WORK.resolve(), command)
    for name in C_PROGRAMS:
        programs.compiled(name, arena.directory)
    selection = cases.choose(chosen.case, pace)
    octets, results = _measure_all(arena, selection, pace)
    session = Session(
        date=time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        machine=facts,
        agent_version=_agent_version(chosen),
        pace=pace,
        reflector_octets=octets,
        commands={case.key: case.loads(arena, pace).measured.shown() for case in selection},
        results=results,
    )
    _print(session)
    # Only a whole session is worth a document that is kept.
    is_whole = not (chosen.quick or chosen.case or chosen.agent_command)
    _write(session, chosen.output or (Path("docs") if is_whole else WORK))


def _pace(chosen: argparse.Namespace) -> Pace:
    pace = cases.QUICK if chosen.quick else cases.FULL
    return replace(pace, rounds=chosen.rounds or pace.rounds, seconds=chosen.seconds or pace.seconds)


def _agent_version(chosen: argparse.Namespace) -> str:
    if chosen.agent_command:
        return "a stand-in given with --agent-command"
    version = subprocess.run([chosen.binary, "version"], capture_output=True, text=True, timeout=10)
    return "; ".join([*version.stdout.splitlines(), chosen.build])


def _measure_all(arena: Arena, chosen: list[Case], pace: Pace) -> tuple[int, Results]:
    """The octets of the agent's answer, and all results.

    Rounds outside, contestants inside: whatever the machine does meanwhile, it does to all of them. Another one begins
    in each round: what the case before leaves behind is not always the same one's to bear.
    """
    samples: Samples = {}
    ensure_free(UPSTREAM_ADDRESS)
    with upstream.start(arena) as nsd:
        wait_for_answer(nsd, UPSTREAM_ADDRESS, names.A_HOT_NAME)
        octets = run.answer_size(arena)
        for number in range(1, pace.rounds + 1):
            for case in chosen:
                first = (number - 1) % len(case.contestants)
                for name in case.contestants[first:] + case.contestants[:first]:
                    sample = run.take_sample(case, name, arena, pace, nsd, octets)
                    samples.setdefault((case.key, name), []).append(sample)
                    _tell(f"round {number}/{pace.rounds}  {case.key:<15} {name:<15} {_brief(case, sample)}")
    return octets, Results(chosen, samples)


def _brief(case: Case, sample: run.Sample) -> str:
    if case.key == "memory":
        return f"{sum(process.pss for process in sample.memory) / 1024:6.1f} MiB PSS"
    speed = f"{sample.cpu_microseconds:6.2f} µs/query  {sample.load.queries_per_second:7.0f} queries/s"
    if sample.load.quantiles is None:
        return speed
    return f"{speed}  p50 {sample.load.quantiles['0.5']:.1f} µs  p99 {sample.load.quantiles['0.99']:.1f} µs"


def _print(session: Session) -> None:
    results = session.results
    for lines in (each(results) for each in table.ALL):
        if lines.lines:
            _tell("\n" + lines.plain())
    for heading, sentences in (("Where a peer wins", results.peers_that_win()), ("Doubts", results.doubts())):
        if sentences:
            _tell("\n".join(["", f"{heading}:", *(f"  {sentence}" for sentence in sentences)]))


def _write(session: Session, directory: Path) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    section.write_document(directory / "benchmarks.md", document.markdown(session))
    (directory / "benchmarks.json").write_text(document.record(session))
    for name, picture in document.pictures(session.results).items():
        path = directory / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(picture)
    _tell(f"\nWritten: {directory}/benchmarks.md, {directory}/benchmarks.json, {directory}/benchmarks/*.svg")


def _tell(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # unwinds: every server is stopped on the way
    try:
        main()
    except BenchError as error:
        sys.exit(f"bench: error: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
