// Makes the configuration: template and ConfigMap in, a checked Corefile out, written to where node-cache's
// users look for it. A bad update changes nothing; it is told once, not at every look.

import Addresses
package import Corefile
import Glibc
import Kernel
import Plugins
import Timing

/// A configuration without errors, and all that was read for it.
package struct CheckedConfiguration: Sendable {
    package let check: CorefileCheck
    package let configuration: AgentConfiguration
    package let plan: ListenerPlan

    package init?(_ check: CorefileCheck) {
        guard let configuration = check.configuration else { return nil }
        self.check = check
        self.configuration = configuration
        self.plan = ListenerPlan(configuration)
    }

    /// The upstream Service is needed and nobody knows its address.
    var awaitsUpstream: Bool { !configuration.zonesWithoutUpstream.isEmpty }

    /// The longest `lameduck` of all `health` lines.
    var lameduck: Interval {
        let longest = configuration.blocks.compactMap { $0.health?.lameduck.nanoseconds }.max() ?? 0
        return Interval(nanoseconds: UInt64(max(longest, 0)))
    }
}

/// What one look at the files found.
package struct ConfigurationReading: Sendable {
    /// Nil: nothing changed, or what changed cannot be used.
    package let changed: CheckedConfiguration?
    package let notices: [ConfigurationNotice]
}

/// Reads files again and again, and remembers what it made of them.
package struct ConfigurationSource {
    let options: SupervisorOptions
    let environment: @Sendable (String) -> String?
    /// The upstream Service; from the environment, or as it was found later.
    var upstream: UpstreamService
    var clusterDNS: IPAddress? { upstream.primary }
    /// The last ConfigMap without errors: a bad one does not take the stub domains away.
    private var configMap = KubeDNSConfigMap()
    private var hasConfigMap = false
    private var current: CheckedConfiguration?
    private var refused: RecordedSources?
    private var lastSeen = RecordedSources()
    /// What was told at the last look: the same is not told again.
    private var told: Set<ConfigurationNotice> = []
    private var writtenText: String?
    /// Whether the newest configuration can be used, as far as is known.
    package private(set) var isCurrent = false
    /// Once there was a template, the Corefile is what we made of it and says nothing of its own.
    private var hasTemplate = false

    package init(_ options: SupervisorOptions, environment: @escaping @Sendable (String) -> String?) {
        self.options = options
        self.environment = environment
        self.upstream = UpstreamService(options, environment)
    }

    /// Looks at all files; `changed` only when the result means something else than the last one.
    package mutating func read() -> ConfigurationReading {
        var notices: [ConfigurationNotice] = []
        let made = make(&notices)
        let hasErrors = notices.contains { $0.severity == .error }
        isCurrent = !hasErrors && made.map { $0.checked.check.recorded != refused } == true
        let news = notices.filter { !told.contains($0) }
        told = Set(notices)
        guard let made else { return ConfigurationReading(changed: nil, notices: news) }
        let recorded = made.checked.check.recorded
        guard recorded != refused else { return ConfigurationReading(changed: nil, notices: news) }
        let isNew = recorded != current?.check.recorded
        current = made.checked
        let changed = isNew ? made.checked : nil
        return ConfigurationReading(changed: changed, notices: news + write(made.generated))
    }

    /// The last one cannot be served: it is not offered again, and the next is held against `previous`.
    package mutating func refuse(goingBackTo previous: CheckedConfiguration?) {
        refused = current?.check.recorded
        isCurrent = false
        current = previous
    }

    /// Somebody asks explicitly: what was refused may be tried again, what was told may be told again.
    package mutating func forgetRefusals() {
        refused = nil
        told = []
    }

    /// The directories in which a change may mean another configuration.
    package var watchedDirectories: Set<String> {
        var paths = [options.templatePath, options.corefilePath]
        for recorded in [lastSeen, current?.check.recorded].compactMap({ $0 }) {
            paths += recorded.files.keys
            paths += recorded.globs.keys
        }
        var directories = Set(paths.map(Self.directory(of:)))
        if let kubeDNSDirectory { directories.insert(kubeDNSDirectory) }
        return directories
    }

    static func directory(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }
}

// MARK: - Making

extension ConfigurationSource {
    /// A Corefile made from a template.
    private struct Generated {
        let text: String
        let configMap: KubeDNSConfigMap
        let templatePath: String
        let templateLines: Int
        let corefilePath: String

        /// Placeholders are filled without moving lines, blocks are added behind: who has to correct something
        /// edits the template.
        func pointingIntoTemplate(_ diagnostic: Diagnostic) -> Diagnostic {
            let place = diagnostic.location
            guard place.file == corefilePath, place.line <= templateLines else { return diagnostic }
            return Diagnostic(
                diagnostic.severity,
                at: SourceLocation(file: templatePath, line: place.line, column: place.column),
                diagnostic.message,
                hint: diagnostic.hint
            )
        }
    }

