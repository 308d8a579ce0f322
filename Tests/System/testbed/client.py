"""Asks DNS and HTTP questions from inside a namespace."""

import http.client
import socket
from typing import Any

import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype

from .namespace import Namespace


class Client:
    """A pod's or the host's view: everything here leaves from `namespace`."""

    def __init__(self, namespace: Namespace) -> None:
        self.namespace = namespace

    def open_socket(self, server: str, kind: int, timeout: float = 2.0) -> socket.socket:
        """An unconnected socket of the right family."""
        family = socket.AF_INET6 if ":" in server else socket.AF_INET
        made = self.namespace.open_socket(family, kind)
        made.settimeout(timeout)
        return made

    def connect(self, server: str, port: int = 53, timeout: float = 2.0) -> socket.socket:
        """A TCP connection."""
        made = self.open_socket(server, socket.SOCK_STREAM, timeout)
        try:
            made.connect((server, port))
        except OSError:
            made.close()
            raise
        return made

    def ask(
        self,
        name: str,
        kind: str = "A",
        server: str = "169.254.20.10",
        *,
        tcp: bool = False,
        port: int = 53,
        timeout: float = 2.0,
        **options: Any,
    ) -> dns.message.Message:
        """One question, one answer. `options` go to `dns.message.make_query` (`use_edns=`, `payload=`, …)."""
        query = dns.message.make_query(name, kind, **options)
        return self.exchange(query, server, tcp=tcp, port=port, timeout=timeout)

    def exchange(
        self,
        query: dns.message.Message,
        server: str = "169.254.20.10",
        *,
        tcp: bool = False,
        port: int = 53,
        timeout: float = 2.0,
    ) -> dns.message.Message:
        """Sends a prepared query; the answer is checked to belong to it."""
        if tcp:
            with self.connect(server, port, timeout) as connection:
                return dns.query.tcp(query, server, timeout=timeout, port=port, sock=connection)
        with self.open_socket(server, socket.SOCK_DGRAM, timeout) as sender:
            sender.setblocking(False)
            return dns.query.udp(query, server, timeout=timeout, port=port, sock=sender)

    def datagram(
        self, payload: bytes, server: str = "169.254.20.10", *, timeout: float = 0.7
    ) -> bytes | None:
        """Sends raw bytes as one datagram; what came back, or None for silence."""
        with self.open_socket(server, socket.SOCK_DGRAM, timeout) as sender:
            sender.sendto(payload, (server, 53))
            try:
                return sender.recv(65535)
            except TimeoutError:
                return None

    def get(self, path: str, server: str, port: int, timeout: float = 3.0) -> tuple[int, str]:
        """GET over HTTP: status and body."""
        host = f"[{server}]" if ":" in server else server
        connection = http.client.HTTPConnection(host, port, timeout=timeout)
        connection.sock = self.connect(server, port, timeout)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()


def addresses(answer: dns.message.Message) -> set[str]:
    """The A and AAAA addresses of the answer section."""
    kinds = (dns.rdatatype.A, dns.rdatatype.AAAA)
    return {record.address for group in answer.answer if group.rdtype in kinds for record in group}


def values(answer: dns.message.Message, kind: str) -> set[str]:
    """The records of one type in the answer section, as text."""
    wanted = dns.rdatatype.from_text(kind)
    return {record.to_text() for group in answer.answer if group.rdtype == wanted for record in group}


def ttl(answer: dns.message.Message) -> int:
    """The smallest TTL of the answer section, or of the authority section when it is a denial."""
    return min(group.ttl for group in (answer.answer or answer.authority))


def rcode(answer: dns.message.Message) -> str:
    return dns.rcode.to_text(answer.rcode())


def flags(answer: dns.message.Message) -> set[str]:
    return set(dns.flags.to_text(answer.flags).lower().split())
