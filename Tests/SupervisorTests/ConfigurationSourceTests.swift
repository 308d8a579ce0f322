// Template and ConfigMap in a directory of the test; what comes out, what is said, what is written.

import Addresses
import Corefile
import Glibc
import Kernel
import TestSupport
import Testing

@testable import Supervisor

@Suite struct ConfigurationSourceTests {
    private let place: TemporaryDirectory
    private var directory: String { place.path }
    private var source: ConfigurationSource

    private static let template = """
        example.org:53 {
            bind __PILLAR__LOCAL__DNS__
            forward . __PILLAR__CLUSTER__DNS__
        }
        .:53 {
            bind __PILLAR__LOCAL__DNS__
            forward . __PILLAR__UPSTREAM__SERVERS__
        }

        """

    init() throws {
        let place = try TemporaryDirectory()
        self.place = place
        let directory = place.path
        try #require(mkdir(directory + "/template", 0o755) == 0)
        try #require(mkdir(directory + "/kube-dns", 0o755) == 0)
        var options = SupervisorOptions(localAddresses: [IPAddress(v4: 0xc000_0235)])
        options.templatePath = directory + "/template/Corefile.base"
        options.corefilePath = directory + "/Corefile"
        options.kubeDNSDirectory = directory + "/kube-dns"
        source = ConfigurationSource(options) { $0 == "KUBE_DNS_SERVICE_HOST" ? "192.0.2.10" : nil }
        try write("template/Corefile.base", Self.template)
        try write("kube-dns/upstreamNameservers", #"["192.0.2.20"]"#)
    }

    private func write(_ name: String, _ text: String) throws {
        try Files.replace("\(directory)/\(name)", with: Array(text.utf8))
    }

    private var corefile: String? {
        (try? Files.read(directory + "/Corefile")).map { String(decoding: $0, as: UTF8.self) }
    }

    private func errors(_ reading: ConfigurationReading) -> [String] {
        reading.notices.filter { $0.severity == .error }.map(\.text)
    }

    @Test mutating func fillsTheTemplateAndWritesIt() throws {
        let reading = source.read()
        let changed = try #require(reading.changed)
        #expect(changed.configuration.blocks.count == 2)
        #expect(changed.plan.listeners.map(\.endpoint.description) == ["dns://192.0.2.53:53"])
        let written = try #require(corefile)
        #expect(written.contains("forward . 192.0.2.10"))
        #expect(written.contains("forward . 192.0.2.20"))
        #expect(
            reading.notices.map(\.text) == [
                "Updated Corefile with 0 custom stubdomains and upstream servers 192.0.2.20",
                "Using config file:\n\(written)",
            ]
        )
    }

    @Test mutating func nothingChangedIsNothing() throws {
        _ = source.read()
        try Files.remove(directory + "/Corefile")
        let reading = source.read()
        #expect(reading.changed == nil)
        #expect(reading.notices.isEmpty)
        #expect(corefile == nil, "an unchanged Corefile is not written again")
    }

    /// The Corefile that we wrote is no replacement: it would hide every later change of the ConfigMap.
    @Test mutating func aTemplateThatGoesAwayIsTold() throws {
        _ = source.read()
        #expect(source.isCurrent)
        try Files.remove(directory + "/template/Corefile.base")
        let reading = source.read()
        #expect(reading.changed == nil)
        #expect(!source.isCurrent)
        #expect(
            errors(reading) == [
                "Failed to read node-cache coreFile \(directory)/template/Corefile.base - "
                    + "no such file or directory"
            ]
        )
        try write("template/Corefile.base", Self.template)
        try write("kube-dns/stubDomains", #"{"example.com": ["192.0.2.30"]}"#)
        #expect(source.read().changed?.configuration.blocks.count == 3)
    }

