// Who we are to clients that come over TLS, and who they must be. Made from texts: the worker has no files.

import NIOCore
import NIOSSL

/// The certificate of a listener. Connections keep the one that they began with.
package final class StreamCredentials: Sendable {
    /// Whether clients must show a certificate.
    package enum ClientAuthentication: Sendable {
        case none
        case ifGiven
        case required
    }

    private let context: NIOSSLContext

    /// PEM texts. `authorities` are those of clients, and needed where clients are looked at.
    package init(
        certificate: String,
        key: String,
        authorities: String?,
        clients: ClientAuthentication
    ) throws {
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: try NIOSSLCertificate.fromPEMBytes(Array(certificate.utf8))
                .map { .certificate($0) },
            privateKey: .privateKey(try NIOSSLPrivateKey(bytes: Array(key.utf8), format: .pem))
        )
        // TLS 1.2 or 1.3, as CoreDNS (RFC 7858, 3.2).
        configuration.minimumTLSVersion = .tlsv12
        configuration.applicationProtocols = ["dot"]
        configuration.shutdownTimeout = .seconds(1)
        if let authorities {
            configuration.trustRoots = .certificates(
                try NIOSSLCertificate.fromPEMBytes(Array(authorities.utf8))
            )
        }
        // A client's certificate is for whoever it is, not for a host's name.
        configuration.certificateVerification =
            switch clients {
            case .none: .none
            case .ifGiven: .optionalVerification
            case .required: .noHostnameVerification
            }
        context = try NIOSSLContext(configuration: configuration)
    }

    /// The handler in front of a connection's own.
    var handler: NIOSSLServerHandler { NIOSSLServerHandler(context: context) }
}
