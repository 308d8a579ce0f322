// `loadbalance` at work: addresses of one name change places in the finished reply. Only their data move, so
// nothing else does: no name, no length, no pointer. MX and SRV have an order of their own and keep it.

import Addresses
import DNSWire
package import Resolution

extension LoadbalanceConfiguration: BlockPlugin {
    package static var name: String { Loadbalance.name }

    package func join(_ block: inout ServerBlock.Plugins, in place: PluginPlace) {
        block.filters.append(LoadbalanceFilter(configuration: self))
    }
}

/// Shuffles the answer section's addresses (Fisher and Yates) or draws the first by weight, then moves preferred
/// ones to the front.
struct LoadbalanceFilter: ReplyFilter {
    let configuration: LoadbalanceConfiguration

    func change(
        _ reply: inout MutableSpan<UInt8>,
        size: Int,
        limit: Int,
        to query: borrowing Query,
        packet: Span<UInt8>,
        random: inout RandomStream
    ) -> Int {
        let flags = HeaderFlags(rawValue: Span(_mutableSpan: reply).uint16(at: 2))
        guard query.type == .a || query.type == .aaaa || query.type == .any, flags.responseCode == .noError
        else { return size }
        for width in [4, 16] { shuffle(&reply, size, width, query.questionEnd, &random) }
        return size
    }

    /// Addresses of one family; all of an answer belong to the last name of its chain.
    private func shuffle(
        _ reply: inout MutableSpan<UInt8>,
        _ size: Int,
        _ width: Int,
        _ questionEnd: Int,
        _ random: inout RandomStream
    ) {
        let type: RecordType = width == 4 ? .a : .aaaa
        let count = Self.count(of: type, Span(_mutableSpan: reply), questionEnd)
        guard count > 1 else { return }
        if let weights = configuration.weights {
            let first = draw(weights, count, type, Span(_mutableSpan: reply), questionEnd, &random)
            Self.swap(&reply, 0, first, of: type, width, questionEnd)
        } else {
            for left in (1..<count).reversed() {
                Self.swap(&reply, left, random.below(left + 1), of: type, width, questionEnd)
            }
        }
        guard !configuration.preferred.isEmpty else { return }
        // Stable enough for a handful: the best of the rest is moved to the next place.
        for place in 0..<count {
            var best = place
            for other in place..<count {
                let bytes = Span(_mutableSpan: reply)
                if rank(other, type, bytes, questionEnd) < rank(best, type, bytes, questionEnd) {
                    best = other
                }
            }
            Self.swap(&reply, place, best, of: type, width, questionEnd)
        }
    }

    /// The index of an address, each as likely as its weight is of all.
    private func draw(
        _ weights: WeightTable,
        _ count: Int,
        _ type: RecordType,
        _ reply: Span<UInt8>,
        _ questionEnd: Int,
        _ random: inout RandomStream
    ) -> Int {
        guard let owner = Self.record(0, type, reply, questionEnd)?.start,
            let domain = weights.domain(ofNameAt: owner, in: reply)
        else { return random.below(count) }
        let weight = { (index: Int, reply: Span<UInt8>) in
            Self.address(index, type, reply, questionEnd).flatMap { domain.weights[$0] }
                ?? WeightTable.usualWeight
        }
        var sum = 0
        for index in 0..<count { sum += weight(index, reply) }
        var drawn = random.below(sum)
        for index in 0..<count {
            drawn -= weight(index, reply)
            if drawn < 0 { return index }
        }
        return 0
    }

    private func rank(_ index: Int, _ type: RecordType, _ reply: Span<UInt8>, _ questionEnd: Int) -> Int {
        guard let address = Self.address(index, type, reply, questionEnd) else { return .max }
        return configuration.preferred.firstIndex { $0.contains(address) } ?? configuration.preferred.count
    }

    private static func uint64(_ reply: Span<UInt8>, _ offset: Int) -> UInt64 {
        UInt64(reply.uint32(at: offset)) << 32 | UInt64(reply.uint32(at: offset + 4))
    }

    private static func count(of type: RecordType, _ reply: Span<UInt8>, _ questionEnd: Int) -> Int {
        var count = 0
        var cursor = RecordCursor(at: questionEnd)
        for _ in 0..<reply.uint16(at: 6) {
            guard let record = cursor.next(in: reply) else { break }
            if record.type == type { count += 1 }
        }
        return count
    }

    private static func address(
        _ index: Int,
        _ type: RecordType,
        _ reply: Span<UInt8>,
        _ questionEnd: Int
    ) -> IPAddress? {
        guard let place = place(of: index, type, reply, questionEnd) else { return nil }
        return type == .a
            ? IPAddress(v4: reply.uint32(at: place))
            : IPAddress(v6High: uint64(reply, place), low: uint64(reply, place + 8))
    }

    /// Where the data of the `index`th record of a type stand.
    private static func place(
        of index: Int,
        _ type: RecordType,
        _ reply: Span<UInt8>,
        _ questionEnd: Int
    ) -> Int? {
        guard let record = record(index, type, reply, questionEnd),
            record.data.count == (type == .a ? 4 : 16)
        else { return nil }
        return record.data.lowerBound
    }

    /// The `index`th record of a type in the answer section.
    private static func record(
        _ index: Int,
        _ type: RecordType,
        _ reply: Span<UInt8>,
        _ questionEnd: Int
    ) -> Record? {
        var left = index
        var cursor = RecordCursor(at: questionEnd)
        for _ in 0..<reply.uint16(at: 6) {
            guard let record = cursor.next(in: reply) else { return nil }
            guard record.type == type else { continue }
            if left == 0 { return record }
            left -= 1
        }
        return nil
    }

    private static func swap(
        _ reply: inout MutableSpan<UInt8>,
        _ left: Int,
        _ right: Int,
        of type: RecordType,
        _ width: Int,
        _ questionEnd: Int
    ) {
        let first = place(of: left, type, Span(_mutableSpan: reply), questionEnd)
        let second = place(of: right, type, Span(_mutableSpan: reply), questionEnd)
        guard left != right, let first, let second else { return }
        for offset in 0..<width {
            let octet = reply[first + offset]
            reply[first + offset] = reply[second + offset]
            reply[second + offset] = octet
        }
    }
}
