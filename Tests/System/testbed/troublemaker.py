"""A scripted upstream for real sockets: what it does with a question is said by the question's first label.

    right-7.example.net       answers
    delay-300-7.example.net   answers after 300 ms
    drop-7.example.net        says nothing; and so on, see `Misbehaviour`

The number at the end is only there to make names that nobody has asked for. Every name has an address of its own, so that
an answer that belongs to another question is seen to be wrong.
"""

import asyncio
import contextlib
import socket
import struct
import threading
import zlib
from collections import Counter
from collections.abc import Awaitable, Callable

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rrset

from .namespace import Namespace

ELSEWHERE = "203.0.113.66"  # in every answer that is a lie


def right_address(name: str) -> str:
    """What a name resolves to."""
    number = zlib.crc32(name.rstrip(".").lower().encode())
    return f"198.{18 + (number >> 16 & 1)}.{number >> 8 & 255}.{number & 255}"


class Channel:
    """The way back of one question."""

    def __init__(self, server: "Server", transport: str, send: Callable[[bytes], None]) -> None:
        self.server = server
        self.transport = transport
        self.send_octets = send
        self.writer: asyncio.StreamWriter | None = None
        self.peer: tuple[str, int] | None = None

    @property
    def is_tcp(self) -> bool:
        return self.transport == "tcp"

    def send(self, message: bytes) -> None:
        """One whole message."""
        self.send_octets(self.framed(message))

    def framed(self, message: bytes) -> bytes:
        return struct.pack("!H", len(message)) + message if self.is_tcp else message

    def reset(self) -> None:
        """Ends the connection with RST; over UDP there is nothing like it."""
        if self.writer is not None:
            lingering = struct.pack("ii", 1, 0)
            self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, lingering)
            self.writer.transport.abort()

    def close(self) -> None:
        if self.writer is not None:
            self.writer.close()


