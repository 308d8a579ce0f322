// The questions that the loop asks its own worker: marked ones, to see whether it answers, and ordinary ones, to see
// whether traffic is ours.

import Addresses
import Control
import Kernel
import Logging
import NodeNetwork
import Timing

extension Supervisor {
    // MARK: - Does the worker answer?

    func sendProbe(_ round: UInt64, missed: Int) {
        let leftAlone = Set(options.localAddresses).subtracting(servedAddresses)
        let endpoints = ProbeTargets.endpoints(
            listening: sockets.plainEndpoints.filter { !leftAlone.contains($0.address) },
            localAddresses: servedAddresses,
            reachable: (state.isIntercepting ? network.interceptedFamilies : []).union(
                IPAddress.Family.allCases.filter(network.isFallbackInstalled)
            )
        )
        guard !endpoints.isEmpty else { return pendingEvents.append(.probeImpossible(round: round)) }
        processorTimeAtProbe = worker?.process.processorTime
        probeClients.prepare(for: round, missed: missed)
        probe = ProbeRound(
            number: round,
            token: token,
            endpoints: endpoints,
            clients: probeClients,
            missed: missed,
            nextToken: &nextProbeToken,
            poller: poller
        )
    }

    func abandonProbe(_ tellsWhatIsMissing: Bool) {
        if let probe, tellsWhatIsMissing { log.warning("No answer to the own probe: \(probe.missing)") }
        probe = nil
        if let before = processorTimeAtProbe, let now = worker?.process.processorTime,
            now.nanoseconds >= before.nanoseconds + state.times.busy.nanoseconds
        {
            pendingEvents.append(.workerWasBusy)
        }
        processorTimeAtProbe = nil
    }

    /// Goes on with the question behind a token of the poller.
    func probeIsReady(_ token: UInt64) {
        if let probe, probe.proceed(token, nextToken: &nextProbeToken, poller: poller) {
            guard probe.isComplete else { return }
            self.probe = nil
            return handle(.probeAnswered(round: probe.number))
        }
        if let test = interceptionTest, test.proceed(token, nextToken: &nextProbeToken, poller: poller) {
            guard test.isComplete else { return }
            return interceptionIsProved(test.number)
        }
        probeClients.remove(token)
    }

    // MARK: - Is traffic ours?

    func testInterception(_ round: UInt64, missed: Int) {
        // Without rules of ours it comes by whatever way the operator has made.
        guard options.setsUpRules else { return pendingEvents.append(.interceptionProved(round: round)) }
        let endpoints = servedAddresses.filter { network.interceptedFamilies.contains($0.family) }
            .map { Endpoint($0, port: options.dnsPort) }
            .filter(isListening)
        // Without a single table there is nothing to try; it stays unproved until there is one. A family that cannot
        // have one shows in its gauge, and does not keep the others from being served.
        guard !network.interceptedFamilies.isEmpty else { return }
        guard !endpoints.isEmpty else { return pendingEvents.append(.interceptionProved(round: round)) }
        interceptionTest = ProbeRound(
            number: round,
            token: token,
            endpoints: endpoints,
            transports: [.udp],
            mark: nil,
            missed: missed,
            nextToken: &nextProbeToken,
            poller: poller
        )
    }

    private func isListening(on endpoint: Endpoint) -> Bool {
        let wildcard = Endpoint(.unspecified(endpoint.address.family), port: endpoint.port)
        return sockets.endpoints.contains(endpoint) || sockets.endpoints.contains(wildcard)
    }

    private func interceptionIsProved(_ round: UInt64) {
        interceptionTest = nil
        provenFamilies = network.interceptedFamilies
        metrics.setInterception(provenFamilies)
        handle(.interceptionProved(round: round))
    }

    func abandonInterceptionTest(_ tellsWhatIsMissing: Bool) {
        guard let test = interceptionTest else { return }
        interceptionTest = nil
        provenFamilies.subtract(test.missingFamilies)
        metrics.setInterception(provenFamilies.intersection(network.interceptedFamilies))
        guard tellsWhatIsMissing else { return }
        log.error("Look-ups of this node do not reach this agent: \(test.missing); looking at its rules")
    }
}
