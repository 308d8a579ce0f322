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
        "are accepted as templates, filled in for their node",
        arguments: valid.names(endingIn: ".template")
    )
    func filledIn(_ name: String) throws {
        let template = try #require(Self.valid.files[name])
        let local = try #require(template.firstMatch(of: #/\n# Arguments: .*-localip (?<addresses>\S+)/#))
        let values = TemplateValues(
            localAddresses: local.addresses.split(separator: ",").compactMap { IPAddress($0) },
            clusterDNS: IPAddress(local.addresses.contains(":") ? "fd00:96::77" : "10.96.77.45"),
            configMap: KubeDNSConfigMap()
        )
        let rendered = Template.render(template, mainFile: name, values: values, sources: Self.valid.sources)
        #expect(!rendered.text.contains("__PILLAR__"))
        let check = CorefileCheck.run(
            name,
            sources: Self.valid.sources.replacing(name, with: rendered.text)
        )
        #expect(check.report == "")
        #expect(check.configuration != nil)
    }

    @Test("say where they come from")
    func origins() {
        for folder in [Self.valid, Self.invalid] {
            for (path, text) in folder.files where !path.hasSuffix(".expected") {
                let opening = text.split(separator: "\n").first ?? ""
                #expect(opening.contains(#/# Origin: \S+/#), "\(path): \(opening)")
            }
        }
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
        #expect(Self.valid.names(endingIn: ".corefile").count >= 12)
        #expect(Self.valid.names(endingIn: ".template").count >= 17)
        #expect(Self.invalid.names(endingIn: ".corefile").count >= 15)
    }
}
