// Every flag of node-cache, with its default, and the few of ours. Text to text: what the values mean is
// checked in `RunFlags+Options.swift`.

import ArgumentParser

extension NodeLocalDNS {
    /// All flags by kind; a test holds them against the declarations below.
    static let flags = GoFlags(
        booleans: [
            "setupinterface", "setupiptables", "skipteardown", "reloadwithsignal", "plugins", "version",
            "quiet",
            "tls-enabled",
        ],
        values: [
            "localip", "interfacename", "syncinterval", "metrics-listen-address", "basecorefile", "corefile",
            "conf",
            "kubednscm", "upstreamsvc", "health-port", "dns.port", "p", "pidfile",
            "prometheus-listen-address",
            "threads", "cache-budget", "state-dir", "grace-period", "drain-delay", "dead-man",
            "ready-address",
            "ready-socket", "log-format", "tls-cert-file",
            "tls-private-key-file",
            "tls-client-auth-type", "tls-client-ca-file", "tls-min-version",
        ]
    )
}

struct ServingFlags: ParsableArguments {
    @Option(
        name: .customLong("localip", withSingleDash: true),
        help: ArgumentHelp("Addresses to serve, IPv4 and IPv6 in any order. Required.", valueName: "ip,ip")
    )
    var localIP = ""

    @Option(
        name: [.customLong("dns.port", withSingleDash: true), .customShort("p")],
        help: ArgumentHelp("Default port of server blocks.", valueName: "port")
    )
    var dnsPort = "53"

    @Option(
        name: .customLong("upstreamsvc", withSingleDash: true),
        help: ArgumentHelp("Service whose cluster IP replaces __PILLAR__CLUSTER__DNS__.", valueName: "name")
    )
    var upstreamService = "kube-dns"

    @Option(
        name: .customLong("threads", withSingleDash: true),
        help: ArgumentHelp("Threads that answer UDP. (default: CPUs, at most 4)", valueName: "count")
    )
    var threads: String?

    @Option(
        name: .customLong("cache-budget", withSingleDash: true),
        help: ArgumentHelp(
            "Memory that all caches together may take. (default: 3/8 of the memory limit, 64 without one)",
            valueName: "MiB"
        )
    )
    var cacheBudget: String?
}

struct NetworkFlags: ParsableArguments {
    @Option(
        name: .customLong("setupinterface", withSingleDash: true),
        help: ArgumentHelp("Make and keep the dummy interface.", valueName: "bool")
    )
    var setsUpInterface = true

    @Option(
        name: .customLong("interfacename", withSingleDash: true),
        help: ArgumentHelp("Its name.", valueName: "name")
    )
    var interfaceName = "nodelocaldns"

    @Option(
        name: .customLong("setupiptables", withSingleDash: true),
        help: ArgumentHelp("Make and keep the rules (with nftables).", valueName: "bool")
    )
    var setsUpRules = true

    @Option(
        name: .customLong("health-port", withSingleDash: true),
        help: ArgumentHelp("Port of /health; only the rules need it.", valueName: "port")
    )
    var healthPort = "8080"

    @Option(
        name: .customLong("syncinterval", withSingleDash: true),
        help: ArgumentHelp(
            "Look at interface and rules this often: 60, 60s or 60ns are a minute.",
            valueName: "time"
        )
    )
    var syncInterval = "60"

    @Option(
        name: .customLong("skipteardown", withSingleDash: true),
        help: ArgumentHelp("Leave interface and rules behind when ending.", valueName: "bool")
    )
    var skipsTeardown = false
}

struct FileFlags: ParsableArguments {
    @Option(
        name: .customLong("basecorefile", withSingleDash: true),
        help: ArgumentHelp("Template of the Corefile, watched.", valueName: "file")
    )
    var template = "/etc/coredns/Corefile.base"

    @Option(
        name: .customLong("conf", withSingleDash: true),
        help: ArgumentHelp(
            "Corefile made from the template, or loaded when there is none. (default: that of -corefile)",
            valueName: "file"
        )
    )
    var configuration: String?

    @Option(
        name: .customLong("corefile", withSingleDash: true),
        help: ArgumentHelp("Used when -conf is not given.", valueName: "file")
    )
    var corefile = "/etc/Corefile"