class Misbehaviour:
    """A method for each word; over TCP and over UDP unless it says otherwise."""

    async def right(self, query: dns.message.Message, way: Channel, number: int) -> None:
        way.send(answer(query).to_wire())

    async def delay(self, query: dns.message.Message, way: Channel, number: int) -> None:
        await asyncio.sleep(number / 1000)
        way.send(answer(query).to_wire())

    async def drop(self, query: dns.message.Message, way: Channel, number: int) -> None:
        pass

    async def reset(self, query: dns.message.Message, way: Channel, number: int) -> None:
        way.reset()

    async def close(self, query: dns.message.Message, way: Channel, number: int) -> None:
        way.close()

    async def half(self, query: dns.message.Message, way: Channel, number: int) -> None:
        """The first half of the answer, and then nothing, on a connection that stays."""
        message = way.framed(answer(query).to_wire())
        way.send_octets(message[: len(message) // 2])

    async def cut(self, query: dns.message.Message, way: Channel, number: int) -> None:
        """The first half, then the end of the connection."""
        await self.half(query, way, number)
        way.close()

    async def slow(self, query: dns.message.Message, way: Channel, number: int) -> None:
        """One octet every 200 ms: slow loris, from the other side."""
        message = way.framed(answer(query).to_wire())
        if not way.is_tcp:
            message = b""
        for octet in message:
            way.send_octets(bytes([octet]))
            await asyncio.sleep(0.2)

    async def identity(self, query: dns.message.Message, way: Channel, number: int) -> None:
        """Another id."""
        lie = lying(query)
        lie.id = query.id ^ 0x5555
        way.send(lie.to_wire())

    async def question(self, query: dns.message.Message, way: Channel, number: int) -> None:
        """The right id, but another question."""
        other = dns.message.make_query("www.example.com.", "A", id=query.id)
        way.send(lying(other).to_wire())

    async def kind(self, query: dns.message.Message, way: Channel, number: int) -> None:
        """The right name, but another type."""
        other = dns.message.make_query(query.question[0].name, "TXT", id=query.id)
        way.send(dns.message.make_response(other).to_wire())

    async def category(self, query: dns.message.Message, way: Channel, number: int) -> None:
        """The right name and type, but another class."""
        other = dns.message.make_query(query.question[0].name, "A", "CH", id=query.id)
        way.send(dns.message.make_response(other).to_wire())

    async def echo(self, query: dns.message.Message, way: Channel, number: int) -> None:
        """The query itself: no answer."""
        way.send(query.to_wire())

    async def truncated(self, query: dns.message.Message, way: Channel, number: int) -> None:
        """Over UDP nothing but TC; over TCP the answer."""
        message = answer(query)
        if not way.is_tcp:
            message.answer.clear()
            message.flags |= dns.flags.TC
        way.send(message.to_wire())

    async def garbage(self, query: dns.message.Message, way: Channel, number: int) -> None:
        """The right header and question; what follows them is noise."""
        message = bytearray(answer(query).to_wire())
        end = len(query.to_wire()) if query.opt is None else len(without_edns(query))
        message[end:] = bytes(index * 167 + 13 & 255 for index in range(len(message) - end + 40))
        way.send(bytes(message))

    async def noise(self, query: dns.message.Message, way: Channel, number: int) -> None:
        """Nothing of DNS; over TCP it announces more than ever comes."""
        way.send_octets(bytes(index * 197 + 251 & 255 for index in range(300)))

    async def empty(self, query: dns.message.Message, way: Channel, number: int) -> None:
        """A message of no octets."""
        way.send(b"")

    async def short(self, query: dns.message.Message, way: Channel, number: int) -> None:
        """Eleven octets, one less than a header."""
        way.send(answer(query).to_wire()[:11])

    async def headless(self, query: dns.message.Message, way: Channel, number: int) -> None:
        """NOERROR without a question."""
        way.send(struct.pack("!6H", query.id, 0x8180, 0, 0, 0, 0))

    async def twice(self, query: dns.message.Message, way: Channel, number: int) -> None:
        await self.right(query, way, number)
        await self.right(query, way, number)

    async def spoofed(self, query: dns.message.Message, way: Channel, number: int) -> None:
        """A lie from another address comes before the answer; over TCP a lie under another id."""
        if way.is_tcp:
            await self.identity(query, way, number)
        else:
            way.server.lie(lying(query).to_wire(), way.peer)
        await self.delay(query, way, 20)

    async def backwards(self, query: dns.message.Message, way: Channel, number: int) -> None:
        """Answers in another order than asked: the more so the smaller the number's last digit."""
        await asyncio.sleep((9 - number % 10) / 100)
        way.send(answer(query).to_wire())

    async def large(self, query: dns.message.Message, way: Channel, number: int) -> None:
        """60 000 octets over TCP; over UDP TC."""
        message = answer(query)
        text = [f'"{"x" * 250}"'] * 230
        message.additional.append(dns.rrset.from_text(query.question[0].name, 30, "IN", "TXT", " ".join(text)))
        if not way.is_tcp:
            return await self.truncated(query, way, number)
        way.send(message.to_wire(max_size=65535))

    async def formerr(self, query: dns.message.Message, way: Channel, number: int) -> None:
        """FORMERR to EDNS, as servers before 1999 and firewalls of today have it."""
        if query.opt is None:
            return await self.right(query, way, number)
        plain = dns.message.from_wire(without_edns(query))
        await self.code(plain, way, dns.rcode.FORMERR)

    async def servfail(self, query: dns.message.Message, way: Channel, number: int) -> None:
        await self.code(query, way, dns.rcode.SERVFAIL)

    async def refused(self, query: dns.message.Message, way: Channel, number: int) -> None:
        await self.code(query, way, dns.rcode.REFUSED)

    async def notimp(self, query: dns.message.Message, way: Channel, number: int) -> None:
        await self.code(query, way, dns.rcode.NOTIMP)

    async def code(self, query: dns.message.Message, way: Channel, code: dns.rcode.Rcode) -> None:
        message = dns.message.make_response(query)
        message.set_rcode(code)
        way.send(message.to_wire())


def answer(query: dns.message.Message) -> dns.message.Message:
    """The right one."""
    return _answer(query, right_address(query.question[0].name.to_text()))


def lying(query: dns.message.Message) -> dns.message.Message:
    return _answer(query, ELSEWHERE)


def _answer(query: dns.message.Message, address: str) -> dns.message.Message:
    message = dns.message.make_response(query, recursion_available=True)
    message.answer.append(dns.rrset.from_text(query.question[0].name, 30, "IN", "A", address))
    return message


def without_edns(query: dns.message.Message) -> bytes:
    plain = dns.message.from_wire(query.to_wire())
    plain.use_edns(False)
    return plain.to_wire()


class Server:
    """One address, port 53. Only one that `obeys` does what names say; another one answers rightly whatever they say."""

    def __init__(self, namespace: Namespace, address: str, obeys: bool, liar: str) -> None:
        self.address = address
        self.behaviour = Misbehaviour() if obeys else None
        self.asked: Counter[str] = Counter()  # by name
        self.connections: set[asyncio.StreamWriter] = set()
        self.waiting: set[Awaitable] = set()
        self.datagrams = bound(namespace, socket.SOCK_DGRAM, (address, 53))
        self.listener = bound(namespace, socket.SOCK_STREAM, (address, 53))
        self.listener.listen(1000)
        self.liar = bound(namespace, socket.SOCK_DGRAM, (liar, 0)) if obeys else None

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        loop.add_reader(self.datagrams, self.read_datagrams)
        self.server = await asyncio.start_server(self.serve, sock=self.listener)

    def read_datagrams(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                packet, peer = self.datagrams.recvfrom(65535)
                way = Channel(self, "udp", lambda octets, peer=peer: self.send_datagram(octets, peer))
                way.peer = peer
                self.take(packet, way)

    def send_datagram(self, octets: bytes, peer: tuple[str, int]) -> None:
        with contextlib.suppress(OSError):  # nobody waits there any more
            self.datagrams.sendto(octets, peer)

    def lie(self, octets: bytes, peer: tuple[str, int] | None) -> None:
        """Sends from an address, and a port, that nobody has asked."""
        if self.liar is not None and peer is not None:
            self.liar.sendto(octets, peer)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections.add(writer)

        def send(octets: bytes) -> None:
            if not writer.is_closing():
                writer.write(octets)

        try:
            while True:
                (length,) = struct.unpack("!H", await reader.readexactly(2))
                way = Channel(self, "tcp", send)
                way.writer = writer
                self.take(await reader.readexactly(length), way)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.connections.discard(writer)
            writer.close()

    def take(self, packet: bytes, way: Channel) -> None:
        query = dns.message.from_wire(packet)
        self.asked[query.question[0].name.to_text(omit_final_dot=True).lower()] += 1
        what, number = instruction(query.question[0].name)
        action = getattr(self.behaviour, what, None) if self.behaviour else None
        if action is None:
            way.send(answer(query).to_wire())
            return
        task = asyncio.ensure_future(action(query, way, number))
        self.waiting.add(task)
        task.add_done_callback(self.waiting.discard)


def instruction(name: dns.name.Name) -> tuple[str, int]:
    """The word of the first label, and its number; `right` for names that tell nothing."""
    word, *numbers = name.labels[0].decode().lower().split("-")
    return (word, int(numbers[0])) if numbers and numbers[0].isdigit() else ("right", 0)


def bound(namespace: Namespace, kind: int, place: tuple[str, int]) -> socket.socket:
    made = namespace.open_socket(socket.AF_INET, kind)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind(place)
    made.setblocking(False)
    return made


class Troublemaker:
    """Two servers, the second of which is an honest one, on a thread of their own. Use it with `with`."""

    BAD, GOOD, LIAR = "192.0.2.70", "192.0.2.71", "192.0.2.72"

    def __init__(self, namespace: Namespace) -> None:
        self.namespace = namespace

    def __enter__(self) -> "Troublemaker":
        for address in (self.BAD, self.GOOD, self.LIAR):
            self.namespace.ip("address", "add", f"{address}/32", "dev", "lo")
        self.bad = Server(self.namespace, self.BAD, obeys=True, liar=self.LIAR)
        self.good = Server(self.namespace, self.GOOD, obeys=False, liar=self.LIAR)
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        for server in (self.bad, self.good):
            asyncio.run_coroutine_threadsafe(server.start(), self.loop).result(5)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self.end(), self.loop).result(5)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(5)
        self.loop.close()
        for server in (self.bad, self.good):
            for one in (server.datagrams, server.listener, server.liar):
                if one is not None:
                    one.close()
        for address in (self.BAD, self.GOOD, self.LIAR):
            self.namespace.ip("address", "del", f"{address}/32", "dev", "lo")

    async def end(self) -> None:
        """Nothing is on its way any more."""
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        for server in (self.bad, self.good):
            server.server.close()
        await asyncio.sleep(0)
