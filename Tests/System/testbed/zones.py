"""What the DNS servers of the test bed know.

The cluster's zones hold every kind of record that the Kubernetes DNS specification (1.1.0) names, with
the TTLs that CoreDNS gives them: 30 s in kubeadm's Corefile, 5 s by default.
"""

import dns.reversename

from .addresses import STUB_DOMAIN, V4, V6

SOA = "@ 5 SOA ns.dns hostmaster 1 7200 1800 86400 5"

HEADLESS = tuple(
    (f"web-{index}", f"10.244.1.{20 + index}", f"fd00:244:1::{20 + index}") for index in range(3)
)


def cluster_local() -> str:
    """cluster.local: Services, a headless set, pods, named ports, an ExternalName."""
    lines = [
        "$ORIGIN cluster.local.",
        "$TTL 30",
        SOA,
        "@ NS ns.dns",
        f"ns.dns A {V4.kube_dns}",
        f"ns.dns AAAA {V6.kube_dns}",
        'dns-version TXT "1.1.0"',
        # ClusterIP Services with named ports.
        "kubernetes.default.svc A 10.96.0.1",
        "kubernetes.default.svc AAAA fd00:96::1",
        "_https._tcp.kubernetes.default.svc SRV 0 100 443 kubernetes.default.svc",
        f"kube-dns.kube-system.svc A {V4.kube_dns}",
        f"kube-dns.kube-system.svc AAAA {V6.kube_dns}",
        "_dns._udp.kube-dns.kube-system.svc SRV 0 100 53 kube-dns.kube-system.svc",
        "_dns-tcp._tcp.kube-dns.kube-system.svc SRV 0 100 53 kube-dns.kube-system.svc",
        f"kube-dns-upstream.kube-system.svc A {V4.upstream}",
        f"kube-dns-upstream.kube-system.svc AAAA {V6.upstream}",
        # One family only: AAAA is "no data".
        "orders.shop.svc A 10.96.20.20",
        "brief.shop.svc 5 A 10.96.20.21",
        # ExternalName.
        "database.shop.svc CNAME db.example.org.",
        # Pods by their address.
        f"{V4.pods[0].replace('.', '-')}.default.pod A {V4.pods[0]}",
        f"{V6.pods[0].replace(':', '-')}.default.pod AAAA {V6.pods[0]}",
    ]
    for name, v4, v6 in HEADLESS:
        lines += [
            f"web.shop.svc A {v4}",
            f"web.shop.svc AAAA {v6}",
            f"{name}.web.shop.svc A {v4}",
            f"{name}.web.shop.svc AAAA {v6}",
            f"_http._tcp.web.shop.svc SRV 0 33 8080 {name}.web.shop.svc",
        ]
    # A set too large for one datagram.
    lines += [f"crowd.shop.svc A 10.244.9.{index}" for index in range(1, 201)]
    # Names for load and for tests that need one nobody has asked yet.
    lines += [f"load-{index}.shop.svc A 10.97.{index // 250}.{1 + index % 250}" for index in range(1000)]
    return "\n".join(lines) + "\n"


def reverse(zone: str) -> str:
    """in-addr.arpa or ip6.arpa: one PTR for each address of a Service or of a headless set's pod."""
    names = {
        "10.96.0.1": "kubernetes.default.svc",
        "fd00:96::1": "kubernetes.default.svc",
        V4.kube_dns: "kube-dns.kube-system.svc",
        V6.kube_dns: "kube-dns.kube-system.svc",
    }
    for name, v4, v6 in HEADLESS:
        names[v4] = names[v6] = f"{name}.web.shop.svc"
    lines = [f"$ORIGIN {zone}.", "$TTL 30", SOA, "@ NS ns.dns.cluster.local."]
    for address, name in names.items():
        owner = dns.reversename.from_address(address).to_text()
        if owner.endswith(f"{zone}."):
            lines.append(f"{owner} PTR {name}.cluster.local.")
    return "\n".join(lines) + "\n"


def external_name_target() -> str:
    """The little of the outside that cluster DNS needs to complete an ExternalName, as CoreDNS does."""
    return f"$ORIGIN example.org.\n$TTL 30\n{SOA}\n@ NS ns\nns A {V4.resolver}\ndb A 192.0.2.77\n"


def example_org(www: str, any_other: str) -> str:
    """example.org as a resolver sees it. The addresses tell which resolver it was."""
    return (
        "\n".join(
            [
                "$ORIGIN example.org.",
                "$TTL 300",
                SOA,
                "@ NS ns",
                f"ns A {V4.resolver}",
                f"www A {www}",
                f"www AAAA 2001:db8:80::{www.rsplit('.', 1)[1]}",
                "db A 192.0.2.77",
                "alias CNAME www",
                f"* A {any_other}",
                "text TXT " + " ".join(f'"{"x" * 200}"' for _ in range(12)),
            ]
        )
        + "\n"
    )


def root() -> str:
    """The root: every other name does not exist."""
    return f"$ORIGIN .\n$TTL 300\n{SOA}\n@ NS ns.example.org.\n"


def stub(records: dict[str, str], serial: int) -> str:
    """The stub domain as ExternalDNS fills it: owner name -> IPv4 address."""
    lines = [
        f"$ORIGIN {STUB_DOMAIN}.",
        "$TTL 30",
        f"@ 5 SOA ns hostmaster {serial} 7200 1800 86400 5",
        "@ NS ns",
    ]
    lines += [f"ns A {V4.stub}", *(f"{name} A {address}" for name, address in records.items())]
    return "\n".join(lines) + "\n"
