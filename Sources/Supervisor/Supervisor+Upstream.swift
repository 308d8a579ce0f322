// The upstream Service moves: the template, the rules of the kernel's fall-back, a line and a number follow it.

import Addresses
import Corefile
import Kernel
import Logging
import NodeNetwork
import Telemetry

extension Supervisor {
    /// Follows the Service under the names that `configuration` gives it.
    func followUpstream(of configuration: CheckedConfiguration) {
        let zones = configuration.configuration.zones(askedAt: source.clusterDNS)
        let names = zones.compactMap { UpstreamService.name(of: options.upstreamService, in: $0) }
        guard !names.isEmpty else { return }
        do throws(SystemError) {
            if upstreamLookup == nil { try startUpstreamLookup() }
            upstreamLookup?.follow(names)
        } catch {
            log.error("Cannot follow Service \(options.upstreamService): \(error)")
        }
    }

    private func startUpstreamLookup() throws(SystemError) {
        let lookup = try UpstreamLookup(
            source.upstream,
            clusterServers: options.clusterServers(world.environment),
            ownAddresses: Set(options.localAddresses)
        )
        upstreamLookup = lookup
        try poller.add(lookup.descriptor, token: Token.upstream)
    }

    /// Takes over what was found; the template is read anew after this.
    func adoptUpstream() {
        guard let now = upstreamLookup?.service, now != source.upstream else { return }
        let before = source.upstream
        source.upstream = now
        metrics.upstreamMoves.add()
        log.info("\(now.told(options.upstreamService, after: before))")
        let plan = NetworkPlan(options, upstream: now.addresses, serviceProxy: serviceProxy)
        report(network.moveFallback(to: plan.fallback))
    }
}

extension UpstreamService {
    /// `Found upstream service kube-dns-upstream at 192.0.2.1`
    fileprivate func told(_ name: String, after before: UpstreamService) -> String {
        let (here, there) = (before.text, text)
        return before.addresses.isEmpty
            ? "Found upstream service \(name) at \(there)"
            : "Upstream service \(name) has moved from \(here) to \(there)"
    }

    private var text: String { addresses.map(\.description).joined(separator: " ") }
}
