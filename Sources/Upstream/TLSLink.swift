// Where TLS meets the links: the handler of a connection, and its errors in words that tell what to do.

import Glibc
import NIOCore
import NIOSSL

extension TLSPeer {
    /// The handlers in front of a connection's own. Sessions are not resumed: NIOSSL has no way to take one up
    /// again, so connections are kept instead.
    var handlers: [any ChannelHandler] {
        get throws {
            let client = try NIOSSLClientHandler(context: credentials.context, serverHostname: serverName)
            return [PromptAcknowledgement(), client]
        }
    }
}

/// Has the kernel acknowledge at once what comes first on a connection.
///
/// Behind a TLS 1.3 handshake a server sends session tickets. One with Nagle's algorithm (RFC 896) sends no answer
/// before they are acknowledged, and Linux puts that off for 40 ms: TLS says nothing in return to them.
private final class PromptAcknowledgement: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    /// Handshake, tickets and the first answers are fewer; from then on the kernel judges better.
    private var readsLeft = 8

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if readsLeft > 0 {
            readsLeft -= 1
            // Without it things are slower, no more.
            try? context.channel.syncOptions?.setOption(.tcpOption(.init(rawValue: TCP_QUICKACK)), value: 1)
        }
        context.fireChannelRead(data)
    }
}

extension LinkFailure {
    /// An error that came through a TLS handler, or past it.
    init(_ operation: Operation, tls error: any Error) {
        switch error {
        case NIOSSLError.handshakeFailed(let cause):
            self.init(.handshake, .tls(Self.words(for: cause)))
        case NIOSSLError.unableToValidateCertificate:
            self.init(.handshake, .tls(Self.unverified))
        case let error as NIOSSLExtraError where error == .failedToValidateHostname:
            self.init(.handshake, .tls("the certificate is for another name"))
        case is NIOSSLExtraError:
            self.init(.handshake, .tls("\(error)"))
        default:
            self.init(operation, error)
        }
    }

    private static let unverified =
        "failed to verify certificate: no trusted authority has signed it, or it is not valid at this time"

    private static func words(for error: BoringSSLError) -> String {
        let text = "\(error)"
        // BoringSSL does not say which of the two.
        if text.contains("CERTIFICATE_VERIFY_FAILED") { return unverified }
        if text.contains("UNKNOWN_CA") || text.contains("CERTIFICATE_REQUIRED") {
            return "the server does not accept our certificate"
        }
        if text.contains("WRONG_VERSION_NUMBER") { return "the server does not speak TLS on this port" }
        return text
    }
}
