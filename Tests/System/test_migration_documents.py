"""The tables of the migration documents, held against the program and against what they map."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from testbed.agent import REPOSITORY
from testbed.kustomize import KUBECTL, arguments, container, render, select
from testbed.shell import run

DOCS = REPOSITORY / "docs"

# `node-cache -help`, 1.26.
NODE_CACHE_FLAGS = set(
    "localip setupinterface interfacename setupiptables syncinterval metrics-listen-address basecorefile corefile conf"
    " kubednscm upstreamsvc health-port skipteardown reloadwithsignal dns.port p pidfile plugins version quiet".split()
)

# values.yaml of deliveryhero/node-local-dns 2.9: every leaf that a release may set, maps of free content as one.
CHART_VALUES = set(
    "image.repository image.tag config.dnsDomain config.dnsServer config.localDns config.customUpstreamsvc"
    " config.upstreamServiceSelector config.bindIp config.commProtocol config.enableLogging config.noIPv6Lookups"
    " config.cacheTTL config.prefetch.enabled config.prefetch.amount config.prefetch.duration"
    " config.prefetch.percentage config.serveStale.enabled config.serveStale.duration config.serveStale.mode"
    " config.healthPort config.setupInterface config.setupIptables config.skipTeardown config.extraServerBlocks"
    " config.customConfig config.port.number config.port.tcp config.port.udp config.upstreamServers"
    " config.upstreamForwardConfig nameOverride fullnameOverride serviceAccount.create serviceAccount.annotations"
    " serviceAccount.name service.annotations podAnnotations podLabels configMapAnnotations configMapLabels"
    " daemonsetAnnotations daemonsetLabels updateStrategy initContainers securityContext serviceMonitor.enabled"
    " serviceMonitor.labels serviceMonitor.path serviceMonitor.honorLabels serviceMonitor.metricRelabelings"
    " serviceMonitor.relabelings serviceMonitor.namePrefix serviceMonitor.prometheusNamespace dashboard.enabled"
    " dashboard.namespace dashboard.label dashboard.annotations resources lifecycle resizePolicy affinity"
    " imagePullSecrets prometheusScraping.enabled tolerations livenessProbe".split()
)


def first_column(document: str, heading: str) -> list[str]:
    """What stands in code in the first cells of the table below this heading row."""
    text = (DOCS / document).read_text()
    rows = text[text.index(f"| {heading} |") :].split("\n\n")[0].splitlines()[2:]
    return [word for row in rows for word in re.findall(r"`([^`]+)`", row.split(" | ")[0])]


@pytest.fixture(scope="module")
def flags(binary: Path) -> set[str]:
    text = subprocess.run([binary, "--help"], check=True, capture_output=True, text=True).stdout
    listed = re.findall(r"^  ((?:-[a-z.-]+, )*-[a-z][a-z.-]*)(?: <|$)", text, re.MULTILINE)
    return {name.lstrip("-") for names in listed for name in names.split(", ")}


def test_the_table_of_flags_is_the_programs(flags: set[str]) -> None:
    listed = [name.lstrip("-") for name in first_column("migrate-from-node-cache.md", "flag")]
    assert len(listed) == len(set(listed))
    # Understood for the successor's sake, and not shown, because they say no.
    hidden = {name for name in listed if name.startswith("tls-")}
    assert set(listed) - hidden == flags
    assert NODE_CACHE_FLAGS <= flags


def test_the_successors_flags_are_understood(binary: Path) -> None:
    hidden = [name for name in first_column("migrate-from-node-cache.md", "flag") if name.startswith("-tls-")]
    assert len(hidden) == 6
    words = [f"{name}={'false' if name == '-tls-enabled' else 'x'}" for name in hidden]
    done = subprocess.run([binary, *words, "-localip", "nonsense"], capture_output=True, text=True)
    assert 'invalid localip specified - "nonsense"' in done.stdout + done.stderr


def test_every_value_of_the_chart_has_its_place(flags: set[str]) -> None:
    assert sorted(first_column("migrate-from-chart.md", "value")) == sorted(CHART_VALUES)
    text = (DOCS / "migrate-from-chart.md").read_text()
    for flag in re.findall(r"`-([a-z.]+)`", text):
        assert flag in flags


def test_beside_a_release_of_our_name(tmp_path: Path) -> None:
    """The overlay of the document: no name of ours is left, and what refers to each other still does."""
    manifests = shutil.copytree(REPOSITORY / "manifests", tmp_path / "manifests")
    (overlay,) = re.findall(r"```yaml\n(.*?)```", (DOCS / "migrate-from-chart.md").read_text(), re.DOTALL)
    folder = manifests / "overlays" / "beside"
    folder.mkdir()
    (folder / "kustomization.yaml").write_text(overlay)
    objects = render(folder)
    assert all(one["metadata"]["name"].endswith("-agent") for one in objects)
    assert select(objects, "Service", arguments(objects)["upstreamsvc"])
    (daemon_set,) = select(objects, "DaemonSet")
    pod = daemon_set["spec"]["template"]["spec"]
    assert select(objects, "ServiceAccount", pod["serviceAccountName"])
    (template,) = [volume for volume in pod["volumes"] if volume["name"] == "config-volume"]
    assert select(objects, "ConfigMap", template["configMap"]["name"])


# Kubernetes' own manifest, as far as it matters here: made with `kubectl create`, it knows of no earlier `apply`.
OLD = """
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: node-local-dns, namespace: kube-system}
spec:
  selector: {matchLabels: {k8s-app: node-local-dns}}
  template:
    metadata: {labels: {k8s-app: node-local-dns}}
    spec:
      containers:
        - name: node-cache
          image: registry.k8s.io/dns/k8s-dns-node-cache:1.26.4
          ports:
            - {containerPort: 53, name: dns, protocol: UDP}
            - {containerPort: 53, name: dns-tcp, protocol: TCP}
