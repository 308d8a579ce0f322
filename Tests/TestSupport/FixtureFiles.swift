// The files under Tests/Fixtures, found from where this file lies.

import Kernel

package enum FixtureFiles {
    /// A file of a fixture folder.
    package struct File: Sendable, CustomStringConvertible {
        /// Without folder and ending.
        package let name: String
        package let text: String

        package var description: String { name }
    }

    /// The files in `folder` that end in `.suffix`, by name; none is a mistake of the test.
    package static func all(in folder: String, endingIn suffix: String) -> [File] {
        let here = #filePath.split(separator: "/").dropLast(2).joined(separator: "/")
        let path = "/\(here)/Fixtures/\(folder)"
        let files = (try? Files.list(path)) ?? []
        let found = files.filter { $0.hasSuffix("." + suffix) }.map { name in
            File(
                name: String(name.dropLast(suffix.count + 1)),
                text: String(decoding: (try? Files.read("\(path)/\(name)")) ?? [], as: UTF8.self)
            )
        }
        precondition(!found.isEmpty, "no .\(suffix) files in \(folder)")
        return found
    }
}
