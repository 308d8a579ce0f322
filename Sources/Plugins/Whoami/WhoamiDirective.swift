// `whoami`: tells clients how they look from here (node-cache reference 3.19).

import Corefile

/// The presence of a `whoami` line.
package struct WhoamiConfiguration: PluginConfiguration {
    package init() {}

    package var decidesAnswers: Bool { true }
}

package enum Whoami: BareDirective {
    package static let name = "whoami"
    static let presence = WhoamiConfiguration()
}
