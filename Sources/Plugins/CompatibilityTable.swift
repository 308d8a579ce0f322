// `docs/compatibility.md`'s table, from the list of plugins: what becomes of every directive and property.

package import Corefile

extension DirectiveTable {
    /// A row per directive, per property, and per plugin that is refused.
    package var compatibility: String {
        var text = "| plugin | property | here | why |\n|---|---|---|---|\n"
        for directive in directives.sorted(by: { $0.name < $1.name }) {
            text += Self.row(directive.name, "", directive.support)
            for property in directive.properties {
                text += Self.row(directive.name, "`\(property.form)`", property.support)
            }
        }
        for (name, reason) in refused.sorted(by: { $0.key < $1.key }) {
            text += Self.row(name, "", .refused(because: reason))
        }
        return text
    }

    private static func row(_ directive: String, _ property: String, _ support: Support) -> String {
        let (word, reason) =
            switch support {
            case .supported: ("supported", "")
            case .withoutEffect(let reason): ("accepted without effect", reason)
            case .refused(let reason): ("refused", reason)
            }
        return "| \(directive) | \(property.replacing("|", with: "\\|")) | \(word) | \(reason) |\n"
    }
}
