"""Trouble upstream, made with real servers in namespaces: what a pod notices of it, with the agent and with Unbound.

`cases.py` says what happens and what is measured; `scripts/bench-trouble` runs all of it at full length, the
system tests the agent's part in a short form.
"""
