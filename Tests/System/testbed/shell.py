"""Runs commands, and says what they printed when they fail."""

import subprocess


class CommandFailed(AssertionError):
    """A command ended with another exit code than 0."""


def run(*command: object, stdin: str | None = None, check: bool = True, timeout: float = 30) -> str:
    """Runs `command` and returns its standard output."""
    words = [str(word) for word in command]
    done = subprocess.run(words, input=stdin, capture_output=True, text=True, timeout=timeout)
    if check and done.returncode != 0:
        raise CommandFailed(f"{' '.join(words)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout
