"""Packets of every bad kind, byte by byte: the right reaction, and no harm.

The table of node-cache.md 5.1 with the improvements of its chapter 7. Multi-byte numbers are big-endian; the
header is id, flags, then the numbers of questions, answers, authority and additional records.
"""

import socket
import struct

import dns.flags
import dns.message
import dns.opcode
import dns.rcode
import pytest

from testbed import Agent, Bed
from testbed.addresses import V4
from testbed.client import addresses

pytestmark = pytest.mark.usefixtures("agent")

ID = 0x2A17
RD = 0x0100
NAME = b"\x0akubernetes\x07default\x03svc\x07cluster\x05local\x00"
A_IN = b"\x00\x01\x00\x01"  # type A, class IN
OPT = b"\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x00"  # root, OPT, size 1232, version 0, no options


def message(
    body: bytes = NAME + A_IN,
    *,
    flags: int = RD,
    questions: int = 1,
    answers: int = 0,
    authority: int = 0,
    additional: int = 0,
) -> bytes:
    return struct.pack("!6H", ID, flags, questions, answers, authority, additional) + body


def opcode(number: int) -> int:
    return RD | number << 11


SILENT = [
    ("empty", b""),
    ("one-byte", b"\x00"),
    ("eleven-bytes", message()[:11]),
    ("a-response", message(flags=0x8180)),
    ("a-response-with-nothing", message(b"", flags=0x8000, questions=0)),
]

ANSWERED = [
    # name, packet, response codes that are right
    ("ordinary", message(), {"NOERROR"}),
    ("status", message(flags=opcode(2)), {"NOTIMP"}),
    ("inverse-query", message(flags=opcode(1)), {"NOTIMP"}),
    ("update", message(flags=opcode(5)), {"NOTIMP"}),
    ("unassigned-opcode", message(flags=opcode(15)), {"NOTIMP"}),
    ("notify", message(flags=opcode(4)), {"NOTIMP", "REFUSED"}),
    ("no-question", message(b"", questions=0), {"FORMERR"}),
    ("two-questions", message((NAME + A_IN) * 2, questions=2), {"FORMERR"}),
    ("65535-questions", message(questions=65535), {"FORMERR"}),
    ("two-answers", message(answers=2), {"FORMERR"}),
    ("two-authorities", message(authority=2), {"FORMERR"}),
    ("three-additionals", message(additional=3), {"FORMERR"}),
    ("label-type-40", message(b"\x41a\x00" + A_IN), {"FORMERR"}),
    ("label-type-80", message(b"\x81a\x00" + A_IN), {"FORMERR"}),
    ("pointer-to-itself", message(b"\xc0\x0c" + A_IN), {"FORMERR"}),
    ("two-pointers-in-a-circle", message(b"\xc0\x0e\xc0\x0c" + A_IN), {"FORMERR"}),
    ("pointer-past-the-end", message(b"\xff\xff" + A_IN), {"FORMERR"}),
    (
        "name-of-256-octets",
        message(b"\x3f" + b"a" * 63 + (b"\x3f" + b"a" * 63) * 3 + b"\x00" + A_IN),
        {"FORMERR"},
    ),
    ("label-runs-past-the-end", message(b"\x3fabc"), {"FORMERR"}),
    ("name-without-an-end", message(b"\x03abc"), {"FORMERR"}),
    ("ends-after-the-header", message(b""), {"FORMERR", "SERVFAIL"}),
    ("ends-after-the-name", message(NAME), {"FORMERR"}),
    ("ends-after-the-type", message(NAME + b"\x00\x01"), {"FORMERR"}),
    ("one-stray-byte-of-the-class", message(NAME + b"\x00\x01\x00"), {"FORMERR"}),
    (
        "option-longer-than-its-record",
        message(NAME + A_IN + OPT[:-2] + b"\x00\x04\x00\x0a\x00\x09", additional=1),
        {"FORMERR"},
    ),
    (
        "record-longer-than-the-packet",
        message(NAME + A_IN + OPT[:-2] + b"\x00\xff", additional=1),
        {"FORMERR"},
    ),
    ("trailing-bytes", message(NAME + A_IN + b"rubbish"), {"NOERROR"}),
    ("transfer", message(NAME + b"\x00\xfc\x00\x01"), {"REFUSED", "NOTIMP"}),
    ("incremental-transfer", message(NAME + b"\x00\xfb\x00\x01"), {"REFUSED", "NOTIMP"}),
]


