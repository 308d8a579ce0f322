// What reading the configuration has to say: warnings each on a line, errors all on one.

import Corefile

/// Something to be logged; an error also counts as `setup_errors_total{errortype="configmap"}`.
package struct ConfigurationNotice: Hashable, Sendable {
    package let severity: SupervisorState.Severity
    package let text: String
}

extension ConfigurationNotice {
    /// How a line begins that says why a change is not served; people grep for it in node-cache's log.
    static let refusedChange = "plugin/reload: Corefile changed but reload failed: "

    /// All warnings, and one line for the errors: the first one, and how many more there are.
    static func notices(
        for diagnostics: [Diagnostic],
        prefix: String = "",
        suffix: String = ""
    ) -> [ConfigurationNotice] {
        var notices = diagnostics.filter { $0.severity == .warning }.map {
            ConfigurationNotice(severity: .warning, text: $0.onOneLine)
        }
        let errors = diagnostics.filter { $0.severity == .error }
        guard let first = errors.first else { return notices }
        let more = errors.count > 1 ? " (and \(errors.count - 1) more)" : ""
        let text = prefix + first.onOneLine + more + suffix
        notices.append(ConfigurationNotice(severity: .error, text: text))
        return notices
    }
}
