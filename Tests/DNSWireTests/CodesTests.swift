import DNSWire
import Testing

/// Names of the registries' numbers, as logs, metrics and Corefiles spell them.
@Suite struct CodesTests {
    @Test(
        arguments: [(1, "A"), (28, "AAAA"), (65, "HTTPS"), (255, "ANY"), (65_280, "TYPE65280"), (0, "TYPE0")]
            as [(UInt16, String)]
    )
    func types(_ number: UInt16, _ name: String) {
        #expect(RecordType(rawValue: number).description == name)
        #expect(RecordType(name.lowercased())?.rawValue == number)
    }

    @Test(arguments: ["", "B", "TYPE", "TYPE65536", "TYPE-1", "TYPE1x"])
    func unknownTypes(_ name: String) { #expect(RecordType(name) == nil) }

    @Test(
        arguments: [
            (0, "NOERROR"), (3, "NXDOMAIN"), (16, "BADSIG"), (23, "BADCOOKIE"), (12, "RCODE12"),
            (999, "RCODE999"),
        ] as [(UInt16, String)]
    )
    func codes(_ number: UInt16, _ name: String) {
        #expect(ResponseCode(rawValue: number).description == name)
        if !name.hasPrefix("RCODE") { #expect(ResponseCode(name.lowercased())?.rawValue == number) }
    }

    @Test(arguments: ["", "NOPE", "RCODE12"])
    func unknownCodes(_ name: String) { #expect(ResponseCode(name) == nil) }

    @Test(
        arguments: [(1, "IN"), (3, "CH"), (4, "HS"), (254, "NONE"), (255, "ANY"), (7, "CLASS7")]
            as [(UInt16, String)]
    )
    func classes(_ number: UInt16, _ name: String) {
        #expect(RecordClass(rawValue: number).description == name)
    }
}
