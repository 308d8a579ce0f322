// One check of a Corefile or template as a person asks for it, outside a running agent.

package import Addresses
package import Corefile
import Plugins

package enum CorefileInspection {
    /// Checks a file of this node. In a template the local addresses are filled in and the cluster DNS address
    /// is taken as not found yet; lines stay lines, so that findings point into the file.
    package static func run(_ path: String, localAddresses: [IPAddress], dnsPort: UInt16) -> CorefileCheck {
        let options = SupervisorOptions(localAddresses: localAddresses)
        let sources = ConfigurationSource(options, environment: SupervisorWorld.real().environment).sources
        guard let text = try? sources.read(path), text.contains("__P") else {
            return CorefileCheck.run(path, sources: sources, defaultPort: dnsPort)
        }
        let values = TemplateValues(localAddresses: localAddresses, dnsPort: dnsPort)
        let rendered = Template.render(text, mainFile: path, values: values, sources: sources)
        return CorefileCheck.run(
            path,
            sources: sources.replacing(path, with: rendered.text),
            defaultPort: dnsPort
        )
    }
}
