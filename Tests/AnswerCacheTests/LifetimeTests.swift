import AnswerCache
import DNSWire
import TestSupport
import Testing

/// How long an answer stays, and as what: the arithmetic of CoreDNS' `cache` with the reference's own numbers
/// (node-cache's specification, 3.3).
@Suite struct LifetimeTests {
    /// Settings in the words of a Corefile.
    private static func settings(_ name: String) -> CacheSettings {
        var settings = CacheSettings()
        switch name {
        case "cache": break
        case "cache 30":
            settings.success.maximumTTL = 30
            settings.denial.maximumTTL = 30
        case "success 9984 3600 0": settings.success.minimumTTL = 0
        case "denial 9984 5": settings.denial.maximumTTL = 5
        case "denial 9984 1800 0": settings.denial.minimumTTL = 0
        case "servfail 0": settings.serverFailureTTL = 0
        case "servfail 60": settings.serverFailureTTL = 60
        case "success 9984 3 60": (settings.success.maximumTTL, settings.success.minimumTTL) = (3, 60)
        default: preconditionFailure("no settings \(name)")
        }
        return settings
    }

    struct Row: Sendable, CustomStringConvertible {
        let settings: String
        let type: RecordType
        let lines: [String]
        let kind: AnswerKind?
        let seconds: UInt32

        init(
            _ settings: String,
            _ lines: [String],
            _ kind: AnswerKind?,
            _ seconds: UInt32,
            type: RecordType = .a
        ) {
            self.settings = settings
            self.lines = lines
            self.kind = kind
            self.seconds = seconds
            self.type = type
        }

        var description: String { "\(settings): \(lines.joined(separator: ", "))" }
    }

    private static func a(_ ttl: UInt32) -> String { "www.example.org. \(ttl) A 192.0.2.1" }
    private static func soa(_ ttl: UInt32) -> String { "authority example.org. \(ttl) SOA a. b. 1 2 3 4 99" }
    private static let ns = "authority example.org. 300 NS ns.example.org."
    private static let cname = "www.example.org. 60 CNAME x.example.org."

    private static let arithmetic: [Row] = [
        Row("cache 30", ["NOERROR", a(60)], .success, 30),
        Row("cache 30", ["NOERROR", a(20)], .success, 20),
        Row("cache 30", ["NOERROR", a(0)], .success, 5),
        Row("cache 30", ["NOERROR", a(100), a(3), a(50)], .success, 5),
        Row("cache 30", ["NOERROR", a(100), a(20)], .success, 20),
        Row("cache 30", ["NXDOMAIN", soa(300)], .denial, 30),
        Row("cache 30", ["NXDOMAIN", soa(1)], .denial, 5),
        Row("cache", ["NOERROR", a(7200)], .success, 3600),
        Row("cache", ["NOERROR", a(0xffff_ffff)], .success, 5),  // RFC 2181, 8: zero
        Row("cache", ["NXDOMAIN", soa(7200)], .denial, 1800),
        Row("cache", ["NOERROR", a(60), soa(7)], .success, 7),  // the smallest of all sections
        Row("cache", ["NOERROR", a(60), "additional ns.example.org. 9 A 192.0.2.53"], .success, 9),
        Row("success 9984 3600 0", ["NOERROR", a(0)], nil, 0),
        Row("success 9984 3600 0", ["NOERROR", a(1000)], .success, 1000),
        Row("success 9984 3 60", ["NOERROR", a(30)], .success, 3),  // the maximum wins
        Row("denial 9984 5", ["NXDOMAIN", soa(30)], .denial, 5),
        Row("denial 9984 5", ["NOERROR", a(30)], .success, 30),
        Row("denial 9984 1800 0", ["NXDOMAIN", soa(0)], nil, 0),
    ]

    private static let kinds: [Row] = [
        Row("cache", ["NOERROR", soa(300)], .denial, 300),
        Row("cache", ["NXDOMAIN", cname, soa(40)], .denial, 40),
        Row("cache", ["NOERROR", cname, soa(40)], .success, 40),
        Row("cache", ["NXDOMAIN"], nil, 5),  // RFC 2308, 5: not without SOA
        Row("cache", ["NXDOMAIN", ns], nil, 5),
        Row("cache", ["NOERROR", ns], .success, 5),  // a referral
        Row("cache", ["NOERROR"], .success, 5),  // nothing at all
        Row("cache", ["SERVFAIL"], .serverError, 5),
        Row("cache", ["SERVFAIL", soa(300)], .serverError, 5),
        Row("cache", ["NOTIMP"], .serverError, 5),
        Row("servfail 60", ["SERVFAIL"], .serverError, 60),
        Row("servfail 0", ["SERVFAIL"], nil, 0),
        Row("cache", ["REFUSED"], nil, 5),
        Row("cache", ["FORMERR"], nil, 5),
        Row("cache", ["YXDOMAIN", a(60)], nil, 5),
        Row("cache", ["BADCOOKIE"], nil, 5),
        Row("cache", ["NOERROR tc", a(60)], nil, 5),
        Row("cache", ["NOERROR", a(60)], nil, 5, type: .axfr),
        Row("cache", ["NOERROR", a(60)], nil, 5, type: .ixfr),
        Row("success 9984 3600 0", ["REFUSED"], nil, 5),
    ]

    /// The wall clock stands at 1500; signatures are given as expiration and inception.
    private static let signatures: [Row] = [
        Row("cache", ["NOERROR do", "www.example.org. 60 RRSIG 2000 1000"], .success, 60),
        Row("cache", ["NOERROR do", "www.example.org. 60 RRSIG 1400 1000"], nil, 5),
        Row("cache", ["NOERROR do", "www.example.org. 60 RRSIG 2000 1600"], nil, 5),
        Row(
            "cache",
            ["NOERROR do", "www.example.org. 60 RRSIG 2000 1000", "authority x. 60 RRSIG 9 1"],
            nil,
            5
        ),
        Row("cache", ["NOERROR", "www.example.org. 60 RRSIG 1400 1000"], .success, 60),  // nobody asked
    ]

    @Test(arguments: arithmetic + kinds + signatures)
    func lifetimes(_ row: Row) throws {
        let message = Message(answering: Message(asking: "www.example.org. A"), row.lines)
        let lifetime = Lifetime(
            of: try AnswerMessage(message.encoded()),
            type: row.type,
            settings: Self.settings(row.settings),
            wallClock: 1500
        )
        #expect(lifetime.kind == row.kind)
        #expect(lifetime.seconds == row.seconds)
    }
}
