"""What the documents tell people to type, typed: with a `kubectl` that has kustomize, and a cluster of one Service."""

import os
import re
import subprocess
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

from testbed.agent import REPOSITORY
from testbed.kustomize import KUBECTL, render

# The cluster that these commands are typed for: what it is asked, and what it is sent.
CLUSTER = f"""#!/bin/sh
case "$*" in
"-n kube-system get service kube-dns -o jsonpath={{.spec.clusterIP}}") printf 10.96.0.10 ;;
"apply -f -") cat >>"$APPLIED" ;;
"apply -k "*) {KUBECTL} kustomize "$3" >>"$APPLIED" ;;
*) echo "kubectl $*: not expected" >&2; exit 1 ;;
esac
"""


def section(title: str) -> str:
    text = (REPOSITORY / "README.md").read_text()
    (found,) = re.findall(rf"^## {title}\n(.*?)(?=^## )", text, re.DOTALL | re.MULTILINE)
    return found


def commands(text: str) -> list[str]:
    """The blocks of indented lines."""
    return [block.strip("\n") for block in re.findall(r"(?:^    .*\n)+", text, re.MULTILINE)]


def typed(command: str, directory: Path) -> list[dict]:
    """Runs it in a shell at the top of the checkout; the objects that the cluster was sent."""
    shim = directory / "kubectl"
    shim.write_text(CLUSTER)
    shim.chmod(0o755)
    applied = directory / "applied"
    applied.write_text("")
    environment = os.environ | {"PATH": f"{directory}:{os.environ['PATH']}", "APPLIED": str(applied)}
    done = subprocess.run(
        ["sh", "-euc", command], cwd=REPOSITORY, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(applied.read_text()))


@pytest.mark.parametrize("command", commands(section("Deploy")), ids=["sed", "kustomize"])
def test_deploy(command: str, tmp_path: Path) -> None:
    objects = typed(command, tmp_path)
    for one in objects:
        kubernetes_validate.validate(one, "1.33", strict=True)
    expected = render(REPOSITORY / "manifests" / "overlays" / "iptables")
    assert {(one["kind"], one["metadata"]["name"]) for one in objects} == {
        (one["kind"], one["metadata"]["name"]) for one in expected
    }


def test_whatever_is_to_be_applied_is_there() -> None:
    """In all documents, and in the comments of the manifests."""
    places = [*REPOSITORY.glob("*.md"), *REPOSITORY.glob("docs/**/*.md"), *REPOSITORY.glob("manifests/**/*.yaml")]
    found = [
        (kind, target)
        for place in places
        for kind, target in re.findall(r"kubectl (?:-n \S+ )?(?:apply|replace --save-config) -([fk]) (manifests/[\w./-]+\w)", place.read_text())
    ]
    assert len(found) >= 10
    for kind, target in found:
        if kind == "k":
            assert render(REPOSITORY / target)
        else:
            assert list(yaml.safe_load_all((REPOSITORY / target).read_text()))