    private mutating func make(
        _ notices: inout [ConfigurationNotice]
    ) -> (checked: CheckedConfiguration, generated: Generated?)? {
        readConfigMap(&notices)
        var sources = self.sources
        var generated: Generated?
        switch readTemplate(&notices) {
        case .text(let template):
            let rendered = render(template, sources, &notices)
            generated = Generated(
                text: rendered,
                configMap: configMap,
                templatePath: options.templatePath,
                templateLines: template.split(separator: "\n", omittingEmptySubsequences: false).count,
                corefilePath: options.corefilePath
            )
            sources = sources.replacing(options.corefilePath, with: rendered)
        case .absent: break  // the Corefile is used as it is
        case .unusable: return nil
        }
        let check = CorefileCheck.run(options.corefilePath, sources: sources, defaultPort: options.dnsPort)
        lastSeen = check.recorded
        notices += ConfigurationNotice.notices(
            for: check.diagnostics.map { generated?.pointingIntoTemplate($0) ?? $0 },
            prefix: current == nil ? "Invalid config: " : ConfigurationNotice.refusedChange
        )
        return CheckedConfiguration(check).map { ($0, generated) }
    }

    private enum TemplateFile {
        case text(String)
        case absent
        case unusable
    }

    private mutating func readTemplate(_ notices: inout [ConfigurationNotice]) -> TemplateFile {
        let path = options.templatePath
        do throws(SourceError) {
            let text = try Self.text(of: path)
            hasTemplate = true
            return .text(text)
        } catch {
            if error == .notFound, !hasTemplate, Files.exists(options.corefilePath) { return .absent }
            let text = "Failed to read node-cache coreFile \(path) - \(Self.words(for: error))"
            notices.append(ConfigurationNotice(severity: .error, text: text))
            return .unusable
        }
    }

    private func render(
        _ template: String,
        _ sources: Sources,
        _ notices: inout [ConfigurationNotice]
    ) -> String {
        let rendered = Template.render(
            template,
            mainFile: options.corefilePath,
            values: TemplateValues(
                localAddresses: options.localAddresses,
                clusterDNS: clusterDNS,
                prometheusEndpoint: options.prometheusEndpoint,
                dnsPort: options.dnsPort,
                configMap: configMap
            ),
            sources: sources
        )
        notices += ConfigurationNotice.notices(for: rendered.diagnostics)
        if rendered.missingClusterDNS {
            let variable = options.upstreamServiceVariable
            let told = environment(variable) ?? ""
            let isOwn = IPAddress(told).map(options.localAddresses.contains) ?? false
            let text =
                "Unable to lookup IP address of Upstream service \(options.upstreamService), "
                + "env $\(variable) `\(told)`\(isOwn ? " (our own address: see -upstreamsvc)" : ""): "
                + "names that need it get SERVFAIL and no traffic is intercepted until it is found"
            notices.append(ConfigurationNotice(severity: .warning, text: text))
        }
        return rendered.text
    }

    // MARK: The ConfigMap

    /// The directory of `-kubednscm`; without the flag the usual one, as soon as it exists.
    private var kubeDNSDirectory: String? {
        if let directory = options.kubeDNSDirectory { return directory }
        let usual = "/etc/kube-dns"
        return Files.isDirectory(usual) ? usual : nil
    }

    private mutating func readConfigMap(_ notices: inout [ConfigurationNotice]) {
        guard let directory = kubeDNSDirectory else { return }
        do throws(SourceError) {
            let (read, diagnostics) = KubeDNSConfigMap.read(
                try Self.files(in: directory),
                directory: directory,
                ownServers: options.localAddresses.map { Endpoint($0, port: options.dnsPort) }
            )
            notices += ConfigurationNotice.notices(for: diagnostics, suffix: ", ignoring update")
            let hasErrors = diagnostics.contains { $0.severity == .error }
            // Whoever starts takes what can be used; whoever runs keeps what was right as a whole.
            if let read, !hasErrors || !hasConfigMap { configMap = read }
            hasConfigMap = true
        } catch {
            let text = "Failed to sync kube-dns config directory \(directory), err: \(Self.words(for: error))"
            notices.append(ConfigurationNotice(severity: .error, text: text))
        }
    }

    private static func files(in directory: String) throws(SourceError) -> [String: String] {
        var files: [String: String] = [:]
        for name in try list(directory) {
            let path = "\(directory)/\(name)"
            if !Files.isDirectory(path) { files[name] = try text(of: path) }
        }
        return files
    }

    // MARK: Writing

    private mutating func write(_ generated: Generated?) -> [ConfigurationNotice] {
        guard let generated, generated.text != writtenText else { return [] }
        let servers = generated.configMap.upstreamServers
        // Also when it cannot be written: serving goes on from memory, and one line is enough.
        writtenText = generated.text
        var notices: [ConfigurationNotice] = []
        do throws(SystemError) {
            try Files.replace(options.corefilePath, with: Array(generated.text.utf8))
        } catch {
            let text = "Failed to write config file \(options.corefilePath) - err \(error)"
            notices.append(ConfigurationNotice(severity: .error, text: text))
        }
        let list = servers.isEmpty ? "/etc/resolv.conf" : servers.joined(separator: " ")
        let stubDomains = generated.configMap.stubDomains.count
        for text in [
            "Updated Corefile with \(stubDomains) custom stubdomains and upstream servers \(list)",
            "Using config file:\n\(generated.text)",
        ] { notices.append(ConfigurationNotice(severity: .info, text: text)) }
        return notices
    }
}
