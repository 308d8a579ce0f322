// The `process_*` family as every Prometheus client shows it, from /proc/self. A file that cannot be read
// costs its own series, nothing else.

import Glibc
package import Telemetry

/// CPU, memory, descriptors and network of this process.
package struct ProcessMetrics: MetricSource {
    private let ticksPerSecond: Double
    private let pageSize: Double
    /// Unix time at which the kernel started, the zero of a process' start time.
    private let bootTime: Double?

    package init() {
        ticksPerSecond = Double(max(1, sysconf(CInt(_SC_CLK_TCK))))
        pageSize = Double(max(1, sysconf(CInt(_SC_PAGESIZE))))
        bootTime = ProcFile.text("/proc/stat").flatMap { Self.bootTime(inStat: $0) }
    }

    package func collect(into snapshot: inout MetricSnapshot) {
        if let text = ProcFile.text("/proc/self/stat"), let stat = ProcessStat(text) {
            snapshot.add(.processCPU, Double(stat.userTicks + stat.systemTicks) / ticksPerSecond)
            snapshot.add(.processVirtualMemory, stat.virtualBytes)
            snapshot.add(.processResidentMemory, Double(stat.residentPages) * pageSize)
            if let bootTime {
                snapshot.add(.processStartTime, bootTime + Double(stat.startTicks) / ticksPerSecond)
            }
        }
        if let limits = ProcFile.text("/proc/self/limits") {
            if let limit = Self.limit("Max address space", in: limits) {
                snapshot.add(.processVirtualMemoryLimit, limit)
            }
            if let limit = Self.limit("Max open files", in: limits) {
                snapshot.add(.processDescriptorLimit, limit)
            }
        }
        if let count = ProcFile.entryCount("/proc/self/fd") {
            snapshot.add(.processOpenDescriptors, count - 1)  // without the one that reads the folder
        }
        if let devices = ProcFile.text("/proc/self/net/dev") {
            let traffic = Self.traffic(in: devices)
            snapshot.add(.processNetworkReceived, traffic.received)
            snapshot.add(.processNetworkSent, traffic.sent)
        }
    }
}

// MARK: - Reading the kernel's texts (proc(5))

/// The fields of /proc/[pid]/stat that we show.
struct ProcessStat: Hashable {
    let userTicks: UInt64
    let systemTicks: UInt64
    let startTicks: UInt64
    let virtualBytes: UInt64
    let residentPages: UInt64

    /// Reads the line; the second field, the command in parentheses, may hold blanks and parentheses.
    init?(_ text: String) {
        guard let end = text.lastIndex(of: ")") else { return nil }
        let fields = text[text.index(after: end)...].split(whereSeparator: \.isWhitespace)
        // proc(5) counts from 1 and from the pid: field n is `fields[n - 3]`.
        let field = { (number: Int) -> UInt64? in
            fields.indices.contains(number - 3) ? UInt64(fields[number - 3]) : nil
        }
        guard let user = field(14), let system = field(15), let start = field(22), let size = field(23),
            let resident = field(24)
        else { return nil }
        (userTicks, systemTicks, startTicks) = (user, system, start)
        (virtualBytes, residentPages) = (size, resident)
    }
}

extension ProcessMetrics {
    /// The line `btime 1763695000` of /proc/stat.
    static func bootTime(inStat text: String) -> Double? {
        text.split(separator: "\n")
            .first { $0.hasPrefix("btime ") }
            .flatMap { Double($0.dropFirst("btime ".count)) }
    }

    /// The soft limit in /proc/[pid]/limits; `unlimited` is the largest number, as Go shows it.
    static func limit(_ name: String, in text: String) -> UInt64? {
        guard let line = text.split(separator: "\n").first(where: { $0.hasPrefix(name) }),
            let soft = line.dropFirst(name.count).split(separator: " ").first
        else { return nil }
        return soft == "unlimited" ? .max : UInt64(soft)
    }

    /// The bytes of all interfaces in /proc/[pid]/net/dev: the first number received, the ninth sent.
    static func traffic(in text: String) -> (received: UInt64, sent: UInt64) {
        var total: (received: UInt64, sent: UInt64) = (0, 0)
        for line in text.split(separator: "\n") {
            guard let colon = line.lastIndex(of: ":") else { continue }
            let numbers = line[line.index(after: colon)...].split(separator: " ")
            guard numbers.count >= 9, let received = UInt64(numbers[0]), let sent = UInt64(numbers[8]) else {
                continue
            }
            total.received &+= received
            total.sent &+= sent
        }
        return total
    }
}
