// One HTTP connection: takes a request, asks the routes, writes the response. HTTP itself is NIOHTTP1's;
// accepting and counting connections is `ProbeServer`'s.

import NIOCore
import NIOHTTP1

/// Answers the requests of one connection, one after the other.
final class ProbeConnection: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    /// What we are waiting for.
    private enum State {
        case requestHead
        case requestEnd(HTTPRequestHead, bodyBytes: Int)
        /// The response is being made.
        case responding
        /// The response is on its way; HTTPServerPipelineHandler holds back what follows.
        case responseSent
        case closing
    }

    private let routes: ProbeRoutes
    private let limits: ProbeLimits
    private var state = State.requestHead
    private var deadline: Scheduled<Void>?

    init(routes: ProbeRoutes, limits: ProbeLimits) {
        self.routes = routes
        self.limits = limits
    }

    func channelActive(context: ChannelHandlerContext) {
        restartDeadline(context)
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        deadline?.cancel()
        state = .closing
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch (state, unwrapInboundIn(data)) {
        case (.requestHead, .head(let head)):
            state = .requestEnd(head, bodyBytes: 0)
        case (.requestEnd(let head, let bytes), .body(let more)):
            let bytes = bytes + more.readableBytes
            state = .requestEnd(head, bodyBytes: bytes)
            if bytes > limits.bodyBytes {
                let refusal = ProbeResponse(status: 413, "413 Request Entity Too Large\n")
                respond(refusal, to: head, keepAlive: false, context)
            }
        case (.requestEnd(let head, _), .end):
            state = .responding
            routes.response(to: head.uri, on: context.eventLoop).assumeIsolated().whenSuccess { response in
                guard case .responding = self.state else { return }
                self.respond(response, to: head, keepAlive: head.isKeepAlive, context)
            }
        default:
            break  // the rest of a request that was refused already
        }
    }

    /// A parser error has been answered with 400 by NIOHTTP1; anything else is the connection's end.
    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        close(context)
    }

    private func close(_ context: ChannelHandlerContext) {
        state = .closing
        context.close(promise: nil)
    }
}

// MARK: - Responding

extension ProbeConnection {
    private func respond(
        _ response: ProbeResponse,
        to request: HTTPRequestHead,
        keepAlive: Bool,
        _ context: ChannelHandlerContext
    ) {
        state = .responseSent
        restartDeadline(context)
        var headers = HTTPHeaders()
        headers.add(name: "Content-Type", value: response.contentType)
        var content = response.body
        if content.count >= limits.smallestCompressed, request.headers.acceptsGzip,
            let compressed = Gzip.compressed(content)
        {
            content = compressed
            headers.add(name: "Content-Encoding", value: "gzip")
        }
        headers.add(name: "Content-Length", value: String(content.count))
        headers.add(name: "Date", value: HTTPDate.now())
        if response.status >= 400 { headers.add(name: "X-Content-Type-Options", value: "nosniff") }
        if !keepAlive {
            headers.add(name: "Connection", value: "close")
        } else if request.version == .http1_0 {
            headers.add(name: "Connection", value: "keep-alive")
        }
        let head = HTTPResponseHead(
            version: request.version,
            status: HTTPResponseStatus(statusCode: response.status),
            headers: headers
        )
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        let body = context.channel.allocator.buffer(bytes: request.method == .HEAD ? [] : content)
        // The end is written when the kernel has taken the body: until then the pipeline hands us no further
        // request, so a client that asks often and reads never costs us one response, not thousands.
        context.writeAndFlush(wrapOutboundOut(.body(.byteBuffer(body))))
            .assumeIsolated()
            .whenComplete { result in self.responseWritten(result, keepAlive: keepAlive, context) }
    }

    private func responseWritten(
        _ result: Result<Void, any Error>,
        keepAlive: Bool,
        _ context: ChannelHandlerContext
    ) {
        guard case .responseSent = state, case .success = result else { return }
        state = .requestHead
        restartDeadline(context)
        let written = context.writeAndFlush(wrapOutboundOut(.end(nil)))
        guard !keepAlive else { return }
        written.assumeIsolated().whenComplete { _ in self.close(context) }
    }

    /// Whoever does not finish in time leaves.
    private func restartDeadline(_ context: ChannelHandlerContext) {
        deadline?.cancel()
        deadline = context.eventLoop.assumeIsolated().scheduleTask(in: limits.time) { self.close(context) }
    }
}
