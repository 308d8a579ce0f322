// The files of this repository, for the tests that hold them to their promises.

import Glibc

enum Repository {
    /// The top of the checkout.
    static let root = String(#filePath.dropLast("Tests/RepositoryTests/Repository.swift".count))

    /// The text of a file, named from the top.
    static func text(_ path: String) -> String {
        guard let file = fopen(root + path, "r") else { return "" }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = fread(&chunk, 1, chunk.count, file)
            if count == 0 { break }
            bytes += chunk[..<count]
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// All files below a folder whose names end in `suffix`, named from the top, in order.
    static func files(below folder: String, suffix: String) -> [String] {
        var found: [String] = []
        for name in names(in: folder) {
            let path = folder + "/" + name
            if isFolder(path) {
                found += files(below: path, suffix: suffix)
            } else if name.hasSuffix(suffix) {
                found.append(path)
            }
        }
        return found.sorted()
    }

    /// What stands in a folder, without what starts with a dot.
    static func names(in folder: String) -> [String] {
        guard let directory = opendir(root + folder) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if !name.hasPrefix(".") { names.append(name) }
        }
        return names
    }

    private static func isFolder(_ path: String) -> Bool {
        var status = stat()
        return stat(root + path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }
}
