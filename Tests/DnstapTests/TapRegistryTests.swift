import Addresses
import DNSWire
import NIOCore
import NIOPosix
import Resolution
import Synchronization
import Telemetry
import TestSupport
import Testing
import Timing

@testable import Dnstap

@Suite("A sender and its observer", .timeLimit(.minutes(1)))
struct TapRegistryTests {
    /// Takes one connection, answers as it should, and keeps what it gets.
    private final class Observer: ChannelInboundHandler, @unchecked Sendable {
        // SAFETY: `received` is guarded by its lock; the rest is set before the channel is.
        typealias InboundIn = ByteBuffer
        private let received = Mutex<[UInt8]>([])
        let ended: EventLoopPromise<Void>

        init(on loop: any EventLoop) {
            ended = loop.makePromise()
        }

        var octets: [UInt8] { received.withLock { $0 } }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let octets = Array(unwrapInboundIn(data).readableBytesView)
            let all = received.withLock { received in
                received += octets
                return received
            }
            if all == FrameStream.encoded(.ready) { send(.accept, context) }
            if all.suffix(12) == FrameStream.encoded(.stop)[...] { send(.finish, context) }
        }

        func channelInactive(context: ChannelHandlerContext) { ended.succeed() }

        private func send(_ control: FrameStream.Control, _ context: ChannelHandlerContext) {
            let octets = FrameStream.encoded(control)
            context.writeAndFlush(NIOAny(context.channel.allocator.buffer(bytes: octets)), promise: nil)
        }
    }

    private struct Bed {
        let registry: TapRegistry
        let news: AsyncStream<TapNews>
        let settings: DnstapSettings
        let server: any Channel
        let observer: Observer
    }

    private func bed() async throws -> Bed {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let observer = Observer(on: loop)
        let server = try await ServerBootstrap(group: loop)
            .childChannelInitializer { $0.pipeline.addHandler(observer) }
            .bind(host: "127.0.0.1", port: 0).get()
        let port = UInt16(try #require(server.localAddress?.port))
        let (news, continuation) = AsyncStream.makeStream(of: TapNews.self)
        return Bed(
            registry: TapRegistry(wallClock: { $0.nanoseconds }, tell: { continuation.yield($0) }),
            news: news,
            settings: DnstapSettings(
                target: .tcp(Endpoint(IPAddress(v4: 0x7f00_0001), port: port)),
                identity: [],
                version: []
            ),
            server: server,
            observer: observer
        )
    }

    @Test("What was copied arrives, and the end is said")
    func whole() async throws {
        let bed = try await bed()
        let tap = try bed.registry.sender(bed.settings)
        var news = bed.news.makeAsyncIterator()
        #expect(await news.next() == .connected(bed.settings.target))
        var query = Query()
        let packet = Message(asking: "www.example.org. A").encoded()
        #expect(query.read(packet.span, hashing: NameHash(key: 1, multiplier: 3)) == .accepted)
        let parties = TapParties(
            client: Endpoint(IPAddress(v4: 0xc000_0201), port: 1),
            transport: .udp,
            askedAt: Instant(nanoseconds: 1)
        )
        tap.copy(.clientQuery, packet.span, of: query, parties)
        bed.registry.close()
        try await bed.observer.ended.futureResult.get()
        let data = TapMessage.encoded(
            .clientQuery,
            nil,
            parties,
            extra: [],
            of: bed.settings,
            wallClock: { $0.nanoseconds }
        )
        let expected =
            FrameStream.encoded(.ready) + FrameStream.encoded(.start) + FrameStream.frame(data)
            + FrameStream.encoded(.stop)
        #expect(bed.observer.octets == expected)
        try await bed.server.close()
    }

    @Test("A line that is gone keeps no connection, not even one that was not greeted yet")
    func retired() async throws {
        let bed = try await bed()
        _ = try bed.registry.sender(bed.settings)
        bed.registry.keep(only: [])
        try await bed.observer.ended.futureResult.get()
        try await bed.server.close()
    }
}
