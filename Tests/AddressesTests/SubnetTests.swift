import Addresses
import Testing

@Suite struct SubnetTests {
    /// Text, and the prefix with the bits behind it cleared.
    @Test(arguments: [
        ("10.0.0.0/8", "10.0.0.0/8"), ("10.1.2.3/8", "10.0.0.0/8"), ("192.0.2.129/25", "192.0.2.128/25"),
        ("192.0.2.1/32", "192.0.2.1/32"), ("192.0.2.1/0", "0.0.0.0/0"),
        ("2001:db8:1:2:3::/48", "2001:db8:1::/48"),
        ("2001:db8::1/128", "2001:db8::1/128"), ("2001:db8::1/64", "2001:db8::/64"),
        ("2001:db8::ffff/120", "2001:db8::ff00/120"), ("2001:db8::1/0", "::/0"),
    ])
    func prefixesAreReadAndPrinted(_ text: String, _ printed: String) throws {
        #expect(try #require(Subnet(text)).description == printed)
    }

    @Test(arguments: [
        "", "/", "10.0.0.0", "10.0.0.0/", "/8", "10.0.0.0/33", "::/129", "10.0.0.0/-1", "10/8", "::/8/8",
    ])
    func nothingElseIsAPrefix(_ text: String) {
        #expect(Subnet(text) == nil)
    }

    @Test(arguments: [
        ("10.0.0.0/8", "10.255.255.255", true), ("10.0.0.0/8", "11.0.0.0", false),
        ("192.0.2.128/25", "192.0.2.127", false), ("192.0.2.128/25", "192.0.2.128", true),
        ("0.0.0.0/0", "203.0.113.9", true), ("0.0.0.0/0", "::1", false), ("::/0", "192.0.2.1", false),
        ("2001:db8::/32", "2001:db8:ffff::1", true), ("2001:db8::/32", "2001:db9::", false),
        ("2001:db8::/96", "2001:db8::ffff:ffff", true), ("2001:db8::/96", "2001:db8::1:0:0", false),
    ])
    func aPrefixContains(_ prefix: String, _ address: String, _ isInside: Bool) throws {
        #expect(try #require(Subnet(prefix)).contains(try #require(IPAddress(address))) == isInside)
    }
}
