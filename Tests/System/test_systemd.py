"""The unit for machines without Kubernetes: valid, tight, and enough for what the program does."""

import re
import shlex
import socket
import subprocess
from pathlib import Path

import pytest

from testbed import Bed, eventually
from testbed.addresses import V4
from testbed.agent import REPOSITORY

UNIT = REPOSITORY / "manifests" / "systemd" / "node-local-dns.service"
COREFILE = UNIT.with_name("Corefile")


@pytest.fixture
def unit(binary: Path, tmp_path: Path) -> Path:
    """The unit, with the binary where it stands here."""
    copy = tmp_path / UNIT.name
    copy.write_text(UNIT.read_text().replace("/usr/local/sbin/node-local-dns", str(binary)))
    return copy


def settings() -> dict[str, str]:
    text = UNIT.read_text().replace("\\\n", "")
    return dict(re.findall(r"^(\w+)=(.*)$", text, re.MULTILINE))


def analyze(*words: object) -> subprocess.CompletedProcess:
    command = ["systemd-analyze", *(str(word) for word in words)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_unit_is_valid(unit: Path) -> None:
    verified = analyze("verify", "--man=no", unit)
    assert (verified.returncode, verified.stdout + verified.stderr) == (0, "")


def test_the_unit_exposes_little(unit: Path) -> None:
    # In tenths; 3.0 is the upper end of what systemd calls OK for a service that must have the network.
    judged = analyze("security", "--offline=true", "--no-pager", "--threshold=30", unit)
    assert judged.returncode == 0, judged.stdout[-300:]


def test_the_command_line_serves_and_says_when(bed: Bed, binary: Path, tmp_path: Path) -> None:
    template = tmp_path / "Corefile"
    template.write_text(COREFILE.read_text().replace("192.0.2.53 192.0.2.54", V4.resolver))
    tmp_path.chmod(0o755)
    command = shlex.split(settings()["ExecStart"])
    places = {"/etc/node-local-dns": tmp_path, "/run/node-local-dns": tmp_path / "run", "/var/lib": tmp_path}
    (tmp_path / "run").mkdir()
    for there, here in places.items():
        command = [word.replace(there, str(here)) for word in command]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(10)
        trace = tmp_path / "trace"
        agent = bed.node.start(
            "strace", "-f", "-qq", "-o", trace, binary, *command[1:],
            env={"NOTIFY_SOCKET": str(tmp_path / "notify"), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            while "READY=1" not in manager.recv(4096).decode().splitlines():
                pass
            assert bed.host.ask("www.example.org").answer
            assert bed.pod1.ask("www.example.org", tcp=True).answer
        finally:
            # strace passes the signal on to nobody: it goes to the supervisor.
            (supervisor,) = Path(f"/proc/{agent.pid}/task/{agent.pid}/children").read_text().split()
            subprocess.run(["kill", supervisor], check=True)
            agent.wait(15)
    seen = called(trace)
    assert {"recvmmsg", "sendmmsg", "setsockopt", "epoll_wait"} <= seen, "the trace shows both processes at work"
    assert seen <= allowed(), seen - allowed()


def called(trace: Path) -> set[str]:
    """The system calls of both processes, from the first to the last."""
    eventually(lambda: trace.exists(), what="the trace")
    return set(re.findall(r"^\d+ +(?:<\.\.\. )?(\w+)", trace.read_text(), re.MULTILINE)) - {"resumed"}


def allowed() -> set[str]:
    """Those of the unit's filter, sets of sets resolved."""

    def members(name: str) -> set[str]:
        lines = analyze("syscall-filter", name).stdout.splitlines()
        words = {line.strip() for line in lines if line.startswith("    ") and not line.strip().startswith("#")}
        found = {word for word in words if not word.startswith("@")}
        for word in words - found:
            found |= members(word)
        return found

    # systemd adds these for the start of the process itself (systemd.exec(5)).
    named = settings()["SystemCallFilter"].split()
    groups = [name for name in named if name.startswith("@")] + ["@default"]
    return set(named).union(*map(members, groups))
