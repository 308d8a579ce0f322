"""Copies of messages for an observer, read by the reference implementations: fstrm_capture takes them, dnstap-ldns
decodes them."""

import datetime
import re
import socket
import struct
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from testbed import Bed, eventually
from testbed.addresses import V4
from testbed.client import addresses

CONTENT = "protobuf:dnstap.Dnstap"
NAME = "www.example.org"
FORWARDED = ["CLIENT_QUERY", "FORWARDER_QUERY", "FORWARDER_RESPONSE", "CLIENT_RESPONSE"]
HIT = ["CLIENT_QUERY", "CLIENT_RESPONSE"]


@pytest.fixture
def directory(bed: Bed, tmp_path: Path) -> Path:
    """A place that the worker, which is not root, may enter."""
    made = bed.directory / f"dnstap-{tmp_path.name}"
    made.mkdir()
    made.chmod(0o755)
    return made


@contextmanager
def capture(bed: Bed, directory: Path, *where: object) -> Iterator[Path]:
    """fstrm_capture on the node; yields the file that is complete when it has ended."""
    file = directory / "captured"
    with open(directory / "capture.log", "a") as log:
        process = bed.node.start("fstrm_capture", "-t", CONTENT, *where, "-w", file, stdout=log, stderr=log)
    try:
        yield file
    finally:
        process.terminate()
        process.wait(5)


def decoded(file: Path) -> list[dict]:
    """What dnstap-ldns makes of a capture, in the order of its coming."""
    done = subprocess.run(["dnstap-ldns", "-y", "-r", file], capture_output=True, text=True, check=True)
    return [document for document in yaml.safe_load_all(done.stdout) if document]


def corefile(line: str) -> str:
    return f"""\
.:53 {{
    {line}
    bind {V4.local} {V4.kube_dns}
    cache 30
    forward . {V4.resolver}
    prometheus :9253
}}
"""


def test_an_observer_sees_every_message_whole(bed: Bed, new_agent, directory: Path) -> None:
    path = directory / "socket"
    line = f'dnstap unix://{path} full {{\n identity node-1\n version "1.2.3"\n extra "{{name}} {{type}}"\n }}'
    with capture(bed, directory, "-u", path) as file:
        eventually(path.exists, what="the socket")
        path.chmod(0o777)
        started = datetime.datetime.now(datetime.UTC)
        with new_agent(template=corefile(line)) as agent:
            eventually(lambda: agent.metrics().value("nodelocal_dnstap_connected", to=f"unix://{path}") == 1)
            assert addresses(bed.pod1.ask(NAME)) == {"192.0.2.80"}
            assert addresses(bed.pod1.ask(NAME, tcp=True)) == {"192.0.2.80"}
        ended = datetime.datetime.now(datetime.UTC)
    copies = [copy for copy in decoded(file) if copy["message"].get("query_address") == V4.pods[0]]
    messages = [copy["message"] for copy in copies]
    assert [message["type"] for message in messages] == FORWARDED + HIT
    for copy in copies:
        assert (copy["identity"], copy["version"]) == ("node-1", "1.2.3")
    # dnstap-ldns does not print it.
    assert file.read_bytes().count(f"{NAME}. A".encode()) == len(copies)
    for message in messages:
        assert message["socket_family"] == "INET"
        # Truncated to microseconds by the reader.
        asked = message["query_time"].replace(tzinfo=datetime.UTC)
        assert started <= asked <= ended
        if message["type"].endswith("QUERY"):
            assert f"{NAME}.\tIN\tA" in message["query_message"] and "response_message" not in message
        else:
            assert "192.0.2.80" in message["response_message"] and "query_message" not in message
            assert asked <= message["response_time"].replace(tzinfo=datetime.UTC) <= ended
    for message in messages[1:3]:
        assert (message["response_address"], message["response_port"]) == (V4.resolver, 53)
    assert [message["socket_protocol"] for message in messages] == ["UDP"] * 4 + ["TCP"] * 2
    assert len({message["query_port"] for message in messages[:4]}) == 1


