import Telemetry
import Testing

@testable import Probes

@Suite struct ProcessMetricsTests {
    @Test func theCommandMayHoldBlanksAndParentheses() {
        let line = """
            4242 (a) S (b) S 1 4242 4242 0 -1 4194560 2531 0 3 0 150 25 0 0 20 0 7 0 123456 83886080 1500 \
            18446744073709551615 1 1 0 0
            """
        let stat = ProcessStat(line)
        #expect(stat?.userTicks == 150)
        #expect(stat?.systemTicks == 25)
        #expect(stat?.startTicks == 123_456)
        #expect(stat?.virtualBytes == 83_886_080)
        #expect(stat?.residentPages == 1_500)
    }

    @Test(arguments: ["", "1 (x", "1 (x) S 1 2 3", "1 (x) S 1 1 1 0 -1 0 0 0 0 0 a b 0 0 20 0 7 0 1 2 3"])
    func aLineThatIsTooShortOrStrangeIsNothing(line: String) {
        #expect(ProcessStat(line) == nil)
    }

    @Test func limitsAreSoftOnesAndUnlimitedIsTheLargest() {
        let text = """
            Limit                     Soft Limit           Hard Limit           Units
            Max open files            1024                 1048576              files
            Max address space         unlimited            unlimited            bytes
            """
        #expect(ProcessMetrics.limit("Max open files", in: text) == 1_024)
        #expect(ProcessMetrics.limit("Max address space", in: text) == .max)
        #expect(ProcessMetrics.limit("Max nice priority", in: text) == nil)
    }

    @Test func trafficIsSummedOverAllInterfaces() {
        let text = """
            Inter-|   Receive                                                |  Transmit
             face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs
                lo:    1000      10    0    0    0     0          0         0     2000      10    0
            nodelocaldns:  30    1    0    0    0     0          0         0        4       1    0
            """
        #expect(ProcessMetrics.traffic(in: text) == (received: 1_030, sent: 2_004))
    }

    @Test func theKernelsFilesAreUnderstood() throws {
        let snapshot = MetricSnapshot(of: [ProcessMetrics()])
        let openFiles = try #require(snapshot.number(.processOpenDescriptors))
        #expect(openFiles >= 3)
        #expect((snapshot.number(.processDescriptorLimit) ?? -1) >= openFiles)
        #expect((snapshot.number(.processResidentMemory) ?? -1) > 1_000_000)
        #expect((snapshot.number(.processVirtualMemory) ?? -1) > 1_000_000)
        #expect((snapshot.number(.processStartTime) ?? -1) > 1_600_000_000)
        #expect(snapshot.number(.processCPU) != nil)
        #expect(snapshot.number(.processVirtualMemoryLimit) != nil)
        #expect(snapshot.number(.processNetworkReceived) != nil)
    }

    @Test func whatCannotBeReadIsNothing() {
        #expect(ProcFile.text("/proc/self/no-such-file") == nil)
        #expect(ProcFile.entryCount("/proc/self/no-such-folder") == nil)
    }

    @Test(arguments: [
        (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
        (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
        (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
        (951_868_800, "Wed, 01 Mar 2000 00:00:00 GMT"),
        (4_107_542_399, "Sun, 28 Feb 2100 23:59:59 GMT"),
        (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
    ])
    func datesAreThoseOfHTTP(seconds: Int, expected: String) {
        #expect(HTTPDate.text(unixSeconds: seconds) == expected)
    }
}
