// The three doors of the supervisor to things that a test wants to replace: processes, the node's network, the
// environment.

package import Addresses
package import Control
import Glibc
package import Kernel
package import NodeNetwork
package import Timing

/// A worker as a process: something that ends.
package protocol WorkerProcess: AnyObject {
    /// Becomes readable when it ends.
    var descriptor: CInt { get }
    /// Says why that could not be done.
    @discardableResult
    func kill() -> SystemError?
    /// What it has used of the processors so far.
    var processorTime: Interval? { get }
    /// How it ended; nil while it runs.
    func reap() -> ProcessEnd?
}

/// What the supervisor wants of the node's network; `NodeNetwork` is the one.
package protocol NetworkKeeper: AnyObject {
    func setUpLink() -> NetworkReport
    func removeForeignRules() -> NetworkReport
    func installFallback() -> NetworkReport
    func moveFallback(to fallback: FallbackPlan?) -> NetworkReport
    func commitInterception() -> NetworkReport
    func finishInterception() -> NetworkReport
    func withdrawInterception() -> NetworkReport
    var isServedByAnother: Bool { get }
    func reconcile() -> NetworkReport
    func tearDown() -> NetworkReport
    var interceptedFamilies: Set<IPAddress.Family> { get }
    var awaitsFallback: Bool { get }
    func isFallbackInstalled(_ family: IPAddress.Family) -> Bool
    var descriptors: [CInt] { get }
    func drainEvents() -> Bool
}

extension NodeNetwork: NetworkKeeper {}

/// Where the supervisor gets what it does not make itself.
package struct SupervisorWorld {
    package var environment: @Sendable (String) -> String?
    /// Starts a worker that finds this end of the control socket as `Control.workerDescriptor`.
    package var startWorker: (SharedDescriptor) throws(SystemError) -> any WorkerProcess
    package var makeNetwork: (NetworkPlan) throws(NodeNetworkError) -> any NetworkKeeper
    package var detectServiceProxy: () -> ServiceProxy
    /// Octets that this process and the worker may use together; nil: as many as there are.
    package var memoryLimit: () -> Int?

    package init(
        environment: @escaping @Sendable (String) -> String?,
        startWorker: @escaping (SharedDescriptor) throws(SystemError) -> any WorkerProcess,
        makeNetwork: @escaping (NetworkPlan) throws(NodeNetworkError) -> any NetworkKeeper,
        detectServiceProxy: @escaping () -> ServiceProxy,
        memoryLimit: @escaping () -> Int? = { nil }
    ) {
        self.environment = environment
        self.startWorker = startWorker
        self.makeNetwork = makeNetwork
        self.detectServiceProxy = detectServiceProxy
        self.memoryLimit = memoryLimit
    }

    /// glibc keeps seven freed blocks of each size for whoever wants that size next, and cuts others up for smaller
    /// ones. A miss frees blocks of some 200 octets; cut up for an answer that is kept, they leave holes that
    /// nothing fits in: 15 octets an answer, measured with a million of them (malloc_info(3)). 128 is more than
    /// usually wait for upstream at once; all sizes together, a thread can hold back 4.2 MiB.
    private static let workerEnvironment = ["GLIBC_TUNABLES": "glibc.malloc.tcache_count=128"]

    /// This process' environment, this binary as worker, this node.
    /// The worker logs in `logFormat`.
    package static func real(logFormat: LogFormat = .text) -> SupervisorWorld {
        SupervisorWorld(
            environment: { name in
                // SAFETY: nobody here changes the environment, so the text stays until it is copied.
                guard let value = unsafe getenv(name) else { return nil }
                return unsafe String(cString: value)
            },
            startWorker: { (control) throws(SystemError) in
                let arguments = ["worker", "--log-format", logFormat.rawValue]
                return SpawnedWorker(
                    try ChildProcess.spawnSelf(
                        arguments: arguments,
                        environment: workerEnvironment,
                        control: control
                    )
                )
            },
            makeNetwork: { (plan) throws(NodeNetworkError) in try NodeNetwork(plan: plan) },
            detectServiceProxy: { ServiceProxy.detect() },
            memoryLimit: { MemoryLimit.ownGroup }
        )
    }
}

private final class SpawnedWorker: WorkerProcess {
    private let child: ChildProcess

    init(_ child: consuming ChildProcess) { self.child = child }

    var descriptor: CInt { child.descriptor }
    func kill() -> SystemError? { child.kill() }
    var processorTime: Interval? { child.processorTime }
    func reap() -> ProcessEnd? { child.reap() }
}
