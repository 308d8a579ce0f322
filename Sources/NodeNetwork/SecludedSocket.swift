// The socket that owns our table, in the hands of a thread that has nothing else: the kernel removes the table within
// 0.1 ms of a SIGKILL, and not when the memory of the process is gone.

import CNetlink
import Glibc
import Kernel
import Synchronization

/// A netlink socket that only a thread of its own knows.
final class SecludedSocket: NetlinkChannel {
    private let thread: SecludedThread
    private let holder: Holder
    let portID: UInt32

    private final class Holder: Sendable {
        let socket = Mutex<LibmnlSocket?>(nil)
    }

    init(_ netlinkProtocol: CInt, port: UInt32, on thread: SecludedThread) throws(Errno) {
        let holder = Holder()
        self.thread = thread
        self.holder = holder
        portID = port
        try thread.run { () -> Result<Void, Errno> in
            do throws(Errno) {
                let socket = try LibmnlSocket(netlinkProtocol, as: .port(port))
                holder.socket.withLock { $0 = socket }
                return .success(())
            } catch {
                return .failure(error)
            }
        }.get()
    }

    /// The socket goes on the thread whose descriptor it is.
    deinit { thread.run { [holder] in holder.socket.withLock { $0 = nil } } }

    /// None that anybody here could wait for: nothing comes but what was asked for.
    var descriptor: CInt { -1 }

    func send(_ datagram: [UInt8]) throws(Errno) {
        try onThread { (socket) throws(Errno) in try socket.send(datagram) }
    }

    func receive() throws(Errno) -> [UInt8]? {
        try onThread { (socket) throws(Errno) in try socket.receive() }
    }

    func setMembership(_ isMember: Bool, ofGroup group: UInt32) throws(Errno) {
        try onThread { (socket) throws(Errno) in try socket.setMembership(isMember, ofGroup: group) }
    }

    private func onThread<Value: Sendable>(
        _ body: @escaping @Sendable (LibmnlSocket) throws(Errno) -> Value
    ) throws(Errno) -> Value {
        try thread.run { [holder] in
            holder.socket.withLock { (socket) -> Result<Value, Errno> in
                guard let socket else { return .failure(Errno(EBADF)) }
                do throws(Errno) {
                    return .success(try body(socket))
                } catch {
                    return .failure(error)
                }
            }
        }.get()
    }
}
