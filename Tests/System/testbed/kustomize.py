"""What `kubectl kustomize` makes of a folder of manifests, and what a rendered manifest tells an agent."""

import sys
from pathlib import Path

import yaml

from .shell import run

KUBECTL = Path(sys.executable).with_name("kubectl")

# Flags whose values are places inside the container.
PLACES = {"conf", "pidfile", "ready-socket"}


def render(directory: Path) -> list[dict]:
    """The objects that `kubectl apply -k directory` would send."""
    return list(yaml.safe_load_all(run(KUBECTL, "kustomize", directory)))


def select(
    objects: list[dict], kind: str, name: str | None = None, namespace: str | None = None
) -> list[dict]:
    return [
        one
        for one in objects
        if one["kind"] == kind
        and name in (None, one["metadata"]["name"])
        and namespace in (None, one["metadata"].get("namespace"))
    ]


def container(objects: list[dict]) -> dict:
    """The one container of the one DaemonSet."""
    (daemon_set,) = select(objects, "DaemonSet")
    (found,) = daemon_set["spec"]["template"]["spec"]["containers"]
    return found


def arguments(objects: list[dict]) -> dict[str, str]:
    """The container's flags, without dash."""
    words = iter(container(objects)["args"])
    pairs = (word.split("=", 1) if "=" in word else (word, next(words)) for word in words)
    return {name.lstrip("-"): value for name, value in pairs}


def agent_options(objects: list[dict]) -> dict:
    """What `Agent` takes to run as the DaemonSet has it: addresses, template, flags, capabilities."""
    flags = {name: value for name, value in arguments(objects).items() if name not in PLACES}
    (config_map,) = select(objects, "ConfigMap", "node-local-dns")
    granted = container(objects)["securityContext"]["capabilities"]
    assert granted["drop"] == ["ALL"]
    bounding = ",".join(["-all", *(f"+{name.lower()}" for name in granted["add"])])
    return {
        "addresses": tuple(flags.pop("localip").split(",")),
        "template": config_map["data"]["Corefile"],
        "flags": flags,
        "wrapper": ("setpriv", f"--bounding-set={bounding}", "--no-new-privs"),
    }
