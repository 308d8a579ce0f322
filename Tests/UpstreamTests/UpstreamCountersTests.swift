import Telemetry
import TestSupport
import Testing
import Timing
import Upstream

/// What a scrape shows after questions were forwarded.
@Suite struct UpstreamCountersTests {
    @Test func repliesShowUnderTheNewAndTheOldNames() {
        let stage = Stage([serverA]) { $0.transport = .tcp }
        for code: UInt8 in [0, 0, 3] {
            stage.ask("a.example.org")
            stage.elapse(1)
            stage.next?.reply(code: code)
        }
        let snapshot = MetricSnapshot(of: [stage.counters])
        let to = "192.0.2.10:53"
        #expect(snapshot.number(.forwardRequests, labels: [to]) == 3)
        #expect(snapshot.number(.forwardResponses, labels: ["NXDOMAIN", to]) == 1)
        #expect(snapshot.number(.proxyConnectionHits, labels: ["tcp", "forward", to]) == 2)
        #expect(snapshot.number(.proxyConnectionMisses, labels: ["tcp", "forward", to]) == 1)
        #expect(snapshot.number(.proxyConnectionMisses, labels: ["udp", "forward", to]) == nil)
        #expect(snapshot.number(.upstreamRetries) == 0)
        let text = String(decoding: snapshot.render(), as: UTF8.self)
        let series = #"coredns_proxy_request_duration_seconds_count{proxy_name="forward",rcode="NOERROR",to="#
        #expect(text.contains(series + #""192.0.2.10:53"} 2"#))
    }

    @Test func countersOutliveTheGroup() {
        let counters = UpstreamCounters()
        for _ in 0..<2 {
            let network = ScriptedNetwork()
            let group = ForwardGroup(
                ForwardSettings(upstreams: [serverA]),
                network: network,
                counters: counters
            )
            group.ask(query("a.example.org")) { _ in }
            network.settle()
            network.unanswered.first?.reply()
            group.close()
        }
        #expect(counters.server(serverA).value(.openedUDP) == 2)
    }
}
