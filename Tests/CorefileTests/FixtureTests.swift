// Whole Corefiles: those in `valid` are accepted, those in `invalid` say exactly what stands next to them.

import Addresses
import Corefile
import Plugins
import Testing

@Suite("Corefiles of the fixture folders")
struct FixtureTests {
    static let valid = FixtureFolder("valid")
    static let invalid = FixtureFolder("invalid")

    @Test("are accepted", arguments: valid.names(endingIn: ".corefile"))
    func accepted(_ name: String) {
        let check = CorefileCheck.run(name, sources: Self.valid.sources)
        #expect(check.configuration != nil, "\(check.report)")
        #expect(check.diagnostics.allSatisfy { $0.severity == .warning })
    }

    @Test(
        "are refused with the diagnostics that stand next to them",
        arguments: invalid.names(endingIn: ".corefile")
    )
    func refused(_ name: String) throws {
        let check = CorefileCheck.run(name, sources: Self.invalid.sources)
        let expected = Self.invalid.files[name.replacing(".corefile", with: ".expected")]
        #expect(check.report == expected)
    }

    @Test("mean the same when they are replayed from a record", arguments: valid.names(endingIn: ".corefile"))
    func replayed(_ name: String) throws {
        let live = CorefileCheck.run(name, sources: Self.valid.sources)
        let record = try #require(RecordedSources(serialized: live.recorded.serialized))
        #expect(record == live.recorded)
        let replay = CorefileCheck.run(name, sources: record.sources)
        #expect(replay.configuration == live.configuration)
        #expect(replay.diagnostics == live.diagnostics)
        #expect(replay.recorded == live.recorded)
    }

    @Test(
        "fail the same when they are replayed from a record",
        arguments: invalid.names(endingIn: ".corefile")
    )
    func failuresReplayed(_ name: String) throws {
        let live = CorefileCheck.run(name, sources: Self.invalid.sources)
        let record = try #require(RecordedSources(serialized: live.recorded.serialized))
        #expect(CorefileCheck.run(name, sources: record.sources).report == live.report)
    }

    @Test("there are some of each")
    func folders() {
        #expect(Self.valid.names(endingIn: ".corefile").count >= 9)
        #expect(Self.invalid.names(endingIn: ".corefile").count >= 9)
    }
}