    @Test mutating func aStubDomainIsAddedAndTakenAway() throws {
        _ = source.read()
        try write("kube-dns/stubDomains", #"{"example.com": ["192.0.2.30"]}"#)
        #expect(source.read().changed?.configuration.blocks.count == 3)
        try Files.remove(directory + "/kube-dns/stubDomains")
        #expect(source.read().changed?.configuration.blocks.count == 2)
    }

    @Test(arguments: [
        #"{"example.com": ["#, #"["192.0.2.30"]"#, #"{"example.com": ["ns.example.org"]}"#,
    ])
    mutating func aWrongConfigMapKeepsTheOldOneAndIsToldOnce(text: String) throws {
        try write("kube-dns/stubDomains", #"{"example.com": ["192.0.2.30"]}"#)
        _ = source.read()
        try write("kube-dns/stubDomains", text)
        let reading = source.read()
        #expect(!source.isCurrent)
        #expect(reading.changed == nil)
        #expect(errors(reading).count == 1)
        #expect(errors(reading).first?.hasPrefix(directory + "/kube-dns/stubDomains:1:1: error: ") == true)
        #expect(errors(source.read()) == [], "told once")
        try Files.remove(directory + "/kube-dns/stubDomains")
        #expect(source.read().changed?.configuration.blocks.count == 2)
    }

    @Test mutating func aWrongTemplateKeepsTheOldOneAndPointsIntoTheTemplate() throws {
        _ = source.read()
        let before = corefile
        try write("template/Corefile.base", Self.template.replacing("forward .", with: "forwards ."))
        let reading = source.read()
        #expect(reading.changed == nil)
        let place = "\(directory)/template/Corefile.base:3:5: error: "
        #expect(errors(reading).count == 1)
        #expect(errors(reading).first?.hasPrefix(ConfigurationNotice.refusedChange + place) == true)
        #expect(errors(reading).first?.hasSuffix("(and 1 more)") == true)
        #expect(corefile == before)
        try write("template/Corefile.base", Self.template)
        #expect(source.read().changed == nil, "back to what is in use")
    }

    @Test mutating func withoutATemplateTheCorefileItselfIsRead() throws {
        try Files.remove(directory + "/template/Corefile.base")
        let nothing = source.read()
        #expect(nothing.changed == nil)
        let path = "\(directory)/template/Corefile.base"
        #expect(errors(nothing) == ["Failed to read node-cache coreFile \(path) - no such file or directory"])
        try write("Corefile", ". {\n    forward . 192.0.2.1\n}\n")
        let reading = source.read()
        #expect(reading.changed?.configuration.blocks.count == 1)
        #expect(reading.notices.isEmpty)
    }

    @Test mutating func aCorefileThatCannotBeWrittenIsServedFromMemory() throws {
        try #require(mkdir(directory + "/Corefile", 0o755) == 0)
        let reading = source.read()
        #expect(reading.changed != nil)
        #expect(errors(reading).count == 1)
        #expect(errors(reading).first?.hasPrefix("Failed to write config file \(directory)/Corefile") == true)
        #expect(source.read().notices.isEmpty)
    }

    @Test mutating func aMissingConfigMapDirectoryIsLookedForAgain() throws {
        try Files.remove(directory + "/kube-dns/upstreamNameservers")
        try #require(rmdir(directory + "/kube-dns") == 0)
        let reading = source.read()
        #expect(reading.changed != nil)
        #expect(errors(reading).count == 1)
        try #require(mkdir(directory + "/kube-dns", 0o755) == 0)
        try write("kube-dns/stubDomains", #"{"example.com": ["192.0.2.30"]}"#)
        #expect(source.read().changed?.configuration.blocks.count == 3)
    }

    @Test mutating func aRefusedOneIsNotOfferedAgainUntilItChangesOrSomebodyAsks() throws {
        let first = source.read().changed
        try write("kube-dns/stubDomains", #"{"example.com": ["192.0.2.30"]}"#)
        #expect(source.read().changed != nil)
        source.refuse(goingBackTo: first)
        #expect(source.read().changed == nil)
        source.forgetRefusals()
        #expect(source.read().changed != nil)
    }

    @Test mutating func withoutTheServiceThereIsAWarningAndNoNil() throws {
        var options = SupervisorOptions(localAddresses: [IPAddress(v4: 0xc000_0235)])
        options.templatePath = directory + "/template/Corefile.base"
        options.corefilePath = directory + "/Corefile"
        options.kubeDNSDirectory = directory + "/kube-dns"
        source = ConfigurationSource(options) { _ in nil }
        let reading = source.read()
        #expect(reading.changed?.configuration.blocks.count == 2)
        #expect(errors(reading).isEmpty)
        #expect(
            reading.notices.contains {
                $0.text.hasPrefix(
                    "Unable to lookup IP address of Upstream service kube-dns, env $KUBE_DNS_SERVICE_HOST ``"
                )
            }
        )
        #expect(corefile?.contains("<nil>") == false)
    }

    @Test mutating func watchesEveryDirectoryItReadsFrom() throws {
        try #require(mkdir(directory + "/more", 0o755) == 0)
        try write("template/Corefile.base", "import \(directory)/more/*.conf\n" + Self.template)
        _ = source.read()
        #expect(
            source.watchedDirectories.isSuperset(of: [
                directory, directory + "/template", directory + "/kube-dns", directory + "/more",
            ])
        )
    }

    @Test mutating func anImportedFileThatAppearsIsAChange() throws {
        try #require(mkdir(directory + "/more", 0o755) == 0)
        try write("template/Corefile.base", "import \(directory)/more/*.conf\n" + Self.template)
        #expect(source.read().changed?.configuration.blocks.count == 2)
        try write("more/a.conf", "example.net {\n    bind 192.0.2.53\n    forward . 192.0.2.1\n}\n")
        #expect(source.read().changed?.configuration.blocks.count == 3)
    }
}
