// Corefile text to serving plan, as the worker does it.

import Addresses
import AnswerCache
import Corefile
import DNSWire
import Plugins
import Resolution

@testable import Agent

enum PlanText {
    static func configuration(_ text: String) throws -> AgentConfiguration {
        let sources = Sources(
            read: { (path) throws(SourceError) in text },
            glob: { _ in [] },
            environment: { _ in nil },
            interfaceAddresses: { _ in nil }
        )
        let check = CorefileCheck.run("Corefile", sources: sources)
        guard let configuration = check.configuration else { throw Invalid(report: check.report) }
        return configuration
    }

    struct Invalid: Error {
        let report: String
    }

    static func foundation(_ registry: ZoneRegistry = ZoneRegistry(threads: 2)) -> ServingPlan.Foundation {
        ServingPlan.Foundation(
            hashing: NameHash(key: 1, multiplier: 3),
            budget: ByteBudget(limit: 1 << 20),
            registry: registry,
            numbers: PluginNumbers(host: "node.example.org", wallClock: { 1_700_000_000 }),
            tap: { _ in throw Invalid(report: "no observer here") },
            random: { 7 }
        )
    }
}
