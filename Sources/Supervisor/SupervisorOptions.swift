// What the command line says to the supervisor, checked.

package import Addresses
package import Timing

/// The settings of one supervisor; immutable.
package struct SupervisorOptions: Hashable, Sendable {
    /// `-localip`: the addresses to serve, both families together.
    package var localAddresses: [IPAddress]
    /// `-setupinterface`, `-interfacename`.
    package var setsUpInterface = true
    package var interfaceName = "nodelocaldns"
    /// `-setupiptables`.
    package var setsUpRules = true
    /// `-syncinterval`.
    package var syncInterval = Interval.seconds(60)
    /// `-metrics-listen-address`.
    package var metricsEndpoint = Endpoint(IPAddress.unspecified(.v4), port: 9353)
    /// `-ready-address`: where `/ready` is served; nil: nowhere.
    package var readyEndpoint: Endpoint?
    /// `-ready-socket`: where `node-local-dns ready` asks; nil: nowhere.
    package var readySocket: String?
    /// `-prometheus-listen-address`: replaces `__PROMETHEUS__ENDPOINT__`.
    package var prometheusEndpoint = ":9253"
    /// `-basecorefile`: the template.
    package var templatePath = "/etc/coredns/Corefile.base"
    /// `-conf`: where the Corefile made from the template is written, and what is loaded without a template.
    package var corefilePath = "/etc/Corefile"
    /// `-kubednscm`; nil: /etc/kube-dns when it exists.
    package var kubeDNSDirectory: String?
    /// `-upstreamsvc`.
    package var upstreamService = "kube-dns"
    /// `-health-port`: only the rules need it.
    package var healthPort: UInt16 = 8080
    /// `-skipteardown`.
    package var skipsTeardown = false
    /// `-dns.port`.
    package var dnsPort: UInt16 = 53
    /// `-pidfile`.
    package var pidFile: String?
    /// `-quiet`: no list of zones at the start.
    package var isQuiet = false
    /// `-state-dir`: keeps the last good configuration.
    package var stateDirectory = "/run/node-local-dns"
    /// `-threads`: packet threads of the worker.
    package var threads = 1
    /// `-cache-budget`: octets of all caches together; nil: by the memory limit (`MemoryShares`).
    package var cacheBudget: Int?
    /// `-grace-period`.
    package var gracePeriod = Interval.seconds(5)
    /// `-dead-man`: how long traffic stays ours when nothing of us moves; zero: for ever.
    package var deadMan = Interval.zero
    /// `-drain-delay`.
    package var drainDelay = Interval.zero
    /// What no flag changes, and a test with a slow machine does.
    package var times = SupervisorTimes()
    /// Stamped at build.
    package var version = "UNKNOWN"

    package init(localAddresses: [IPAddress]) { self.localAddresses = localAddresses }

    /// The variable in which Kubernetes tells the cluster IP of the upstream Service.
    package var upstreamServiceVariable: String {
        let name = upstreamService.map { $0 == "-" ? "_" : $0.uppercased() }.joined()
        return "\(name)_SERVICE_HOST"
    }
}
