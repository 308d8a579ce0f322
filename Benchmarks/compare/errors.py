"""What can go wrong here."""


class BenchError(Exception):
    """Ends the benchmark with one message for its user."""
