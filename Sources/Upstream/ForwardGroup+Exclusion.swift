// Servers that are not asked although the Corefile names them: they lead back to us.

extension ForwardGroup {
    /// Asks `server` no more until it is taken back.
    func takeOut(_ server: UpstreamServer) {
        guard !excluded.contains(server.index) else { return }
        excluded.insert(server.index)
        server.counters.count(.loopFound)
    }

    func takeBack(_ server: UpstreamServer) {
        guard excluded.contains(server.index) else { return }
        excluded.remove(server.index)
        server.counters.count(.loopGone)
    }

    /// The group ends: who comes after it decides anew.
    func takeBackAll() {
        for server in servers { takeBack(server) }
    }
}
