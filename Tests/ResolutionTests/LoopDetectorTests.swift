import DNSWire
import Testing

@testable import Resolution

@Suite struct LoopDetectorTests {
    /// CoreDNS' threshold: our own question arrives once by itself, and a retry may follow.
    @Test func theThirdSightingProvesALoopOnce() throws {
        let detector = LoopDetector(probe: try #require(DomainName("1.2.example.org")))
        #expect([1, 2, 3, 4].map { _ in detector.noteSighting() } == [false, false, true, false])
        #expect(detector.hasFoundLoop)
    }
}
