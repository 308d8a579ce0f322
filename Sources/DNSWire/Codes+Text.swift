// Names of the registries' numbers, as CoreDNS prints them in logs and takes them in a Corefile.

extension RecordType {
    private static let names: [UInt16: String] = [
        1: "A", 2: "NS", 5: "CNAME", 6: "SOA", 10: "NULL", 11: "WKS", 12: "PTR", 13: "HINFO", 14: "MINFO",
        15: "MX", 16: "TXT", 17: "RP", 18: "AFSDB", 24: "SIG", 25: "KEY", 28: "AAAA", 29: "LOC", 33: "SRV",
        35: "NAPTR", 36: "KX", 37: "CERT", 39: "DNAME", 41: "OPT", 42: "APL", 43: "DS", 44: "SSHFP",
        45: "IPSECKEY", 46: "RRSIG", 47: "NSEC", 48: "DNSKEY", 49: "DHCID", 50: "NSEC3", 51: "NSEC3PARAM",
        52: "TLSA", 53: "SMIMEA", 55: "HIP", 59: "CDS", 60: "CDNSKEY", 61: "OPENPGPKEY", 62: "CSYNC",
        63: "ZONEMD", 64: "SVCB", 65: "HTTPS", 99: "SPF", 108: "EUI48", 109: "EUI64", 249: "TKEY",
        250: "TSIG", 251: "IXFR", 252: "AXFR", 253: "MAILB", 254: "MAILA", 255: "ANY", 256: "URI",
        257: "CAA", 258: "AVC", 260: "AMTRELAY",
    ]
    private static let numbers = Dictionary(uniqueKeysWithValues: names.map { ($1, $0) })

    /// Reads `A`, `aaaa` or `TYPE65280` (RFC 3597, 5).
    package init?(_ text: some StringProtocol) {
        let upper = text.uppercased()
        if let number = Self.numbers[upper] {
            self.init(rawValue: number)
        } else if upper.hasPrefix("TYPE"), let number = UInt16(upper.dropFirst(4)) {
            self.init(rawValue: number)
        } else {
            return nil
        }
    }
}

extension RecordType: CustomStringConvertible {
    package var description: String { Self.names[rawValue] ?? "TYPE\(rawValue)" }
}

extension RecordClass {
    /// Reads `IN`, `CH`, `HS`, `NONE` or `ANY`.
    package init?(_ text: some StringProtocol) {
        switch text.uppercased() {
        case "IN": self = .internet
        case "CH": self = .chaos
        case "HS": self.init(rawValue: 4)
        case "NONE": self.init(rawValue: 254)
        case "ANY": self = .any
        default: return nil
        }
    }
}

extension RecordClass: CustomStringConvertible {
    package var description: String {
        switch rawValue {
        case 1: "IN"
        case 3: "CH"
        case 4: "HS"
        case 254: "NONE"
        case 255: "ANY"
        default: "CLASS\(rawValue)"
        }
    }
}

extension ResponseCode {
    /// Index is the number; the spelling is that of CoreDNS' metrics (16 is BADSIG there, not BADVERS).
    package static let names = [
        "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "YXDOMAIN", "YXRRSET", "NXRRSET",
        "NOTAUTH", "NOTZONE", "DSOTYPENI", "", "", "", "", "BADSIG", "BADKEY", "BADTIME", "BADMODE",
        "BADNAME",
        "BADALG", "BADTRUNC", "BADCOOKIE",
    ]

    /// Reads `NXDOMAIN` or `servfail`.
    package init?(_ text: some StringProtocol) {
        let upper = text.uppercased()
        guard !upper.isEmpty, let number = Self.names.firstIndex(of: upper) else { return nil }
        self.init(rawValue: UInt16(number))
    }
}

extension ResponseCode: CustomStringConvertible {
    package var description: String {
        let name = Int(rawValue) < Self.names.count ? Self.names[Int(rawValue)] : ""
        return name.isEmpty ? "RCODE\(rawValue)" : name
    }
}
