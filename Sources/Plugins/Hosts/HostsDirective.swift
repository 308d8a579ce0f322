// `hosts`: names from a file like /etc/hosts (node-cache reference 3.9). The file is read with the configuration:
// when it changes, the configuration changes, and answers cached before are void.

package import Corefile
package import DNSWire

/// What the `hosts` line of a block says, with the file's content.
package struct HostsConfiguration: PluginConfiguration {
    /// As written; label `hostsfile` of the metric.
    package var path = "/etc/hosts"
    /// Names outside are left to the next plugin.
    package var zones: [DomainName]
    /// The file's entries, then those of the lines in the block.
    package var table = HostsTable()
    /// Of every record, in seconds.
    package var timeToLive: UInt32
    package var answersReverse = true
    package var fallThrough = FallThrough()

    package var decidesAnswers: Bool { true }
}

package enum Hosts: Directive {
    package static let name = "hosts"
    package static let properties = [
        DirectiveProperty("ADDRESS NAMES..."), DirectiveProperty("ttl SECONDS"),
        DirectiveProperty("no_reverse"),
        DirectiveProperty(
            "reload DURATION",
            .withoutEffect(because: "a changed file is seen within seconds")
        ),
        DirectiveProperty("fallthrough [ZONES...]"),
    ]
    static let timeToLive = Setting(
        "hosts ttl",
        default: 3600,
        allowed: 1...65_535,
        unit: "s",
        because: "CoreDNS' bounds",
        tooSmall: "ttl provided is invalid",
        tooLarge: "ttl provided is invalid"
    )
    static let reload = Setting(
        "hosts reload",
        default: GoDuration.seconds(5),
        allowed: .zero ... .hours(24 * 365),
        because: "read, and then ignored",
        tooSmall: "invalid negative duration for reload"
    )
    package static let settings = [timeToLive.summary, reload.summary]

    package static func configure(
        _ lines: [DirectiveSyntax],
        in block: BlockContext
    ) -> [any PluginConfiguration] {
        guard let line = block.once(lines) else { return [] }
        var configuration = HostsConfiguration(
            zones: block.zones,
            timeToLive: UInt32(timeToLive.defaultValue)
        )
        if let path = line.argument(0) {
            configuration.path = path.text
            let zones = line.arguments.dropFirst()
            if !zones.isEmpty { configuration.zones = block.readZones(zones) }
        }
        readFile(line.argument(0) ?? line.name, into: &configuration, block)
        for property in line.lines {
            block.attempt { () throws(Diagnostic) in try apply(property, to: &configuration, block) }
        }
        if !configuration.answersReverse { configuration.table.names = [:] }
        return [configuration]
    }

    /// A file that is not there is no error: it may come.
    private static func readFile(
        _ token: Token,
        into configuration: inout HostsConfiguration,
        _ block: BlockContext
    ) {
        do throws(SourceError) {
            let text = try block.check.read(configuration.path)
            configuration.table.add(text, within: configuration.zones)
        } catch {
            block.warn(
                at: token,
                error.problem(with: configuration.path),
                hint: "it is used as soon as it is there"
            )
        }
    }

    private static func apply(
        _ line: DirectiveSyntax,
        to configuration: inout HostsConfiguration,
        _ block: BlockContext
    ) throws(Diagnostic) {
        switch line.name.text {
        case "fallthrough": configuration.fallThrough.read(line, block)
        case "no_reverse":
            try line.requireArguments(0...0, expected: "no_reverse")
            configuration.answersReverse = false
        case "ttl":
            try line.requireArguments(1...1, expected: "ttl SECONDS")
            configuration.timeToLive = UInt32(try timeToLive.read(line.arguments[0]))
        case "reload":
            try line.requireArguments(1...1, expected: "reload DURATION")
            _ = try reload.read(line.arguments[0])
        default:
            // What looks like no address is a misspelt property, and in CoreDNS a line that means nothing.
            guard configuration.fallThrough.zones.isEmpty, HostsTable.address(line.name.text) != nil else {
                throw block.unknownProperty(line, known: propertyNames.filter { $0 != "ADDRESS" })
            }
            let words = [line.name.text] + line.arguments.map(\.text)
            configuration.table.add(words.joined(separator: " "), within: configuration.zones)
        }
    }
}
