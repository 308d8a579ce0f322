"""Real-time priority for those whose time is measured: what is late shall be their fault, and not that of whatever else
the machine does."""

import contextlib
import os
from collections.abc import Iterable, Iterator

ABOVE_ALL_ELSE = 7


@contextlib.contextmanager
def real_time(others: Iterable[int] = ()) -> Iterator[None]:
    """This thread, what it starts meanwhile, and the processes of `others` come first; where we may not, nothing changes."""
    before: dict[int, tuple[int, os.sched_param]] = {}
    for pid in (0, *others):
        with contextlib.suppress(PermissionError, ProcessLookupError):
            was = os.sched_getscheduler(pid), os.sched_getparam(pid)
            os.sched_setscheduler(pid, os.SCHED_RR, os.sched_param(ABOVE_ALL_ELSE))
            before[pid] = was
    try:
        yield
    finally:
        for pid, (policy, parameter) in before.items():
            with contextlib.suppress(ProcessLookupError):
                os.sched_setscheduler(pid, policy, parameter)
