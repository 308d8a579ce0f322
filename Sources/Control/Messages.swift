// What the supervisor and the worker say to each other. How it looks as bytes stands in `MessageText.swift`,
// how it gets across in `Channels.swift`.

package import Addresses
package import Kernel

/// DNS over one of the two plain transports.
package enum Transport: String, Hashable, Sendable, CaseIterable {
    case udp
    case tcp
}

/// An open socket that the supervisor made and the worker serves.
package struct ListeningSocket: Sendable {
    package let transport: Transport
    /// The wildcard address stands for every address of its family.
    package let endpoint: Endpoint
    package let descriptor: SharedDescriptor
    /// For UDP: a memory file in which a worker has what it has read and not answered. It outlives the worker.
    package let owed: SharedDescriptor?

    package init(
        _ transport: Transport,
        _ endpoint: Endpoint,
        _ descriptor: SharedDescriptor,
        owed: SharedDescriptor? = nil
    ) {
        self.transport = transport
        self.endpoint = endpoint
        self.descriptor = descriptor
        self.owed = owed
    }
}

/// A configuration that was checked, with all that a check reads, so that the worker needs no files.
package struct ConfigurationMessage: Hashable, Sendable {
    /// Counts the configurations of one supervisor, from 1.
    package let generation: UInt64
    /// What the worker answers to `probe.node-local-dns. CH TXT`: letters and digits, new in every supervisor.
    package let token: String
    /// The Corefile's path, as a key into the record.
    package let mainFile: String
    /// The port of zones that name none (`-dns.port`).
    package let defaultPort: UInt16
    /// How many threads serve UDP; there are as many UDP sockets per endpoint.
    package let threads: Int
    /// Octets that all caches of the worker may take together.
    package let cacheBudget: Int
    /// Clients that may wait for upstream at once.
    package let mostWaiting: Int
    /// `RecordedSources.serialized` of module Corefile.
    package let recorded: [UInt8]

    package init(
        generation: UInt64,
        token: String,
        mainFile: String,
        defaultPort: UInt16,
        threads: Int,
        cacheBudget: Int,
        mostWaiting: Int,
        recorded: [UInt8]
    ) {
        self.generation = generation
        self.token = token
        self.mainFile = mainFile
        self.defaultPort = defaultPort
        self.threads = threads
        self.cacheBudget = cacheBudget
        self.mostWaiting = mostWaiting
        self.recorded = recorded
    }
}

/// What the supervisor tells the worker.
package enum SupervisorMessage: Sendable {
    /// More sockets, at most `Control.socketsPerMessage`; they belong to the next configuration.
    case sockets([ListeningSocket])
    /// Serve this from now on, and close the sockets that it does not listen on. Answer `ready` or `rejected`.
    case configuration(ConfigurationMessage)
    /// The supervisor's numbers, to be shown beside the worker's: `MetricSnapshot.bytes` of module Telemetry.
    case metrics([UInt8])
    /// Write the worker's own numbers into this empty memory file, as the bytes of `metrics`, and answer
    /// `numbersWritten` with the same number.
    case writeNumbers(UInt64, into: SharedDescriptor)
    /// Answer what is queued and in flight, take nothing new, and exit with code 0.
    case drain
}

/// What the worker tells the supervisor.
package enum WorkerMessage: Hashable, Sendable {
    /// The configuration of this generation is being served on all its sockets.
    case ready(generation: UInt64)
    /// It cannot be served; the worker goes on with the one before.
    case rejected(generation: UInt64, reason: String)
    /// The memory file of the request with this number is complete.
    case numbersWritten(UInt64)
}

/// Numbers that both sides agree on.
package enum Control {
    /// The descriptor on which a worker finds its control socket.
    package static let workerDescriptor: CInt = 3
    /// How many sockets travel in one message, with two descriptors at most; the kernel's limit is 253.
    package static let socketsPerMessage = 100
    /// The question that shows the whole path works; class CHAOS, type TXT, answered with the token.
    package static let probeName = "probe.node-local-dns."
    /// How long the worker may answer queued queries after its supervisor died, in seconds.
    package static let secondsAfterSupervisor: UInt32 = 2
}
