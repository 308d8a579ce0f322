// The plugins above the cache. They act on hits too and therefore run on the thread that read the query: no
// allocation, no waiting. A block without them pays one test of a flag.

package import Addresses
package import DNSWire

/// Looks at a query before the cache does.
package protocol QueryGate: Sendable {
    /// The gate has answers for other classes than IN, which CoreDNS refuses on sockets where nobody has.
    var takesOtherClasses: Bool { get }
    /// Lets the query pass, or writes the reply itself; `output` has room for the transport's largest reply.
    func judge(
        _ query: borrowing Query,
        packet: Span<UInt8>,
        from client: Endpoint?,
        into output: inout MutableSpan<UInt8>
    ) -> GateVerdict
}

extension QueryGate {
    package var takesOtherClasses: Bool { false }
}

/// What a gate decides.
package enum GateVerdict: Sendable, Equatable {
    case pass
    /// So many octets were written, by that plugin.
    case reply(Int, by: ReplyAuthor)
    /// No reply at all.
    case drop
}

/// Changes a reply on its way out, whether it came from the cache or not.
package protocol ReplyFilter: Sendable {
    /// Changes `reply[..<size]`, which has room for `limit` octets; returns the new size.
    func change(
        _ reply: inout MutableSpan<UInt8>,
        size: Int,
        limit: Int,
        to query: borrowing Query,
        packet: Span<UInt8>,
        random: inout RandomStream
    ) -> Int
}

/// Random numbers for choices that nobody must be able to guess twice but that guard nothing: no system call,
/// no lock, one per thread (xorshift64*, Vigna 2016).
package struct RandomStream: Sendable {
    private var state: UInt64

    package init(seed: UInt64) { state = seed == 0 ? 0x9e37_79b9_7f4a_7c15 : seed }

    package mutating func next() -> UInt64 {
        state ^= state >> 12
        state ^= state << 25
        state ^= state >> 27
        return state &* 0x2545_f491_4f6c_dd1d
    }

    /// A number below `bound`, which is positive.
    package mutating func below(_ bound: Int) -> Int {
        Int(truncatingIfNeeded: next() >> 33) % bound
    }
}
