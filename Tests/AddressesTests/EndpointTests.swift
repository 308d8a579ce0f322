import Addresses
import Testing

@Suite struct EndpointTests {
    @Test(arguments: ["192.0.2.1:53", "[2001:db8::1]:53", "0.0.0.0:0", "[::]:65535"])
    func endpointsAreReadAndPrinted(_ text: String) throws {
        #expect(try #require(Endpoint(text)).description == text)
    }

    @Test(arguments: [
        "", "53", ":53", "192.0.2.1", "192.0.2.1:", "192.0.2.1:65536", "192.0.2.1:-1", "192.0.2.1:+5",
        "2001:db8::1:53", "[192.0.2.1]:53", "[2001:db8::1]", "[2001:db8::1:53", "2001:db8::1]:53", "[]:53",
        "name:53", "192.0.2.1:53 ",
    ])
    func nothingElseIsAnEndpoint(_ text: String) {
        #expect(Endpoint(text) == nil)
    }
}