"""


def test_why_the_manifest_is_replaced_and_not_applied(tmp_path: Path) -> None:
    """What `apply` would make of it: the ports stay, and keep the next pod from the node."""
    objects = render(REPOSITORY / "manifests" / "overlays" / "iptables")
    (ours,) = select(objects, "DaemonSet")
    assert ours["spec"]["selector"] == yaml.safe_load(OLD)["spec"]["selector"], "it cannot be changed"
    (tmp_path / "old").write_text(OLD)
    (tmp_path / "ours").write_text(yaml.safe_dump(ours))
    merge = ("patch", "--local", "-f", tmp_path / "old", "--patch-file", tmp_path / "ours", "-o", "yaml")
    merged = yaml.safe_load(run(KUBECTL, *merge))
    assert [port["name"] for port in container([merged])["ports"]] == ["dns", "dns-tcp"]
    swap = (DOCS / "migrate-from-node-cache.md").read_text().split("## The swap")[1]
    assert swap.lstrip().startswith("kubectl replace --save-config -k manifests/overlays/iptables\n")


# What the table of differences says of the check.
JUDGED = [
    ("Example.ORG:53 {\n    whoami\n}\n", 0, ""),
    ("tls://. {\n    whoami\n}\n", 1, "tls"),
    (". {\n    whoami # the rest of the line } {\n}\n", 0, ""),
    (". {\n    bind 169.254.20.10\n    forward . 169.254.20.10\n}\n", 1, "own listen address"),
    (". {\n    bogus\n    cache x y z\n    forward\n}\n", 1, "error"),
]


@pytest.mark.parametrize(("text", "code", "said"), JUDGED, ids=["case", "tls", "comment", "own-address", "several"])
def test_the_check_judges_as_the_document_says(
    binary: Path, tmp_path: Path, text: str, code: int, said: str
) -> None:
    file = tmp_path / "Corefile"
    file.write_text(text)
    done = subprocess.run([binary, "check", file], capture_output=True, text=True)
    assert done.returncode == code, done.stdout + done.stderr
    assert said in done.stdout + done.stderr
    if said == "error":
        assert (done.stdout + done.stderr).count(": error: ") >= 2, "all at once"
