"""The worker's filter of system calls: what it refuses, and that the running worker stands behind it."""

import os
import re
import signal
import socket
import subprocess
from pathlib import Path

import dns.message
import pytest

from testbed import Bed, eventually
from testbed.addresses import V4
from testbed.agent import REPOSITORY, process_status

SOURCE = Path(__file__).with_name("fence.c")
LIBRARY = REPOSITORY / "Sources" / "CLinux"


@pytest.fixture(scope="module")
def fence(tmp_path_factory: pytest.TempPathFactory) -> Path:
    program = tmp_path_factory.mktemp("fence") / "fence"
    sources = [SOURCE, LIBRARY / "CLinuxFilter.c", LIBRARY / "CLinuxProcess.c"]
    options = ["-O1", "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-pthread", f"-I{LIBRARY / 'include'}"]
    subprocess.run(["gcc", *options, "-o", program, *sources], check=True)
    return program


@pytest.mark.parametrize(
    ("what", "answer"),
    [("thread", "allowed"), ("socket", "allowed"), ("process", "ENOSYS"), ("unheard-of", "ENOSYS")],
)
def test_what_the_kernel_answers(fence: Path, what: str, answer: str) -> None:
    asked = subprocess.run([fence, what], capture_output=True, text=True, check=False)
    assert (asked.returncode, asked.stdout) == (0, f"{answer}\n"), asked.stderr


@pytest.mark.parametrize("what", ["program", "rights", "tracing"])
def test_an_intruder_dies(fence: Path, what: str) -> None:
    asked = subprocess.run([fence, what], capture_output=True, text=True, check=False)
    assert (asked.returncode, asked.stdout) == (-signal.SIGSYS, "")


def test_abort_is_told_as_what_it_is(fence: Path) -> None:
    assert subprocess.run([fence, "abort"], check=False).returncode == -signal.SIGABRT


def test_the_worker_has_given_up_everything(new_agent) -> None:
    with new_agent() as agent:
        (worker,) = agent.children()
        status = process_status(worker)
        assert status["Uid"].split() == status["Gid"].split() == ["65532"] * 4
        assert {int(status[f"Cap{kind}"], 16) for kind in ("Inh", "Prm", "Eff", "Bnd", "Amb")} == {0}
        assert status["NoNewPrivs"] == "1"
        assert status["Seccomp"] == "2"
        assert int(status["Seccomp_filters"]) == int(process_status(agent.pid)["Seccomp_filters"]) + 1
        for task in Path(f"/proc/{worker}/task").iterdir():
            assert process_status(int(task.name))["Seccomp"] == "2", "every thread stands behind it"
        assert "any system call is allowed" not in agent.log


# Of x86: one that is invalid, and one that only the kernel may execute.
FAULTS = {signal.SIGILL: b"\x0f\x0b", signal.SIGSEGV: b"\xf4"}


@pytest.mark.parametrize("number", FAULTS)
def test_a_fault_ends_the_worker_with_its_own_signal(bed: Bed, new_agent, number: signal.Signals) -> None:
    """Swift's runtime tries to report a crash by a program of its own: it gets none, and the signal is told all the same."""
    with new_agent() as agent:
        (worker,) = agent.children()
        put_where_it_waits(worker, FAULTS[number])
        asked = bed.pod1.open_socket(V4.local, socket.SOCK_DGRAM)
        with asked:
            asked.sendto(dns.message.make_query("www.example.org", "A").to_wire(), (V4.local, 53))
            agent.wait_log(rf"The worker ended \(signal {int(number)}\), the next one starts now")
        eventually(lambda: agent.children() not in ([], [worker]), what="the next worker")
        eventually(lambda: bed.pod1.ask("www.example.org", timeout=0.5).answer, what="an answer")
        assert agent.metrics(9353).value("coredns_panics_total") == 1


def put_where_it_waits(pid: int, instruction: bytes) -> None:
    """The packet threads go on with `instruction` when the kernel has something for them."""
    waiting = [task for task in Path(f"/proc/{pid}/task").iterdir() if (task / "comm").read_text().startswith("dns-udp")]
    addresses = {int((task / "syscall").read_text().split()[-1], 16) for task in waiting}
    with open(f"/proc/{pid}/mem", "r+b", buffering=0) as memory:
        for address in addresses:
            memory.seek(address)
            memory.write(instruction)


def test_nothing_that_a_worker_does_is_refused(bed: Bed, binary: Path, new_agent, tmp_path: Path) -> None:
    """A whole life under strace: answers over both transports, misses, TCP, metrics, a reload, the end."""
    bed.node.run(binary, "cleanup")  # traffic is ours however slow strace makes us
    trace = tmp_path / "trace"
    agent = new_agent(
        addresses=(V4.local,), wrapper=("strace", "-ff", "-qq", "-o", str(trace)), flags={"setupiptables": "false"}
    )
    agent.start().wait_ready(30)
    for name in ("kubernetes.default.svc.cluster.local", "www.example.org", "nowhere.example.org"):
        for tcp in (False, True):
            eventually(lambda name=name, tcp=tcp: bed.pod1.ask(name, tcp=tcp, timeout=5).id, within=30, what=name)
    assert agent.metrics().value("coredns_cache_entries") > 0
    assert agent.get("/health", 8080)[0] == 200
    start = len(agent.log)
    template = (agent.template.directory / "Corefile.base").read_text()
    agent.template.replace({"Corefile.base": template + "\nreloaded.test {\n    whoami\n}\n"})
    agent.wait_log("Reloading complete", within=20, start=start)
    (supervisor,) = agent.children()
    os.kill(supervisor, signal.SIGTERM)
    assert agent.wait(20) == 0
    refused = {
        call
        for file in tmp_path.glob("trace.*")
        for call in re.findall(r"^(\w+)\(.* = -1 ENOSYS", file.read_text(), re.MULTILINE)
    }
    # glibc asks for clone3 first, and takes clone where there is none.
    assert refused <= {"clone3"}
