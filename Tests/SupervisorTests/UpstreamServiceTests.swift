// Where the upstream Service is, told by servers of which some are dead, old or ourselves.

import Addresses
import DNSWire
import Testing

@testable import Supervisor

@Suite struct UpstreamServiceTests {
    private static let old = IPAddress(v4: 0xc000_0201)
    private static let new = IPAddress(v4: 0xc000_0202)
    private static let new6 = IPAddress(v6High: 0x2001_0db8_0000_0000, low: 2)
    private static let own = IPAddress(v4: 0xc000_0235)
    private static let kubeDNS = IPAddress(v4: 0xc000_020a)

    /// What each server says about IPv4 and IPv6; those not named are silent.
    private func next(
        _ service: [IPAddress],
        _ servers: [IPAddress: [UpstreamService.Reply]]
    ) throws -> [IPAddress]? {
        let name = try #require(DomainName("up.kube-system.svc.cluster.local"))
        let next = UpstreamService(addresses: service).next(
            names: [name],
            clusterServers: [Endpoint(Self.kubeDNS, port: 53)],
            ownAddresses: [Self.own, Self.kubeDNS]
        ) { asked, family, server in
            #expect(asked == name)
            return servers[server.address]?[family == .v4 ? 0 : 1] ?? .silence
        }
        return next?.addresses
    }

    @Test func nothingChangesWhileItSaysWhatIsKnown() throws {
        #expect(try next([Self.old], [Self.old: [.addresses([Self.old]), .nothing]]) == nil)
        #expect(try next([Self.old], [Self.old: [.addresses([Self.old]), .silence]]) == nil)
        #expect(try next([Self.old], [:]) == nil)
    }

    @Test func theSecondFamilyIsAddedAndTheFirstStaysFirst() throws {
        let both: [UpstreamService.Reply] = [.addresses([Self.old]), .addresses([Self.new6])]
        #expect(try next([Self.old], [Self.old: both, Self.new6: both]) == [Self.old, Self.new6])
        #expect(try next([Self.new6], [Self.old: both, Self.new6: both]) == [Self.new6, Self.old])
        // The node may have no way to it.
        #expect(try next([Self.old], [Self.old: both]) == nil)
    }

    @Test func aServiceThatWasMadeAnewIsFollowed() throws {
        let reply: [UpstreamService.Reply] = [.addresses([Self.new]), .nothing]
        // It can still be asked where it was.
        #expect(try next([Self.old], [Self.old: reply, Self.new: reply]) == [Self.new])
        // It is silent there, and kube-dns knows.
        #expect(try next([Self.old], [Self.kubeDNS: reply, Self.new: reply]) == [Self.new])
        // What does not answer is not taken.
        #expect(try next([Self.old], [Self.kubeDNS: reply]) == nil)
    }

    @Test func whatIsKnownIsNotForgotten() throws {
        #expect(try next([Self.old], [Self.kubeDNS: [.nothing, .nothing]]) == nil)
    }

    @Test func aServiceThatIsYoungerThanThePodIsFound() throws {
        let reply: [UpstreamService.Reply] = [.addresses([Self.new]), .nothing]
        #expect(try next([], [Self.kubeDNS: reply, Self.new: reply]) == [Self.new])
    }

    @Test func ourOwnAddressIsNeverTaken() throws {
        let reply: [UpstreamService.Reply] = [.addresses([Self.own]), .nothing]
        #expect(try next([Self.old], [Self.old: reply, Self.own: reply]) == nil)
        var options = SupervisorOptions(localAddresses: [Self.own])
        options.upstreamService = "up"
        #expect(UpstreamService(options) { _ in "192.0.2.53" }.addresses == [])
        #expect(UpstreamService(options) { _ in "192.0.2.1" }.addresses == [Self.old])
    }
}
