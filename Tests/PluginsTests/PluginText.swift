// Short words for the tests of this folder.

import Corefile
import Plugins

/// What one directive in an otherwise empty block means.
func block(_ directives: String, files: [String: String] = [:]) -> ServerBlockConfiguration? {
    check(". {\n\(directives)\n}", files: files).configuration?.blocks.first
}

/// The findings about directives in an otherwise empty block, each on one line, without file name.
func findings(_ directives: String, files: [String: String] = [:]) -> [String] {
    check(". {\n\(directives)\n}", files: files).diagnostics.map {
        String($0.onOneLine.dropFirst("Corefile:".count))
    }
}

private func check(_ text: String, files: [String: String]) -> CorefileCheck {
    CorefileCheck.run(
        "Corefile",
        sources: Sources(
            read: { (path) throws(SourceError) in
                if path == "Corefile" { return text }
                guard let file = files[path] else { throw .notFound }
                return file
            }
        )
    )
}
