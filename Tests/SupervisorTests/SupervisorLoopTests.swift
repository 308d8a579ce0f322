// The whole loop on a thread of the test: real sockets, files, timers and signals; only the second process and
// the node's network are stand-ins.

import Addresses
import Glibc
import Kernel
import Logging
import NodeNetwork
import Supervisor
import Synchronization
import TestSupport
import Testing
import Timing

@Suite struct SupervisorLoopTests {
    /// A supervisor that runs on a thread of its own.
    private final class Run: Sendable {
        let journal = Journal()
        private let place: TemporaryDirectory
        var directory: String { place.path }
        private let thread = Mutex<pthread_t?>(nil)
        private let workers = Mutex<[FakeWorker]>([])

        /// Serves `address` from a Corefile in a new directory.
        init(address: IPAddress, refused: Set<UInt64> = []) throws {
            let place = try TemporaryDirectory()
            self.place = place
            let directory = place.path
            var options = SupervisorOptions(localAddresses: [address])
            options.templatePath = directory + "/Corefile.base"
            options.corefilePath = directory + "/Corefile"
            options.kubeDNSDirectory = nil
            options.metricsEndpoint = Endpoint(address, port: 0)
            options.stateDirectory = directory
            options.pidFile = directory + "/pid"
            options.dnsPort = 5300
            options.threads = 2
            // On a busy machine nothing shall happen but what the test brings about.
            options.times.interceptionWithoutWorker = .seconds(60)
            options.times.missedProbesBeforeWithdrawal = 1_000
            options.times.missedProbesBeforeReplacement = 1_000
            try write(". {\n    bind \(address)\n    forward . 192.0.2.1\n}\n")
            let ready = options
            _ = try Thread(name: "supervisor") { [self] in
                thread.withLock { $0 = pthread_self() }
                let world = SupervisorWorld(
                    environment: { _ in nil },
                    startWorker: { (control) throws(SystemError) in
                        let worker = try FakeWorker(control: control, journal: self.journal, refused: refused)
                        self.workers.withLock { $0.append(worker) }
                        return worker
                    },
                    makeNetwork: { _ in FakeNetwork(self.journal) },
                    detectServiceProxy: { .nftables }
                )
                let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
                journal.note("exit code \(Supervisor.run(ready, world: world, log: silent))")
            }
        }

        func write(_ corefile: String) throws {
            try Files.replace(directory + "/Corefile.base", with: Array(corefile.utf8))
        }

        func signal(_ signal: ProcessSignal) {
            // The loop's thread has it blocked and reads it from its signalfd.
            thread.withLock { if let thread = $0 { _ = pthread_kill(thread, signal.rawValue) } }
        }

        func crashWorker() { workers.withLock { $0.last }?.end(.killed(signal: SIGSEGV)) }

        /// The next lines; a reconciliation may come between any two.
        func expect(_ lines: String..., sourceLocation: SourceLocation = #_sourceLocation) async {
            for line in lines {
                #expect(
                    await journal.next(ignoring: ["network is reconciled"]) == line,
                    sourceLocation: sourceLocation
                )
            }
        }

        func expectNetwork() async {
            await expect("link is set up", "fall-back is installed")
        }

        func expectStart(_ address: IPAddress, generation: UInt64 = 1) async {
            for transport in ["udp", "udp", "tcp"] { await expect("worker has \(transport) \(address):5300") }
            await expect("worker serves \(generation)")
        }
    }

    @Test func startsProvesInterceptsAndStopsInOrder() async throws {
        let address = IPAddress(v4: 0x7f4d_0101)
        let run = try Run(address: address)
        await run.expectNetwork()
        await run.expectStart(address)
        await run.expect("interception begins", "rules of node-cache are removed")
        run.signal(.terminate)
        await run.expect("interception finishes", "worker drains", "network is torn down", "exit code 0")
        #expect(!Files.exists(run.directory + "/pid"))
    }

    @Test func aDeadWorkerIsReplacedWithTheSameSockets() async throws {
        let address = IPAddress(v4: 0x7f4d_0102)
        let run = try Run(address: address)
        await run.expectNetwork()
        await run.expectStart(address)
        await run.expect("interception begins", "rules of node-cache are removed")
        run.crashWorker()
        await run.expectStart(address)
        run.signal(.quit)
        await run.expect("interception ends", "network is torn down", "exit code 0")
    }

    @Test func aChangedFileOpensSocketsAndReachesTheWorker() async throws {
        let address = IPAddress(v4: 0x7f4d_0103)
        let run = try Run(address: address)
        await run.expectNetwork()
        await run.expectStart(address)
        await run.expect("interception begins", "rules of node-cache are removed")
        try run.write(".:5301 {\n    bind \(address)\n    forward . 192.0.2.1\n}\n")
        for transport in ["udp", "udp", "tcp"] { await run.expect("worker has \(transport) \(address):5301") }
        await run.expect("worker serves 2")
        run.signal(.terminate)
        await run.expect("interception finishes", "worker drains", "network is torn down", "exit code 0")
    }

    @Test func aConfigurationThatTheWorkerRefusesIsGone() async throws {
        let address = IPAddress(v4: 0x7f4d_0104)
        let run = try Run(address: address, refused: [2])
        await run.expectNetwork()
        await run.expectStart(address)
        await run.expect("interception begins", "rules of node-cache are removed")
        try run.write(". {\n    bind \(address)\n    forward . 192.0.2.2\n}\n")
        await run.expect("worker refuses 2")
        run.crashWorker()
        await run.expectStart(address, generation: 1)
        run.signal(.terminate)
        await run.expect("interception finishes", "worker drains", "network is torn down", "exit code 0")
    }

    @Test func aFirstConfigurationThatCannotBeServedTearsDown() async throws {
        let address = IPAddress(v4: 0x7f4d_0105)
        let run = try Run(address: address, refused: [1])
        await run.expectNetwork()
        for transport in ["udp", "udp", "tcp"] { await run.expect("worker has \(transport) \(address):5300") }
        await run.expect("worker refuses 1", "network is torn down", "exit code 1")
    }
}
