"""A network namespace: made, used and removed by us."""

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from .shell import run

CLONE_NEWNET = 0x40000000
libc = ctypes.CDLL(None, use_errno=True)


class Namespace:
    """One namespace with its loop-back link up. `name` is what `ip netns` knows it by."""

    def __init__(self, name: str) -> None:
        self.name = name
        run("ip", "netns", "add", name)
        self.ip("link", "set", "lo", "up")
        # Addresses are usable at once: nobody else lives here, so there is no duplicate to detect.
        self.sysctl("net.ipv6.conf.default.accept_dad=0", "net.ipv6.conf.all.accept_dad=0")

    def ip(self, *arguments: object) -> str:
        return run("ip", "-n", self.name, *arguments)

    def run(self, *command: object, **options) -> str:
        return run("ip", "netns", "exec", self.name, *command, **options)

    def start(self, *command: object, **options) -> subprocess.Popen:
        """Starts a command here; its pid is the command's own (`ip netns exec` replaces itself)."""
        words = ["ip", "netns", "exec", self.name, *(str(word) for word in command)]
        return subprocess.Popen(words, stdin=subprocess.DEVNULL, **options)

    def pids(self) -> list[int]:
        """Who runs in here."""
        return [int(word) for word in run("ip", "netns", "pids", self.name, check=False).split()]

    def sysctl(self, *settings: str) -> None:
        self.run("sysctl", "-qw", *settings)

    @contextlib.contextmanager
    def entered(self) -> Iterator[None]:
        """The calling thread is in this namespace; sockets made now stay in it for ever."""
        with open("/proc/thread-self/ns/net") as home, open(f"/run/netns/{self.name}") as there:
            enter(there.fileno())
            try:
                yield
            finally:
                enter(home.fileno())

    def open_socket(self, family: int, kind: int) -> socket.socket:
        with self.entered():
            return socket.socket(family, kind)

    def conntrack(self, *arguments: object) -> list[str]:
        """The connection tracking entries that match, one line each."""
        families = ("ipv4", "ipv6")
        listed = [self.run("conntrack", "-L", "-f", family, *arguments, check=False) for family in families]
        return [line for text in listed for line in text.splitlines() if line.strip()]

    def remove(self) -> None:
        """Ends what still runs in here, by its pid, and deletes the namespace."""
        for signal_number in (signal.SIGTERM, signal.SIGKILL):
            for pid in self.pids():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal_number)
            deadline = time.monotonic() + 2
            while self.pids() and time.monotonic() < deadline:
                time.sleep(0.02)
        run("ip", "netns", "del", self.name, check=False)
        resolver_directory = Path("/etc/netns") / self.name
        if resolver_directory.is_dir():
            for file in resolver_directory.iterdir():
                file.unlink()
            resolver_directory.rmdir()

    def set_resolv_conf(self, *servers: str) -> None:
        """What programs started in this namespace find as /etc/resolv.conf.

        Written in place, so that programs that already run see the change too.
        """
        directory = Path("/etc/netns") / self.name
        directory.mkdir(parents=True, exist_ok=True)
        lines = [f"nameserver {server}\n" for server in servers]
        (directory / "resolv.conf").write_text("".join(lines) + "search example.org\n")


def enter(descriptor: int) -> None:
    if libc.setns(descriptor, CLONE_NEWNET) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), "setns")
