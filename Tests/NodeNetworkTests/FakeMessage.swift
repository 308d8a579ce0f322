// Messages as the kernel writes them, made and read without the code under test.

import Glibc

/// RTM_NEWLINK of a link.
func linkMessage(
    _ name: String,
    _ link: FakeKernel.FakeLink,
    type: UInt16 = 16,
    sequence: UInt32 = 0,
    portID: UInt32 = 0
) -> [UInt8] {
    var payload = [UInt8](repeating: 0, count: 4) + FakeMessage.host(link.index)
    payload += FakeMessage.host(link.isUp ? 1 : 0) + FakeMessage.host(0)
    payload += FakeMessage.attribute(3, Array(name.utf8) + [0])
    if let kind = link.kind {
        payload += FakeMessage.attribute(18, FakeMessage.attribute(1, Array(kind.utf8) + [0]))
    }
    return FakeMessage.bytes(type, sequence: sequence, portID: portID, payload)
}

/// RTM_NEWADDR or RTM_DELADDR of an address.
func addressMessage(
    _ address: [UInt8],
    _ origin: UInt8,
    _ linkIndex: UInt32,
    type: UInt16 = 20,
    sequence: UInt32 = 0,
    portID: UInt32 = 0
) -> [UInt8] {
    let family = UInt8(address.count == 4 ? AF_INET : AF_INET6)
    var payload: [UInt8] = [family, UInt8(address.count * 8), 0, 0] + FakeMessage.host(linkIndex)
    payload += FakeMessage.attribute(2, address) + FakeMessage.attribute(11, [origin])
    return FakeMessage.bytes(type, sequence: sequence, portID: portID, payload)
}

/// A netlink message, read and written without the code under test.
struct FakeMessage {
    let bytes: [UInt8]

    var type: UInt16 { UInt16(bytes[4]) | UInt16(bytes[5]) << 8 }
    var sequence: UInt32 { uint32(at: 8) }

    func uint32(at index: Int) -> UInt32 {
        (0..<4).reduce(0) { $0 | UInt32(bytes[index + $1]) << (8 * UInt32($1)) }
    }

    /// The values of a row of attributes.
    static func list(_ bytes: [UInt8]) -> [[UInt8]] {
        var result: [[UInt8]] = []
        var rest = bytes[...]
        while let first = rest.first {
            let length = Int(first) | Int(rest[rest.startIndex + 1]) << 8
            result.append(Array(rest.prefix(length).dropFirst(4)))
            rest = rest.dropFirst((length + 3) & ~3)
        }
        return result
    }

    func text(_ type: UInt16, from start: Int) -> String? {
        attribute(type, from: start).map { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }

    func attribute(_ type: UInt16, from start: Int) -> [UInt8]? {
        var start = start
        while start + 4 <= bytes.count {
            let length = Int(bytes[start]) | Int(bytes[start + 1]) << 8
            if bytes[start + 2] == UInt8(type) { return Array(bytes[(start + 4)..<(start + length)]) }
            start += (length + 3) & ~3
        }
        return nil
    }

    static func messages(in datagram: [UInt8]) -> [FakeMessage] {
        var result: [FakeMessage] = []
        var rest = datagram[...]
        while let first = rest.first {
            let length = (Int(first) | Int(rest[rest.startIndex + 1]) << 8 + 3) & ~3
            result.append(FakeMessage(bytes: Array(rest.prefix(length))))
            rest = rest.dropFirst(length)
        }
        return result
    }

    static func host(_ value: UInt32) -> [UInt8] {
        (0..<4).map { UInt8(truncatingIfNeeded: value >> (8 * UInt32($0))) }
    }

    static func attribute(_ type: UInt16, _ value: [UInt8]) -> [UInt8] {
        let length = UInt16(value.count + 4)
        return [UInt8(length & 0xff), UInt8(length >> 8), UInt8(type & 0xff), UInt8(type >> 8)] + value
            + Array(repeating: 0, count: (4 - value.count % 4) % 4)
    }

    static func bytes(_ type: UInt16, sequence: UInt32, portID: UInt32 = 0, _ payload: [UInt8]) -> [UInt8] {
        host(UInt32(payload.count + 16)) + [UInt8(type & 0xff), UInt8(type >> 8), 0, 0] + host(sequence)
            + host(portID) + payload
    }
}
