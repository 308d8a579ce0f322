// `prometheus`: `GET /metrics`, and counting this block's queries (node-cache reference 3.13).

package import Addresses

/// What the `prometheus` line of a block says.
package struct PrometheusConfiguration: PluginConfiguration {
    /// Nil is every address of both families.
    package var address: IPAddress?
    package var port: UInt16
}

extension ServerBlockConfiguration {
    package var prometheus: PrometheusConfiguration? { plugin() }
}
