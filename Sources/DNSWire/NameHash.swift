// The hash of names, built label by label from the root: the hashes of all zones above a name fall out on
// the way, so that one walk serves both the choice of the zone and the cache.

/// A keyed hash over lower-cased labels, last label first.
///
/// The key is chosen at start, so that nobody outside can prepare names that collide.
package struct NameHash: Sendable {
    private let key: UInt64
    private let multiplier: UInt64

    /// Two random numbers; tests pass constants.
    package init(key: UInt64, multiplier: UInt64) {
        self.key = key
        self.multiplier = multiplier | 1
    }

    /// The hash of the root.
    package var root: UInt64 { key }

    /// The hash of `label` + the name that `suffix` stands for.
    ///
    /// `label` is the range of the label's octets in `name`, without the length octet, in lower case.
    @inline(__always)
    func extend(_ suffix: UInt64, by label: Range<Int>, of name: borrowing FixedBuffer<UInt8>) -> UInt64 {
        var hash = suffix ^ UInt64(truncatingIfNeeded: label.count)
        var at = label.lowerBound
        while at + 8 <= label.upperBound {
            hash = mix(hash ^ name.word(at: at))
            at += 8
        }
        let rest = label.upperBound - at
        return mix(rest == 0 ? hash : hash ^ name.word(at: at) >> UInt64(64 - 8 * rest))
    }

    /// Folds a 128-bit product, so that every bit of the input reaches every bit of the hash.
    @inline(__always)
    private func mix(_ value: UInt64) -> UInt64 {
        let product = (value ^ key).multipliedFullWidth(by: multiplier)
        return product.high ^ product.low
    }

    /// The hash of a zone, equal to the one a query's walk yields at that zone.
    package func hash(of name: DomainName) -> UInt64 {
        var starts: [Int] = []
        var at = 0
        while name.wire[at] != 0 {
            starts.append(at)
            at += 1 + Int(name.wire[at])
        }
        let wire = FixedBuffer<UInt8>(repeating: 0, count: name.wire.count)
        for (index, octet) in name.wire.enumerated() { wire[index] = octet }
        return starts.reversed().reduce(root) { suffix, start in
            extend(suffix, by: (start + 1)..<(start + 1 + Int(name.wire[start])), of: wire)
        }
    }
}