    @Option(
        name: .customLong("kubednscm", withSingleDash: true),
        help: ArgumentHelp(
            "Directory of the kube-dns ConfigMap, watched. (default: /etc/kube-dns if it exists)",
            valueName: "directory"
        )
    )
    var kubeDNSDirectory = ""

    @Option(
        name: .customLong("reloadwithsignal", withSingleDash: true),
        help: ArgumentHelp("Accepted; changes are always applied at once.", valueName: "bool")
    )
    var reloadsWithSignal = false

    @Option(
        name: .customLong("state-dir", withSingleDash: true),
        help: ArgumentHelp("Keeps the last good configuration.", valueName: "directory")
    )
    var stateDirectory = "/run/node-local-dns"
}

struct ProcessFlags: ParsableArguments {
    @Option(
        name: .customLong("metrics-listen-address", withSingleDash: true),
        help: ArgumentHelp("Metrics of both processes.", valueName: "ip:port")
    )
    var metricsAddress = "0.0.0.0:9353"

    @Option(
        name: .customLong("prometheus-listen-address", withSingleDash: true),
        help: ArgumentHelp("Replaces __PROMETHEUS__ENDPOINT__.", valueName: "ip:port")
    )
    var prometheusEndpoint = ":9253"

    @Option(
        name: .customLong("pidfile", withSingleDash: true),
        help: ArgumentHelp("Written when everything is up.", valueName: "file")
    )
    var pidFile = ""

    @Option(
        name: .customLong("grace-period", withSingleDash: true),
        help: ArgumentHelp("Time to answer what is under way when ending.", valueName: "time")
    )
    var gracePeriod = "5s"

    @Option(
        name: .customLong("drain-delay", withSingleDash: true),
        help: ArgumentHelp("When told to end, go on as before for so long.", valueName: "time")
    )
    var drainDelay = "0s"

    @Option(
        name: .customLong("dead-man", withSingleDash: true),
        help: ArgumentHelp(
            "Have the kernel give traffic to cluster DNS when nothing of us moves for so long; 0s: never.",
            valueName: "time"
        )
    )
    var deadMan = "0s"

    @Option(
        name: .customLong("ready-address", withSingleDash: true),
        help: ArgumentHelp("Serves /ready; empty: nowhere.", valueName: "ip:port")
    )
    var readyAddress = "0.0.0.0:8181"

    @Option(
        name: .customLong("ready-socket", withSingleDash: true),
        help: ArgumentHelp("Where `node-local-dns ready` asks this agent.", valueName: "file")
    )
    var readySocket = ""

    @Option(
        name: .customLong("log-format", withSingleDash: true),
        help: ArgumentHelp("How log lines look: text or json.", valueName: "format")
    )
    var logFormat = "text"

    @Option(
        name: .customLong("quiet", withSingleDash: true),
        help: ArgumentHelp("No list of zones at the start.", valueName: "bool")
    )
    var isQuiet = false

    @Option(
        name: .customLong("plugins", withSingleDash: true),
        help: ArgumentHelp("List the plugins of the Corefile and end.", valueName: "bool")
    )
    var showsPlugins = false

    @Option(
        name: .customLong("version", withSingleDash: true),
        help: ArgumentHelp("Show the version and end.", valueName: "bool")
    )
    var showsVersion = false
}

/// Flags of node-cache's successor; they matter only with `-tls-enabled`.
struct TLSFlags: ParsableArguments {
    @Option(name: .customLong("tls-enabled", withSingleDash: true), help: .hidden)
    var isEnabled = false

    @Option(name: .customLong("tls-cert-file", withSingleDash: true), help: .hidden)
    var certificate: String?

    @Option(name: .customLong("tls-private-key-file", withSingleDash: true), help: .hidden)
    var privateKey: String?

    @Option(name: .customLong("tls-client-auth-type", withSingleDash: true), help: .hidden)
    var clientAuthentication: String?

    @Option(name: .customLong("tls-client-ca-file", withSingleDash: true), help: .hidden)
    var clientAuthority: String?

    @Option(name: .customLong("tls-min-version", withSingleDash: true), help: .hidden)
    var minimumVersion: String?
}
