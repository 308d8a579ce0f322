import Testing
import Timing

@Suite struct InstantTests {
    @Test func sumsSaturate() {
        let late = Instant(nanoseconds: .max - 5)
        #expect(late + .seconds(1) == Instant(nanoseconds: .max))
        #expect(late + Interval(nanoseconds: 5) == Instant(nanoseconds: .max))
        #expect(Instant(nanoseconds: 3) + .zero == Instant(nanoseconds: 3))
    }

    @Test func noDistanceIsNegative() {
        let early = Instant(nanoseconds: 1_000)
        let late = Instant(nanoseconds: 4_000)
        #expect(late - early == Interval(nanoseconds: 3_000))
        #expect(early - late == .zero)
        #expect(early < late)
    }

    @Test(arguments: [(999_999_999, 0), (1_000_000_000, 1), (2_999_999_999, 2)] as [(UInt64, UInt64)])
    func secondsAreWhole(_ nanoseconds: UInt64, _ seconds: UInt64) {
        #expect(Instant(nanoseconds: nanoseconds).seconds == seconds)
    }
}

@Suite struct IntervalTests {
    /// A timer in milliseconds never fires early.
    @Test(arguments: [(0, 0), (1, 1), (999_999, 1), (1_000_000, 1), (1_000_001, 2)] as [(UInt64, UInt64)])
    func millisecondsAreRoundedUp(_ nanoseconds: UInt64, _ milliseconds: UInt64) {
        #expect(Interval(nanoseconds: nanoseconds).millisecondsRoundedUp == milliseconds)
    }

    @Test func unitsAgree() {
        #expect(Interval.seconds(2) == .milliseconds(2_000))
        #expect(Interval.milliseconds(1_500).inSeconds == 1.5)
        #expect(Interval.seconds(3) * 4 == .seconds(12))
        #expect(Interval.seconds(1) + .milliseconds(5) == .milliseconds(1_005))
        #expect(Interval(nanoseconds: .max) + .seconds(1) == Interval(nanoseconds: .max))
        #expect(Interval.milliseconds(999) < .seconds(1))
    }
}
