// What to say about a file that a plugin wants and that cannot be read.

import Corefile

extension SourceError {
    /// One sentence; the first case in CoreDNS' words.
    func problem(with path: String) -> String {
        switch self {
        case .notFound: "File does not exist: \(path)"
        case .isDirectory: "\(path) is a directory"
        case .unreadable(let reason): "\(path) cannot be read: \(reason)"
        }
    }
}
