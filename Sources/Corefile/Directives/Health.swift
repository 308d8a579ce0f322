// `health`: `GET /health` for the liveness probe (node-cache reference 3.8).

package import Addresses

/// What the `health` line of a block says.
package struct HealthConfiguration: PluginConfiguration {
    /// Nil is every address of both families.
    package var address: IPAddress?
    package var port: UInt16
    /// How long we stay up after a stop was asked for.
    package var lameduck: GoDuration
}

extension ServerBlockConfiguration {
    package var health: HealthConfiguration? { plugin() }
}
