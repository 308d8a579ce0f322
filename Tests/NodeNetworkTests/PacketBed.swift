// A node with a pod and a cluster DNS on another node, in network namespaces, with nsd for every server and
// dig for every client. The node is the namespace of the calling thread.

import Addresses
import Glibc
import Testing

/// An open TCP connection to a DNS server.
final class Connection {
    private let socket = Glibc.socket(AF_INET, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)

    init(to server: String) throws {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(53).bigEndian
        try #require(inet_pton(AF_INET, server, &address.sin_addr) == 1)
        // An answer that does not come fails the test instead of stopping it.
        var limit = timeval(tv_sec: 5, tv_usec: 0)
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            setsockopt(socket, SOL_SOCKET, option, &limit, socklen_t(MemoryLayout<timeval>.size))
        }
        let status = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        try #require(status == 0, "connect to \(server): \(errno)")
    }

    deinit { close(socket) }

    /// Asks for web.cluster.local, A; the last four bytes of the answer are the address.
    func ask() throws -> [UInt8] {
        let question = bytes(
            """
            00 23  a4 1f 01 00  00 01 00 00 00 00 00 00  # length; header: RD, one question
            03 77 65 62 07 63 6c 75 73 74 65 72 05 6c 6f 63 61 6c 00  # web.cluster.local.
            00 01 00 01  # A, IN
            """
        )
        try #require(send(socket, question, question.count, 0) == question.count)
        var answer = [UInt8](repeating: 0, count: 512)
        let length = recv(socket, &answer, 2, CInt(MSG_WAITALL))
        try #require(length == 2, "no answer: \(errno)")
        let count = Int(answer[0]) << 8 | Int(answer[1])
        try #require(recv(socket, &answer, count, CInt(MSG_WAITALL)) == count)
        return Array(answer[..<count].suffix(4))
    }
}

/// Namespaces, links and servers; the node is the namespace of the calling thread.
struct PacketBed {
    let family: IPAddress.Family
    let local, cluster, upstream: String
    private let dns, pod, dnsGateway, podGateway, everywhere: String
    private let answers: (agent: String, cluster: String)
    private let podName, dnsName, directory, ip, length: String

    /// The node-local address and the ClusterIP.
    var servers: [String] { [local, cluster] }

    init(_ family: IPAddress.Family, answers: (agent: String, cluster: String)) throws {
        self.family = family
        self.answers = answers
        let isIPv4 = family == .v4
        ip = isIPv4 ? "ip" : "ip -6"
        length = isIPv4 ? "24" : "64"
        everywhere = isIPv4 ? "0.0.0.0/0" : "::/0"
        local = isIPv4 ? "169.254.20.10" : "2001:db8:fe::a"
        cluster = isIPv4 ? "10.96.0.10" : "2001:db8:96::a"
        upstream = isIPv4 ? "10.96.134.149" : "2001:db8:96::149"
        dns = isIPv4 ? "10.244.1.2" : "2001:db8:1::2"
        dnsGateway = isIPv4 ? "10.244.1.1" : "2001:db8:1::1"
        pod = isIPv4 ? "10.244.0.11" : "2001:db8::11"
        podGateway = isIPv4 ? "10.244.0.1" : "2001:db8::1"
        directory = try shell("mktemp -d | tr -d '\\n'")
        let number = directory.suffix(6)
        podName = "pod-\(number)"
        dnsName = "dns-\(number)"
    }

    func remove() {
        let commands = [
            "for file in \(directory)/*.pid; do test -e $file && kill $(cat $file); done",
            "ip netns del \(podName)", "ip netns del \(dnsName)", "rm -r \(directory)", "true",
        ]
        _ = try? shell("(\(commands.joined(separator: "; ")))")
    }

    func makeNode() throws {
        try shell("sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1")
        try shell(withoutDetection)
        try shell("ip link add nodelocaldns type bridge")
        try connect(podName, pod, gateway: podGateway)
        try connect(dnsName, dns, gateway: dnsGateway)
        try shell("ip -n \(dnsName) addr add \(local) dev lo")
        try shell("\(ip) route add default via \(dns)")
        try start("cluster", at: [dns], answering: answers.cluster, by: "ip netns exec \(dnsName)")
        try expect(answers.cluster, from: dns, inPod: true)
    }

    /// IPv6 addresses of new links, also their own, can be used at once.
    private var withoutDetection: String { "sysctl -qw net.ipv6.conf.default.accept_dad=0" }

