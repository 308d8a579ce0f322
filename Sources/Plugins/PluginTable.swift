// The one list of all plugins, in the order of execution (CoreDNS' plugin.cfg): adding a plugin is a folder here
// and a line below.

package import Corefile

extension DirectiveTable {
    /// What a Corefile of this program may say.
    package static let node = DirectiveTable(
        [
            Root.self,
            Metadata.self,
            Cancel.self,
            TLS.self,
            Timeouts.self,
            Multisocket.self,
            Reload.self,
            Nsid.self,
            Bufsize.self,
            Bind.self,
            Debug.self,
            Trace.self,
            Ready.self,
            Health.self,
            Pprof.self,
            Prometheus.self,
            Errors.self,
            Log.self,
            Dnstap.self,
            Local.self,
            DNS64.self,
            Acl.self,
            AnyPlugin.self,
            Chaos.self,
            Loadbalance.self,
            Cache.self,
            Rewrite.self,
            Header.self,
            Minimal.self,
            TemplatePlugin.self,
            Hosts.self,
            Loop.self,
            Forward.self,
            Whoami.self,
            ViewPlugin.self,
        ],
        refusing: refusedPlugins
    )

    /// What belongs to a server of zones, to a cloud or to a transport that is not served here.
    private static let refusedPlugins: [String: String] = {
        let authority = "a node cache is no authority for a zone; forward to the server that is"
        let catalogue = "a node cache asks cluster DNS for such names; forward them there"
        let service = "'forward . dns+srv://NAME' follows the servers behind a Service"
        let transport = "DNS is served to clients plain or over TLS"
        return [
            "auto": authority, "file": authority, "secondary": authority, "transfer": authority,
            "sign": authority, "dnssec": authority, "on": authority,
            "kubernetes": catalogue, "k8s_external": catalogue, "etcd": catalogue, "nomad": catalogue,
            "autopath": catalogue, "route53": catalogue, "azure": catalogue, "clouddns": catalogue,
            "dynamicforward": service, "kubeforward": service,
            "quic": transport, "grpc": transport, "grpc_server": transport, "https": transport,
            "https3": transport, "tsig": transport,
            "erratic": "it breaks answers on purpose",
            "geoip": "there is no database of addresses on a node",
        ]
    }()
}

extension CorefileCheck {
    /// Reads and checks a whole configuration with the plugins of this program.
    package static func run(
        _ mainFile: String,
        sources: Sources,
        defaultPort: UInt16 = 53
    ) -> CorefileCheck {
        run(mainFile, directives: .node, sources: sources, defaultPort: defaultPort)
    }
}
