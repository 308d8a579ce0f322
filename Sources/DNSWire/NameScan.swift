// Names inside messages, with compression (RFC 1035, 4.1.4). Pointers must lead strictly backwards: a loop
// is then impossible by construction, and no hop counter is needed.

package enum NameScan {
    /// Where the name at `start` ends in the message (behind its root label or its first pointer).
    ///
    /// Nil when the message ends first or a label type is unknown. The target of a pointer is not followed.
    package static func end(of start: Int, in message: Span<UInt8>) -> Int? {
        var at = start
        while at < message.count {
            let length = Int(message[at])
            switch length {
            case 0: return at + 1
            case 1...Limits.labelSize: at += 1 + length
            case 0xc0...0xff: return at + 2 <= message.count ? at + 2 : nil
            default: return nil  // 0x40 and 0x80 are not in use (RFC 6891, 5)
            }
        }
        return nil
    }

    /// Where the name at `start` ends, when it is whole and without compression; nil otherwise.
    package static func plainEnd(of start: Int, in message: Span<UInt8>) -> Int? {
        var at = start
        while at < message.count, at - start < Limits.nameSize, message[at] <= Limits.labelSize {
            if message[at] == 0 { return at + 1 }
            at += 1 + Int(message[at])
        }
        return nil
    }

    /// Whether the name at `start` is whole and its pointers lead backwards, to what stands behind the header.
    package static func isSound(at start: Int, in message: Span<UInt8>) -> Bool {
        var at = start
        var barrier = start
        var size = 0
        while at < message.count {
            let length = Int(message[at])
            switch length {
            case 0: return true
            case 1...Limits.labelSize:
                size += 1 + length
                guard size < Limits.nameSize else { return false }
                at += 1 + length
            case 0xc0...0xff:
                guard at + 2 <= message.count else { return false }
                let target = Int(message.uint16(at: at) & 0x3fff)
                guard target >= Limits.headerSize, target < barrier else { return false }
                barrier = target
                at = target
            default: return false
            }
        }
        return false
    }

    /// How the name at `start` stands to `other`, a name in wire form and lower case, in the order of their octets
    /// without regard to the case of letters: negative, zero or positive. A malformed name precedes all.
    package static func order(_ start: Int, in message: Span<UInt8>, to other: Span<UInt8>) -> Int {
        var at = start
        var barrier = start
        var place = 0
        while at < message.count, place < other.count {
            let length = Int(message[at])
            if length >= 0xc0 {
                guard at + 2 <= message.count else { return -1 }
                let target = Int(message.uint16(at: at) & 0x3fff)
                guard target < barrier else { return -1 }
                barrier = target
                at = target
                continue
            }
            guard length <= Limits.labelSize, at + length < message.count else { return -1 }
            for index in 0...length {
                guard place + index < other.count else { return 1 }
                let octet = index == 0 ? message[at] : message[at + index].asciiLowercased
                let difference = Int(octet) - Int(other[place + index])
                if difference != 0 { return difference }
            }
            if length == 0 { return 0 }
            at += 1 + length
            place += 1 + length
        }
        return -1
    }

    /// Appends the name at `start` without compression, in its own spelling.
    ///
    /// A pointer into `kept` stays one: what lies there does not move. False when the name is malformed: past
    /// the end, pointing forward, or longer than 255 octets.
    package static func expand(
        _ start: Int,
        in message: Span<UInt8>,
        keepingPointersTo kept: Range<Int> = 0..<0,
        into output: inout [UInt8]
    ) -> Bool {
        var at = start
        var barrier = start
        var size = 0
        while at < message.count {
            let length = Int(message[at])
            switch length {
            case 0:
                output.append(0)
                return size + 1 <= Limits.nameSize
            case 1...Limits.labelSize:
                guard at + 1 + length <= message.count, size + 1 + length < Limits.nameSize else {
                    return false
                }
                for index in at...(at + length) { output.append(message[index]) }
                size += 1 + length
                at += 1 + length
            case 0xc0...0xff:
                guard at + 2 <= message.count else { return false }
                let target = Int(message.uint16(at: at) & 0x3fff)
                guard target < barrier else { return false }
                if kept.contains(target) {
                    output += [message[at], message[at + 1]]
                    return true
                }
                barrier = target
                at = target
            default:
                return false
            }
        }
        return false
    }
}