def test_an_observer_may_come_late_and_come_back(bed: Bed, new_agent, directory: Path) -> None:
    to = "tcp://127.0.0.1:6000"
    where = ("-a", "127.0.0.1", "-p", 6000)
    with new_agent(template=corefile(f"dnstap {to}")) as agent:
        agent.wait_log(re.escape(f"plugin/dnstap: {to} cannot be reached (Connection refused"))
        assert addresses(bed.pod1.ask(NAME)) == {"192.0.2.80"}
        for _ in range(2):
            printed = len(agent.log)
            with capture(bed, directory, *where) as file:
                agent.wait_log(re.escape(f"plugin/dnstap: copies go to {to}"), start=printed)
                before = agent.metrics().value("nodelocal_dnstap_messages_total", result="sent", to=to)
                assert addresses(bed.pod1.ask(NAME)) == {"192.0.2.80"}
                eventually(
                    lambda: agent.metrics().value("nodelocal_dnstap_messages_total", result="sent", to=to)
                    >= before + 2
                )
            eventually(lambda: agent.metrics().value("nodelocal_dnstap_connected", to=to) == 0)
            messages = [copy["message"] for copy in decoded(file)]
            assert [message["type"] for message in messages][-2:] == HIT
            assert all("query_message" not in message for message in messages)


class LazyObserver:
    """Greets as it should, and then reads nothing."""

    def __init__(self, listener: socket.socket) -> None:
        self.listener = listener
        self.greeted = threading.Event()
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self) -> None:
        self.connection, _ = self.listener.accept()
        read_control(self.connection)
        field = struct.pack(">II", 1, len(CONTENT)) + CONTENT.encode()
        accept = struct.pack(">I", 1) + field
        self.connection.sendall(struct.pack(">II", 0, len(accept)) + accept)
        read_control(self.connection)
        self.greeted.set()


def read_control(connection: socket.socket) -> bytes:
    escape, length = struct.unpack(">II", connection.recv(8, socket.MSG_WAITALL))
    assert escape == 0
    return connection.recv(length, socket.MSG_WAITALL)


def test_an_observer_that_does_not_read_costs_copies_and_no_query(bed: Bed, new_agent, directory: Path) -> None:
    queries = directory / "queries"
    queries.write_text(f"{NAME} A\n")
    with bed.node.open_socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", 6001))
        listener.listen()
        observer = LazyObserver(listener)
        to = "tcp://127.0.0.1:6001"
        with new_agent(template=corefile(f"dnstap {to} full")) as agent:
            assert observer.greeted.wait(5)
            said = bed.pods[0].run(
                "dnsperf", "-s", V4.local, "-d", queries, "-n", 30_000, "-c", 4, "-q", 50, timeout=60
            )
            assert re.search(r"Response codes:\s+NOERROR 30000 ", said), said
            dropped = eventually(
                lambda: agent.metrics().value("nodelocal_dnstap_messages_total", result="dropped", to=to)
            )
            assert dropped > 0
            observer.connection.close()


def test_the_check_knows_the_kinds_of_sockets(binary: Path, directory: Path) -> None:
    for target, finding in (
        ("tls://192.0.2.1:6000", ":2:12: error: plugin/dnstap: tls:// is not available"),
        ("tcp://example.org:6000", ':2:12: error: plugin/dnstap: not an address with port: "example.org:6000"'),
        ("http://192.0.2.1", ":2:12: error: plugin/dnstap: unknown kind of socket"),
        ("/run/dnstap.sock ful", ':2:29: error: plugin/dnstap: unexpected word "ful"'),
        ("/run/dnstap.sock full 0", ":2:34: error: plugin/dnstap: dnstap WRITEBUFFER is below the minimum"),
    ):
        (directory / "Corefile").write_text(corefile(f"dnstap {target}"))
        done = subprocess.run([binary, "check", directory / "Corefile"], capture_output=True, text=True)
        assert done.returncode != 0
        assert finding in done.stdout + done.stderr
