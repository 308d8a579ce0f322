// Failures in node-cache's words, that is, in those of Go's net package: people search their logs for them.

import Addresses
import DNSWire
import Glibc
package import Resolution

extension UpstreamFailure {
    /// All servers are down, or there is none.
    package static let noHealthyServer = UpstreamFailure(
        responseCode: .serverFailure,
        extendedError: .noReachableAuthority,
        description: "no healthy proxies"
    )

    /// `max_concurrent` was reached.
    package static func tooManyQuestions(_ limit: Int) -> UpstreamFailure {
        UpstreamFailure(
            responseCode: .refused,
            extendedError: .other,
            description: "concurrent queries exceeded maximum \(limit)"
        )
    }

    /// Every connection to the server carries as many questions as it may.
    static func crowded(_ remote: Endpoint) -> UpstreamFailure {
        UpstreamFailure(
            responseCode: .serverFailure,
            extendedError: .other,
            description: "too many queries under way to \(remote)"
        )
    }

    /// A link's end, told as Go tells it.
    static func link(
        _ failure: LinkFailure,
        _ transport: Transport,
        from local: Endpoint?,
        to remote: Endpoint
    ) -> UpstreamFailure {
        let reason =
            switch failure.reason {
            case .timedOut: "i/o timeout"
            case .endOfFile: "EOF"
            case .system(let code): words(for: code)
            case .tls(let words): words
            }
        let route = local.map { "\($0)->\(remote)" } ?? "\(remote)"
        let text =
            switch (failure.operation, failure.reason) {
            case (.handshake, .endOfFile): "tls \(remote): handshake: \(reason)"
            case (_, .endOfFile): reason
            case (.dial, .system): "dial \(transport.rawValue) \(remote): connect: \(reason)"
            case (.dial, .timedOut): "dial \(transport.rawValue) \(remote): \(reason)"
            case (_, .tls): "tls \(remote): \(reason)"
            case (.handshake, .timedOut): "tls \(remote): handshake: \(reason)"
            case (let operation, .system):
                "\(operation.rawValue) \(transport.rawValue) \(route): \(operation.rawValue): \(reason)"
            case (let operation, .timedOut):
                "\(operation.rawValue) \(transport.rawValue) \(route): \(reason)"
            }
        return UpstreamFailure(
            responseCode: .serverFailure,
            extendedError: failure.reason == .timedOut ? .noReachableAuthority : .networkError,
            description: text
        )
    }

    /// A reply that is none.
    static func badReply(_ verdict: AnswerVerdict, from remote: Endpoint) -> UpstreamFailure {
        UpstreamFailure(
            responseCode: .serverFailure,
            extendedError: .networkError,
            description: verdict == .malformed
                ? "malformed reply from \(remote)" : "reply from \(remote) to another question"
        )
    }

    /// Go's texts for the errors that sockets have.
    private static func words(for code: CInt) -> String {
        switch code {
        case ECONNREFUSED: "connection refused"
        case ECONNRESET: "connection reset by peer"
        case EPIPE: "broken pipe"
        case EHOSTUNREACH: "no route to host"
        case ENETUNREACH: "network is unreachable"
        case ETIMEDOUT: "connection timed out"
        case EADDRNOTAVAIL: "cannot assign requested address"
        case EMFILE: "too many open files"
        case ENFILE: "too many open files in system"
        case EPERM: "operation not permitted"
        case EACCES: "permission denied"
        default: "errno \(code)"
        }
    }
}
