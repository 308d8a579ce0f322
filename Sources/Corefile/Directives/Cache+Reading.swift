// How a `cache` line is read; what it means is in Cache.swift.

package import DNSWire

package enum Cache: Directive {
    package static let name = "cache"
    package static let properties = [
        DirectiveProperty("success CAPACITY [TTL] [MINTTL]"),
        DirectiveProperty("denial CAPACITY [TTL] [MINTTL]"),
        DirectiveProperty("prefetch AMOUNT [DURATION [PERCENTAGE%]]"),
        DirectiveProperty("serve_stale [DURATION] [immediate|verify]"),
        DirectiveProperty("servfail DURATION"),
        DirectiveProperty("disable success|denial [ZONES...]"),
        DirectiveProperty("keepttl"),
        DirectiveProperty("search_ahead [PER_SECOND]"),
    ]

    static let capacity = Setting(
        "cache CAPACITY",
        default: 10_000,
        allowed: -1_000_000_000...1_000_000_000,
        unit: "answers",
        because: "CoreDNS takes anything; below 1024 counts as 1024"
    )
    static let successTTL = Setting(
        "cache success TTL",
        default: 3600,
        allowed: 1...2_147_483_647,
        unit: "s",
        because: "a TTL has 31 bits (RFC 2181, 8)",
        tooSmall: "cache TTL can not be zero or negative"
    )
    static let denialTTL = Setting(
        "cache denial TTL",
        default: 1800,
        allowed: 1...2_147_483_647,
        unit: "s",
        because: "a TTL has 31 bits (RFC 2181, 8)",
        tooSmall: "cache TTL can not be zero or negative"
    )
    static let minimumTTL = Setting(
        "cache MINTTL",
        default: 5,
        allowed: 0...2_147_483_647,
        unit: "s",
        because: "a TTL has 31 bits (RFC 2181, 8)",
        tooSmall: "cache min TTL can not be negative"
    )
    static let prefetchAmount = Setting(
        "cache prefetch AMOUNT",
        default: 0,
        allowed: 0...2_147_483_647,
        unit: "hits",
        because: "zero is off",
        tooSmall: "prefetch amount should be positive"
    )
    static let prefetchDuration = Setting(
        "cache prefetch DURATION",
        default: GoDuration.minutes(1),
        allowed: .zero ... .hours(24 * 365),
        because: "a gap between two hits"
    )
    static let prefetchPercentage = Setting(
        "cache prefetch PERCENTAGE",
        default: 10,
        allowed: 10...90,
        unit: "%",
        because: "less comes too late, more asks all the time",
        tooSmall: "percentage should fall in range [10, 90]",
        tooLarge: "percentage should fall in range [10, 90]"
    )
    static let staleDuration = Setting(
        "cache serve_stale DURATION",
        default: GoDuration.hours(1),
        allowed: .zero ... .hours(24 * 365),
        because: "zero is off",
        tooSmall: "invalid negative duration for serve_stale"
    )
    static let verifyTimeout = Setting(
        "cache serve_stale TIMEOUT",
        default: GoDuration.milliseconds(400),
        allowed: .zero ... .hours(1),
        because: "a person notices half a second; zero waits as long as upstream takes",
        tooSmall: "invalid negative timeout for serve_stale"
    )
    static let serverFailureDuration = Setting(
        "cache servfail DURATION",
        default: GoDuration.seconds(5),
        allowed: .zero ... .minutes(5),
        because: "RFC 2308, 7.1: at most five minutes",
        tooSmall: "invalid negative ttl for servfail",
        tooLarge: "caching SERVFAIL responses over 5 minutes is not permitted"
    )
    static let searchAheadRate = Setting(
        "cache search_ahead PER_SECOND",
        default: 200,
        allowed: 1...100_000,
        unit: "questions",
        because: "what look-ups that nobody asked for may cost the upstreams"
    )
    package static let settings = [
        capacity.summary, successTTL.summary, denialTTL.summary, minimumTTL.summary,
        prefetchAmount.summary, prefetchDuration.summary, prefetchPercentage.summary,
        staleDuration.summary, verifyTimeout.summary, serverFailureDuration.summary,
        searchAheadRate.summary,
    ]

    package static func configure(
        _ lines: [DirectiveSyntax],
        in block: BlockContext
    ) -> [any PluginConfiguration] {
        guard let line = block.once(lines) else { return [] }
        var configuration = CacheConfiguration(zones: block.zones)
        block.attempt { () throws(Diagnostic) in
            var names = line.arguments[...]
            if let first = names.first, Int(first.text) != nil {
                names.removeFirst()
                let ttl = UInt32(try successTTL.read(first))
                configuration.success.maximumTTL = ttl
                configuration.denial.maximumTTL = ttl
            }
            // CoreDNS takes it for a zone without a word, and then caches nothing.
            if let first = names.first, let duration = GoDuration(first.text) {
                block.warn(
                    at: first,
                    "'\(first.text)' is the zone '\(first.text).', only names below it are cached",
                    hint: "for a TTL write its seconds: \(duration.nanoseconds / 1_000_000_000)"
                )
            }
            if !names.isEmpty { configuration.zones = block.readZones(names) }
        }
        for property in line.lines {
            block.attempt { () throws(Diagnostic) in try apply(property, to: &configuration, block) }
        }
        return [configuration]
    }

    private static func apply(
        _ line: DirectiveSyntax,
        to configuration: inout CacheConfiguration,
        _ block: BlockContext
    ) throws(Diagnostic) {
        switch line.name.text {
        case "success": try readStore(line, into: &configuration.success, maximum: successTTL)
        case "denial": try readStore(line, into: &configuration.denial, maximum: denialTTL)
        case "prefetch": configuration.prefetch = try readPrefetch(line)
        case "serve_stale": configuration.serveStale = try readServeStale(line)
        case "servfail":
            try line.requireArguments(1...1, expected: "servfail DURATION")
            configuration.serverFailureDuration = try serverFailureDuration.read(line.arguments[0])
        case "disable": try readDisable(line, into: &configuration)
        case "keepttl":
            try line.requireArguments(0...0, expected: "keepttl")
            configuration.keepsTTL = true
        case "search_ahead":
            try line.requireArguments(0...1, expected: "search_ahead [PER_SECOND]")
            configuration.searchAhead =
                try line.argument(0).map(searchAheadRate.read) ?? searchAheadRate.defaultValue
        default: throw block.unknownProperty(line, known: propertyNames)
        }
    }

    private static func readStore(
        _ line: DirectiveSyntax,
        into store: inout CacheConfiguration.Store,
        maximum: Setting<Int>
    ) throws(Diagnostic) {
        try line.requireArguments(1...3, expected: "\(line.name.text) CAPACITY [TTL] [MINTTL]")
        store.capacity = try capacity.read(line.arguments[0])
        if let token = line.argument(1) { store.maximumTTL = UInt32(try maximum.read(token)) }
        if let token = line.argument(2) { store.minimumTTL = UInt32(try minimumTTL.read(token)) }
    }

    private static func readPrefetch(
        _ line: DirectiveSyntax
    ) throws(Diagnostic) -> CacheConfiguration.Prefetch? {
        try line.requireArguments(1...3, expected: "prefetch AMOUNT [DURATION [PERCENTAGE%]]")
        let amount = try prefetchAmount.read(line.arguments[0])
        let duration = try line.argument(1).map(prefetchDuration.read) ?? prefetchDuration.defaultValue
        var percentage = prefetchPercentage.defaultValue
        if let token = line.argument(2) {
            guard token.text.hasSuffix("%") else {
                throw Diagnostic(
                    at: token.location,
                    "last character of percentage should be \"%\", but is: \"\(token.text.suffix(1))\"",
                    hint: "write '\(token.text)%'"
                )
            }
            let digits = Token(
                text: String(token.text.dropLast()),
                location: token.location,
                isQuoted: token.isQuoted,
                startsLine: false
            )
            percentage = try prefetchPercentage.read(digits)
        }
        guard amount > 0 else { return nil }
        return CacheConfiguration.Prefetch(amount: amount, duration: duration, percentage: percentage)
    }

    private static func readServeStale(
        _ line: DirectiveSyntax
    ) throws(Diagnostic) -> CacheConfiguration.ServeStale? {
        try line.requireArguments(0...3, expected: "serve_stale [DURATION [immediate|verify [TIMEOUT]]]")
        let duration = try line.argument(0).map(staleDuration.read) ?? staleDuration.defaultValue
        var mode = CacheConfiguration.ServeStale.Mode.immediate
        if let token = line.argument(1) {
            guard let known = CacheConfiguration.ServeStale.Mode(rawValue: token.text.lowercased()) else {
                throw Diagnostic(
                    at: token.location,
                    "invalid value for serve_stale refresh mode: \(token.text)",
                    hint: "write immediate or verify"
                )
            }
            mode = known
        }
        var timeout = verifyTimeout.defaultValue
        if let token = line.argument(2) {
            guard mode == .verify else {
                throw Diagnostic(
                    at: token.location,
                    "serve_stale immediate takes no timeout: \(token.text)",
                    hint: "nobody waits there; write verify, or leave the timeout out"
                )
            }
            timeout = try verifyTimeout.read(token)
        }
        guard duration > .zero else { return nil }
        return CacheConfiguration.ServeStale(duration: duration, mode: mode, verifyTimeout: timeout)
    }

    /// A second `disable` of the same kind replaces the first.
    private static func readDisable(
        _ line: DirectiveSyntax,
        into configuration: inout CacheConfiguration
    ) throws(Diagnostic) {
        guard let kind = line.arguments.first else {
            throw line.argumentError(expected: "disable success|denial [ZONES…]")
        }
        var zones: [DomainName] = line.arguments.count > 1 ? [] : [.root]
        for token in line.arguments.dropFirst() {
            guard let keys = try? ZoneKey.read(token, defaultPort: 53) else {
                throw Diagnostic(at: token.location, "invalid disabled zone: \(token.text)")
            }
            zones += keys.map(\.name)
        }
        switch kind.text {
        case "success": configuration.disabledForSuccess = zones
        case "denial": configuration.disabledForDenial = zones
        default:
            throw Diagnostic(
                at: kind.location,
                "cache type for disable must be \"success\" or \"denial\"",
                hint: "not \"\(kind.text)\""
            )
        }
    }
}

extension CacheConfiguration {
    /// The `cache` line without any argument.
    package init(zones: [DomainName]) {
        self.init(
            zones: zones,
            success: Store(
                capacity: Cache.capacity.defaultValue,
                maximumTTL: UInt32(Cache.successTTL.defaultValue),
                minimumTTL: UInt32(Cache.minimumTTL.defaultValue)
            ),
            denial: Store(
                capacity: Cache.capacity.defaultValue,
                maximumTTL: UInt32(Cache.denialTTL.defaultValue),
                minimumTTL: UInt32(Cache.minimumTTL.defaultValue)
            ),
            prefetch: nil,
            serveStale: nil,
            serverFailureDuration: Cache.serverFailureDuration.defaultValue,
            disabledForSuccess: [],
            disabledForDenial: [],
            keepsTTL: false,
            searchAhead: nil
        )
    }
}
