"""The peers, each in the configuration that is meant to be fair: one thread for queries, on two addresses, a cache
that holds more than any case asks for, no DNSSEC validation, no query log, no statistics that can be switched off."""

import shutil

from .arena import (
    DNSDIST_ADDRESSES,
    DNSMASQ_ADDRESSES,
    PORT,
    RECURSOR_ADDRESSES,
    UNBOUND_ADDRESSES,
    UPSTREAM_ADDRESS,
    Arena,
)
from .errors import BenchError


def unbound_configuration(addresses: tuple[str, ...], port: int, forwarding: str, more: str = "") -> str:
    """With `forwarding` as the lines of its forward-zone; `more` are lines of the section `server`."""
    interfaces = "\n".join(f"  interface: {address}" for address in addresses)
    return f"""\
server:
{interfaces}
  port: {port}
  num-threads: 1
  so-reuseport: yes
  so-rcvbuf: 4m
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
{more}remote-control:
  control-enable: no
forward-zone:
  name: "."
{forwarding}"""


UNBOUND_CONFIGURATION = unbound_configuration(
    UNBOUND_ADDRESSES, PORT, f"  forward-addr: {UPSTREAM_ADDRESS}@{PORT}\n  forward-tcp-upstream: yes\n"
)

# The upstream is declared up: its health checks would take it out while it is stopped, though hits need none.
DNSDIST_CONFIGURATION = f"""\
setLocal("{DNSDIST_ADDRESSES[0]}:{PORT}")
addLocal("{DNSDIST_ADDRESSES[1]}:{PORT}")
setSecurityPollSuffix("")
setMaxTCPClientThreads(1)
setMaxUDPOutstanding(65535)
newServer({{address="{UPSTREAM_ADDRESS}:{PORT}"}}):setUp()
getPool(""):setCache(newPacketCache(100000))
"""

# It cannot be told to forward over TCP, so it has no part in the case of misses.
RECURSOR_CONFIGURATION = f"""\
local-address={RECURSOR_ADDRESSES[0]},{RECURSOR_ADDRESSES[1]}
local-port={PORT}
forward-zones-recurse=.={UPSTREAM_ADDRESS}:{PORT}
dont-query=
threads=1
pdns-distributes-queries=no
max-mthreads=4096
max-cache-entries=100000
max-packetcache-entries=100000
dnssec=off
quiet=yes
loglevel=0
disable-syslog=yes
statistics-interval=0
security-poll-suffix=
etc-hosts-file=/dev/null
daemon=no
write-pid=no
"""

DNSMASQ_CONFIGURATION = f"""\
keep-in-foreground
bind-interfaces
listen-address={DNSMASQ_ADDRESSES[0]}
listen-address={DNSMASQ_ADDRESSES[1]}
port={PORT}
no-resolv
no-hosts
server={UPSTREAM_ADDRESS}#{PORT}
cache-size=40000
dns-forward-max=4096
user=
group=
pid-file=
"""


def unbound(arena: Arena) -> list[str]:
    return [_copy(arena, "unbound"), "-d", "-c", str(arena.write("unbound.conf", UNBOUND_CONFIGURATION))]


def dnsdist(arena: Arena) -> list[str]:
    path = arena.write("dnsdist.lua", DNSDIST_CONFIGURATION)
    return [_copy(arena, "dnsdist"), "--supervised", "--disable-syslog", "-C", str(path)]


def recursor(arena: Arena) -> list[str]:
    arena.write("recursor.conf", RECURSOR_CONFIGURATION)
    directory = arena.directory
    return [_copy(arena, "pdns_recursor"), f"--config-dir={directory}", f"--socket-dir={directory}"]


def dnsmasq(arena: Arena) -> list[str]:
    return [_copy(arena, "dnsmasq"), "-C", str(arena.write("dnsmasq.conf", DNSMASQ_CONFIGURATION))]


def _copy(arena: Arena, program: str) -> str:
    """AppArmor's profiles, where there are some, let the installed program read only its own directory in /etc."""
    installed = shutil.which(program)
    if installed is None:
        raise BenchError(f"{program} is not installed")
    copy = arena.directory / program
    if not copy.exists():
        shutil.copy(installed, copy)
    return str(copy)
