// A certificate or key as a file that a line names: read with the configuration, because the worker has no files
// (docs/decisions/0004).

/// One PEM file and who named it.
struct PEMFile {
    let path: String
    let place: Token
    let text: String

    static func read(
        _ path: String,
        _ place: Token,
        _ block: BlockContext,
        hint: String? = nil
    ) throws(Diagnostic) -> PEMFile {
        do throws(SourceError) {
            return PEMFile(path: path, place: place, text: try block.check.read(path))
        } catch {
            let reason =
                switch error {
                case .notFound: "no such file"
                case .isDirectory: "it is a directory"
                case .unreadable(let reason): reason
                }
            throw Diagnostic(
                at: place.location,
                "\(path): \(reason)",
                hint: hint ?? "the file must be there when the configuration is read; mount it into the pod"
            )
        }
    }
}
