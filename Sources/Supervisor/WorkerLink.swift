// One worker as the loop holds it: the process, the channel, and what it has been sent.

import Addresses
import Control
import Kernel
import Telemetry

/// A started worker and the way to it.
final class WorkerLink {
    let process: any WorkerProcess
    let channel: SupervisorChannel
    /// Endpoints whose sockets this worker has.
    private var sent: Set<Endpoint> = []
    private var sentMetrics: MetricSnapshot?

    init(_ process: any WorkerProcess, _ channel: SupervisorChannel) {
        self.process = process
        self.channel = channel
    }

    /// Sends what the worker does not have yet of `sockets`, then the configuration.
    func send(
        _ configuration: ConfigurationMessage,
        sockets: [ListeningSocket]
    ) throws(ControlError) {
        let missing = sockets.filter { !sent.contains($0.endpoint) }
        if !missing.isEmpty { try channel.send(.sockets(missing)) }
        sent.formUnion(missing.map(\.endpoint))
        try channel.send(.configuration(configuration))
    }

    /// The worker has closed all other sockets.
    func keepOnly(_ endpoints: Set<Endpoint>) { sent.formIntersection(endpoints) }

    /// Sends the supervisor's numbers if they are others than the last time. A worker that does not read them
    /// gets them another time.
    func send(_ metrics: MetricSnapshot) {
        guard metrics != sentMetrics else { return }
        guard (try? channel.send(.metrics(metrics.encoded()))) != nil else { return }
        sentMetrics = metrics
    }
}
