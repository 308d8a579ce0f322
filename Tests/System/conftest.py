"""One test bed for the whole run; an agent for each module that only asks, or one made by the test itself."""

import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from testbed import Agent, Bed
from testbed.priority import real_time
from testbed.trial import ROWS, table


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--measure", action="store_true", help="let test_survival.py run for as long as its numbers need"
    )


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--measure"):
        config.stash[ROWS] = {}


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if rows := config.stash.get(ROWS, None):
        terminalreporter.write_line("\n" + table(list(rows.values())) + "\n")


@pytest.fixture(scope="session")
def binary() -> Path:
    """The program under test, as `scripts/test` has built it."""
    path = Path(os.environ.get("NODE_LOCAL_DNS", "")).resolve()
    if not path.is_file():
        pytest.exit("set NODE_LOCAL_DNS to the binary, or use scripts/test", returncode=2)
    return path


@pytest.fixture(scope="session")
def bed() -> Iterator[Bed]:
    with Bed() as made:
        yield made


@pytest.fixture(scope="module")
def agent(bed: Bed, binary: Path) -> Iterator[Agent]:
    """A running agent as the manifest starts it, shared by the tests of a module."""
    with Agent(bed, binary) as running:
        yield running


@pytest.fixture
def new_agent(bed: Bed, binary: Path) -> Iterator[Callable[..., Agent]]:
    """Makes agents for one test; what still runs at its end is stopped. Takes what `Agent` takes."""
    made: list[Agent] = []

    def make(**options) -> Agent:
        made.append(Agent(bed, binary, **options))
        return made[-1]

    yield make
    for one in made:
        if one.process is not None and one.process.poll() is None:
            one.send(15)
            one.wait(10)


@pytest.fixture(scope="module")
def real_time_priority(bed: Bed) -> Iterator[None]:
    """The tests of a module, the agents and askers that they start, and the nameservers are not held up by anybody else."""
    with real_time([*bed.cluster.pids(), *bed.outside.pids()]):
        yield


@pytest.fixture(scope="module")
def silent_server(bed: Bed) -> Iterator[str]:
    """A server that takes questions and never answers."""
    with bed.outside.open_socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        bed.outside.ip("address", "add", "192.0.2.66/32", "dev", "lo")
        server.bind(("192.0.2.66", 53))
        with bed.outside.open_socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
            listener.bind(("192.0.2.66", 53))
            listener.listen()
            yield "192.0.2.66"
    bed.outside.ip("address", "del", "192.0.2.66/32", "dev", "lo")
