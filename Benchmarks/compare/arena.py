"""The places of one session: addresses on loopback, cores, a directory for files. Nothing here measures."""

from dataclasses import dataclass
from pathlib import Path

SERVER_CORE = 0
LOAD_CORE = 1
# For two packet threads; the load sleeps meanwhile.
TWO_SERVER_CORES = (0, 1)

# Servers and load go first. Otherwise what else the machine does takes a few milliseconds here and there, a hundredth
# of the time, and p99 is its number.
NICENESS = -20
FIRST = ("nice", "-n", str(NICENESS))

# Not 53: this machine may have a DNS server of its own.
PORT = 5300
AGENT_ADDRESSES = ("127.0.53.1", "127.0.53.2")
UNBOUND_ADDRESSES = ("127.0.53.11", "127.0.53.12")
DNSDIST_ADDRESSES = ("127.0.53.13", "127.0.53.14")
RECURSOR_ADDRESSES = ("127.0.53.15", "127.0.53.16")
DNSMASQ_ADDRESSES = ("127.0.53.17", "127.0.53.18")
REFLECTOR_ADDRESS = "127.0.53.21"
UPSTREAM_ADDRESS = "127.0.53.31"


@dataclass(frozen=True)
class Arena:
    """Where a session keeps its files, and what it was given."""

    directory: Path
    agent_command: str  # words; {flags} become the agent's flags

    def write(self, name: str, text: str) -> Path:
        path = self.directory / name
        path.write_text(text)
        return path

    def log(self, name: str) -> Path:
        return self.directory / f"{name}.log"
