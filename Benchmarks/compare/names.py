"""The names that are asked for, as query files of dnsperf. All of a kind have one length, so all answers have too."""

import random
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from .arena import Arena

# Below the wildcard of the upstream's zone.
PARENT = "default.svc.cluster.local"
LONG_LIVED_PARENT = "long.svc.cluster.local"
A_HOT_NAME = f"hot0000.{PARENT}"

HOT = 1_000
ENTRIES = 20_000


@cache
def hot_names(arena: Arena) -> Path:
    return _file(arena, "hot", (f"hot{index:04}" for index in range(HOT)))


@cache
def entry_names(arena: Arena) -> Path:
    return _file(arena, "entries", (f"entry{index:06}" for index in range(ENTRIES)))


@cache
def long_lived_names(arena: Arena, count: int) -> Path:
    """Names whose answers live for an hour, in an order that has nothing to do with the order of any memory."""
    labels = [f"e{index:07}" for index in range(count)]
    random.Random(count).shuffle(labels)
    return _file(arena, f"long-{count}", iter(labels), LONG_LIVED_PARENT)


@cache
def random_names(arena: Arena, count: int, seed: int) -> Path:
    """Names that nobody asks for twice; the same ones in every session."""
    numbers = random.Random(seed)
    labels = (f"r{index:06x}{numbers.getrandbits(40):010x}" for index in range(count))
    return _file(arena, f"random-{seed}", labels)


def _file(arena: Arena, name: str, labels: Iterator[str], parent: str = PARENT) -> Path:
    return arena.write(f"{name}.queries", "".join(f"{label}.{parent} A\n" for label in labels))
