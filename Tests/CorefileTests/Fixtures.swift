// The outside world of these tests: files in a dictionary, and the fixture folders loaded into one.

import Addresses
import Corefile
import Glibc
import Plugins

extension Sources {
    /// A world of files; globs look at their paths, `*` stops at no slash (none of the tests needs it to).
    static func files(
        _ files: [String: String],
        environment: [String: String] = [:],
        interfaces: [String: [IPAddress]] = [:],
        localAddresses: [IPAddress] = []
    ) -> Sources {
        Sources(
            read: { (path) throws(SourceError) in
                guard let text = files[path] else { throw .notFound }
                return text
            },
            glob: { pattern in files.keys.filter { fnmatch(pattern, $0, 0) == 0 } },
            environment: { environment[$0] },
            interfaceAddresses: { interfaces[$0] },
            localAddresses: localAddresses
        )
    }
}

/// What a Corefile in memory means.
func check(_ text: String, environment: [String: String] = [:]) -> CorefileCheck {
    CorefileCheck.run("Corefile", sources: .files(["Corefile": text], environment: environment))
}

/// The findings of a Corefile in memory, each on one line.
func findings(_ text: String) -> [String] {
    check(text).diagnostics.map(\.onOneLine)
}

/// What one directive in an otherwise empty block means.
func block(_ directives: String) -> ServerBlockConfiguration? {
    check(". {\n\(directives)\n}").configuration?.blocks.first
}

/// A folder of `Tests/Fixtures/corefiles` with the folders in it, as the fixtures see it.
struct FixtureFolder {
    /// Path within the folder to content.
    let files: [String: String]

    init(_ name: String) {
        let here = #filePath.split(separator: "/").dropLast(2).joined(separator: "/")
        let folder = "/\(here)/Fixtures/corefiles/\(name)"
        var files: [String: String] = [:]
        for name in Self.names(in: folder) {
            let below = Self.names(in: "\(folder)/\(name)")
            for path in below.isEmpty ? [name] : below.map({ "\(name)/\($0)" }) {
                files[path] = Self.content("\(folder)/\(path)")
            }
        }
        self.files = files
    }

    func names(endingIn suffix: String) -> [String] { files.keys.filter { $0.hasSuffix(suffix) }.sorted() }

    /// The world in which every fixture is checked.
    var sources: Sources {
        var files = self.files
        files["/etc/resolv.conf"] =
            "# node\nsearch example.org\nnameserver 192.0.2.53\nnameserver 2001:db8::53%eth0\n"
        return .files(
            files,
            environment: [
                "DOMAIN": "example.org", "PORT": "5353", "UPSTREAM": "192.0.2.1", "SPACED": "two words",
            ],
            interfaces: ["lo": [IPAddress(v4: 0x7f00_0002), IPAddress(v6High: 0, low: 1)]]
        )
    }

    private static func names(in folder: String) -> [String] {
        guard let directory = opendir(folder) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if !name.hasPrefix(".") { names.append(name) }
        }
        return names
    }

    private static func content(_ path: String) -> String {
        guard let file = fopen(path, "r") else { return "" }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = fread(&chunk, 1, chunk.count, file)
            if count == 0 { return String(decoding: bytes, as: UTF8.self) }
            bytes += chunk[..<count]
        }
    }
}
