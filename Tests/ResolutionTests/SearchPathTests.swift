import Addresses
import DNSWire
import Testing
import Timing

@testable import Resolution

/// What is learnt of search lists, and what is not.
@Suite struct SearchPathTests {
    private static let pod = IPAddress(v4: 0x0a00_0007)

    /// A client that searches as a resolver does: A and AAAA of each name, all denied but the last.
    private struct Resolver {
        var path = SearchPath()
        var milliseconds: UInt64 = 0

        mutating func search(
            _ names: String...,
            by client: IPAddress = SearchPathTests.pod,
            types: [RecordType] = [.a, .aaaa]
        ) throws {
            for name in names {
                let name = try #require(DomainName(name))
                for type in types { path.asked(name, type, by: client, at: .at(milliseconds)) }
                milliseconds += 20
                for type in types { path.denied(name, type, to: client, at: .at(milliseconds)) }
            }
            milliseconds += 10_000
        }

        /// The whole of a name's way from the namespace to the root.
        mutating func search(_ name: String, in namespace: String) throws {
            try search(
                "\(name).\(namespace).svc.cluster.local",
                "\(name).svc.cluster.local",
                "\(name).cluster.local",
                name
            )
        }

        func followers(_ name: String) throws -> [String] {
            path.followers(of: try #require(DomainName(name))).map { follower in
                follower.name.description + follower.types.map { " \($0)" }.joined()
            }
        }
    }

    /// Two different names have gone the way.
    private func taught() throws -> Resolver {
        var resolver = Resolver()
        try resolver.search("www.example.org", in: "shop")
        try resolver.search("api.example.org", in: "shop")
        return resolver
    }

