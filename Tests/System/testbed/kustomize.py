"""As much of kustomize as our kustomization.yaml uses, since Debian has no package of it.

Refuses what it does not know, so that a kustomization that outgrows it does not pass unseen.
"""

from pathlib import Path

import yaml

KNOWN = {"apiVersion", "kind", "resources", "images", "configMapGenerator", "patches"}


def render(directory: Path) -> list[dict]:
    """The objects that `kubectl kustomize directory` would print."""
    plan = yaml.safe_load((directory / "kustomization.yaml").read_text())
    assert set(plan) <= KNOWN, f"not understood: {set(plan) - KNOWN}"
    objects = [
        one for file in plan["resources"] for one in yaml.safe_load_all((directory / file).read_text())
    ]
    for generator in plan.get("configMapGenerator", []):
        objects = generate(objects, generator, directory)
    for patch in plan.get("patches", []):
        targets = select(objects, patch["target"]["kind"], patch["target"]["name"])
        assert targets, f"nothing to patch: {patch['target']}"
        for one in targets:
            for operation in yaml.safe_load(patch["patch"]):
                assert operation["op"] == "replace"
                replace(one, operation["path"], operation["value"])
    for image in plan.get("images", []):
        for one in select(objects, "DaemonSet"):
            for container in one["spec"]["template"]["spec"]["containers"]:
                if container["image"].rpartition(":")[0] == image["name"]:
                    container["image"] = f"{image['newName']}:{image['newTag']}"
    return objects


def generate(objects: list[dict], generator: dict, directory: Path) -> list[dict]:
    """Puts the files of a ConfigMap's generator into the one it replaces, or into a new one."""
    assert set(generator) <= {"name", "namespace", "behavior", "files", "options"}
    options = generator["options"]
    assert options["disableNameSuffixHash"] is True and set(options) <= {"disableNameSuffixHash", "labels"}
    data = {}
    for entry in generator["files"]:
        key, _, file = entry.rpartition("=")
        data[key or file] = (directory / file).read_text()
    if generator.get("behavior", "create") == "create":
        metadata = {name: generator[name] for name in ("name", "namespace")}
        if "labels" in options:
            metadata["labels"] = options["labels"]
        return [*objects, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}]
    assert generator["behavior"] == "replace" and "labels" not in options
    (config_map,) = select(objects, "ConfigMap", generator["name"], generator["namespace"])
    config_map["data"] = data
    return objects


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


def replace(value: dict | list, path: str, new: object) -> None:
    """The `replace` of RFC 6902: the place has to exist."""
    *steps, last = path.removeprefix("/").split("/")
    for step in steps:
        value = value[int(step)] if isinstance(value, list) else value[step]
    key = int(last) if isinstance(value, list) else last
    assert value[key] is not None
    value[key] = new
