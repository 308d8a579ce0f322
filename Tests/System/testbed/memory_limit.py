"""A memory control group, of either version of control groups."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
BY_VERSION = {1: ("memory.limit_in_bytes", "memory.oom_control"), 2: ("memory.max", "memory.events")}
# `ip netns exec` covers /sys with one that has no control groups.
MOUNT = {1: "mount -t cgroup -o memory memory /sys/fs/cgroup", 2: "mount -t cgroup2 cgroup2 /sys/fs/cgroup"}


class MemoryLimit:
    """Use it with `with`. What a process had before it was put in stays with its old group."""

    def __init__(self, name: str) -> None:
        self.version = 1 if (ROOT / "memory").is_dir() else 2
        self.directory = (ROOT / "memory" if self.version == 1 else ROOT) / name

    @classmethod
    def of(cls, pid: int) -> "MemoryLimit":
        """The group that a process is in; not made, and not removed."""
        lines = (line.split(":", 2) for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines())
        paths = {kind: path for number, kinds, path in lines for kind in kinds.split(",")}
        # Version 2 names no controller.
        return cls(paths.get("memory", paths.get("", "/")).strip("/"))

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

    @property
    def wrapper(self) -> tuple[str, ...]:
        """What stands before a command of a namespace so that it begins in here, and sees it as in a container."""
        group = f"/sys/fs/cgroup/{self.directory.name}"
        return ("sh", "-c", f'{MOUNT[self.version]} && echo $$ >{group}/cgroup.procs && exec "$@"', "sh")

    def set(self, octets: int) -> None:
        (self.directory / BY_VERSION[self.version][0]).write_text(str(octets))

    @property
    def usage(self) -> int:
        return int((self.directory / {1: "memory.usage_in_bytes", 2: "memory.current"}[self.version]).read_text())

    @property
    def peak(self) -> int:
        """The most octets that were in use here."""
        return int((self.directory / {1: "memory.max_usage_in_bytes", 2: "memory.peak"}[self.version]).read_text())

    @property
    def kills(self) -> int:
        """How many processes the kernel has killed here."""
        text = (self.directory / BY_VERSION[self.version][1]).read_text()
        return int(dict(line.split() for line in text.splitlines())["oom_kill"])
