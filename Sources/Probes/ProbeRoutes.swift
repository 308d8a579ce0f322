// What is served under which path: closures that make a response when asked. How bytes come and go is
// `ProbeServer`'s. The texts are those of Go's server, which kubelets and monitoring have met for years.

package import NIOCore
package import Telemetry

/// What a probe answers.
package struct ProbeResponse: Hashable, Sendable {
    /// The HTTP status code.
    package let status: Int
    package let contentType: String
    package let body: [UInt8]

    package init(status: Int = 200, contentType: String = ProbeResponse.plainText, body: [UInt8]) {
        self.status = status
        self.contentType = contentType
        self.body = body
    }

    /// A response of plain text.
    package init(status: Int = 200, _ text: String) {
        self.init(status: status, body: Array(text.utf8))
    }

    /// The content type of plain text.
    package static let plainText = "text/plain; charset=utf-8"

    /// The content type that CoreDNS gives its metrics.
    package static let exposition = "text/plain; version=0.0.4; charset=utf-8; escaping=underscores"

    /// What Go's server says about a path it does not know.
    static let notFound = ProbeResponse(status: 404, "404 page not found\n")
}

/// Paths and what makes their responses; any method is answered, as CoreDNS does.
package struct ProbeRoutes: Sendable {
    /// Makes a response; runs on an event loop, so it must not wait.
    package typealias Responder = @Sendable () -> ProbeResponse
    /// Makes a response that has to be waited for; runs on the event loop that it is given.
    package typealias SlowResponder = @Sendable (any EventLoop) -> EventLoopFuture<ProbeResponse>

    private let responders: [String: SlowResponder]

    /// Serves each path with its responder; everything else is 404.
    package init(_ responders: [String: Responder] = [:]) {
        self.init(slow: responders.mapValues { respond in { $0.makeSucceededFuture(respond()) } })
    }

    private init(slow responders: [String: SlowResponder]) { self.responders = responders }

    /// Both tables; where both know a path, the right one's responder counts.
    package static func + (left: ProbeRoutes, right: ProbeRoutes) -> ProbeRoutes {
        ProbeRoutes(slow: left.responders.merging(right.responders) { $1 })
    }
}

// MARK: - The usual routes

extension ProbeRoutes {
    /// The health probe: 200 and `OK` as long as the process can answer at all.
    package static func health(path: String = "/health") -> ProbeRoutes {
        ProbeRoutes([path: { ProbeResponse("OK") }])
    }

    /// The numbers of all sources at the moment of the request; `scrapes`, if given, counts the requests.
    /// `other`, if given, asks another process for its numbers; nil when it has none.
    package static func metrics(
        _ sources: [any MetricSource],
        path: String = "/metrics",
        scrapes: ScrapeCounter? = nil,
        other: (@Sendable (any EventLoop) -> EventLoopFuture<MetricSnapshot?>)? = nil
    ) -> ProbeRoutes {
        ProbeRoutes(slow: [
            path: { loop in
                let asked = other.map { $0(loop) } ?? loop.makeSucceededFuture(nil)
                scrapes?.begin()
                return asked.map { other in
                    var snapshot = MetricSnapshot(of: sources)
                    if let other { snapshot.merge(other) }
                    scrapes?.end()
                    return ProbeResponse(contentType: ProbeResponse.exposition, body: snapshot.render())
                }
            }
        ])
    }
}

// MARK: - Answering

extension ProbeRoutes {
    /// The response to a request target in origin or absolute form (RFC 9112, 3.2).
    func response(to target: String, on loop: any EventLoop) -> EventLoopFuture<ProbeResponse> {
        responders[Self.path(of: target)]?(loop) ?? loop.makeSucceededFuture(.notFound)
    }

    private static func path(of target: String) -> String {
        var rest = target[...]
        if rest.hasPrefix("http://") {
            rest = rest.dropFirst("http://".count).drop { $0 != "/" }
        }
        return String(rest.prefix { $0 != "?" && $0 != "#" })
    }
}
