// How a `forward` line is read; what it means is in Forward.swift, its targets in Forward+Targets.swift.

package import DNSWire

package enum Forward: Directive {
    package static let name = "forward"
    package static let properties =
        [
            "except NAMES...", "force_tcp", "prefer_udp", "expire DURATION", "max_fails N",
            "max_connect_attempts N", "max_idle_conns N", "tls [CERT KEY] [CA]", "tls_servername NAME",
            "policy random|round_robin|sequential|latency", "health_check DURATION [no_rec] [domain FQDN]",
            "max_concurrent N", "next RCODE...", "failover RCODE...", "resolver ADDRESS...",
            "failfast_all_unhealthy_upstreams",
        ].map { DirectiveProperty($0) }

    static let expire = Setting(
        "forward expire",
        default: GoDuration.seconds(10),
        allowed: .zero ... .hours(24 * 365),
        because: "how long an idle connection may be used again",
        tooSmall: "expire can't be negative"
    )
    static let maxFails = Setting(
        "forward max_fails",
        default: 2,
        allowed: 0...4_294_967_295,
        because: "zero: an upstream is never taken for dead"
    )
    static let maxConnectAttempts = Setting(
        "forward max_connect_attempts",
        default: 0,
        allowed: 0...4_294_967_295,
        because: "zero: no limit but the time of the query"
    )
    static let maxIdleConnections = Setting(
        "forward max_idle_conns",
        default: 0,
        allowed: 0...1_000_000,
        because: "zero: no limit but expire"
    )
    static let maxConcurrent = Setting(
        "forward max_concurrent",
        default: 0,
        allowed: 0...2_147_483_647,
        because: "zero: no limit",
        tooSmall: "max_concurrent can't be negative"
    )
    static let healthCheckInterval = Setting(
        "forward health_check",
        default: GoDuration.milliseconds(500),
        allowed: .zero ... .hours(24),
        because: "only asked while an upstream is suspect",
        tooSmall: "health_check can't be negative"
    )
    static let targetCount = Setting(
        "forward TO",
        default: 1,
        allowed: 1...15,
        unit: "upstreams",
        because: "CoreDNS' bound"
    )
    package static let settings = [
        expire.summary, maxFails.summary, maxConnectAttempts.summary, maxIdleConnections.summary,
        maxConcurrent.summary, healthCheckInterval.summary, targetCount.summary,
    ]

    package static func configure(
        _ lines: [DirectiveSyntax],
        in block: BlockContext
    ) -> [any PluginConfiguration] {
        lines.compactMap { line in
            var configuration = ForwardConfiguration(from: .root, origin: Origin(line.name.location))
            // Properties first: what is wrong in them is told even when the line itself is wrong.
            for property in line.lines {
                block.attempt { () throws(Diagnostic) in try apply(property, to: &configuration, block) }
            }
            return block.attempt { () throws(Diagnostic) -> ForwardConfiguration in
                guard line.arguments.count >= 2 else {
                    throw line.argumentError(expected: "forward FROM TO…, with at least one upstream")
                }
                configuration.from = try readFrom(line.arguments[0], block)
                readTargets(line.arguments.dropFirst(), into: &configuration, block)
                if configuration.targets.count > targetCount.allowed.upperBound {
                    throw Diagnostic(
                        at: line.arguments[1].location,
                        "more than \(targetCount.allowed.upperBound) TOs configured: "
                            + "\(configuration.targets.count)",
                        hint: "remove some; files count with every nameserver in them"
                    )
                }
                try checkServerNames(configuration, line)
                try checkDiscovery(&configuration, line)
                configuration.tls = try readTLS(line, for: configuration.targets, block)
                return configuration
            }
        }
    }

    private static func readFrom(_ token: Token, _ block: BlockContext) throws(Diagnostic) -> DomainName {
        let zones = try ZoneKey.read(token, defaultPort: 53)
        if zones.count > 1 {
            block.warn(
                at: token,
                "Unsupported CIDR notation: '\(token.text)' expands to multiple zones. "
                    + "Using only '\(zones[0].name)'",
                hint: "write one forward line per zone"
            )
        }
        return zones[0].name
    }

    private static func checkServerNames(
        _ configuration: ForwardConfiguration,
        _ line: DirectiveSyntax
    ) throws(Diagnostic) {
        let isNamed = configuration.targets.contains { target in
            if case .tls(_, serverName: .some) = target { true } else { false }
        }
        guard isNamed, configuration.tlsServerName != nil else { return }
        throw Diagnostic(
            at: line.name.location,
            "both tls_servername and a server name in a target are set",
            hint: "keep one of the two"
        )
    }

    // MARK: - Properties

    private static func apply(
        _ line: DirectiveSyntax,
        to configuration: inout ForwardConfiguration,
        _ block: BlockContext
    ) throws(Diagnostic) {
        switch line.name.text {
        case "except":
            guard !line.arguments.isEmpty else { throw line.argumentError(expected: "except NAMES…") }
            configuration.except += block.readZones(line.arguments)
        case "force_tcp":
            try line.requireArguments(0...0, expected: "force_tcp")
            configuration.transport = .tcp
        case "prefer_udp":
            try line.requireArguments(0...0, expected: "prefer_udp")
            // force_tcp wins over prefer_udp, whichever comes first.
            if configuration.transport != .tcp { configuration.transport = .preferUDP }
        case "failfast_all_unhealthy_upstreams":
            try line.requireArguments(0...0, expected: "failfast_all_unhealthy_upstreams")
            configuration.failsFastWhenAllUnhealthy = true
        case "expire":
            configuration.expire = try expire.read(try onlyArgument(of: line, "expire DURATION"))
        case "max_fails": configuration.maxFails = try count(line, maxFails)
        case "max_connect_attempts": configuration.maxConnectAttempts = try count(line, maxConnectAttempts)
        case "max_idle_conns": configuration.maxIdleConnections = try count(line, maxIdleConnections)
        case "max_concurrent": configuration.maxConcurrent = try count(line, maxConcurrent)
        case "tls":
            try line.requireArguments(0...3, expected: "tls [CERT KEY] [CA]")
        case "tls_servername":
            configuration.tlsServerName = try onlyArgument(of: line, "tls_servername NAME").text
        case "policy": configuration.policy = try readPolicy(line)
        case "health_check": configuration.healthCheck = try readHealthCheck(line)
        case "resolver": configuration.resolvers += try readResolvers(line)
        case "next": configuration.next += try readCodes(line)
        case "failover":
            let codes = try readCodes(line)
            guard !codes.contains(.noError) else {
                throw Diagnostic(
                    at: line.name.location,
                    "NoError cannot be used in failover",
                    hint: "an answer that is no error is final"
                )
            }
            configuration.failover += codes
        default: throw block.unknownProperty(line, known: propertyNames)
        }
    }

    private static func onlyArgument(of line: DirectiveSyntax, _ form: String) throws(Diagnostic) -> Token {
        try line.requireArguments(1...1, expected: form)
        return line.arguments[0]
    }

    private static func count(_ line: DirectiveSyntax, _ setting: Setting<Int>) throws(Diagnostic) -> UInt32 {
        UInt32(try setting.read(try onlyArgument(of: line, "\(line.name.text) NUMBER")))
    }

    private static func readPolicy(_ line: DirectiveSyntax) throws(Diagnostic) -> ForwardConfiguration.Policy
    {
        let token = try onlyArgument(of: line, "policy random|round_robin|sequential|latency")
        guard let policy = ForwardConfiguration.Policy(rawValue: token.text) else {
            throw Diagnostic(
                at: token.location,
                "unknown policy '\(token.text)'",
                hint: "known: " + ForwardConfiguration.Policy.allCases.map(\.rawValue).joined(separator: ", ")
            )
        }
        return policy
    }

    private static func readHealthCheck(
        _ line: DirectiveSyntax
    ) throws(Diagnostic) -> ForwardConfiguration.HealthCheck {
        let form = "health_check DURATION [no_rec] [domain FQDN]"
        guard let first = line.arguments.first else { throw line.argumentError(expected: form) }
        var check = ForwardConfiguration.HealthCheck(
            interval: try healthCheckInterval.read(first),
            recursionDesired: true,
            domain: .root
        )
        var options = line.arguments.dropFirst()
        while let option = options.popFirst() {
            switch option.text {
            case "no_rec": check.recursionDesired = false
            case "domain":
                guard let token = options.popFirst() else { throw line.argumentError(expected: form) }
                guard let name = DomainName(token.text) else {
                    throw Diagnostic(
                        at: token.location,
                        "health_check: invalid domain name \(token.text)",
                        hint: "write a name such as example.org"
                    )
                }
                check.domain = name
            default:
                throw Diagnostic(
                    at: option.location,
                    "health_check: unknown option \(option.text)",
                    hint: "write: " + form
                )
            }
        }
        return check
    }

    private static func readCodes(_ line: DirectiveSyntax) throws(Diagnostic) -> [ResponseCode] {
        guard !line.arguments.isEmpty else {
            throw line.argumentError(expected: "\(line.name.text) RCODE…")
        }
        var codes: [ResponseCode] = []
        for token in line.arguments {
            guard let code = ResponseCode(token.text) else {
                throw Diagnostic(
                    at: token.location,
                    "\(token.text) is not a valid rcode",
                    hint: "write names such as SERVFAIL, REFUSED or NXDOMAIN"
                )
            }
            codes.append(code)
        }
        return codes
    }
}

extension ForwardConfiguration {
    /// A `forward` line without any property, and without targets.
    package init(from: DomainName, origin: Origin) {
        self.init(
            from: from,
            targets: [],
            targetOrigins: [],
            resolvers: [],
            resolverFiles: [],
            except: [],
            transport: .asClient,
            expire: Forward.expire.defaultValue,
            maxFails: UInt32(Forward.maxFails.defaultValue),
            maxConnectAttempts: UInt32(Forward.maxConnectAttempts.defaultValue),
            maxIdleConnections: UInt32(Forward.maxIdleConnections.defaultValue),
            tls: nil,
            tlsServerName: nil,
            policy: .random,
            healthCheck: HealthCheck(
                interval: Forward.healthCheckInterval.defaultValue,
                recursionDesired: true,
                domain: .root
            ),
            maxConcurrent: UInt32(Forward.maxConcurrent.defaultValue),
            next: [],
            failover: [],
            failsFastWhenAllUnhealthy: false,
            origin: origin
        )
    }
}
