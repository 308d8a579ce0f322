"""A memory control group for one process, of either version of control groups."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
BY_VERSION = {1: ("memory.limit_in_bytes", "memory.oom_control"), 2: ("memory.max", "memory.events")}


class MemoryLimit:
    """Use it with `with`. What a process had before it was put in stays with its old group."""

    def __init__(self, name: str) -> None:
        self.version = 1 if (ROOT / "memory").is_dir() else 2
        self.directory = (ROOT / "memory" if self.version == 1 else ROOT) / name

    def __enter__(self) -> "MemoryLimit":
        if self.version == 2:
            (ROOT / "cgroup.subtree_control").write_text("+memory")
        self.directory.mkdir()
        return self

    def __exit__(self, *_: object) -> None:
        for pid in self.members():
            with contextlib.suppress(OSError):
                (self.directory.parent / "cgroup.procs").write_text(str(pid))
        self.directory.rmdir()

    def members(self) -> Iterator[int]:
        return map(int, (self.directory / "cgroup.procs").read_text().split())

    def take(self, pid: int) -> None:
        (self.directory / "cgroup.procs").write_text(str(pid))

    def set(self, octets: int) -> None:
        (self.directory / BY_VERSION[self.version][0]).write_text(str(octets))

    @property
    def kills(self) -> int:
        """How many processes the kernel has killed here."""
        text = (self.directory / BY_VERSION[self.version][1]).read_text()
        return int(dict(line.split() for line in text.splitlines())["oom_kill"])