    @Test func twoNamesShowTheListAndOneDoesNot() throws {
        var resolver = Resolver()
        try resolver.search("www.example.org", in: "shop")
        try resolver.search("www.example.org", in: "shop")
        #expect(try resolver.followers("db.example.org.shop.svc.cluster.local").isEmpty)
        try resolver.search("api.example.org", in: "shop")
        #expect(
            try resolver.followers("db.example.org.shop.svc.cluster.local") == [
                "db.example.org.svc.cluster.local. A AAAA", "db.example.org.cluster.local. A AAAA",
                "db.example.org. A AAAA",
            ]
        )
    }

    @Test func theRestOfTheListFollowsADenialInItsMiddle() throws {
        #expect(
            try taught().followers("db.example.org.svc.cluster.local") == [
                "db.example.org.cluster.local. A AAAA", "db.example.org. A AAAA",
            ]
        )
        #expect(try taught().followers("db.example.org").isEmpty)
    }

    @Test func furtherDomainsAreLearnt() throws {
        var resolver = Resolver()
        for name in ["www", "api"] {
            try resolver.search(
                "\(name).example.org.shop.svc.cluster.local",
                "\(name).example.org.svc.cluster.local",
                "\(name).example.org.cluster.local",
                "\(name).example.org.region.cloud.example",
                "\(name).example.org"
            )
        }
        #expect(
            try resolver.followers("x.example.org.cluster.local") == [
                "x.example.org.region.cloud.example. A AAAA", "x.example.org. A AAAA",
            ]
        )
    }

    /// Names of another namespace are found on the way, and must not be told to the servers of the root.
    @Test func aNameGoesOnlyWhereNamesWithItsEndHaveGone() throws {
        var resolver = try taught()
        #expect(try resolver.followers("redis.data.shop.svc.cluster.local").isEmpty)
        try resolver.search("redis.data.shop.svc.cluster.local", "redis.data.svc.cluster.local")
        #expect(
            try resolver.followers("pg.data.shop.svc.cluster.local") == ["pg.data.svc.cluster.local. A AAAA"]
        )
    }

    /// `shop` is known, `data` is not: its label could as well be the end of a name.
    @Test func anotherNamespaceMustShowItselfFirst() throws {
        var resolver = try taught()
        #expect(try resolver.followers("db.example.org.data.svc.cluster.local").isEmpty)
        for name in ["db", "mq"] { try resolver.search("\(name).example.org", in: "data") }
        #expect(try resolver.followers("x.example.org.data.svc.cluster.local").count == 3)
    }

    @Test func onlyTypesThatWereAsked() throws {
        var resolver = Resolver()
        for name in ["www.example.org", "api.example.org"] {
            try resolver.search("\(name).cluster.local", name, types: [.a])
        }
        try resolver.search("mail.example.org.cluster.local", "mail.example.org", types: [.mx])
        #expect(try resolver.followers("x.example.org.cluster.local") == ["x.example.org. A"])
    }

    @Test func whatIsNoSearchTeachesNothing() throws {
        var resolver = Resolver()
        for name in ["www", "api", "db"] {
            // Too late.
            try resolver.search("\(name).example.org.cluster.local")
            try resolver.search("\(name).example.org")
            // The name first: what resolvers do with many dots in a name.
            try resolver.search("\(name).example.net", "\(name).example.net.cluster.local")
            // Somebody else.
            try resolver.search("\(name).example.com.cluster.local")
            resolver.milliseconds -= 10_000
            try resolver.search("\(name).example.com", by: IPAddress(v4: 0x0a00_0008))
        }
        for name in ["x.example.org.cluster.local", "x.example.net", "x.example.com.cluster.local"] {
            #expect(try resolver.followers(name).isEmpty)
        }
    }

    /// The same name again, at once: its list begins anew, and the last domain does not lead to the first.
    @Test func aSecondSearchIsNoStepOfTheFirst() throws {
        var resolver = Resolver()
        for name in ["a", "b", "c"] {
            for _ in 0..<3 {
                try resolver.search("\(name).example.org", in: "shop")
                resolver.milliseconds -= 10_000
            }
            // Found in another list, whose last domain was a hit.
            try resolver.search("\(name).example.org.example.net")
        }
        #expect(try resolver.followers("x.example.org.shop.svc.cluster.local").count == 3)
    }

    @Test func lookUpsOfOneClientSideBySide() throws {
        var resolver = Resolver()
        for pair in [("a", "b"), ("c", "d")] {
            for domain in ["shop.svc.cluster.local", "svc.cluster.local", "cluster.local"] {
                try resolver.search("\(pair.0).example.org.\(domain)")
                resolver.milliseconds -= 10_000
                try resolver.search("\(pair.1).example.org.\(domain)")
                resolver.milliseconds -= 10_000
            }
        }
        #expect(try resolver.followers("x.example.org.shop.svc.cluster.local").count == 2)
    }

    @Test func whatNobodyUsesIsNotAskedAnyMore() throws {
        var resolver = try taught()
        let domain = try #require(DomainName("shop.svc.cluster.local"))
        resolver.path.judge(domain, wasUsed: true)
        resolver.path.judge(domain, wasUsed: false)
        #expect(try resolver.followers("x.example.org.shop.svc.cluster.local").count == 3)
        resolver.path.judge(domain, wasUsed: false)
        #expect(try resolver.followers("x.example.org.shop.svc.cluster.local").isEmpty)
        try resolver.search("y.example.org", in: "shop")
        #expect(try resolver.followers("x.example.org.shop.svc.cluster.local").count == 3)
    }

    @Test func anotherListTakesThePlaceOfTheFirst() throws {
        var resolver = try taught()
        for name in ["a", "b", "c"] {
            try resolver.search(
                "\(name).example.org.shop.svc.cluster.local",
                "\(name).example.org.example.net"
            )
        }
        #expect(
            try resolver.followers("x.example.org.shop.svc.cluster.local") == [
                "x.example.org.example.net. A AAAA"
            ]
        )
    }

    /// A name that is found in the cache is not seen; the list is not doubted because of it, nor cut short.
    @Test func hitsHideStepsAndUndoNone() throws {
        var resolver = try taught()
        for name in ["a", "b", "c"] {
            try resolver.search("\(name).example.org.shop.svc.cluster.local", "\(name).example.org")
        }
        #expect(try resolver.followers("x.example.org.shop.svc.cluster.local").count == 3)
        for name in ["a", "b"] {
            try resolver.search("\(name).example.org.data.svc.cluster.local", "\(name).example.org")
        }
        #expect(
            try resolver.followers("x.example.org.data.svc.cluster.local") == ["x.example.org. A AAAA"]
        )
        for name in ["c", "d"] { try resolver.search("\(name).example.org", in: "data") }
        #expect(try resolver.followers("x.example.org.data.svc.cluster.local").count == 3)
    }

    @Test func memoryIsBounded() throws {
        var limits = SearchPath.Limits()
        limits.steps = 8
        limits.endings = 8
        limits.denials = 8
        var resolver = Resolver(path: SearchPath(limits: limits))
        for number in 0..<200 {
            for name in ["www", "api"] {
                try resolver.search("\(name).example.n\(number)", in: "ns\(number)")
            }
        }
        // The last one is known, the first one is forgotten; steps that all share were seen last.
        #expect(try resolver.followers("x.example.n199.ns199.svc.cluster.local").count == 3)
        #expect(try resolver.followers("x.example.n0.ns0.svc.cluster.local").isEmpty)
    }

    @Test func aNameThatWouldBeTooLongIsNotAsked() throws {
        var resolver = Resolver()
        let long = String(repeating: "a", count: 60)
        for name in ["www", "api"] {
            try resolver.search("\(name).example.org.b", "\(name).example.org.\(long).\(long)")
        }
        #expect(try resolver.followers("\(long).\(long).example.org.b").isEmpty)
        #expect(try resolver.followers("x.example.org.b").count == 1)
    }

    @Test func theRateIsKept() throws {
        var path = SearchPath()
        let granted = [(0, 10), (200, 2), (60_000, 10)].map { milliseconds, wanted in
            (0..<wanted).map { _ in path.mayAsk(atMost: 5, at: .at(milliseconds)) }.count { $0 }
        }
        #expect(granted == [5, 1, 5])
    }
}
