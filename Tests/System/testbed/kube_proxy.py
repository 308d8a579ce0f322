"""kube-proxy's rules for the Services kube-dns and kube-dns-upstream, as kube-proxy 1.33 writes them.

Only what it writes for ClusterIPs with end points: nothing for node ports, no affinity, no firewalls.
"""

import hashlib

from .addresses import Family
from .namespace import Namespace

FORMS = ("iptables-legacy", "iptables-nft", "nftables")
PROTOCOLS = (("udp", "dns"), ("tcp", "dns-tcp"))


def install(namespace: Namespace, family: Family, form: str) -> None:
    """Writes the rules with iptables of either kind, or in nftables form."""
    if form == "nftables":
        namespace.run("nft", "-f", "-", stdin=nftables_rules(family))
    elif form == "ipvs":
        install_ipvs(namespace, family)
    else:
        namespace.run(restorer(family, form), stdin=iptables_rules(family))


def remove(namespace: Namespace, family: Family, form: str) -> None:
    """Takes away what `install` wrote."""
    short = "ip" if family.version == 4 else "ip6"
    if form == "iptables-legacy":
        namespace.run(restorer(family, form), stdin="*filter\nCOMMIT\n*nat\nCOMMIT\n")
    elif form == "ipvs":
        raise NotImplementedError("there is no way back from IPVS in a test bed")
    elif form == "iptables-nft":
        for table in ("filter", "nat"):
            namespace.run("nft", "delete", "table", short, table, check=False)
    else:
        namespace.run("nft", "delete", "table", short, "kube-proxy", check=False)


def install_ipvs(namespace: Namespace, family: Family) -> None:
    """Virtual servers on kube-ipvs0. Only where the kernel has IPVS, which is not among `FORMS`."""
    if family.version == 4:
        namespace.ip("link", "add", "kube-ipvs0", "type", "dummy")
        namespace.sysctl("net.ipv4.vs.conntrack=1")
        # kube-proxy asks an ipset for all ClusterIPs at once.
        rules = ["*nat", "-A POSTROUTING -m mark --mark 0x4000/0x4000 -j MASQUERADE"]
        for _, address in services(family):
            match = f"! -s {family.pod_network} -d {address} -j MARK --set-xmark 0x4000/0x4000"
            rules += [f"-A {hook} {match}" for hook in ("PREROUTING", "OUTPUT")]
        namespace.run("iptables-nft-restore", stdin="\n".join([*rules, "COMMIT\n"]))
    for _, address in services(family):
        namespace.ip("address", "add", address, "dev", "kube-ipvs0")
        server = address if family.version == 4 else f"[{address}]"
        for option in ("-u", "-t"):
            namespace.run("ipvsadm", "-A", option, f"{server}:53", "-s", "rr")
            for endpoint in family.endpoints:
                target = endpoint if family.version == 4 else f"[{endpoint}]"
                namespace.run("ipvsadm", "-a", option, f"{server}:53", "-r", f"{target}:53", "-m")


def restorer(family: Family, form: str) -> str:
    """`iptables-legacy-restore` and its like; it replaces the whole table."""
    return form.replace("iptables", "iptables" if family.version == 4 else "ip6tables") + "-restore"


def services(family: Family) -> tuple[tuple[str, str], ...]:
    return (("kube-dns", family.kube_dns), ("kube-dns-upstream", family.upstream))


def iptables_rules(family: Family) -> str:
    host = 32 if family.version == 4 else 128
    filter_lines = [
        "*filter",
        ":INPUT ACCEPT",
        ":FORWARD ACCEPT",
        ":OUTPUT ACCEPT",
        ":KUBE-EXTERNAL-SERVICES -",
        ":KUBE-FIREWALL -",
        ":KUBE-FORWARD -",
        ":KUBE-NODEPORTS -",
        ":KUBE-PROXY-FIREWALL -",
        ":KUBE-SERVICES -",
        "-A INPUT -m conntrack --ctstate NEW -j KUBE-PROXY-FIREWALL",
        "-A INPUT -j KUBE-NODEPORTS",
        "-A INPUT -m conntrack --ctstate NEW -j KUBE-EXTERNAL-SERVICES",
        "-A INPUT -j KUBE-FIREWALL",
        "-A FORWARD -m conntrack --ctstate NEW -j KUBE-PROXY-FIREWALL",
        "-A FORWARD -j KUBE-FORWARD",
        "-A FORWARD -m conntrack --ctstate NEW -j KUBE-SERVICES",
        "-A FORWARD -m conntrack --ctstate NEW -j KUBE-EXTERNAL-SERVICES",
        "-A OUTPUT -m conntrack --ctstate NEW -j KUBE-PROXY-FIREWALL",
        "-A OUTPUT -m conntrack --ctstate NEW -j KUBE-SERVICES",
        "-A OUTPUT -j KUBE-FIREWALL",
        "-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP",
        "-A KUBE-FORWARD -m mark --mark 0x4000/0x4000 -j ACCEPT",
        "-A KUBE-FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
    ]
    if family.version == 4:
        filter_lines.append(
            "-A KUBE-FIREWALL ! -s 127.0.0.0/8 -d 127.0.0.0/8 -m conntrack"
            " ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP"
        )
    chains: list[str] = []
    rules: list[str] = []
    for service, address in services(family):
        for protocol, port_name in PROTOCOLS:
            tag = hashlib.sha256(f"{service}/{port_name}".encode()).hexdigest()[:16].upper()
            comment = f'-m comment --comment "kube-system/{service}:{port_name}'
            match = f"-d {address}/{host} -p {protocol}"
            chains.append(f":KUBE-SVC-{tag} -")
            rules += [
                f'-A KUBE-SERVICES {match} {comment} cluster IP" -m {protocol} --dport 53 -j KUBE-SVC-{tag}',
                f'-A KUBE-SVC-{tag} ! -s {family.pod_network} {match} {comment} cluster IP"'
                f" -m {protocol} --dport 53 -j KUBE-MARK-MASQ",
            ]
            for index, endpoint in enumerate(family.endpoints):
                first = "-m statistic --mode random --probability 0.50000000000 " if index == 0 else ""
                target = endpoint if family.version == 4 else f"[{endpoint}]"
                chains.append(f":KUBE-SEP-{tag}-{index} -")
                rules += [
                    f'-A KUBE-SVC-{tag} {comment} -> {target}:53" {first}-j KUBE-SEP-{tag}-{index}',
                    f'-A KUBE-SEP-{tag}-{index} -s {endpoint}/{host} {comment}" -j KUBE-MARK-MASQ',
                    f'-A KUBE-SEP-{tag}-{index} -p {protocol} {comment}" -m {protocol}'
                    f" -j DNAT --to-destination {target}:53",
                ]
    nat_lines = [
        "*nat",
        ":PREROUTING ACCEPT",
        ":INPUT ACCEPT",
        ":OUTPUT ACCEPT",
        ":POSTROUTING ACCEPT",
        ":KUBE-MARK-MASQ -",
        ":KUBE-NODEPORTS -",
        ":KUBE-POSTROUTING -",
        ":KUBE-SERVICES -",
        *chains,
        '-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES',
        '-A OUTPUT -m comment --comment "kubernetes service portals" -j KUBE-SERVICES',
        '-A POSTROUTING -m comment --comment "kubernetes postrouting rules" -j KUBE-POSTROUTING',
        "-A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000",
        "-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN",
        "-A KUBE-POSTROUTING -j MARK --set-xmark 0x4000/0x0",
        "-A KUBE-POSTROUTING -j MASQUERADE --random-fully",
        *rules,
        "-A KUBE-SERVICES -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS",
    ]
    return "\n".join([*filter_lines, "COMMIT", *nat_lines, "COMMIT"]) + "\n"


