"""docs/benchmarks.md has two authors: `scripts/bench`, and `scripts/bench-trouble` for the last section."""

from pathlib import Path

TROUBLE = "## Trouble upstream"


def write_document(path: Path, text: str) -> None:
    """All but the last section, which stays as it is."""
    _, found, rest = _read(path).partition(f"{TROUBLE}\n")
    path.write_text(f"{text}\n{found}{rest}" if found else text)


def write_trouble(path: Path, text: str) -> None:
    """The last section, which begins with its heading."""
    before = _read(path).partition(f"{TROUBLE}\n")[0].rstrip()
    path.write_text(f"{before}\n\n{text}".lstrip())


def _read(path: Path) -> str:
    return path.read_text() if path.exists() else ""
