"""A flood of names that nobody has asked before, each asked once, as fast as they are answered."""

import socket
import struct
import time
from collections import Counter

from .client import Client

SOCKETS = 8  # the kernel deals sockets, not packets, to the threads of an agent
BURST = 64


class Flood:
    """Asks `server` for `count` names below `zone`, with at most `window` questions that have no answer yet.

    An answer that does not come within `patience` is not waited for any more, and after `within` seconds nothing
    more is asked. `codes` counts the answers by their code.
    """

    def __init__(
        self,
        client: Client,
        server: str,
        zone: str,
        count: int,
        within: float,
        window: int,
        patience: float = 5.0,
    ) -> None:
        self.sockets = [client.open_socket(server, socket.SOCK_DGRAM, 0.0) for _ in range(SOCKETS)]
        for one in self.sockets:
            one.connect((server, 53))
        self.count = count
        self.within = within
        self.window = window
        self.patience = patience
        self.codes: Counter[int] = Counter()
        self.sent = 0
        labels = zone.rstrip(".").split(".")
        self.rest = b"".join(bytes([len(label)]) + label.encode() for label in labels) + b"\0\0\1\0\1"

    def run(self) -> "Flood":
        outstanding = 0
        began = heard = time.monotonic()
        while self.sent < self.count or outstanding > 0:
            if self.sent < self.count and outstanding < self.window:
                outstanding += self.burst()
            if time.monotonic() - began > self.within:
                self.count = self.sent
            if answered := self.drain():
                outstanding = max(0, outstanding - answered)
                heard = time.monotonic()
            elif time.monotonic() - heard > self.patience:
                outstanding = 0
                heard = time.monotonic()
            elif outstanding >= self.window or self.sent == self.count:
                time.sleep(0.001)
        for one in self.sockets:
            one.close()
        return self

    def burst(self) -> int:
        sender = self.sockets[self.sent // BURST % SOCKETS]
        numbers = range(self.sent, min(self.sent + BURST, self.count))
        for number in numbers:
            header = struct.pack("!HHHHHH", number & 0xFFFF, 0x100, 1, 0, 0, 0)
            try:
                sender.send(header + b"\x0cname-%07d" % number + self.rest)
            except BlockingIOError:
                break  # a full buffer loses a few names of many
        self.sent = numbers.stop
        return len(numbers)

    def drain(self) -> int:
        answered = 0
        for one in self.sockets:
            try:
                while True:
                    self.codes[one.recv(512)[3] & 15] += 1
                    answered += 1
            except BlockingIOError:
                continue
        return answered
