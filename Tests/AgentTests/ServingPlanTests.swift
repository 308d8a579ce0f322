// What a configuration becomes at run time, and what survives its change.

import Addresses
import AnswerCache
import Corefile
import DNSWire
import Resolution
import Telemetry
import Testing
import Timing
import Upstream

@testable import Agent

@Suite("Serving plan")
struct ServingPlanTests {
    private let two = """
        cluster.local {
            cache 30
            bind 192.0.2.1 192.0.2.2
            forward . 192.0.2.10 {
                force_tcp
            }
            prometheus
        }
        . {
            cache
            bind 192.0.2.1
            forward . 192.0.2.11
        }
        """

    @Test("Each address has a table of the zones bound to it")
    func tables() throws {
        let plan = try ServingPlan(PlanText.configuration(two), after: nil, on: PlanText.foundation())
        #expect(plan.tables.map(\.server) == ["dns://192.0.2.1:53", "dns://192.0.2.2:53"])
        #expect(plan.tables[0].zones.map(\.name.description) == ["cluster.local.", "."])
        #expect(plan.tables[1].zones.map(\.name.description) == ["cluster.local."])
    }

    @Test("A block that did not change keeps its cache; one whose answers come from elsewhere does not")
    func caches() throws {
        let foundation = PlanText.foundation()
        let before = try ServingPlan(PlanText.configuration(two), after: nil, on: foundation)
        let changed = two.replacing("192.0.2.11", with: "192.0.2.12")
        let after = try ServingPlan(PlanText.configuration(changed), after: before, on: foundation)
        #expect(before.blocks[0].block.cache === after.blocks[0].block.cache)
        #expect(before.blocks[1].block.cache !== after.blocks[1].block.cache)
    }

    @Test("A changed cache line starts an empty cache with the new settings")
    func settings() throws {
        let foundation = PlanText.foundation()
        let before = try ServingPlan(PlanText.configuration(two), after: nil, on: foundation)
        let changed = two.replacing("cache 30", with: "cache 60")
        let after = try ServingPlan(PlanText.configuration(changed), after: before, on: foundation)
        #expect(before.blocks[0].block.cache !== after.blocks[0].block.cache)
        #expect(after.blocks[0].block.cache?.settings.success.maximumTTL == 60)
    }

    @Test("Every property of forward reaches the settings")
    func forward() throws {
        let text = """
            . {
                forward . 192.0.2.1 [2001:db8::1]:5353 {
                    except internal.example.org
                    prefer_udp
                    expire 20s
                    max_fails 5
                    max_connect_attempts 3
                    policy round_robin
                    health_check 2s no_rec domain example.org
                    max_concurrent 100
                    failover SERVFAIL REFUSED
                    failfast_all_unhealthy_upstreams
                }
            }
            """
        let plan = try ServingPlan(PlanText.configuration(text), after: nil, on: PlanText.foundation())
        let settings = try #require(plan.blocks.first?.settings.first)
        #expect(settings.upstreams.map(\.description) == ["192.0.2.1:53", "[2001:db8::1]:5353"])
        #expect(settings.transport == .udpFirst)
        #expect(settings.expire == .seconds(20))
        #expect(settings.maxFails == 5)
        #expect(settings.maxConnectAttempts == 3)
        #expect(settings.policy == .roundRobin)
        #expect(settings.healthCheck.interval == .seconds(2))
        #expect(!settings.healthCheck.recursionDesired)
        #expect(settings.healthCheck.domain == DomainName("example.org"))
        #expect(settings.maxConcurrent == 100)
        #expect(settings.failover == [.serverFailure, .refused])
        #expect(settings.failsFast)
        #expect(
            plan.blocks.first?.block.forwards.first?.except.map(\.description) == ["internal.example.org."]
        )
    }

    @Test(
        "What cannot be served yet is refused with its place",
        arguments: [
            (". {\n    forward . tls://192.0.2.1\n}\n", "no certificate"),
            (
                ". {\n    errors {\n        consolidate 1m \"(?P<\"\n    }\n    forward . 192.0.2.1\n}\n",
                "regular"
            ),
        ]
    )
    func refusals(text: String, words: String) throws {
        do {
            let configuration = try PlanText.configuration(text)
            _ = try ServingPlan(configuration, after: nil, on: PlanText.foundation())
            Issue.record("accepted")
        } catch let refusal as ServingPlan.Refusal {
            #expect(refusal.description.contains(words))
        } catch let invalid as PlanText.Invalid {
            // Even better: the check has seen it already.
            #expect(invalid.report.contains("Corefile:"))
        }
    }

    @Test("Counters outlive a reload, and plugin_enabled names the handlers of the first zone")
    func numbers() throws {
        let registry = ZoneRegistry(threads: 2)
        let foundation = PlanText.foundation(registry)
        let before = try ServingPlan(PlanText.configuration(two), after: nil, on: foundation)
        before.tables[0].zones[0].counters.countMiss(thread: 1)
        let after = try ServingPlan(PlanText.configuration(two), after: before, on: foundation)
        #expect(before.tables[0].zones[0].counters === after.tables[0].zones[0].counters)

        let numbers = WorkerNumbers(budget: foundation.budget)
        numbers.adopt(after)
        let snapshot = MetricSnapshot(of: [registry, numbers])
        let labels = ["dns://192.0.2.1:53", "", "cluster.local."]
        #expect(snapshot.number(.cacheMisses, labels: labels) == 1)
        #expect(snapshot.number(.pluginEnabled, labels: ["forward"] + labels) == 1)
        #expect(snapshot.number(.pluginEnabled, labels: ["loop"] + labels) == nil)
        #expect(snapshot.number(.cacheBudget) == Double(1 << 20))
    }
}