    private func connect(_ name: String, _ address: String, gateway: String) throws {
        let link = String(name.prefix(3))
        try shell("ip netns add \(name)")
        try shell("ip -n \(name) link set lo up")
        try shell("ip netns exec \(name) \(withoutDetection)")
        try shell("ip link add \(link) type veth peer name eth0 netns \(name)")
        try shell("ip addr add \(gateway)/\(length) dev \(link) && ip link set \(link) up")
        try shell("ip -n \(name) addr add \(address)/\(length) dev eth0")
        try shell("ip -n \(name) link set eth0 up")
        try shell("\(ip) -n \(name) route add default via \(gateway)")
    }

    /// kube-proxy without knowledge of the cluster's range, which masquerades nothing.
    func translateServices(_ form: FallbackPacketTests.Form) throws {
        let end = family == .v4 ? "\(dns):53" : "[\(dns)]:53"
        switch form {
        case .nftables:
            let ip = family == .v4 ? "ip" : "ip6"
            let services = "\(ip) daddr { \(cluster), \(upstream) }"
            try shell("nft add table \(ip) kube-proxy")
            for (hook, priority) in [("prerouting", "dstnat"), ("output", "-100")] {
                let type = "{ type nat hook \(hook) priority \(priority); }"
                try shell("nft 'add chain \(ip) kube-proxy nat-\(hook) \(type)'")
                for kind in ["udp", "tcp"] {
                    let rule = "\(services) \(kind) dport 53 dnat to \(end)"
                    try shell("nft 'add rule \(ip) kube-proxy nat-\(hook) \(rule)'")
                }
            }
        case .iptables:
            let tables = "\(family == .v4 ? "iptables" : "ip6tables")-nft -t nat"
            try shell("\(tables) -N KUBE-SERVICES")
            for hook in ["PREROUTING", "OUTPUT"] { try shell("\(tables) -A \(hook) -j KUBE-SERVICES") }
            for service in [cluster, upstream] {
                for kind in ["udp", "tcp"] {
                    let rule = "-d \(service) -p \(kind) --dport 53 -j DNAT --to-destination \(end)"
                    try shell("\(tables) -A KUBE-SERVICES \(rule)")
                }
            }
        }
    }

    // MARK: Servers

    func startAgent() throws {
        try start("agent", at: servers, answering: answers.agent, by: "env")
    }

    /// Returns when its sockets are gone, which nobody tells us of: so it is asked again and again.
    func stopAgent() throws {
        try shell("kill $(cat \(directory)/agent.pid)")
        for _ in 0..<1000 where try shell("ss -Hlntu sport = :53") == "" { return }
        Issue.record("the agent does not stop")
    }

    private func start(_ name: String, at addresses: [String], answering: String, by: String) throws {
        let files = "\(directory)/\(name)"
        let zone = "@ 5 SOA ns hostmaster 1 60 60 60 5\n@ 5 NS ns\n* 5 A \(answering)\n"
        let interfaces = addresses.map { "ip-address: \($0)\n" }.joined()
        let configuration = """
            server:
            \(interfaces)ip-freebind: yes
            minimal-responses: yes
            username: ""
            zonesdir: "\(directory)"
            database: ""
            pidfile: "\(files).pid"
            xfrdfile: "\(files).xfrd"
            xfrdir: "\(directory)"
            zonelistfile: "\(files).list"
            logfile: "\(files).log"
            remote-control:
            control-enable: no
            zone:
            name: "cluster.local"
            zonefile: "\(files).zone"

            """
        try write(zone, to: "\(files).zone")
        try write(configuration, to: "\(files).conf")
        try shell("\(by) nsd -c \(files).conf")
    }

    private func write(_ text: String, to path: String) throws {
        let file = try #require(fopen(path, "we"))
        fputs(text, file)
        #expect(fclose(file) == 0)
    }

    // MARK: Look-ups

    /// Asks as pod and as host, over both transports, at both addresses.
    func expectAnswers(_ answer: String) throws {
        for server in servers {
            for inPod in [true, false] { try expect(answer, from: server, inPod: inPod) }
        }
    }

    /// From pod and host to both addresses.
    func connections() throws -> [Connection] {
        try servers.flatMap { server in
            try [inNetworkNamespace(named: podName) { try Connection(to: server) }, Connection(to: server)]
        }
    }

    func expect(_ answer: String, from server: String, inPod: Bool) throws {
        for transport in ["+notcp", "+tcp"] {
            let place = inPod ? "ip netns exec \(podName) " : ""
            let answered = try shell(
                "\(place)dig +short +time=3 +tries=1 \(transport) web.cluster.local A @\(server)"
            )
            #expect(answered == "\(answer)\n", "\(server) \(transport) \(inPod ? "pod" : "host")")
        }
    }
}
