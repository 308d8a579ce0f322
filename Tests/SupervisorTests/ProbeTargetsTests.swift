// Which addresses are asked before and after interception.

import Addresses
import Supervisor
import Testing

@Suite struct ProbeTargetsTests {
    @Test(arguments: [
        // Listening; -localip; asked before interception; asked while both families are intercepted.
        (
            ["169.254.20.10:53", "10.96.0.10:53"], ["169.254.20.10", "10.96.0.10"],
            ["169.254.20.10:53"], ["169.254.20.10:53", "10.96.0.10:53"]
        ),
        (
            ["0.0.0.0:53"], ["169.254.20.10", "10.96.0.10"], ["169.254.20.10:53"],
            ["169.254.20.10:53", "10.96.0.10:53"]
        ),
        (["127.0.0.1:5353"], ["127.0.0.1"], ["127.0.0.1:5353"], ["127.0.0.1:5353"]),
        // No link-local address: the first is the node's own.
        (
            ["[2001:db8::10]:53", "[2001:db8:1::a]:53"], ["2001:db8::10", "2001:db8:1::a"],
            ["[2001:db8::10]:53"], ["[2001:db8::10]:53", "[2001:db8:1::a]:53"]
        ),
        // A single address that may be a Service's proves nothing before.
        (["10.96.0.10:53"], ["10.96.0.10"], [], ["10.96.0.10:53"]),
        (["[fe80::1]:53"], ["fe80::1"], ["[fe80::1]:53"], ["[fe80::1]:53"]),
        (["0.0.0.0:53", "[::]:53"], ["127.0.0.1"], ["127.0.0.1:53"], ["127.0.0.1:53"]),
    ])
    func asks(listening: [String], local: [String], before: [String], after: [String]) {
        let endpoints = listening.compactMap { Endpoint($0) }
        let addresses = local.compactMap { IPAddress($0) }
        let asked = { (families: Set<IPAddress.Family>) in
            ProbeTargets.endpoints(listening: endpoints, localAddresses: addresses, reachable: families)
                .map(\.description)
        }
        #expect(asked([]) == before)
        #expect(asked([.v4, .v6]) == after)
    }
}
