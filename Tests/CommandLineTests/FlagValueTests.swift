// What flags mean: defaults as node-cache's, its traps as sense.

import Addresses
import ArgumentParser
import Control
import Supervisor
import Testing
import Timing

@testable import node_local_dns

private let wanted = "want addresses such as 169.254.20.10,10.96.0.10"

@Suite struct FlagValueTests {
    private func options(_ arguments: String...) throws -> SupervisorOptions {
        let words = try NodeLocalDNS.flags.normalized(["-localip", "192.0.2.53"] + arguments).words
        let command = try #require(try NodeLocalDNS.parseAsRoot(words) as? NodeLocalDNS)
        return try command.supervisorOptions()
    }

    @Test func defaultsAreThoseOfNodeCache() throws {
        var expected = SupervisorOptions(localAddresses: [IPAddress(v4: 0xc000_0235)])
        let options = try options()
        expected.readyEndpoint = Endpoint("0.0.0.0:8181")
        expected.threads = options.threads
        expected.version = BuildVersion.number
        #expect(options == expected)
        #expect(options.upstreamServiceVariable == "KUBE_DNS_SERVICE_HOST")
        #expect((1...4).contains(options.threads))
    }

    @Test(arguments: [
        ("192.0.2.1", ["192.0.2.1"]),
        (" 192.0.2.1 , ,192.0.2.2,", ["192.0.2.1", "192.0.2.2"]),
        ("192.0.2.1,2001:db8::1", ["192.0.2.1", "2001:db8::1"]),
        ("192.0.2.1,192.0.2.1", ["192.0.2.1"]),
    ])
    func localIP(text: String, addresses: [String]) throws {
        #expect(try FlagValue.addresses(text).map(\.description) == addresses)
    }

    @Test(arguments: [
        ("", "invalid localip specified - \"\", \(wanted)"),
        (" , ", "invalid localip specified - \" , \", \(wanted)"),
        ("192.0.2.1,nonsense", "invalid localip specified - \"nonsense\", \(wanted)"),
    ])
    func wrongLocalIP(text: String, message: String) {
        let error = #expect(throws: FlagProblem.self) { try FlagValue.addresses(text) }
        #expect(error?.description == message)
        #expect(error?.isSyntax == false)
    }

    @Test(arguments: [
        ("60", 60_000), ("60s", 60_000), ("60ns", 60_000), ("1ns", 1_000), ("999ns", 999_000),
        ("1m30s", 90_000),
        // Faster than a second is a second.
        ("10ms", 1_000), ("1us", 1_000),
    ])
    func syncInterval(text: String, milliseconds: UInt64) throws {
        #expect(try FlagValue.syncInterval(text) == .milliseconds(milliseconds))
    }

    @Test(arguments: ["soon", "0", "0s", "-5s", "", "99999999999999999999"])
    func wrongSyncInterval(text: String) {
        let error = #expect(throws: FlagProblem.self) { try FlagValue.syncInterval(text) }
        #expect(error?.isSyntax == true)
    }

    @Test func confDefaultsToCorefile() throws {
        #expect(try options().corefilePath == "/etc/Corefile")
        #expect(try options("-corefile", "/x").corefilePath == "/x")
        #expect(try options("-corefile", "/x", "-conf", "/y").corefilePath == "/y")
        #expect(try options("-corefile", "/x", "-conf", "").corefilePath == "/x")
        #expect(throws: FlagProblem.self) { try options("-conf", "stdin") }
    }

    @Test func everyFlagArrives() throws {
        let options = try options(
            "-setupinterface=false",
            "-interfacename",
            "dns0",
            "-setupiptables=0",
            "-syncinterval",
            "30",
            "-metrics-listen-address",
            ":9000",
            "-basecorefile",
            "/base",
            "-kubednscm",
            "/map",
            "-upstreamsvc",
            "kube-dns-upstream",
            "-health-port",
            "8081",
            "-skipteardown",
            "-p",
            "5353",
            "-pidfile",
            "/pid",
            "-quiet",
            "-threads",
            "3",
            "-cache-budget",
            "512",
            "-state-dir",
            "/state",
            "-grace-period",
            "1500ms",
            "-prometheus-listen-address",
            "192.0.2.53:9253",
            "-drain-delay",
            "20s",
            "-ready-address",
            ":8282",
            "-ready-socket",
            "/ready"
        )
        var expected = SupervisorOptions(localAddresses: [IPAddress(v4: 0xc000_0235)])
        expected.readyEndpoint = Endpoint("0.0.0.0:8282")
        expected.readySocket = "/ready"
        expected.drainDelay = .seconds(20)
        expected.setsUpInterface = false
        expected.interfaceName = "dns0"
        expected.setsUpRules = false
        expected.syncInterval = .seconds(30)
        expected.metricsEndpoint = Endpoint(.unspecified(.v4), port: 9000)
        expected.templatePath = "/base"
        expected.kubeDNSDirectory = "/map"
        expected.upstreamService = "kube-dns-upstream"
        expected.healthPort = 8081
        expected.skipsTeardown = true
        expected.dnsPort = 5353
        expected.pidFile = "/pid"
        expected.isQuiet = true
        expected.threads = 3
        expected.cacheBudget = 512 << 20
        expected.stateDirectory = "/state"
        expected.gracePeriod = .milliseconds(1500)
        expected.prometheusEndpoint = "192.0.2.53:9253"
        expected.version = BuildVersion.number
        #expect(options == expected)
        #expect(options.upstreamServiceVariable == "KUBE_DNS_UPSTREAM_SERVICE_HOST")
    }

    @Test(arguments: [
        (["-dns.port", "dns"], "invalid port specified - \"dns\""),
        (["-dns.port", "0"], "invalid port specified - \"0\""),
        (["-health-port", "http"], "invalid healthcheck port specified - \"http\""),
        (
            ["-interfacename", "a-name-that-is-too-long"],
            "invalid interfacename specified - \"a-name-that-is-too-long\""
        ),
        (
            ["-metrics-listen-address", "here"],
            "invalid metrics-listen-address specified - \"here\", want ip:port"
        ),
        (["-tls-enabled"], "-tls-enabled is not supported: metrics are served without TLS only"),
        (["-log-format", "xml"], "invalid log-format specified - \"xml\", want text or json"),
        (["-threads", "0"], "invalid value \"0\" for flag -threads: want 1 to 64"),
        (["-cache-budget", "0"], "invalid value \"0\" for flag -cache-budget: want 1 to 65536 (MiB)"),
        (["-cache-budget", "64M"], "invalid value \"64M\" for flag -cache-budget: want 1 to 65536 (MiB)"),
        (["-grace-period", "5"], "invalid value \"5\" for flag -grace-period: want a time such as 5s"),
    ])
    func wrongValues(arguments: [String], message: String) {
        let error = #expect(throws: FlagProblem.self) {
            try options(arguments[0], arguments.dropFirst().first ?? "-quiet")
        }
        #expect(error?.description == message)
    }

    @Test func flagsOfTheSuccessorThatChangeNothingAreAccepted() throws {
        _ = try options(
            "-tls-cert-file",
            "/etc/ssl/tls.crt",
            "-tls-min-version",
            "TLS13",
            "-tls-enabled=false"
        )
    }
}
