"""Measures the agent beside its peers and a bare reflector: see scripts/bench."""
