"""DNS over TCP: pipelining, pieces, half-closed connections."""

import socket
import struct

import dns.message
import pytest

from testbed import Agent, Bed
from testbed.addresses import V4
from testbed.client import addresses

pytestmark = pytest.mark.usefixtures("agent")

SERVICE = "kubernetes.default.svc.cluster.local"


def framed_query(name: str, number: int) -> bytes:
    asked = dns.message.make_query(name, "A")
    asked.id = number
    wire = asked.to_wire()
    return struct.pack("!H", len(wire)) + wire


def read_answers(connection: socket.socket, count: int) -> list[dns.message.Message]:
    """Reads that many answers."""
    data, found = b"", []
    while len(found) < count:
        piece = connection.recv(65535)
        assert piece, "closed before the last answer"
        data += piece
        while len(data) >= 2 and len(data) >= 2 + (length := struct.unpack("!H", data[:2])[0]):
            found.append(dns.message.from_wire(data[2 : 2 + length]))
            data = data[2 + length :]
    return found


def test_many_questions_on_one_connection(bed: Bed) -> None:
    with bed.pod1.connect(V4.local) as connection:
        names = {number: f"load-{number}.shop.svc.cluster.local" for number in range(500, 600)}
        connection.sendall(b"".join(framed_query(name, number) for number, name in names.items()))
        received = read_answers(connection, len(names))
    assert {answer.id: str(answer.question[0].name).rstrip(".") for answer in received} == names
    assert all(len(addresses(answer)) == 1 for answer in received)


def test_one_byte_at_a_time(bed: Bed) -> None:
    with bed.pod1.connect(V4.local) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in framed_query(SERVICE, 7):
            connection.sendall(bytes([byte]))
        assert read_answers(connection, 1)[0].id == 7


def test_a_half_closed_connection_gets_its_answers(bed: Bed) -> None:
    with bed.pod1.connect(V4.local) as connection:
        connection.sendall(framed_query(SERVICE, 1) + framed_query("load-601.shop.svc.cluster.local", 2))
        connection.shutdown(socket.SHUT_WR)
        assert {answer.id for answer in read_answers(connection, 2)} == {1, 2}
        assert connection.recv(1) == b"", "and is closed then"


def test_an_open_connection_follows_the_configuration(bed: Bed, agent: Agent) -> None:
    with bed.pod1.connect(V4.local) as connection:
        connection.sendall(framed_query("app.internal.example.org", 1))
        read_answers(connection, 1)
        agent.kube_dns.replace({"stubDomains": f'{{"internal.example.org": ["{V4.stub}"]}}'})
        agent.wait_log("Reloading complete")
        connection.sendall(framed_query("app.internal.example.org", 2))
        assert addresses(read_answers(connection, 1)[0]) == {"192.0.2.90"}
    agent.kube_dns.replace({})
