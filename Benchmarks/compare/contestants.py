"""Who is compared, each in the configuration that is meant to be fair. The document shows the texts."""

import shlex
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .arena import AGENT_ADDRESSES, PORT, REFLECTOR_ADDRESS, UNBOUND_ADDRESSES, UPSTREAM_ADDRESS, Arena
from .errors import BenchError

AGENT = "node-local-dns"
UNBOUND = "unbound"
REFLECTOR = "reflector"

# What their processes are, first the one we start.
ROLES = {AGENT: ("supervisor", "worker")}

# Of the `success` line in the default manifest, and more than any case's entries.
DEFAULT_CAPACITY = 9_984
LARGE_CAPACITY = 40_000


@dataclass(frozen=True)
class Contestant:
    """A server that can be started: where it answers, and how it is run."""

    name: str
    addresses: tuple[str, ...]
    command: list[str]


@dataclass(frozen=True)
class Setting:
    """What a case wants of every contestant."""

    cached_answers: int = DEFAULT_CAPACITY
    answer_octets: int = 0  # for the reflector, which has no answers of its own


def corefile(cached_answers: int = DEFAULT_CAPACITY) -> str:
    """The default manifest's Corefile with this session's addresses: four blocks, two addresses, metrics, health."""
    reverse = "".join(_block(zone, "cache 30", forced=True) for zone in ("in-addr.arpa", "ip6.arpa"))
    cache = f"cache {{\n        success {cached_answers} 30\n        denial 9984 5\n    }}"
    health = f"\n    health {AGENT_ADDRESSES[0]}:18080"
    return _block("cluster.local", cache, forced=True, more=health) + reverse + _block(".", "cache 30", forced=False)


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
    prometheus {AGENT_ADDRESSES[0]}:19253{more}
}}
"""


UNBOUND_CONFIGURATION = f"""\
server:
  interface: {UNBOUND_ADDRESSES[0]}
  interface: {UNBOUND_ADDRESSES[1]}
  port: {PORT}
  num-threads: 1
  so-reuseport: yes
  module-config: "iterator"
  do-not-query-localhost: no
  msg-cache-size: 64m
  rrset-cache-size: 128m
  outgoing-range: 4096
  num-queries-per-thread: 4096
  incoming-num-tcp: 1000
  outgoing-num-tcp: 100
  verbosity: 0
  log-queries: no
  use-syslog: no
  do-daemonize: no
  username: ""
  chroot: ""
  directory: ""
  pidfile: ""
remote-control:
  control-enable: no
forward-zone:
  name: "."
  forward-addr: {UPSTREAM_ADDRESS}@{PORT}
  forward-tcp-upstream: yes
"""


def agent(arena: Arena, setting: Setting) -> Contestant:
    template = arena.write("Corefile.base", corefile(setting.cached_answers))
    words = {"template": template, "corefile": arena.directory / "Corefile", "directory": arena.directory}
    command = [word.format_map(words) for word in shlex.split(arena.agent_command)]
    return Contestant(AGENT, AGENT_ADDRESSES, command)


def agent_flags() -> str:
    """As the default manifest's, but without touching the node's network, and with one packet thread for one core."""
    return " ".join(
        [
            f"-localip {','.join(AGENT_ADDRESSES)} -dns.port {PORT}",
            "-basecorefile {template} -conf {corefile}",
            "-setupinterface=false -setupiptables=false",
            f"-metrics-listen-address {AGENT_ADDRESSES[0]}:19353",
            "-threads 1",
        ]
    )


def unbound(arena: Arena, setting: Setting) -> Contestant:
    installed = shutil.which("unbound")
    if installed is None:
        raise BenchError("unbound is not installed")
    # A copy: Debian's AppArmor profile lets the installed one read only /etc/unbound.
    program = Path(shutil.copy(installed, arena.directory / "unbound"))
    path = arena.write("unbound.conf", UNBOUND_CONFIGURATION)
    return Contestant(UNBOUND, UNBOUND_ADDRESSES, [str(program), "-d", "-c", str(path)])


def reflector(arena: Arena, setting: Setting) -> Contestant:
    program = arena.directory / "reflector"
    command = [str(program), REFLECTOR_ADDRESS, str(PORT), str(setting.answer_octets)]
    return Contestant(REFLECTOR, (REFLECTOR_ADDRESS,), command)


BUILDERS: dict[str, Callable[[Arena, Setting], Contestant]] = {
    AGENT: agent,
    UNBOUND: unbound,
    REFLECTOR: reflector,
}
