"""A Kubernetes node with pods, kube-proxy's rules and DNS servers, in network namespaces.

`Bed` builds it, `Agent` runs the binary under test in it, `Client` asks from any place in it.
By hand: `python -m testbed` (see `__main__.py`).
"""

from .agent import Agent
from .bed import Bed
from .client import Client
from .configmap import ProjectedConfigMap
from .eventually import eventually

__all__ = ["Agent", "Bed", "Client", "ProjectedConfigMap", "eventually"]
