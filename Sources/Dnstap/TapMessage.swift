// A copy as dnstap's protocol buffer (dnstap.proto of https://github.com/dnstap/dnstap.pb): a dozen fields, written
// by hand.

import Addresses
import Resolution
import Timing

/// Writes protocol buffers: tagged fields, one behind the other.
struct ProtobufWriter {
    private(set) var octets: [UInt8] = []

    /// Wire type 0.
    mutating func add(_ field: UInt64, varint value: UInt64) {
        append(varint: field << 3)
        append(varint: value)
    }

    /// Wire type 5: little-endian.
    mutating func add(_ field: UInt64, fixed32 value: UInt32) {
        append(varint: field << 3 | 5)
        for shift in stride(from: 0, to: 32, by: 8) {
            octets.append(UInt8(truncatingIfNeeded: value >> UInt32(shift)))
        }
    }

    /// Wire type 2.
    mutating func add(_ field: UInt64, octets value: Span<UInt8>) {
        append(varint: field << 3 | 2)
        append(varint: UInt64(value.count))
        octets.reserveCapacity(octets.count + value.count)
        for index in value.indices { octets.append(value[index]) }
    }

    /// Seven bits an octet, the lowest first.
    private mutating func append(varint value: UInt64) {
        var rest = value
        while rest > 0x7f {
            octets.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        octets.append(UInt8(truncatingIfNeeded: rest))
    }
}

/// One message `Dnstap`.
enum TapMessage {
    /// Encodes a copy. `message` is nil where only its circumstances are wanted; `wallClock` says the time of day
    /// at an instant, in nanoseconds since 1970.
    static func encoded(
        _ event: TapEvent,
        _ message: Span<UInt8>?,
        _ parties: TapParties,
        extra: [UInt8],
        of settings: DnstapSettings,
        wallClock: (Instant) -> UInt64
    ) -> [UInt8] {
        var inner = ProtobufWriter()
        inner.add(1, varint: event.number)
        inner.add(2, varint: parties.client.address.family == .v4 ? 1 : 2)
        if let transport = parties.transport { inner.add(3, varint: transport == .udp ? 1 : 2) }
        inner.add(4, octets: parties.client.address.bytes.span)
        if let server = parties.server { inner.add(5, octets: server.address.bytes.span) }
        inner.add(6, varint: UInt64(parties.client.port))
        if let server = parties.server { inner.add(7, varint: UInt64(server.port)) }
        let asked = wallClock(parties.askedAt)
        inner.add(8, varint: asked / 1_000_000_000)
        inner.add(9, fixed32: UInt32(asked % 1_000_000_000))
        if let message, event.isQuery { inner.add(10, octets: message) }
        if let answeredAt = parties.answeredAt {
            let answered = wallClock(answeredAt)
            inner.add(12, varint: answered / 1_000_000_000)
            inner.add(13, fixed32: UInt32(answered % 1_000_000_000))
        }
        if let message, !event.isQuery { inner.add(14, octets: message) }

        var outer = ProtobufWriter()
        if !settings.identity.isEmpty { outer.add(1, octets: settings.identity.span) }
        if !settings.version.isEmpty { outer.add(2, octets: settings.version.span) }
        if !extra.isEmpty { outer.add(3, octets: extra.span) }
        outer.add(14, octets: inner.octets.span)
        outer.add(15, varint: 1)
        return outer.octets
    }
}

extension TapEvent {
    /// `Message.Type` of dnstap.proto.
    fileprivate var number: UInt64 {
        switch self {
        case .clientQuery: 5
        case .clientResponse: 6
        case .forwarderQuery: 7
        case .forwarderResponse: 8
        }
    }

    fileprivate var isQuery: Bool { self == .clientQuery || self == .forwarderQuery }
}
