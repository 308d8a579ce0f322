"""One question at a time: to know that a server answers, and how long its answers are."""

import socket
import struct
import time

from .arena import PORT
from .errors import BenchError
from .processes import Server

TYPE_A = 1
CLASS_IN = 1
RECURSION_DESIRED = 0x0100
RESPONSE_CODE = 0x000F


def ensure_free(address: str) -> None:
    """Somebody else's server on our address would be measured in place of ours."""
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with socket.socket(socket.AF_INET, kind) as attempt:
            if kind == socket.SOCK_STREAM:  # connections of the run before may still be closing
                attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                attempt.bind((address, PORT))
            except OSError as error:
                raise BenchError(f"{address} port {PORT} is not free: {error.strerror}") from error


def wait_for_answer(server: Server, address: str, name: str, timeout: float = 10) -> int:
    """Asks until the server answers NOERROR; the octets of that answer."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        server.check_running()
        answer = ask(address, name, patience=0.2)
        if answer is not None and struct.unpack_from("!H", answer, 2)[0] & RESPONSE_CODE == 0:
            return len(answer)
        time.sleep(0.002)  # the time to the first answer is measured with this
    log = server.log.read_text(errors="replace")[-2000:]
    raise BenchError(f"{server.name} did not answer on {address} port {PORT} within {timeout:.0f} s:\n{log}")


def ask(address: str, name: str, patience: float) -> bytes | None:
    """The answer to one A question over UDP, or nothing."""
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    query = struct.pack("!6H", 1, RECURSION_DESIRED, 1, 0, 0, 0) + labels + b"\0"
    query += struct.pack("!2H", TYPE_A, CLASS_IN)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(patience)
        try:
            client.connect((address, PORT))
            client.send(query)
            return client.recv(4096)
        except OSError:  # nobody there yet, or slow
            return None
