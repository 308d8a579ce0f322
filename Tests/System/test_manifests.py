"""The manifests: valid against Kubernetes' published schemas, and true to what they replace."""

import re
import subprocess
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

from testbed.agent import for_addresses, manifest_template
from testbed.kustomize import render, select

MANIFESTS = Path(__file__).resolve().parents[2] / "manifests"
VERSIONS = ["1.25", "1.29", "1.33", "1.37"]


def plain() -> list[dict]:
    """The manifest after the documentation's `sed`."""
    text = (MANIFESTS / "nodelocaldns.yaml").read_text()
    for placeholder, value in (
        ("__PILLAR__LOCAL__DNS__", "169.254.20.10"),
        ("__PILLAR__DNS__DOMAIN__", "cluster.local"),
        ("__PILLAR__DNS__SERVER__", "10.96.0.10"),
    ):
        text = text.replace(placeholder, value)
    return list(yaml.safe_load_all(text))


FORMS = {"sed": plain, "kustomize": lambda: render(MANIFESTS)}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("form", FORMS)
def test_every_object_is_valid(form: str, version: str) -> None:
    for one in FORMS[form]():
        kubernetes_validate.validate(one, version, strict=True)


@pytest.mark.parametrize("form", FORMS)
def test_only_the_agents_own_placeholders_are_left(form: str) -> None:
    text = yaml.safe_dump_all(FORMS[form]())
    for ours in ("__PILLAR__CLUSTER__DNS__", "__PILLAR__UPSTREAM__SERVERS__"):
        assert ours in text
        text = text.replace(ours, "")
    assert "__PILLAR__" not in text


def test_sed_and_kustomize_make_the_same_objects() -> None:
    comments_gone = [yaml.safe_dump(one, sort_keys=True) for one in plain()]
    assert sorted(comments_gone) == sorted(yaml.safe_dump(one, sort_keys=True) for one in render(MANIFESTS))


def test_the_corefile_of_the_kustomization_is_the_template_filled_in() -> None:
    filled = for_addresses(manifest_template(), ["169.254.20.10", "10.96.0.10"])
    assert (MANIFESTS / "Corefile").read_text() == filled


def test_the_objects_are_those_of_node_cache() -> None:
    found = {(one["kind"], one["metadata"]["name"]) for one in plain()}
    assert found == {
        ("ServiceAccount", "node-local-dns"),
        ("Service", "kube-dns-upstream"),
        ("ConfigMap", "node-local-dns"),
        ("DaemonSet", "node-local-dns"),
        ("Service", "node-local-dns"),
    }
    assert {one["metadata"]["namespace"] for one in plain()} == {"kube-system"}


def test_the_volumes_are_where_the_flags_defaults_look() -> None:
    (daemon_set,) = select(plain(), "DaemonSet")
    pod = daemon_set["spec"]["template"]["spec"]
    mounts = {mount["name"]: mount["mountPath"] for mount in pod["containers"][0]["volumeMounts"]}
    assert mounts == {
        "config-volume": "/etc/coredns",
        "kube-dns-config": "/etc/kube-dns",
        "state": "/run/node-local-dns",
        "own": "/run/agent",
    }
    volumes = {volume["name"]: volume.get("configMap") for volume in pod["volumes"]}
    assert volumes["config-volume"]["items"] == [{"key": "Corefile", "path": "Corefile.base"}]
    assert volumes["kube-dns-config"] == {"name": "kube-dns", "optional": True}


def daemon_set() -> dict:
    (found,) = select(plain(), "DaemonSet")
    return found["spec"]


def arguments() -> dict[str, str]:
    words = iter(daemon_set()["template"]["spec"]["containers"][0]["args"])
    return dict(word.split("=", 1) if "=" in word else (word, next(words)) for word in words)


def test_the_next_agent_comes_before_the_old_one_goes() -> None:
    """And nothing keeps it from being scheduled: a declared port of a pod on the host's network would."""
    strategy = daemon_set()["updateStrategy"]
    assert strategy == {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    pod = daemon_set()["template"]["spec"]
    assert pod["hostNetwork"]
    assert all("ports" not in container for container in pod["containers"])


def test_an_agent_has_the_time_to_leave_in_order(binary: Path) -> None:
    help_text = subprocess.run([binary, "--help"], check=True, capture_output=True, text=True).stdout
    (grace,) = re.findall(r"-grace-period .*?\(default: (\d+)s\)", help_text, re.DOTALL)
    (delay,) = re.findall(r"-drain-delay .*?\(default: (\d+)s\)", help_text, re.DOTALL)
    given = daemon_set()["template"]["spec"]["terminationGracePeriodSeconds"]
    wanted = int(arguments().get("-drain-delay", f"{delay}s")[:-1]) + int(grace)
    assert given >= wanted + 5


def test_the_kubelet_asks_the_agent_of_the_container_itself() -> None:
    (container,) = daemon_set()["template"]["spec"]["containers"]
    socket = arguments()["-ready-socket"]
    for probe in ("startupProbe", "readinessProbe"):
        command = container[probe]["exec"]["command"]
        assert command[0].startswith("/")
        assert command[1:] == ["ready", socket]
    # Shared with nobody, and writable where the root file system is not.
    mounts = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
    volumes = {volume["name"]: volume for volume in daemon_set()["template"]["spec"]["volumes"]}
    own = volumes[mounts[str(Path(socket).parent)]]
    assert own["emptyDir"]["medium"] == "Memory"
    assert str(Path(arguments()["-pidfile"]).parent) in mounts


def test_selectors_find_their_pods() -> None:
    (daemon_set,) = select(plain(), "DaemonSet")
    labels = daemon_set["spec"]["template"]["metadata"]["labels"]
    assert daemon_set["spec"]["selector"]["matchLabels"] == labels
    (service,) = select(plain(), "Service", "node-local-dns")
    assert service["spec"]["selector"] == labels
    (upstream,) = select(plain(), "Service", "kube-dns-upstream")
    assert upstream["spec"]["selector"] == {"k8s-app": "kube-dns"}


# What Prometheus and Grafana need.


def core(objects: list[dict]) -> list[dict]:
    """Those that Kubernetes itself knows; it has no schema of the operator's."""
    return [one for one in objects if not one["apiVersion"].startswith("monitoring.coreos.com/")]


@pytest.mark.parametrize("version", VERSIONS)
def test_the_monitoring_objects_are_valid(version: str) -> None:
    for one in core(render(MANIFESTS / "monitoring")):
        kubernetes_validate.validate(one, version, strict=True)


def test_the_monitor_finds_both_ports_of_the_agents() -> None:
    objects = render(MANIFESTS / "monitoring")
    assert {one["metadata"]["namespace"] for one in objects} == {"kube-system"}
    (monitor,) = select(objects, "ServiceMonitor")
    (service,) = select(objects, "Service")
    assert monitor["spec"]["selector"]["matchLabels"] == service["metadata"]["labels"]
    ports = {port["name"]: port["targetPort"] for port in service["spec"]["ports"]}
    assert [ports[endpoint["port"]] for endpoint in monitor["spec"]["endpoints"]] == [9253, 9353]
    (daemon_set,) = select(plain(), "DaemonSet")
    assert service["spec"]["selector"].items() <= daemon_set["spec"]["template"]["metadata"]["labels"].items()
