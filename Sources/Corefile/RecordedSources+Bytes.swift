// A record as bytes, for the way from the supervisor to the worker. Our own format: counts, lengths and
// contents, all integers 32 bits big endian, entries sorted so that equal records are equal bytes.
//
//     "NLD2"
//     files       count, then path, tag (0 text, 1 not found, 2 directory, 3 unreadable), text for 0, 3
//     globs       count, then pattern, count, paths
//     environment count, then name, tag (0 not set, 1 set), value for 1
//     interfaces  count, then name, tag (0 unknown, 1 known), for 1 count and addresses of 4 or 16 bytes
//     local       count and addresses

import Addresses

extension RecordedSources {
    private static let magic = Array("NLD2".utf8)

    /// The record in the form that `init(serialized:)` reads.
    package var serialized: [UInt8] {
        var writer = RecordWriter(bytes: Self.magic)
        writer.entries(files) { writer, file in
            switch file {
            case .text(let text):
                writer.tag(0)
                writer.string(text)
            case .failure(.notFound): writer.tag(1)
            case .failure(.isDirectory): writer.tag(2)
            case .failure(.unreadable(let reason)):
                writer.tag(3)
                writer.string(reason)
            }
        }
        writer.entries(globs) { writer, paths in
            writer.count(paths.count)
            for path in paths { writer.string(path) }
        }
        writer.entries(environment) { writer, value in
            writer.tag(value == nil ? 0 : 1)
            if let value { writer.string(value) }
        }
        writer.entries(interfaces) { writer, addresses in
            writer.tag(addresses == nil ? 0 : 1)
            if let addresses { writer.addresses(addresses) }
        }
        writer.addresses(localAddresses)
        return writer.bytes
    }

    /// Nil when anything is missing, left over, out of order or not UTF-8.
    package init?(serialized: some Collection<UInt8>) {
        var reader = RecordReader(rest: Array(serialized)[...])
        do throws(RecordReader.Malformed) {
            guard try reader.take(4).elementsEqual(Self.magic) else { return nil }
            files = try reader.entries { (reader) throws(RecordReader.Malformed) in
                switch try reader.tag() {
                case 0: .text(try reader.string())
                case 1: .failure(.notFound)
                case 2: .failure(.isDirectory)
                case 3: .failure(.unreadable(try reader.string()))
                default: throw RecordReader.Malformed()
                }
            }
            globs = try reader.entries { (reader) throws(RecordReader.Malformed) in
                try reader.list { (reader) throws(RecordReader.Malformed) in try reader.string() }
            }
            environment = try reader.entries { (reader) throws(RecordReader.Malformed) in
                switch try reader.tag() {
                case 0: nil
                case 1: try reader.string()
                default: throw RecordReader.Malformed()
                }
            }
            interfaces = try reader.entries { (reader) throws(RecordReader.Malformed) in
                switch try reader.tag() {
                case 0: nil
                case 1: try reader.addresses()
                default: throw RecordReader.Malformed()
                }
            }
            localAddresses = try reader.addresses()
        } catch {
            return nil
        }
        guard reader.rest.isEmpty else { return nil }
    }
}

/// Appends to a record.
private struct RecordWriter {
    var bytes: [UInt8]

    mutating func tag(_ value: UInt8) { bytes.append(value) }

    mutating func count(_ value: Int) {
        for shift in [24, 16, 8, 0] { bytes.append(UInt8(truncatingIfNeeded: value >> shift)) }
    }

    mutating func blob(_ value: some Collection<UInt8>) {
        count(value.count)
        bytes += value
    }

    mutating func string(_ value: String) { blob(value.utf8) }

    mutating func addresses(_ addresses: [IPAddress]) {
        count(addresses.count)
        for address in addresses { blob(address.bytes) }
    }

    mutating func entries<Value>(_ entries: [String: Value], _ write: (inout Self, Value) -> Void) {
        count(entries.count)
        for (key, value) in entries.sorted(by: { $0.key < $1.key }) {
            string(key)
            write(&self, value)
        }
    }
}

/// Takes from a record; every length is held against what is left before it is believed.
private struct RecordReader {
    struct Malformed: Error {}

    var rest: ArraySlice<UInt8>

    mutating func take(_ count: Int) throws(Malformed) -> ArraySlice<UInt8> {
        guard count <= rest.count else { throw Malformed() }
        defer { rest = rest.dropFirst(count) }
        return rest.prefix(count)
    }

    mutating func tag() throws(Malformed) -> UInt8 {
        guard let tag = rest.popFirst() else { throw Malformed() }
        return tag
    }

    mutating func count() throws(Malformed) -> Int {
        try take(4).reduce(0) { $0 << 8 | Int($1) }
    }

    mutating func blob() throws(Malformed) -> ArraySlice<UInt8> { try take(try count()) }

    mutating func string() throws(Malformed) -> String {
        guard let text = String(validating: try blob(), as: UTF8.self) else { throw Malformed() }
        return text
    }

    mutating func addresses() throws(Malformed) -> [IPAddress] {
        try list { (reader) throws(Malformed) in
            guard let address = IPAddress(bytes: Array(try reader.blob())) else { throw Malformed() }
            return address
        }
    }

    mutating func list<Element>(
        _ read: (inout Self) throws(Malformed) -> Element
    ) throws(Malformed) -> [Element] {
        var elements: [Element] = []
        for _ in 0..<(try count()) { elements.append(try read(&self)) }
        return elements
    }

    mutating func entries<Value>(
        _ read: (inout Self) throws(Malformed) -> Value
    ) throws(Malformed) -> [String: Value] {
        var entries: [String: Value] = [:]
        var previous: String?
        for _ in 0..<(try count()) {
            let key = try string()
            if let previous, previous >= key { throw Malformed() }
            previous = key
            entries.updateValue(try read(&self), forKey: key)
        }
        return entries
    }
}
