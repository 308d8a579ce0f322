"""Notes every DNS question that arrives somewhere, so that a test can say what was asked, and how."""

import socket
import struct
from dataclasses import dataclass

import dns.exception
import dns.message
import dns.rdatatype

from .namespace import Namespace

ETH_P_IP, ETH_P_IPV6 = 0x0800, 0x86DD
SO_RCVBUFFORCE = 33  # asm-generic/socket.h; Python has no name for it
TCP, UDP = 6, 17


@dataclass(frozen=True)
class Asked:
    """One question on the wire."""

    transport: str  # "udp" or "tcp"
    server: str  # the address that was asked
    name: str
    kind: str


class Capture:
    """Listens on a link of `namespace` and collects the questions sent to port 53.

    Good enough for tests: a question split over two TCP segments is not put together.
    """

    def __init__(self, namespace: Namespace, link: str) -> None:
        with namespace.entered():
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))
            self.socket.bind((link, 3))
        # The kernel keeps what arrives until somebody looks: a packet is in here before its answer can be.
        self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
        self.socket.setblocking(False)
        self.collected: list[Asked] = []

    def asked(self, name: str | None = None) -> list[Asked]:
        """What was asked so far, all of it or for one name."""
        self.read_all()
        return [one for one in self.collected if name is None or one.name == name.rstrip(".").lower()]

    def clear(self) -> None:
        """Forgets what was asked so far."""
        self.read_all()
        self.collected.clear()

    def stop(self) -> None:
        self.socket.close()

    def read_all(self) -> None:
        while True:
            try:
                packet, sender = self.socket.recvfrom(65535)
            except BlockingIOError:
                return
            if sender[2] != socket.PACKET_OUTGOING:
                self.collected += questions(packet, sender[1])


def questions(packet: bytes, protocol: int) -> list[Asked]:
    """The questions in one IP packet; none when it is something else."""
    try:
        if protocol == ETH_P_IP:
            transport, start = packet[9], (packet[0] & 15) * 4
            server = socket.inet_ntop(socket.AF_INET, packet[16:20])
            packet = packet[: struct.unpack("!H", packet[2:4])[0]]
        elif protocol == ETH_P_IPV6:
            transport, start = packet[6], 40
            server = socket.inet_ntop(socket.AF_INET6, packet[24:40])
            packet = packet[: 40 + struct.unpack("!H", packet[4:6])[0]]
        else:
            return []
        if struct.unpack("!H", packet[start + 2 : start + 4])[0] != 53:
            return []
        if transport == UDP:
            return [read("udp", server, packet[start + 8 :])]
        if transport != TCP:
            return []
        stream = packet[start + (packet[start + 12] >> 4) * 4 :]
        found = []
        while len(stream) > 2:
            length = struct.unpack("!H", stream[:2])[0]
            found.append(read("tcp", server, stream[2 : 2 + length]))
            stream = stream[2 + length :]
        return found
    except (IndexError, struct.error, dns.exception.DNSException):
        return []


def read(transport: str, server: str, message: bytes) -> Asked:
    question = dns.message.from_wire(message).question[0]
    name = question.name.to_text().rstrip(".").lower()
    return Asked(transport, server, name, dns.rdatatype.to_text(question.rdtype))
