import Telemetry
import Testing

@Suite struct MetricSnapshotTests {
    /// One packet thread, as far as a scrape sees it.
    private final class Worker: MetricSource {
        let cells = CounterCells(count: 1 + Buckets.latency.cellCount)

        func collect(into snapshot: inout MetricSnapshot) {
            snapshot.add(.packetsRejected, labels: ["short"], cells.value(at: 0))
            snapshot.addHistogram(.hitDuration, cells: cells, at: 1)
        }
    }

    @Test func threadsCellsAreSummed() {
        let workers = (0..<3).map { _ in Worker() }
        for (index, worker) in workers.enumerated() {
            worker.cells.add(UInt64(index + 1), at: 0)
            worker.cells.observeLatency(nanoseconds: 10_000, at: 1)
        }
        let snapshot = MetricSnapshot(of: workers)
        #expect(snapshot.number(.packetsRejected, labels: ["short"]) == 6)
        var expected = MetricSnapshot()
        let counts: [UInt64] = [3] + Array(repeating: 0, count: Buckets.latency.count - 1)
        expected.addHistogram(.hitDuration, bucketCounts: counts, sum: 1e-5 + 1e-5 + 1e-5)
        expected.add(.packetsRejected, labels: ["short"], 6)
        expected.addInitialSeries()
        #expect(snapshot == expected)
    }

    @Test func whatHasNotHappenedIsZeroFromTheStart() {
        let snapshot = MetricSnapshot(of: [])
        #expect(snapshot.number(.panics) == 0)
        #expect(snapshot.number(.hostsReloadTime) == 0)
        for kind in ["configmap", "interface_add", "interface_check", "iptables", "iptables_lock"] {
            #expect(snapshot.number(.setupErrors, labels: [kind]) == 0)
        }
        #expect(snapshot.number(.scrapes, labels: ["503"]) == 0)
        #expect(snapshot.number(.processOpenDescriptors) == nil)  // absent when unknown, not zero
        let text = String(decoding: snapshot.render(), as: UTF8.self)
        #expect(!text.contains("coredns_cache_hits_total"))  // labelled series come with their first event
    }

    @Test func theOtherProcessNumbersAreAddedButNotItsIdentity() {
        var ours = MetricSnapshot()
        ours.add(.processStartTime, 1_000)
        ours.add(.setupErrors, labels: ["configmap"], 0)
        var theirs = MetricSnapshot()
        theirs.add(.processStartTime, 2_000)
        theirs.add(.buildInfo, labels: ["swift6.3.1", "", "1.0.0"], 1)
        theirs.add(.setupErrors, labels: ["configmap"], 2)
        ours.merge(theirs)
        #expect(ours.number(.processStartTime) == 1_000)
        #expect(ours.number(.buildInfo, labels: ["swift6.3.1", "", "1.0.0"]) == nil)
        #expect(ours.number(.setupErrors, labels: ["configmap"]) == 2)
    }

    // MARK: As bytes

    @Test func aSnapshotSurvivesTheWayToTheOtherProcess() throws {
        let worker = Worker()
        worker.cells.observeLatency(nanoseconds: 123_456, at: 1)
        var snapshot = MetricSnapshot(of: [worker])
        snapshot.add(.upstreamTimeouts, labels: ["[2001:db8::1]:53"], 0.125)
        snapshot.add(.reloadVersion, labels: ["sha512", "a\"\\\nü"], 1)
        #expect(try MetricSnapshot(decoding: snapshot.encoded()) == snapshot)
        #expect(try MetricSnapshot(decoding: MetricSnapshot().encoded()) == MetricSnapshot())
    }

    @Test func everyCutIsRefusedOrIsASmallerSnapshot() {
        let bytes = MetricSnapshot(of: []).encoded()
        var accepted = 0
        for count in bytes.indices {
            do throws(SnapshotError) {
                _ = try MetricSnapshot(decoding: Array(bytes[..<count]))
                accepted += 1  // the cut is between two series
            } catch {
                #expect(error == .truncated)
            }
        }
        #expect(accepted > 0 && accepted < 100)
    }

    @Test func aChangedByteNeverHarms() {
        let bytes = MetricSnapshot(of: []).encoded()
        for index in bytes.indices {
            for value: UInt8 in [0x00, 0x01, 0x7F, 0xFF] {
                var changed = bytes
                changed[index] = value
                _ = try? MetricSnapshot(decoding: changed)
            }
        }
    }

    private static let panics: [UInt8] = [20, 0] + Array("coredns_panics_total".utf8)

    @Test(arguments: [
        ([], SnapshotError.truncated),
        ([2], .unknownVersion),
        // A number for a family with a label too many.
        ([1] + panics + [1, 0, 0] + [0] + [UInt8](repeating: 0, count: 8), .malformed),
        // A histogram of no buckets for a counter.
        ([1] + panics + [0] + [1, 0] + [UInt8](repeating: 0, count: 8), .malformed),
        // A tag that does not exist.
        ([1] + panics + [0] + [9], .malformed),
        // A name that is not UTF-8.
        ([1, 1, 0, 0xFF, 0], .malformed),
        // A length that points behind the end.
        ([1, 0xFF, 0xFF, 0x61], .truncated),
    ])
    func malformedBytesAreRefused(bytes: [UInt8], expected: SnapshotError) {
        #expect(throws: expected) { try MetricSnapshot(decoding: bytes) }
    }

    @Test func aFamilyOfANewerProgramIsSkipped() throws {
        let unknown: [UInt8] = [1, 1, 0, 0x78, 1, 1, 0, 0x79, 0] + [UInt8](repeating: 0x40, count: 8)
        #expect(try MetricSnapshot(decoding: unknown) == MetricSnapshot())
    }
}
