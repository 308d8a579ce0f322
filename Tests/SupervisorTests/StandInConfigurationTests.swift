// What is served when the files cannot be: kept from earlier, or built in.

import Addresses
import Corefile
import Glibc
import Kernel
import TestSupport
import Testing

@testable import Supervisor

@Suite struct StandInConfigurationTests {
    private let place: TemporaryDirectory
    private var directory: String { place.path }
    private var options: SupervisorOptions

    init() throws {
        let place = try TemporaryDirectory()
        self.place = place
        let directory = place.path
        options = SupervisorOptions(
            localAddresses: [IPAddress(v4: 0xa9fe_140a), IPAddress(v4: 0x0a60_000a)]
        )
        options.templatePath = directory + "/Corefile.base"
        options.corefilePath = directory + "/Corefile"
        options.kubeDNSDirectory = directory
        options.stateDirectory = directory + "/state"
    }

    private func write(_ text: String) throws {
        try Files.replace(options.templatePath, with: Array(text.utf8))
    }

    private func source(_ upstream: String? = nil) -> ConfigurationSource {
        ConfigurationSource(options) { $0 == "KUBE_DNS_SERVICE_HOST" ? upstream : nil }
    }

    @Test func whatWasServedIsFoundAtTheNextStart() throws {
        try write(".:53 {\n    bind __PILLAR__LOCAL__DNS__\n    forward . __PILLAR__CLUSTER__DNS__\n}\n")
        var source = source("192.0.2.10")
        let served = try #require(source.read().changed)
        let kept = LastGoodConfiguration(options)
        #expect(kept.load() == nil)
        try kept.save(served)
        // The record holds all that was read then: the files of today do not matter.
        try write("wrong {")
        let loaded = try #require(kept.load())
        #expect(loaded.check.recorded == served.check.recorded)
        #expect(loaded.plan == served.plan)
        #expect(loaded.configuration == served.configuration)
    }

    @Test func whatDoesNotFitIsNotUsed() throws {
        try write(".:53 {\n    bind 169.254.20.10\n    forward . 192.0.2.1\n}\n")
        var source = source()
        let kept = LastGoodConfiguration(options)
        try kept.save(try #require(source.read().changed))
        var others = options
        others.localAddresses.removeLast()
        #expect(LastGoodConfiguration(others).load() == nil, "other addresses")
        let bytes = try Files.read(kept.path)
        try Files.replace(kept.path, with: Array(bytes.dropLast(20)))
        #expect(kept.load() == nil, "cut off")
    }

    @Test(
        arguments: [
            ("192.0.2.10", "forward . 192.0.2.10 {"), (nil, "forward . /etc/resolv.conf"),
        ] as [(String?, String)]
    )
    func theBuiltInOneServesEveryAddress(upstream: String?, line: String) throws {
        let built = try #require(source(upstream).builtIn())
        #expect(Set(built.plan.listeners.map(\.endpoint.address)) == Set(options.localAddresses))
        #expect(built.configuration.blocks.count == 1)
        let text = try #require(built.check.recorded.files["built-in"])
        #expect("\(text)".contains(line))
        #expect("\(text)".contains("health 169.254.20.10:8080"))
    }

    /// The node's resolvers are in a file that may be missing just then: SERVFAIL with a reason beats no answer.
    @Test func theBuiltInOneNeedsNothing() throws {
        let built = try #require(source(nil).builtIn(resolvers: directory + "/nonexistent"))
        #expect(built.awaitsUpstream)
    }
}
