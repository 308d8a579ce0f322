"""What node-cache has on a node: its link, its iptables rules with their comments, and a server at its addresses.

The server is Unbound, which shares its ports as CoreDNS does (SO_REUSEPORT) and asks cluster DNS over TCP.
"""

import signal
import subprocess

from .bed import Bed
from .client import Client
from .eventually import eventually
from .shell import CommandFailed

SKIP, ALLOW = "NodeLocal DNS Cache: skip conntrack", "NodeLocal DNS Cache: allow DNS traffic"
LINK = "nodelocaldns"


def rules(address: str) -> list[tuple[str, ...]]:
    """Its twelve rules for an address, in its order: table, chain, and the rest as iptables takes it."""
    to, of = ("-d", address, "--dport", "53"), ("-s", address, "--sport", "53")
    found = [
        (table, chain, "-p", protocol, *match, "-j", action, "-m", "comment", "--comment", comment)
        for table, chain, match, action, comment in (
            ("raw", "PREROUTING", to, "NOTRACK", SKIP),
            ("filter", "INPUT", to, "ACCEPT", ALLOW),
            ("raw", "OUTPUT", of, "NOTRACK", SKIP),
            ("filter", "OUTPUT", of, "ACCEPT", ALLOW),
            ("raw", "OUTPUT", to, "NOTRACK", SKIP),
        )
        for protocol in ("tcp", "udp")
    ]
    for match in (("-d", address, "--dport", "8080"), ("-s", address, "--sport", "8080")):
        found.append(("raw", "OUTPUT", "-p", "tcp", *match, "-j", "NOTRACK", "-m", "comment", "--comment", SKIP))
    return found


class NodeCache:
    """Use it with `with`: it serves inside. `stop` ends it as SIGTERM ends node-cache."""

    def __init__(self, bed: Bed, addresses: tuple[str, ...], upstream: str, iptables: str = "iptables-nft") -> None:
        self.bed = bed
        self.addresses = addresses
        self.upstream = upstream
        self.iptables = iptables
        self.directory = bed.directory / f"node-cache-{len(list(bed.directory.glob('node-cache-*')))}"
        self.process: subprocess.Popen | None = None

    def __enter__(self) -> "NodeCache":
        # Link first, then the sockets, and rules when those are open: as node-cache does with a pid file.
        if LINK not in self.bed.node.ip("-o", "link"):
            # Where the kernel has no dummy links a bridge has to do: an address on it is as local.
            self.bed.node.ip("link", "add", LINK, "type", "bridge")
        for address in self.addresses:
            self.bed.node.ip("address", "replace", f"{address}/32", "dev", LINK)
        self.directory.mkdir()
        configuration = self.directory / "unbound.conf"
        configuration.write_text(self.configuration())
        with open(self.directory / "log", "w") as log:
            command = ("unbound", "-d", "-c", configuration)
            self.process = self.bed.node.start(*command, stdout=log, stderr=subprocess.STDOUT)
        self.check_rules()
        for address in self.addresses:
            client = Client(self.bed.node)
            eventually(lambda: client.ask("cluster.local", "SOA", address, timeout=0.5).answer, what="node-cache")
        return self

    def __exit__(self, *_: object) -> None:
        if self.process is not None:
            self.stop()

    def rules(self) -> list[tuple[str, ...]]:
        return [rule for address in self.addresses for rule in rules(address)]

    def configuration(self) -> str:
        lines = [
            "server:",
            *(f"  interface: {address}" for address in self.addresses),
            "  so-reuseport: yes",
            "  num-threads: 1",
            "  incoming-num-tcp: 1000",
            "  access-control: 0.0.0.0/0 allow",
            '  username: ""',
            '  chroot: ""',
            '  pidfile: ""',
            "  use-syslog: no",
            '  module-config: "iterator"',
            "  cache-max-ttl: 30",
            "remote-control:",
            "  control-enable: no",
            "forward-zone:",
            '  name: "."',
            f"  forward-addr: {self.upstream}",
            "  forward-tcp-upstream: yes",
        ]
        return "\n".join(lines) + "\n"

    def iptables_rule(self, operation: str, table: str, *words: str) -> bool:
        """`-C`, `-I` or `-D`; false where there was nothing to check or delete."""
        try:
            self.bed.node.run(self.iptables, "-t", table, operation, *words)
        except CommandFailed:
            return False
        return True

    def check_rules(self) -> None:
        """Its check of every minute: what is missing is put on top of its chain."""
        for rule in self.rules():
            assert self.iptables_rule("-C", *rule) or self.iptables_rule("-I", *rule), rule

    def stop(self) -> None:
        """Rules, then the link, then the sockets."""
        for rule in self.rules():
            self.iptables_rule("-D", *rule)
        self.bed.node.ip("link", "del", LINK)
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(5)
        self.process = None
