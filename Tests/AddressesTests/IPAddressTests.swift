import Addresses
import Testing

@Suite struct IPAddressTests {
    /// Text that is an address, and how it is printed (RFC 5952).
    @Test(arguments: [
        ("192.0.2.1", "192.0.2.1"),
        ("0.0.0.0", "0.0.0.0"),
        ("255.255.255.255", "255.255.255.255"),
        ("2001:db8::1", "2001:db8::1"),
        ("2001:DB8:0:0:0:0:0:1", "2001:db8::1"),
        ("::", "::"),
        ("::1", "::1"),
        ("1::", "1::"),
        ("2001:db8:0:1:0:0:0:1", "2001:db8:0:1::1"),  // the longest run
        ("2001:0:0:1:0:0:1:1", "2001::1:0:0:1:1"),  // the first of equal runs
        ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"),  // one group is no run
        ("::ffff:192.0.2.1", "::ffff:c000:201"),
        ("64:ff9b::192.0.2.33", "64:ff9b::c000:221"),
        ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"),
    ])
    func addressesAreReadAndPrinted(_ text: String, _ printed: String) throws {
        let address = try #require(IPAddress(text))
        #expect(address.description == printed)
        #expect(IPAddress(printed) == address)
        #expect(IPAddress(bytes: address.bytes) == address)
    }

    @Test(arguments: [
        "", ".", "192.0.2", "192.0.2.1.", ".192.0.2.1", "192.0.2.256", "192.0.2.01", "192.0.2.+1",
        "192.0.2.1/32",
        "127.1", "0x7f.0.0.1", "192.0.2.1234", "192..2.1", ":", ":::", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9",
        "1::2::3", "1:2:3:4:5:6:7:8::", "12345::", "::g", "fe80::1%eth0", "[::1]", "::192.0.2.1:1", "::1 ",
        "1:2:3:4:5:6:7:192.0.2.1", "192.0.2.1::", "٣.0.0.1",
    ])
    func nothingElseIsAnAddress(_ text: String) {
        #expect(IPAddress(text) == nil)
    }

    @Test func onlyFourOrSixteenOctetsAreAnAddress() {
        for count in 0...20 where count != 4 && count != 16 {
            #expect(IPAddress(bytes: Array(repeating: 0, count: count)) == nil)
        }
    }

    @Test(arguments: [
        ("127.0.0.1", true, false), ("127.255.255.254", true, false), ("128.0.0.1", false, false),
        ("::1", true, false), ("::2", false, false), ("0.0.0.0", false, true), ("::", false, true),
    ])
    func loopbackAndWildcard(_ text: String, _ isLoopback: Bool, _ isUnspecified: Bool) throws {
        let address = try #require(IPAddress(text))
        #expect(address.isLoopback == isLoopback)
        #expect(address.isUnspecified == isUnspecified)
    }

    @Test func familiesDoNotMix() throws {
        #expect(IPAddress("0.0.0.1") != IPAddress("::1"))
        #expect(IPAddress.unspecified(.v4).description == "0.0.0.0")
        #expect(IPAddress.unspecified(.v6).description == "::")
        #expect(try #require(IPAddress("192.0.2.1")).bitWidth == 32)
        #expect(try #require(IPAddress("::1")).bitWidth == 128)
    }
}
