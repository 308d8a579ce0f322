"""Waits for something to become true: a deadline instead of a sleep."""

import time
from collections.abc import Callable
from typing import TypeVar

import dns.exception

T = TypeVar("T")


def eventually(look: Callable[[], T], *, within: float = 5.0, what: str = "", every: float = 0.02) -> T:
    """Calls `look` until it returns something true and raises nothing; fails with the last reason after
    `within` seconds."""
    deadline = time.monotonic() + within
    while True:
        reason = "it stayed false"
        try:
            if result := look():
                return result
        except (AssertionError, OSError, EOFError, ValueError, dns.exception.DNSException) as error:
            reason = f"{type(error).__name__}: {error}"
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within:g} s: {what or look.__name__} ({reason})")
        time.sleep(every)
