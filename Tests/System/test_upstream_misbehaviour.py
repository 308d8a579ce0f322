"""Whatever an upstream does, the asker gets the right answer or SERVFAIL in time; never a wrong one, never silence."""

import itertools
import random
import socket
import struct
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import dns.edns
import dns.message
import pytest

from testbed import Agent, Bed, eventually
from testbed.addresses import V4
from testbed.client import addresses, rcode
from testbed.troublemaker import Troublemaker, right_address

SO_RCVBUFFORCE = 33  # <asm/socket.h>

# The budget of a question, and what a busy machine adds.
LONGEST = 4.5 + 1.5
# Of which the second attempt, at another server, is to make use.
LONGEST_WITH_ANOTHER = 1.0 + 1.0

TRANSPORTS = ("udp", "tcp")
# What one server alone can do and still be understood.
BEARABLE = ("right-1", "delay-300", "twice-1", "spoofed-1", "truncated-1", "large-1", "formerr-1")
# What it cannot.
UNBEARABLE = (
    *("drop-1", "half-1", "slow-1", "delay-6000"),
    *("identity-1", "question-1", "kind-1", "category-1", "echo-1"),
    *("garbage-1", "noise-1", "empty-1", "short-1", "headless-1"),
    *("reset-1", "close-1", "cut-1"),
    *("servfail-1", "refused-1", "notimp-1"),
)
# A reply that is the server's to give is passed on.
REPLIES = {"refused-1": {"REFUSED", "SERVFAIL"}, "notimp-1": {"NOTIMP", "SERVFAIL"}}
# These are the last word of the server that was asked: another one is not.
FINAL = ("notimp-1",)

numbers = itertools.count(100)


def template() -> str:
    """Zones with the bad server alone, and with an honest one behind it."""
    return "".join(
        f"""\
{zone}-{transport}.example.net:53 {{
    errors
    cache 30 {{
        servfail 0
    }}
    bind {V4.local}
    forward . {servers} {{
        {option}
        policy sequential
        expire 1s
    }}
    prometheus :9253
}}
"""
        for zone, servers in (("alone", Troublemaker.BAD), ("both", f"{Troublemaker.BAD} {Troublemaker.GOOD}"))
        for transport, option in (("udp", "prefer_udp"), ("tcp", "force_tcp"))
    ) + f".:53 {{\n    bind {V4.local}\n    forward . {V4.resolver}\n    health {V4.local}:8080\n}}\n"


@pytest.fixture(scope="module")
def troublemaker(bed: Bed) -> Iterator[Troublemaker]:
    with Troublemaker(bed.outside) as made:
        yield made


@pytest.fixture(scope="module")
def agent(bed: Bed, binary: Path, troublemaker: Troublemaker) -> Iterator[Agent]:
    """No worker may be lost, and no descriptor, by all that the tests of this module do to it."""
    with Agent(bed, binary, addresses=(V4.local,), template=template()) as running:
        for zone, transport in itertools.product(("alone", "both"), TRANSPORTS):
            ask(bed, "right-1", zone, transport)
        settle(running)
        workers, before = running.children(), descriptors(running)
        yield running
        assert running.children() == workers, "the worker was replaced"
        eventually(lambda: descriptors(running) <= before, within=20, what=f"{before} descriptors, as before")


def descriptors(agent: Agent) -> int:
    return sum(len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in agent.children())


def settle(agent: Agent) -> None:
    """Until connections that nobody uses are closed."""
    seen = [descriptors(agent)]

    def is_steady() -> bool:
        time.sleep(1.5)
        seen.append(descriptors(agent))
        return seen[-1] == seen[-2]

    eventually(is_steady, within=15, what="descriptors stay the same")


def ask(bed: Bed, what: str, zone: str, transport: str) -> tuple[str, dns.message.Message, float]:
    """The name, the answer and the seconds it took."""
    name = f"{what}-{next(numbers)}.{zone}-{transport}.example.net"
    began = time.monotonic()
    answer = bed.pod1.ask(name, timeout=LONGEST + 2, use_edns=0)
    return name, answer, time.monotonic() - began


def make_sound(bed: Bed, zone: str, transport: str) -> None:
    """Until the bad server is asked first again, for what it does right."""
    eventually(
        lambda: rcode(ask(bed, "right-1", zone, transport)[1]) == "NOERROR", within=10, what="a right answer"
    )


