"""The manifests: valid against Kubernetes' published schemas, and true to what they replace."""

import re
import subprocess
from ipaddress import ip_network
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

from testbed.agent import MANIFEST, manifest_template
from testbed.kustomize import arguments, container, render, select

MANIFESTS = MANIFEST.parents[1]
OVERLAYS = sorted(path.parent for path in (MANIFESTS / "overlays").glob("*/kustomization.yaml"))
VERSIONS = ["1.25", "1.29", "1.33", "1.37"]

# As Kubernetes' documentation of NodeLocal DNSCache has them (with `sed -i` on a copy); only the values are ours.
VALUES = "kubedns=10.96.0.10; domain=cluster.local; localdns=169.254.20.10"
SED = {
    "iptables": "s/__PILLAR__LOCAL__DNS__/$localdns/g; s/__PILLAR__DNS__DOMAIN__/$domain/g;"
    " s/__PILLAR__DNS__SERVER__/$kubedns/g",
    "ipvs": "s/__PILLAR__LOCAL__DNS__/$localdns/g; s/__PILLAR__DNS__DOMAIN__/$domain/g;"
    " s/,__PILLAR__DNS__SERVER__//g; s/__PILLAR__CLUSTER__DNS__/$kubedns/g",
}


def sed(mode: str) -> list[dict]:
    """The manifest after the documentation's command for this mode of kube-proxy."""
    command = f'{VALUES}; sed "{SED[mode]}" {MANIFEST}'
    done = subprocess.run(["sh", "-c", command], check=True, capture_output=True, text=True)
    return list(yaml.safe_load_all(done.stdout))


def plain() -> list[dict]:
    return sed("iptables")


FORMS = {f"sed-{mode}": (lambda mode=mode: sed(mode)) for mode in SED} | {
    overlay.name: (lambda overlay=overlay: render(overlay)) for overlay in OVERLAYS
}


def core(objects: list[dict]) -> list[dict]:
    """Those that Kubernetes itself knows; it has no schema of Prometheus' operator and of Cilium."""
    foreign = ("monitoring.coreos.com/", "cilium.io/")
    return [one for one in objects if not one["apiVersion"].startswith(foreign)]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("form", FORMS)
def test_every_object_is_valid(form: str, version: str) -> None:
    for one in core(FORMS[form]()):
        kubernetes_validate.validate(one, version, strict=True)


@pytest.mark.parametrize("mode", SED)
def test_only_the_agents_own_placeholders_are_left(mode: str) -> None:
    left = set(re.findall(r"__PILLAR__\w+__", yaml.safe_dump_all(sed(mode))))
    # With IPVS the documentation's command leaves that of the ClusterIP in the bind lines, where it means nothing.
    own = {"iptables": "__PILLAR__CLUSTER__DNS__", "ipvs": "__PILLAR__DNS__SERVER__"}[mode]
    assert left == {own, "__PILLAR__UPSTREAM__SERVERS__"}


@pytest.mark.parametrize("overlay", OVERLAYS, ids=lambda overlay: overlay.name)
def test_of_an_overlay_only_the_corefile_has_placeholders(overlay: Path) -> None:
    objects = render(overlay)
    corefile = manifest_template().replace("__PILLAR__DNS__DOMAIN__", "cluster.local")
    (config_map,) = select(objects, "ConfigMap")
    assert config_map["data"] == {"Corefile": corefile}
    objects.remove(config_map)
    assert "__PILLAR__" not in yaml.safe_dump_all(objects)


@pytest.mark.parametrize("mode", SED)
def test_sed_and_overlay_make_the_same_objects(mode: str) -> None:
    """But for the Corefile, whose other placeholders an overlay leaves to the agent."""
    texts = [
        sorted(yaml.safe_dump(one, sort_keys=True) for one in objects if one["kind"] != "ConfigMap")
        for objects in (sed(mode), render(MANIFESTS / "overlays" / mode))
    ]
    assert texts[0] == texts[1]


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
    mounts = {mount["name"]: mount["mountPath"] for mount in container(plain())["volumeMounts"]}
    assert mounts == {
        "config-volume": "/etc/coredns",
        "kube-dns-config": "/etc/kube-dns",
        "state": "/run/node-local-dns",
        "own": "/run/agent",
    }
    volumes = {volume["name"]: volume.get("configMap") for volume in pod["volumes"]}
    assert volumes["config-volume"]["items"] == [{"key": "Corefile", "path": "Corefile.base"}]
    assert volumes["kube-dns-config"] == {"name": "kube-dns", "optional": True}


def template(objects: list[dict]) -> dict:
    """The pods of the DaemonSet."""
    (found,) = select(objects, "DaemonSet")
    return found["spec"]["template"]


