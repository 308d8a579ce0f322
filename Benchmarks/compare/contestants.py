"""Who is compared, and the agent's configuration. The document shows the texts; the peers' are in `peers.py`."""

import shlex
from collections.abc import Callable
from dataclasses import dataclass

from . import peers
from .arena import (
    AGENT_ADDRESSES,
    DNSDIST_ADDRESSES,
    DNSMASQ_ADDRESSES,
    PORT,
    RECURSOR_ADDRESSES,
    REFLECTOR_ADDRESS,
    UNBOUND_ADDRESSES,
    UPSTREAM_ADDRESS,
    Arena,
)

AGENT = "node-local-dns"
UNBOUND = "unbound"
DNSDIST = "dnsdist"
RECURSOR = "pdns-recursor"
DNSMASQ = "dnsmasq"
REFLECTOR = "reflector"

PEERS = (UNBOUND, DNSDIST, RECURSOR, DNSMASQ)

# What their processes are, first the one we start.
ROLES = {AGENT: ("supervisor", "worker")}

# Of the `success` line in the default manifest, and more than any case's entries.
DEFAULT_CAPACITY = 9_984
LARGE_CAPACITY = 40_000

DEFAULT_BLOCKS = 4
DEFAULT_BUDGET = 64  # MiB; the agent's own default

# The worker's and the supervisor's metrics.
WORKER_METRICS = (AGENT_ADDRESSES[0], 19253)
SUPERVISOR_METRICS = (AGENT_ADDRESSES[0], 19353)


@dataclass(frozen=True)
class Contestant:
    """A server that can be started: where it answers, and how it is run."""

    name: str
    addresses: tuple[str, ...]
    command: list[str]


@dataclass(frozen=True)
class Setting:
    """What a case wants of its contestants; all but `answer_octets` of the agent only."""

    cached_answers: int = DEFAULT_CAPACITY
    longest_seconds: int = 30  # that an answer is kept
    cache_mebibytes: int = DEFAULT_BUDGET
    server_blocks: int = DEFAULT_BLOCKS
    threads: int = 1
    answer_octets: int = 0  # for the reflector, which has no answers of its own


def corefile(setting: Setting = Setting()) -> str:
    """The default manifest's Corefile with this session's addresses: four blocks, two addresses, metrics, health.

    With one block it is the root's; with more than four the others are zones that nobody asks for.
    """
    success = f"success {setting.cached_answers} {setting.longest_seconds}"
    cache = f"cache {{\n        {success}\n        denial 9984 5\n    }}"
    health = f"\n    health {AGENT_ADDRESSES[0]}:18080"
    if setting.server_blocks == 1:
        return _block(".", cache, forced=True, more=health)
    reverse = ["in-addr.arpa", "ip6.arpa", *(f"zone{number:03}.example.org" for number in range(setting.server_blocks))]
    return "".join(
        [
            _block("cluster.local", cache, forced=True, more=health),
            *(_block(zone, "cache 30", forced=True) for zone in reverse[: setting.server_blocks - 2]),
            _block(".", "cache 30", forced=False),
        ]
    )


def _block(zone: str, cache: str, forced: bool, more: str = "") -> str:
    forward = f"forward . {UPSTREAM_ADDRESS}:{PORT}" + (" {\n        force_tcp\n    }" if forced else "")
    return f"""\
{zone}:{PORT} {{
    errors
    {cache}
    reload
    loop
    bind {" ".join(AGENT_ADDRESSES)}
    {forward}
    prometheus {WORKER_METRICS[0]}:{WORKER_METRICS[1]}{more}
}}
"""


def agent_flags(setting: Setting = Setting()) -> str:
    """As the default manifest's, but without touching the node's network, and with one packet thread for one core."""
    budget = "" if setting.cache_mebibytes == DEFAULT_BUDGET else f" -cache-budget {setting.cache_mebibytes}"
    return " ".join(
        [
            f"-localip {','.join(AGENT_ADDRESSES)} -dns.port {PORT}",
            "-basecorefile {template} -conf {corefile}",
            "-setupinterface=false -setupiptables=false",
            f"-metrics-listen-address {SUPERVISOR_METRICS[0]}:{SUPERVISOR_METRICS[1]}",
            f"-threads {setting.threads}{budget}",
        ]
    )


def agent(arena: Arena, setting: Setting) -> Contestant:
    template = arena.write("Corefile.base", corefile(setting))
    words = {"template": template, "corefile": arena.directory / "Corefile", "directory": arena.directory}
    text = arena.agent_command.replace("{flags}", agent_flags(setting))
    return Contestant(AGENT, AGENT_ADDRESSES, [word.format_map(words) for word in shlex.split(text)])


def reflector(arena: Arena, setting: Setting) -> Contestant:
    program = arena.directory / "reflector"
    command = [str(program), REFLECTOR_ADDRESS, str(PORT), str(setting.answer_octets)]
    return Contestant(REFLECTOR, (REFLECTOR_ADDRESS,), command)


BUILDERS: dict[str, Callable[[Arena, Setting], Contestant]] = {
    AGENT: agent,
    UNBOUND: lambda arena, _: Contestant(UNBOUND, UNBOUND_ADDRESSES, peers.unbound(arena)),
    DNSDIST: lambda arena, _: Contestant(DNSDIST, DNSDIST_ADDRESSES, peers.dnsdist(arena)),
    RECURSOR: lambda arena, _: Contestant(RECURSOR, RECURSOR_ADDRESSES, peers.recursor(arena)),
    DNSMASQ: lambda arena, _: Contestant(DNSMASQ, DNSMASQ_ADDRESSES, peers.dnsmasq(arena)),
    REFLECTOR: reflector,
}
