// A network namespace for one test. A namespace belongs to a thread: sockets made and programs started
// by it meanwhile live there. A synchronous test does not change threads, so it may borrow its own.

import Glibc
import NodeNetwork
import Testing

/// Whether this process may make network namespaces.
let mayMakeNamespaces = geteuid() == 0

/// Whether the kernel has tables that outlive their owner (Linux 6.9); before it the plain table is tested.
let knowsPersistentOwners: Bool = {
    let numbers = KernelRelease.running().description.split { !$0.isNumber }.prefix(2).compactMap { Int($0) }
    return !numbers.lexicographicallyPrecedes([6, 9])
}()

/// `unshare` and `setns` stand behind _GNU_SOURCE, which Swift's view of the C library does not define.
private func call<Function>(_ name: String, as type: Function.Type) throws -> Function {
    let symbol = try #require(dlsym(nil, name))
    return unsafeBitCast(symbol, to: type)
}

/// CLONE_NEWNET of linux/sched.h.
private let newNetwork: CInt = 0x4000_0000

/// Runs `body` in a new network namespace whose `lo` is up, as on every node.
func inNewNetworkNamespace(_ body: () throws -> Void) throws {
    let home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)
    try #require(home >= 0)
    defer { close(home) }
    let unshare = try call("unshare", as: (@convention(c) (CInt) -> CInt).self)
    let setns = try call("setns", as: (@convention(c) (CInt, CInt) -> CInt).self)
    try #require(unshare(newNetwork) == 0)
    defer {
        if setns(home, newNetwork) != 0 { Issue.record("cannot return to the network namespace") }
    }
    try shell("ip link set lo up")
    try body()
}

/// Runs `body` in a namespace that `ip netns add` made; sockets it makes stay there.
func inNetworkNamespace<Result>(named name: String, _ body: () throws -> Result) throws -> Result {
    let home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)
    let other = open("/run/netns/\(name)", O_RDONLY | O_CLOEXEC)
    defer {
        close(home)
        close(other)
    }
    let setns = try call("setns", as: (@convention(c) (CInt, CInt) -> CInt).self)
    try #require(home >= 0 && setns(other, newNetwork) == 0)
    defer {
        if setns(home, newNetwork) != 0 { Issue.record("cannot return to the network namespace") }
    }
    return try body()
}

/// Runs a command line in the thread's namespace; what it printed, or an issue when it failed.
@discardableResult
func shell(_ command: String) throws -> String {
    let stream = try #require(popen("\(command) 2>&1", "re"))
    var output: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    while case let count = fread(&buffer, 1, buffer.count, stream), count > 0 {
        output += buffer[..<count]
    }
    let status = pclose(stream)
    let text = String(decoding: output, as: UTF8.self)
    try #require(status == 0, "\(command): \(text)")
    return text
}
