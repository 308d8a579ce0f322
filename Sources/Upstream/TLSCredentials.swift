// What a connection over TLS needs besides an address: whom to trust, who we are, whose name the certificate must
// carry. Made when the configuration is read, from texts: the worker has no files. BoringSSL is initialised by
// the first credentials; without an upstream over TLS that never happens.

import NIOCore
import NIOSSL

/// Trusted authorities, and our own certificate where the server wants one.
package final class TLSCredentials: Sendable {
    /// PEM texts.
    package struct Texts: Sendable, Hashable {
        /// Our certificate and those between it and an authority.
        package var certificate: String?
        package var key: String?
        package var authorities: String

        package init(certificate: String? = nil, key: String? = nil, authorities: String) {
            self.certificate = certificate
            self.key = key
            self.authorities = authorities
        }
    }

    /// Which text is no good, and why.
    package struct Flaw: Error, Sendable, Hashable {
        package enum Part: Sendable {
            case certificate
            case key
            case authorities
        }

        package let part: Part
        package let reason: String
    }

    package let texts: Texts
    let context: NIOSSLContext

    /// TLS 1.2 or 1.3, as CoreDNS; every certificate is verified.
    package init(_ texts: Texts) throws(Flaw) {
        self.texts = texts
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        configuration.certificateVerification = .fullVerification
        configuration.trustRoots = .certificates(try Self.certificates(texts.authorities, .authorities))
        configuration.shutdownTimeout = .seconds(1)
        if let certificate = texts.certificate {
            configuration.certificateChain = try Self.certificates(certificate, .certificate)
                .map { .certificate($0) }
        }
        if let key = texts.key {
            do {
                configuration.privateKey = .privateKey(
                    try NIOSSLPrivateKey(bytes: Array(key.utf8), format: .pem)
                )
            } catch {
                throw Flaw(part: .key, reason: "it holds no private key in PEM form")
            }
        }
        do {
            context = try NIOSSLContext(configuration: configuration)
        } catch {
            // The parts were read; what is left is that they do not belong together.
            throw Flaw(part: .key, reason: "it is not the key of the certificate")
        }
    }

    private static func certificates(_ text: String, _ part: Flaw.Part) throws(Flaw) -> [NIOSSLCertificate] {
        let found = try? NIOSSLCertificate.fromPEMBytes(Array(text.utf8))
        guard let found, !found.isEmpty else {
            throw Flaw(part: part, reason: "it holds no certificate in PEM form")
        }
        return found
    }
}

extension TLSCredentials: Hashable {
    package static func == (left: TLSCredentials, right: TLSCredentials) -> Bool { left.texts == right.texts }

    package func hash(into hasher: inout Hasher) { hasher.combine(texts) }
}

/// How one server is asked over TLS.
package struct TLSPeer: Sendable, Hashable {
    package let credentials: TLSCredentials
    /// Sent to the server and looked for in its certificate; nil: the certificate must carry the address.
    package let serverName: String?

    package init(_ credentials: TLSCredentials, serverName: String? = nil) {
        self.credentials = credentials
        self.serverName = serverName
    }
}