@pytest.mark.parametrize("form", FORMS)
def test_the_next_agent_comes_before_the_old_one_goes(form: str) -> None:
    """And nothing keeps it from being scheduled: a declared port of a pod on the host's network would."""
    (daemon_set,) = select(FORMS[form](), "DaemonSet")
    strategy = daemon_set["spec"]["updateStrategy"]
    assert strategy == {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    assert "ports" not in container([daemon_set])
    assert template([daemon_set])["spec"].get("hostNetwork", False) == (form != "cilium")


@pytest.mark.parametrize("form", FORMS)
def test_an_agent_has_the_time_to_leave_in_order(form: str, binary: Path) -> None:
    help_text = subprocess.run([binary, "--help"], check=True, capture_output=True, text=True).stdout
    (grace,) = re.findall(r"-grace-period .*?\(default: (\d+)s\)", help_text, re.DOTALL)
    (delay,) = re.findall(r"-drain-delay .*?\(default: (\d+)s\)", help_text, re.DOTALL)
    objects = FORMS[form]()
    given = template(objects)["spec"]["terminationGracePeriodSeconds"]
    wanted = int(arguments(objects).get("drain-delay", f"{delay}s")[:-1]) + int(grace)
    assert given >= wanted + 5


@pytest.mark.parametrize("form", FORMS)
def test_the_kubelet_asks_the_agent_of_the_container_itself(form: str) -> None:
    objects = FORMS[form]()
    places = arguments(objects)
    for probe in ("startupProbe", "readinessProbe"):
        command = container(objects)[probe]["exec"]["command"]
        assert command[0].startswith("/")
        assert command[1:] == ["ready", places["ready-socket"]]
    # Shared with nobody, and writable where the root file system is not.
    mounts = {mount["mountPath"]: mount["name"] for mount in container(objects)["volumeMounts"]}
    volumes = {volume["name"]: volume for volume in template(objects)["spec"]["volumes"]}
    own = volumes[mounts[str(Path(places["ready-socket"]).parent)]]
    assert own["emptyDir"]["medium"] == "Memory"
    assert str(Path(places["pidfile"]).parent) in mounts


@pytest.mark.parametrize("form", FORMS)
def test_the_kubelet_asks_for_health_at_the_first_address(form: str) -> None:
    objects = FORMS[form]()
    first = arguments(objects)["localip"].split(",")[0]
    asked = container(objects)["livenessProbe"]["httpGet"]
    assert asked == {"path": "/health", "port": 8080} | ({} if first == "::" else {"host": first})


def test_selectors_find_their_pods() -> None:
    (daemon_set,) = select(plain(), "DaemonSet")
    labels = daemon_set["spec"]["template"]["metadata"]["labels"]
    assert daemon_set["spec"]["selector"]["matchLabels"] == labels
    (service,) = select(plain(), "Service", "node-local-dns")
    assert service["spec"]["selector"] == labels
    (upstream,) = select(plain(), "Service", "kube-dns-upstream")
    assert upstream["spec"]["selector"] == {"k8s-app": "kube-dns"}


# What Cilium needs.


def test_the_redirect_leads_from_the_service_to_the_agents() -> None:
    """There is no schema to hold it to: the fields are those of Cilium's own examples."""
    objects = render(MANIFESTS / "overlays" / "cilium")
    (policy,) = select(objects, "CiliumLocalRedirectPolicy")
    frontend, backend = policy["spec"]["redirectFrontend"], policy["spec"]["redirectBackend"]
    assert frontend == {"serviceMatcher": {"serviceName": "kube-dns", "namespace": "kube-system"}}
    (daemon_set,) = select(objects, "DaemonSet")
    # Cilium redirects only to pods of the policy's namespace.
    assert policy["metadata"]["namespace"] == daemon_set["metadata"]["namespace"]
    labels = template(objects)["metadata"]["labels"]
    assert backend["localEndpointSelector"]["matchLabels"].items() <= labels.items()
    # The names of kube-dns's own ports, which are those of its double.
    (upstream,) = select(objects, "Service", "kube-dns-upstream")
    ports = {(port["name"], str(port["port"]), port["protocol"]) for port in upstream["spec"]["ports"]}
    assert {(port["name"], port["port"], port["protocol"]) for port in backend["toPorts"]} == ports


# What pods under a network policy need.

NETWORK_POLICY = MANIFESTS / "network-policy"
DNS_PORTS = {("UDP", 53), ("TCP", 53)}


def documents(file: str) -> list[dict]:
    return list(yaml.safe_load_all((NETWORK_POLICY / file).read_text()))


@pytest.mark.parametrize("version", VERSIONS)
def test_the_network_policy_is_valid(version: str) -> None:
    for one in documents("allow-dns.yaml"):
        kubernetes_validate.validate(one, version, strict=True)


def test_the_network_policy_lets_pods_ask_at_every_address_of_the_overlays() -> None:
    (policy,) = documents("allow-dns.yaml")
    assert policy["spec"]["podSelector"] == {} and policy["spec"]["policyTypes"] == ["Egress"]
    (rule,) = policy["spec"]["egress"]
    assert {(port["protocol"], port["port"]) for port in rule["ports"]} == DNS_PORTS
    allowed = {ip_network(peer["ipBlock"]["cidr"]) for peer in rule["to"] if "ipBlock" in peer}
    served = arguments(render(MANIFESTS / "overlays" / "dual-stack"))["localip"]
    assert allowed == {ip_network(address) for address in served.split(",")}
    # Where the kernel's fall-back leads while no agent runs.
    (upstream,) = select(plain(), "Service", "kube-dns-upstream")
    selectors = [peer["podSelector"]["matchLabels"] for peer in rule["to"] if "podSelector" in peer]
    assert upstream["spec"]["selector"] in selectors


def test_ciliums_policy_lets_pods_ask_the_node_the_agents_and_cluster_dns() -> None:
    (policy,) = documents("cilium-allow-dns.yaml")
    assert (policy["apiVersion"], policy["kind"]) == ("cilium.io/v2", "CiliumNetworkPolicy")
    node, pods = policy["spec"]["egress"]
    assert node["toEntities"] == ["host"]
    apps = {endpoint["matchLabels"]["k8s:k8s-app"] for endpoint in pods["toEndpoints"]}
    assert apps == {"kube-dns", template(plain())["metadata"]["labels"]["k8s-app"]}
    for rule in (node, pods):
        (ports,) = rule["toPorts"]
        assert {(port["protocol"], int(port["port"])) for port in ports["ports"]} == DNS_PORTS


# What Prometheus and Grafana need.


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
