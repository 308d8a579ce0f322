// What a service manager wants to hear of the process it has started (sd_notify(3)): one datagram a message, to
// the socket that the environment names. The whole of it, so no library.

import Glibc

/// The service manager above us; under Kubernetes nobody.
package struct ServiceManager: Sendable {
    private let path: String?

    /// `path`: the value of `NOTIFY_SOCKET`; nil where nobody listens.
    package init(path: String?) { self.path = path.flatMap { $0.isEmpty ? nil : $0 } }

    /// Says `assignments`, such as `READY=1`. Nobody waits for it, and nothing depends on it.
    package func tell(_ assignments: String...) {
        guard let path, let address = try? LocalAddress(path) else { return }
        let raw = socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard raw >= 0 else { return }
        let sender = OwnedDescriptor(owning: raw)
        let message = Array(assignments.joined(separator: "\n").utf8)
        // SAFETY: the calls read the octets of an array that outlives them.
        guard unsafe address.with({ unsafe connect(sender.raw, $0, $1) }) == 0 else { return }
        _ = unsafe send(sender.raw, message, message.count, CInt(MSG_DONTWAIT))
    }
}
