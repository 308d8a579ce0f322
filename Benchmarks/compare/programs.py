"""The load's and the reflector's C programs: compiled where they are wanted."""

import subprocess
from pathlib import Path

from .errors import BenchError

OPTIONS = ("-O2", "-std=c11", "-Wall", "-Wextra", "-Werror")


def compiled(name: str, directory: Path) -> Path:
    """`name`.c of this folder as a program in `directory`."""
    program = directory / name
    command = ["gcc", *OPTIONS, "-o", str(program), str(Path(__file__).with_name(f"{name}.c"))]
    finished = subprocess.run(command, capture_output=True, text=True)
    if finished.returncode != 0:
        raise BenchError(f"{name}.c does not compile:\n{finished.stderr}")
    return program
