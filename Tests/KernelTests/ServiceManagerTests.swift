import Glibc
import Kernel
import TestSupport
import Testing

@Suite struct ServiceManagerTests {
    /// A socket that a service manager would listen on, and the name of its place.
    private static func listening(at path: String) throws -> OwnedDescriptor {
        let socket = OwnedDescriptor(owning: socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue), 0))
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let octets = Array(path.utf8).map { $0 == UInt8(ascii: "@") ? 0 : $0 }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: octets) }
        let size = socklen_t(2 + octets.count + (path.hasPrefix("@") ? 0 : 1))
        let bound = withUnsafePointer(to: address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(socket.raw, $0, size) }
        }
        try #require(bound == 0)
        return socket
    }

    @Test(arguments: ["path", "abstract"]) func itHearsWhatItIsTold(_ kind: String) throws {
        let place = try TemporaryDirectory()
        let path = kind == "path" ? place.path + "/notify" : "@node-local-dns-test-\(getpid())"
        let socket = try Self.listening(at: path)
        ServiceManager(path: path).tell("READY=1", "STATUS=ready")
        var buffer = [UInt8](repeating: 0, count: 64)
        let count = recv(socket.raw, &buffer, buffer.count, CInt(MSG_DONTWAIT))
        try #require(count > 0)
        #expect(String(decoding: buffer[..<count], as: UTF8.self) == "READY=1\nSTATUS=ready")
    }

    @Test(arguments: [nil, "", "/none/such", String(repeating: "x", count: 200)])
    func nobodyThereIsNothingToWorryAbout(_ path: String?) {
        ServiceManager(path: path).tell("READY=1")
    }
}