@pytest.mark.parametrize(("case", "packet"), SILENT, ids=[case for case, _ in SILENT])
def test_no_answer_to(bed: Bed, case: str, packet: bytes) -> None:
    assert bed.pod1.datagram(packet, timeout=0.3) is None
    assert bed.pod1.datagram(message())


@pytest.mark.parametrize(("case", "packet", "expected"), ANSWERED, ids=[case for case, _, _ in ANSWERED])
def test_an_answer_to(bed: Bed, case: str, packet: bytes, expected: set[str]) -> None:
    reply = bed.pod1.datagram(packet)
    assert reply is not None
    number, flags = struct.unpack("!HH", reply[:4])
    assert number == ID
    assert flags & 0x8000, "it is a response"
    assert flags & 0x7800 == struct.unpack("!H", packet[2:4])[0] & 0x7800, "same opcode"
    assert flags & RD == RD
    assert dns.rcode.to_text(dns.rcode.Rcode(flags & 15)) in expected
    assert dns.message.from_wire(reply)  # well formed
    assert bed.pod1.datagram(message()), "and the agent serves on"


def test_edns_of_an_unknown_version(bed: Bed) -> None:
    reply = bed.pod1.datagram(message(NAME + A_IN + OPT[:6] + b"\x01" + OPT[7:], additional=1))
    answer = dns.message.from_wire(reply)
    assert answer.rcode() == dns.rcode.BADVERS
    assert answer.edns == 0
    assert not answer.answer


def test_a_long_datagram_is_read_whole(bed: Bed) -> None:
    """Padding makes the query longer than 512 bytes, which node-cache refuses."""
    padding = b"\x00\x0c\x03\x20" + bytes(800)
    query = message(NAME + A_IN + OPT[:-2] + struct.pack("!H", len(padding)) + padding, additional=1)
    answer = dns.message.from_wire(bed.pod1.datagram(query))
    assert addresses(answer) == {"10.96.0.1"}


STREAMS = [
    ("no-length", b"\x00\x00"),
    ("shorter-than-a-header", b"\x00\x05\x01\x02\x03\x04\x05"),
    ("a-response", struct.pack("!H", len(message())) + message(flags=0x8180)),
]


@pytest.mark.parametrize(("case", "rubbish"), STREAMS, ids=[case for case, _ in STREAMS])
def test_a_stream_goes_on_after(bed: Bed, case: str, rubbish: bytes) -> None:
    with bed.pod1.connect(V4.local) as connection:
        connection.sendall(rubbish + frame(message()))
        assert dns.message.from_wire(read_frame(connection)).id == ID


def test_a_malformed_question_on_a_stream_is_answered_and_the_next_one_too(bed: Bed) -> None:
    with bed.pod1.connect(V4.local) as connection:
        connection.sendall(frame(message(b"\xc0\x0c" + A_IN)) + frame(message()))
        codes = {dns.message.from_wire(read_frame(connection)).rcode() for _ in range(2)}
        assert codes == {dns.rcode.FORMERR, dns.rcode.NOERROR}


def test_rubbish_in_bulk_harms_nobody(bed: Bed, agent: Agent) -> None:
    """Every prefix of a good packet, and the packet with each byte turned over."""
    good = message(NAME + A_IN + OPT, additional=1)
    packets = [good[:length] for length in range(len(good))]
    packets += [good[:index] + bytes([good[index] ^ 0xFF]) + good[index + 1 :] for index in range(len(good))]
    with bed.pod1.open_socket(V4.local, socket.SOCK_DGRAM) as sender:
        for packet in packets:
            sender.sendto(packet, (V4.local, 53))
    worker = agent.children()
    assert addresses(bed.pod1.ask("kubernetes.default.svc.cluster.local")) == {"10.96.0.1"}
    assert agent.children() == worker


def frame(payload: bytes) -> bytes:
    return struct.pack("!H", len(payload)) + payload


def read_frame(connection: socket.socket) -> bytes:
    length = struct.unpack("!H", read_exactly(connection, 2))[0]
    return read_exactly(connection, length)


def read_exactly(connection: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        piece = connection.recv(count - len(data))
        assert piece, "closed in the middle"
        data += piece
    return data
