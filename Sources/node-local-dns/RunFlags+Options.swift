// What the flags mean. node-cache's words where it refuses too; its traps are sense here (its reference,
// chapter 7): blanks and empty pieces in -localip are skipped, both families may stand together, and
// -syncinterval takes what people write.

import Addresses
import Control
import Corefile
import Glibc
import Supervisor
import Timing

/// A flag whose value makes no sense.
struct FlagProblem: Error, Hashable, CustomStringConvertible {
    let description: String
    /// Not even the form is right: Go's `flag` package shows the usage then, and ends with 2 instead of 1.
    let isSyntax: Bool

    init(_ description: String, isSyntax: Bool = false) {
        self.description = description
        self.isSyntax = isSyntax
    }

    /// In Go's words.
    static func syntax(_ value: String, _ flag: String, _ wanted: String) -> FlagProblem {
        FlagProblem("invalid value \"\(value)\" for flag -\(flag): want \(wanted)", isSyntax: true)
    }
}

extension NodeLocalDNS {
    /// All flags, checked.
    func supervisorOptions() throws(FlagProblem) -> SupervisorOptions {
        var options = SupervisorOptions(localAddresses: try FlagValue.addresses(serving.localIP))
        options.dnsPort = try FlagValue.port(serving.dnsPort, "port")
        options.upstreamService = serving.upstreamService
        options.threads = try FlagValue.threads(serving.threads)
        options.cacheBudget = try FlagValue.cacheBudget(serving.cacheBudget)
        options.setsUpInterface = network.setsUpInterface
        options.interfaceName = try FlagValue.interfaceName(network.interfaceName)
        options.setsUpRules = network.setsUpRules
        options.healthPort = try FlagValue.port(network.healthPort, "healthcheck port")
        options.syncInterval = try FlagValue.syncInterval(network.syncInterval)
        options.skipsTeardown = network.skipsTeardown
        options.templatePath = files.template
        options.corefilePath = try corefilePath()
        options.kubeDNSDirectory = files.kubeDNSDirectory.isEmpty ? nil : files.kubeDNSDirectory
        options.stateDirectory = files.stateDirectory
        options.metricsEndpoint = try FlagValue.endpoint(process.metricsAddress, "metrics-listen-address")
        options.prometheusEndpoint = process.prometheusEndpoint
        options.pidFile = process.pidFile.isEmpty ? nil : process.pidFile
        options.gracePeriod = try FlagValue.interval(process.gracePeriod, "grace-period")
        options.drainDelay = try FlagValue.interval(process.drainDelay, "drain-delay")
        options.deadMan = try FlagValue.interval(process.deadMan, "dead-man")
        guard options.deadMan == .zero || options.deadMan >= .milliseconds(500) else {
            // A worker that is replaced is silent for less than that.
            throw FlagProblem.syntax(process.deadMan, "dead-man", "0s, or 500ms and more")
        }
        if !process.readyAddress.isEmpty {
            options.readyEndpoint = try FlagValue.endpoint(process.readyAddress, "ready-address")
        }
        options.readySocket = process.readySocket.isEmpty ? nil : process.readySocket
        options.isQuiet = process.isQuiet
        options.version = BuildVersion.number
        _ = try logFormat()
        guard !tls.isEnabled else {
            throw FlagProblem("-tls-enabled is not supported: metrics are served without TLS only")
        }
        return options
    }

    /// `-log-format`.
    func logFormat() throws(FlagProblem) -> LogFormat {
        guard let format = LogFormat(rawValue: process.logFormat) else {
            throw FlagProblem("invalid log-format specified - \"\(process.logFormat)\", want text or json")
        }
        return format
    }

    private func corefilePath() throws(FlagProblem) -> String {
        let path = files.configuration.flatMap { $0.isEmpty ? nil : $0 } ?? files.corefile
        guard path != "stdin" else {
            throw FlagProblem("-conf stdin is not supported: name a file")
        }
        return path
    }
}

