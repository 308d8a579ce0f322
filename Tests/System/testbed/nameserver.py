"""One nsd with its zone files, in a namespace of the test bed."""

import contextlib
import os
import signal
import subprocess
from pathlib import Path

from .client import Client
from .eventually import eventually
from .namespace import Namespace


class Nameserver:
    """Serves `zones` (zone name -> zone file text) on port 53 of `addresses` until `stop()`."""

    def __init__(
        self, namespace: Namespace, directory: Path, addresses: list[str], zones: dict[str, str]
    ) -> None:
        self.namespace = namespace
        self.directory = directory
        self.addresses = addresses
        self.client = Client(namespace)
        directory.mkdir(parents=True)
        (directory / "nsd.conf").write_text(self.configuration(list(zones)))
        for zone, text in zones.items():
            (directory / file_name(zone)).write_text(text)
        with open(directory / "log", "w") as log:
            command = ("nsd", "-d", "-c", directory / "nsd.conf")
            self.process = namespace.start(*command, stdout=log, stderr=subprocess.STDOUT)
        for address in addresses:
            eventually(lambda: self.serial(next(iter(zones)), address), within=10, what="nsd answers")

    def configuration(self, zones: list[str]) -> str:
        lines = ["server:"]
        lines += [f"  ip-address: {address}" for address in self.addresses]
        lines += [
            '  username: ""',
            '  chroot: ""',
            '  database: ""',
            f'  zonesdir: "{self.directory}"',
            f'  pidfile: "{self.directory}/pid"',
            f'  xfrdfile: "{self.directory}/xfrd"',
            f'  xfrdir: "{self.directory}"',
            f'  zonelistfile: "{self.directory}/zonelist"',
            "  server-count: 1",
            "  tcp-count: 1000",
            "  tcp-timeout: 10",
            "  round-robin: no",
            "  rrl-ratelimit: 0",
            "  zonefiles-check: yes",
            "remote-control:",
            "  control-enable: no",
        ]
        for zone in zones:
            lines += ["zone:", f'  name: "{zone}"', f'  zonefile: "{file_name(zone)}"']
        return "\n".join(lines) + "\n"

    def change(self, zone: str, text: str, serial: int) -> None:
        """Replaces a zone's content and returns when it is served. `serial` is the new one."""
        file = self.directory / file_name(zone)
        # nsd looks at the second of the modification time only.
        before = file.stat().st_mtime if file.exists() else 0.0
        file.write_text(text)
        os.utime(file, (before + 2, before + 2))
        self.process.send_signal(signal.SIGHUP)
        eventually(
            lambda: self.serial(zone, self.addresses[0]) == serial,
            within=10,
            what=f"nsd serves {zone} with serial {serial}",
        )

    def serial(self, zone: str, address: str) -> int:
        """The serial number of the zone that is served now."""
        return self.client.ask(zone, "SOA", address, timeout=0.1).answer[0][0].serial

    def stop(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(5)


def file_name(zone: str) -> str:
    return "root.zone" if zone == "." else f"{zone}.zone"
