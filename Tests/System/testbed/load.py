"""An open-loop stream of questions: one is sent every so often, whether or not the last was answered."""

import socket
import threading
import time

import dns.message

from .client import Client


class Load:
    """Asks `names` in turn from `client`, `rate` per second, until the `with` block ends.

    Every question has its own socket, as a stub resolver's has. `lost` tells those not answered within a
    second, and why.
    """

    def __init__(
        self, client: Client, server: str, names: list[str], rate: int = 100, tcp: bool = False
    ) -> None:
        self.client = client
        self.server = server
        self.names = names
        self.pause = 1 / rate
        self.tcp = tcp
        self.sent = 0
        self.lost: list[str] = []
        self.stopping = threading.Event()
        self.open: list[threading.Thread] = []

    def __enter__(self) -> "Load":
        self.thread = threading.Thread(target=self.send, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self.thread.join()
        for one in self.open:
            one.join()

    def send(self) -> None:
        due = time.monotonic()
        while not self.stopping.is_set():
            name = self.names[self.sent % len(self.names)]
            self.sent += 1
            asker = threading.Thread(target=self.ask, args=(name,), daemon=True)
            asker.start()
            self.open = [one for one in self.open if one.is_alive()] + [asker]
            due += self.pause
            time.sleep(max(0.0, due - time.monotonic()))

    def ask(self, name: str) -> None:
        query = dns.message.make_query(name, "A")
        try:
            if self.tcp:
                self.client.exchange(query, self.server, tcp=True, timeout=1)
                return
            with self.client.open_socket(self.server, socket.SOCK_DGRAM, 1) as sender:
                sender.sendto(query.to_wire(), (self.server, 53))
                dns.message.from_wire(sender.recv(65535))
        except Exception as error:  # whatever went wrong, the asker has no answer
            self.lost.append(f"{name}: {error!r}")