/// Values of flags.
enum FlagValue {
    static func addresses(_ text: String) throws(FlagProblem) -> [IPAddress] {
        var result: [IPAddress] = []
        for piece in text.split(separator: ",").map({ $0.trimmingBlanks }) where !piece.isEmpty {
            guard let address = IPAddress(piece) else {
                throw FlagProblem("invalid localip specified - \"\(piece)\", \(wantedAddresses)")
            }
            if !result.contains(address) { result.append(address) }
        }
        guard !result.isEmpty else {
            throw FlagProblem("invalid localip specified - \"\(text)\", \(wantedAddresses)")
        }
        return result
    }

    private static let wantedAddresses = "want addresses such as 169.254.20.10,10.96.0.10"

    static func port(_ text: String, _ name: String) throws(FlagProblem) -> UInt16 {
        guard let port = UInt16(text), port > 0 else {
            throw FlagProblem("invalid \(name) specified - \"\(text)\"")
        }
        return port
    }

    /// A name as the kernel takes it: 1 to 15 octets, no slash, no blank.
    static func interfaceName(_ text: String) throws(FlagProblem) -> String {
        let isName =
            (1...15).contains(text.utf8.count) && text != "." && text != ".."
            && !text.contains { $0 == "/" || $0 == ":" || $0.isWhitespace }
        guard isName else { throw FlagProblem("invalid interfacename specified - \"\(text)\"") }
        return text
    }

    /// One packet thread per CPU, four at most: they are faster than the network long before that.
    static func threads(_ text: String?) throws(FlagProblem) -> Int {
        guard let text else { return min(max(sysconf(CInt(_SC_NPROCESSORS_ONLN)), 1), 4) }
        guard let count = Int(text), (1...64).contains(count) else {
            throw FlagProblem.syntax(text, "threads", "1 to 64")
        }
        return count
    }

    /// MiB to octets; 64 GiB are more than any node's DNS needs.
    static func cacheBudget(_ text: String?) throws(FlagProblem) -> Int? {
        guard let text else { return nil }
        guard let mebibytes = Int(text), (1...65536).contains(mebibytes) else {
            throw FlagProblem.syntax(text, "cache-budget", "1 to 65536 (MiB)")
        }
        return mebibytes << 20
    }

    /// Plain numbers are seconds, and so are less than a microsecond: node-cache took `60ns` as a minute.
    static func syncInterval(_ text: String) throws(FlagProblem) -> Interval {
        let interval: Interval
        if let seconds = UInt64(text), seconds <= 1 << 32 {
            interval = .seconds(seconds)
        } else if let duration = GoDuration(text), duration.nanoseconds > 0 {
            let nanoseconds = UInt64(duration.nanoseconds)
            interval = nanoseconds < 1000 ? .seconds(nanoseconds) : Interval(nanoseconds: nanoseconds)
        } else {
            interval = .zero
        }
        guard interval > .zero else {
            throw FlagProblem.syntax(text, "syncinterval", "a time such as 60s")
        }
        // Less would keep the node busy with nothing; netlink events repair at once anyhow.
        return max(interval, .seconds(1))
    }

    static func interval(_ text: String, _ name: String) throws(FlagProblem) -> Interval {
        guard let duration = GoDuration(text), duration.nanoseconds >= 0 else {
            throw FlagProblem.syntax(text, name, "a time such as 5s")
        }
        return Interval(nanoseconds: UInt64(duration.nanoseconds))
    }

    /// `ip:port`; without the address, `:port`, it is every IPv4 address.
    static func endpoint(_ text: String, _ name: String) throws(FlagProblem) -> Endpoint {
        let full = text.hasPrefix(":") ? "0.0.0.0" + text : text
        guard let endpoint = Endpoint(full) else {
            throw FlagProblem("invalid \(name) specified - \"\(text)\", want ip:port")
        }
        return endpoint
    }
}

extension Substring {
    fileprivate var trimmingBlanks: Substring {
        var rest = self.drop(while: \.isWhitespace)
        while rest.last?.isWhitespace == true { rest.removeLast() }
        return rest
    }
}
