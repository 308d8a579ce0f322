// How the sockets that we listen on are set up, as the kernel tells it.

import Addresses
import Glibc
import Kernel
import Testing

@Suite struct SocketTests {
    @Test func nobodysMessageAboutAPathFragmentsAnswers() throws {
        let v4 = try Socket.datagram(for: #require(Endpoint("127.77.3.2:0")))
        #expect(option(of: v4.raw, CInt(IPPROTO_IP), IP_MTU_DISCOVER) == IP_PMTUDISC_OMIT)
        let v6 = try Socket.datagram(for: #require(Endpoint("[::1]:0")))
        #expect(option(of: v6.raw, CInt(IPPROTO_IPV6), IPV6_MTU_DISCOVER) == IPV6_PMTUDISC_OMIT)
    }

    private func option(of socket: CInt, _ level: CInt, _ name: CInt) -> CInt {
        var value: CInt = -1
        var size = socklen_t(MemoryLayout<CInt>.size)
        getsockopt(socket, level, name, &value, &size)
        return value
    }
}
