import Glibc
import Telemetry
import Testing

/// Prometheus' own judgement; `promtool` comes with Debian's package prometheus.
@Suite struct PromtoolTests {
    @Test func promtoolHasNothingToSayAboutAnyFamily() throws {
        var snapshot = MetricSnapshot()
        for (number, family) in MetricCatalogue.families.enumerated() {
            let known = MetricCatalogue[family]
            let labels = known.labels.map { "\($0) of \"\(number)\"\n\\" }
            switch known.kind {
            case .counter, .gauge:
                snapshot.add(family, labels: labels, Double(number) * 1_234_567.5)
            case .histogram(let buckets):
                let counts = (0..<buckets.count).map { UInt64($0) }
                snapshot.addHistogram(family, labels: labels, bucketCounts: counts, sum: 0.000_012)
            }
        }
        snapshot.addInitialSeries()
        let verdict = try promtool(["check", "metrics"], input: snapshot.render())
        #expect(verdict == Verdict(status: 0, output: ""))
    }

    @Test func promtoolWouldHaveSaidSomething() throws {
        let verdict = try promtool(["check", "metrics"], input: Array("no_help_and_no_type 1\n".utf8))
        #expect(verdict.status != 0)
        #expect(verdict.output.contains("no_help_and_no_type"))
    }

    private struct Verdict: Equatable {
        var status: CInt
        var output: String
    }

    private struct SpawnError: Error {
        let errno: CInt
    }

    /// Runs promtool with `input` on standard input; its output and complaints come back together.
    ///
    /// Files without names instead of pipes: nobody waits for anybody, whatever else this process spawns.
    private func promtool(_ arguments: [String], input: [UInt8]) throws -> Verdict {
        let inputFile = try namelessFile(holding: input)
        let outputFile = try namelessFile(holding: [])
        defer {
            close(inputFile)
            close(outputFile)
        }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, inputFile, STDIN_FILENO)
        posix_spawn_file_actions_adddup2(&actions, outputFile, STDOUT_FILENO)
        posix_spawn_file_actions_adddup2(&actions, outputFile, STDERR_FILENO)

        var words = (["promtool"] + arguments).map { strdup($0) } + [nil]
        defer { words.forEach { free($0) } }
        var process = pid_t()
        let error = posix_spawnp(&process, "promtool", &actions, nil, &words, environ)
        guard error == 0 else { throw SpawnError(errno: error) }
        var status: CInt = 0
        waitpid(process, &status, 0)
        return Verdict(status: status, output: String(decoding: contents(of: outputFile), as: UTF8.self))
    }

    private func namelessFile(holding bytes: [UInt8]) throws -> CInt {
        var path = Array("/tmp/promtool-XXXXXX".utf8CString)
        let file = mkstemp(&path)
        guard file >= 0 else { throw SpawnError(errno: errno) }
        unlink(&path)
        guard write(file, bytes, bytes.count) == bytes.count else { throw SpawnError(errno: errno) }
        lseek(file, 0, SEEK_SET)
        return file
    }

    private func contents(of file: CInt) -> [UInt8] {
        lseek(file, 0, SEEK_SET)
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4_096)
        while true {
            let count = read(file, &chunk, chunk.count)
            guard count > 0 else { return bytes }
            bytes += chunk[..<count]
        }
    }
}
