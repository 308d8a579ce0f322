"""Every address of the test bed, in one place. Node and cluster as in a usual kubeadm cluster."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Family:
    """The addresses of one IP family."""

    version: int
    local: str  # the node-local address of the agent
    kube_dns: str  # ClusterIP of the Service kube-dns
    upstream: str  # ClusterIP of the Service kube-dns-upstream: the same end points
    endpoints: tuple[str, str]  # the pods behind both Services, on another node
    pods: tuple[str, str]
    pod_network: str  # what kube-proxy calls the cluster CIDR
    service_network: str
    node: str  # the node's own address towards other nodes
    resolver: str  # in the node's resolv.conf
    stub: str  # serves the stub domain, and nothing else
    other_resolver: str  # for `upstreamNameservers`; answers differ from the resolver's


V4 = Family(
    version=4,
    local="169.254.20.10",
    kube_dns="10.96.0.10",
    upstream="10.96.134.149",
    endpoints=("10.244.1.2", "10.244.1.3"),
    pods=("10.244.0.11", "10.244.0.12"),
    pod_network="10.244.0.0/16",
    service_network="10.96.0.0/12",
    node="192.168.50.10",
    resolver="192.0.2.53",
    stub="192.0.2.54",
    other_resolver="192.0.2.55",
)

V6 = Family(
    version=6,
    local="fd00:20::10",
    kube_dns="fd00:96::a",
    upstream="fd00:96::8695",
    endpoints=("fd00:244:1::2", "fd00:244:1::3"),
    pods=("fd00:244::11", "fd00:244::12"),
    pod_network="fd00:244::/32",
    service_network="fd00:96::/112",
    node="fd00:50::10",
    resolver="2001:db8::53",
    stub="2001:db8::54",
    other_resolver="2001:db8::55",
)

STUB_DOMAIN = "internal.example.org"
