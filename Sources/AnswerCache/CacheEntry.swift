// One kept answer in one block of memory: a fixed head, the places of its TTLs, its octets. The only file of
// this module that handles raw memory; everything outside sees spans that end with the call.

import DNSWire

/// An answer in memory of its own. Whoever removes it from the table must call `free`.
@safe struct CacheEntry {
    /// The fixed part; 32 octets, half a cache line. Codes over 15 need an OPT record and are never kept, so the
    /// code in the answer's header is the whole code.
    struct Head {
        /// Nanoseconds on the monotonic clock: wall-clock jumps expire nothing.
        var storedAt: UInt64
        /// Milliseconds on the monotonic clock, without the upper half: what is asked is how long ago it was,
        /// and nothing is kept for seven weeks.
        var lastHitAt: UInt32
        /// Seconds.
        var lifetime: UInt32
        /// Nobody is told to refresh the entry before this second of the monotonic clock: somebody is at it,
        /// or it was tried in vain a moment ago.
        var refreshNotBefore: UInt32 = 0
        var wireSize: UInt16
        var ttlCount: UInt16
        var type: UInt16
        var recordClass: UInt16
        /// Hits since the last long pause.
        var hits: UInt16 = 0
        var kind: AnswerKind
        var flags: Flags
    }

    /// What a question asked for besides its name, and how the entry fares.
    struct Flags: OptionSet {
        let rawValue: UInt8

        static let dnssecOK = Flags(rawValue: 1 << 0)
        static let checkingDisabled = Flags(rawValue: 1 << 1)
        /// The last refresh has failed, or is late: nobody waits for the next one.
        static let refreshHasFailed = Flags(rawValue: 1 << 2)

        init(rawValue: UInt8) { self.rawValue = rawValue }

        /// Those that `query` has.
        init(of query: borrowing Query) {
            self = query.dnssecOK ? .dnssecOK : []
            if query.checkingDisabled { insert(.checkingDisabled) }
        }
    }

    private let memory: UnsafeMutableRawPointer

    /// Octets of memory that an answer takes from the heap, head and the allocator's own word included.
    static func size(of answer: AnswerMessage) -> Int {
        chunk(blockSize(ttlCount: answer.ttlOffsets.count, wireSize: answer.wire.count))
    }

    private static func blockSize(ttlCount: Int, wireSize: Int) -> Int {
        MemoryLayout<Head>.size + 2 * ttlCount + wireSize
    }

    /// What malloc(3) takes for a block: glibc puts one word in front and rounds up to sixteen octets.
    private static func chunk(_ size: Int) -> Int { (size + 8 + 15) & ~15 }

    init(_ answer: AnswerMessage, head: Head) {
        let size = Self.blockSize(ttlCount: answer.ttlOffsets.count, wireSize: answer.wire.count)
        // SAFETY: the block is as long as head, offsets and octets together; each is written once, in order,
        // at an offset that suits its alignment (32 is a multiple of 8, offsets of 2).
        unsafe memory = .allocate(byteCount: size, alignment: MemoryLayout<Head>.alignment)
        unsafe memory.initializeMemory(as: Head.self, to: head)
        let offsets = unsafe memory + MemoryLayout<Head>.size
        for (index, offset) in answer.ttlOffsets.enumerated() {
            unsafe offsets.storeBytes(of: offset, toByteOffset: 2 * index, as: UInt16.self)
        }
        let octets = unsafe offsets + 2 * answer.ttlOffsets.count
        unsafe answer.wire.withUnsafeBytes { source in
            if let base = source.baseAddress {
                unsafe octets.copyMemory(from: base, byteCount: source.count)
            }
        }
    }

    func free() {
        unsafe memory.deallocate()
    }

    var head: Head {
        // SAFETY: a head was written here by `init`, and the shard's lock is held.
        get { unsafe memory.load(as: Head.self) }
        nonmutating set { unsafe memory.storeBytes(of: newValue, as: Head.self) }
    }

    /// Octets of this entry's memory, as `size(of:)` counts them.
    var size: Int {
        let head = self.head
        return Self.chunk(Self.blockSize(ttlCount: Int(head.ttlCount), wireSize: Int(head.wireSize)))
    }

    /// Lends the answer's octets and the places of its TTLs.
    @inline(__always)
    func withAnswer<Result>(_ head: Head, _ body: (Span<UInt8>, Span<UInt16>) -> Result) -> Result {
        let offsets = unsafe memory + MemoryLayout<Head>.size
        let octets = unsafe offsets + 2 * Int(head.ttlCount)
        // SAFETY: both spans lie within the block (see `init`) and end with this call, under the lock.
        let answer = unsafe Span<UInt8>(
            _unsafeStart: octets.assumingMemoryBound(to: UInt8.self),
            count: Int(head.wireSize)
        )
        let places = unsafe Span<UInt16>(
            _unsafeStart: offsets.assumingMemoryBound(to: UInt16.self),
            count: Int(head.ttlCount)
        )
        return body(answer, places)
    }
}