def nftables_rules(family: Family) -> str:
    ip = "ip" if family.version == 4 else "ip6"
    address_type = "ipv4_addr" if family.version == 4 else "ipv6_addr"
    elements: list[str] = []
    chains: list[str] = []
    for service, address in services(family):
        for protocol, port_name in PROTOCOLS:
            base = f"kube-system/{service}/{protocol}/{port_name}"
            tag = (
                hashlib.sha256(base.encode())
                .hexdigest()[:8]
                .upper()
                .translate(str.maketrans("0123456789", "GHIJKLMNOP"))
            )
            elements.append(f"{address} . {protocol} . 53 : goto service-{tag}-{base}")
            choices = []
            for index, endpoint in enumerate(family.endpoints):
                name = f"endpoint-{tag}E{index}-{base}__{endpoint.replace(':', '.')}/53"
                target = endpoint if family.version == 4 else f"[{endpoint}]"
                choices.append(f"{index} : goto {name}")
                chains.append(
                    f"chain {name} {{ {ip} saddr {endpoint} jump mark-for-masquerade;"
                    f" meta l4proto {protocol} dnat to {target}:53; }}"
                )
            chains.append(
                f"chain service-{tag}-{base} {{"
                f" {ip} daddr {address} {protocol} dport 53 {ip} saddr != {family.pod_network}"
                f" jump mark-for-masquerade;"
                f" numgen random mod {len(choices)} vmap {{ {', '.join(choices)} }}; }}"
            )
    key = f"type {address_type} . inet_proto . inet_service : verdict"
    return f"""
table {ip} kube-proxy {{
  comment "rules for kube-proxy"
  set cluster-ips {{ type {address_type}; elements = {{ {family.kube_dns}, {family.upstream} }}; }}
  map no-endpoint-services {{ {key}; }}
  map firewall-ips {{ {key}; }}
  chain mark-for-masquerade {{ mark set mark or 0x4000; }}
  chain masquerading {{
    mark and 0x4000 == 0 return
    mark set mark xor 0x4000
    masquerade fully-random
  }}
  {chr(10).join(chains)}
  map service-ips {{ {key}; elements = {{ {", ".join(elements)} }}; }}
  chain services {{ {ip} daddr . meta l4proto . th dport vmap @service-ips; }}
  chain service-endpoints-check {{ {ip} daddr . meta l4proto . th dport vmap @no-endpoint-services; }}
  chain firewall-check {{ {ip} daddr . meta l4proto . th dport vmap @firewall-ips; }}
  chain cluster-ips-check {{
    {ip} daddr @cluster-ips reject comment "Reject traffic to invalid ports of ClusterIPs"
    {ip} daddr {family.service_network} drop comment "Drop traffic to unallocated ClusterIPs"
  }}
  chain filter-prerouting-pre-dnat {{
    type filter hook prerouting priority dstnat - 10; ct state new jump firewall-check; }}
  chain filter-output-pre-dnat {{ type filter hook output priority -110; ct state new jump firewall-check; }}
  chain filter-input {{ type filter hook input priority 0; ct state new jump service-endpoints-check; }}
  chain filter-forward {{ type filter hook forward priority 0;
    ct state new jump service-endpoints-check; ct state new jump cluster-ips-check; }}
  chain filter-output {{
    type filter hook output priority -110; ct state new jump service-endpoints-check; }}
  chain filter-output-post-dnat {{
    type filter hook output priority -90; ct state new jump cluster-ips-check; }}
  chain nat-prerouting {{ type nat hook prerouting priority dstnat; jump services; }}
  chain nat-output {{ type nat hook output priority -100; jump services; }}
  chain nat-postrouting {{ type nat hook postrouting priority srcnat; jump masquerading; }}
}}
"""
