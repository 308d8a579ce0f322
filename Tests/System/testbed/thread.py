"""One thread of a process that stands still while the others go on, as in an endless loop or a deadlock. A signal would
stop them all; a debugger stops one."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

# ptrace(2): a thread belongs to whoever has seized it, until both have ended; its death is told to the tracer first.
TRACER = """
import ctypes, os, sys
SEIZE, INTERRUPT, ALL = 0x4206, 0x4207, 0x40000000
ptrace = ctypes.CDLL(None, use_errno=True).ptrace
thread = int(sys.argv[1])
for request in (SEIZE, INTERRUPT):
    if ptrace(request, thread, None, None) != 0:
        sys.exit(f"ptrace: {os.strerror(ctypes.get_errno())}")
os.waitpid(thread, ALL)
print("held", flush=True)
try:
    os.waitpid(thread, ALL)
except ChildProcessError:
    pass
"""


def threads_named(process: int, name: str) -> list[int]:
    found = []
    for task in Path(f"/proc/{process}/task").iterdir():
        # Runtimes end threads that have had nothing to do for a while.
        with suppress(FileNotFoundError, ProcessLookupError):
            if (task / "comm").read_text().strip() == name:
                found.append(int(task.name))
    return sorted(found)


@contextmanager
def held(thread: int) -> Iterator[None]:
    """Meanwhile the thread stands still; afterwards it goes on, if it still lives."""
    with subprocess.Popen([sys.executable, "-c", TRACER, str(thread)], stdout=subprocess.PIPE, text=True) as tracer:
        try:
            assert tracer.stdout.readline() == "held\n"
            yield
        finally:
            tracer.kill()