def has_reason(answer: dns.message.Message) -> bool:
    """Extended DNS Error, RFC 8914."""
    return any(option.otype == dns.edns.EDE for option in answer.options)


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("what", BEARABLE)
def test_what_can_be_borne_ends_in_the_right_answer(bed: Bed, agent: Agent, what: str, transport: str) -> None:
    make_sound(bed, "alone", transport)
    name, answer, took = ask(bed, what, "alone", transport)
    assert addresses(answer) == {right_address(name)}, answer
    assert took < LONGEST_WITH_ANOTHER


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("what", [*BEARABLE, *UNBEARABLE])
def test_another_server_answers_instead(bed: Bed, agent: Agent, what: str, transport: str) -> None:
    make_sound(bed, "both", transport)
    name, answer, took = ask(bed, what, "both", transport)
    if what in FINAL and not addresses(answer):
        assert rcode(answer) in REPLIES.get(what, {"SERVFAIL", "NOERROR"})
        return
    assert addresses(answer) == {right_address(name)}, answer
    assert took < LONGEST_WITH_ANOTHER


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_without_another_server_it_is_servfail_with_a_reason(bed: Bed, agent: Agent, transport: str) -> None:
    with ThreadPoolExecutor(len(UNBEARABLE)) as askers:
        heard = list(askers.map(lambda what: (what, *ask(bed, what, "alone", transport)), UNBEARABLE))
    for what, name, answer, took in heard:
        assert took < LONGEST, what
        assert addresses(answer) == set(), (what, answer)
        assert rcode(answer) in REPLIES.get(what, {"SERVFAIL"}), (what, answer)
        assert has_reason(answer) or what in ("servfail-1", *REPLIES), (what, answer)
    make_sound(bed, "alone", transport)


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_answers_in_any_order_find_their_askers(bed: Bed, agent: Agent, transport: str) -> None:
    make_sound(bed, "alone", transport)
    names = [f"backwards-{index}-{next(numbers)}.alone-{transport}.example.net" for index in range(200)]
    heard = ask_at_once(bed, names)
    assert {names[index]: addresses(answer) for index, answer in heard.items()} == {
        name: {right_address(name)} for name in names
    }


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_thousand_askers_cause_one_question(
    bed: Bed, agent: Agent, troublemaker: Troublemaker, transport: str
) -> None:
    make_sound(bed, "alone", transport)
    retried = agent.metrics().value("nodelocal_upstream_retries_total")
    name = f"delay-30-{next(numbers)}.alone-{transport}.example.net"
    heard = ask_at_once(bed, [name] * 1000)
    assert len(heard) == 1000
    assert all(addresses(answer) == {right_address(name)} for answer in heard.values())
    retried = agent.metrics().value("nodelocal_upstream_retries_total") - retried
    # A machine that stands still for 50 ms makes the agent ask once more.
    assert troublemaker.bad.asked[name] == 1 + retried
    assert retried <= 2


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_an_asker_that_leaves_harms_nobody(
    bed: Bed, agent: Agent, troublemaker: Troublemaker, transport: str
) -> None:
    make_sound(bed, "alone", transport)
    name = f"delay-300-{next(numbers)}.alone-{transport}.example.net"
    query = dns.message.make_query(name, "A").to_wire()
    with bed.pod1.connect(V4.local) as first:
        first.sendall(struct.pack("!H", len(query)) + query)
        eventually(lambda: troublemaker.bad.asked[name] > 0, within=5, what="the first asker's question")
        # With RST: nobody reads the answer.
        first.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    assert addresses(bed.pod2.ask(name, timeout=LONGEST)) == {right_address(name)}


def test_in_a_storm_of_everything_nobody_hears_a_lie(bed: Bed, agent: Agent) -> None:
    chance = random.Random(1)
    names = [
        f"{chance.choice([*BEARABLE, *UNBEARABLE])}-{next(numbers)}.both-{chance.choice(TRANSPORTS)}.example.net"
        for _ in range(600)
    ]
    heard = ask_at_once(bed, names)
    silent = [name for index, name in enumerate(names) if index not in heard]
    assert not silent, f"{len(silent)} of {len(names)} get no answer: {silent[:20]}"
    for index, answer in heard.items():
        assert addresses(answer) in ({right_address(names[index])}, set()), (names[index], answer)
    right = sum(bool(addresses(answer)) for answer in heard.values())
    # Of what two servers are asked, the honest one has an answer to everything that is not final.
    assert right > 0.8 * len(names)


def ask_at_once(bed: Bed, names: list[str]) -> dict[int, dns.message.Message]:
    """Asks all of `names` from one socket; the answers by place in the list."""
    heard: dict[int, dns.message.Message] = {}
    with bed.pod1.open_socket(V4.local, socket.SOCK_DGRAM, 0.2) as sender:
        # Answers come while questions are still being sent; the default holds some 270 of them.
        sender.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 8 << 20)
        for index, name in enumerate(names):
            sender.sendto(dns.message.make_query(name, "A", id=index + 1, use_edns=0).to_wire(), (V4.local, 53))
        deadline = time.monotonic() + LONGEST
        while len(heard) < len(names) and time.monotonic() < deadline:
            try:
                answer = dns.message.from_wire(sender.recv(65535))
            except TimeoutError:
                continue
            name = names[answer.id - 1]
            assert answer.question[0].name.to_text() == f"{name}."
            heard[answer.id - 1] = answer
    return heard
