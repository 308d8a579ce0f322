// What the loop does besides watching the worker: takes configurations in and out of use, keeps the node's
// network, writes the pid file, shows its numbers.

import Control
import Corefile
import Glibc
import Kernel
import Logging
import NodeNetwork
import Telemetry
import Timing

extension Supervisor {
    // MARK: - Configurations

    func readConfiguration(isForced: Bool) {
        if isForced { source.forgetRefusals() }
        adoptUpstream()
        let reading = source.read()
        defer { watchDirectories() }
        tell(reading.notices)
        guard let configuration = reading.changed else {
            if reading.notices.contains(where: { $0.severity == .error }) { metrics.failedReloads.add() }
            return
        }
        do throws(SocketProblem) {
            _ = try sockets.open(for: configuration.plan)
        } catch {
            source.refuse(goingBackTo: accepted)
            metrics.failedReloads.add()
            let text = ConfigurationNotice.refusedChange + "\(error)"
            return tell([ConfigurationNotice(severity: .error, text: text)])
        }
        log.info("Reloading")
        newestGeneration += 1
        configurations[newestGeneration] = configuration
        pendingEvents.append(.configurationChecked(generation: newestGeneration))
    }

    /// How much memory a configuration that goes to the worker may use; told when it is bounded, and each time that changes.
    func memoryShares() -> MemoryShares {
        let limit = world.memoryLimit()
        let shares = MemoryShares(limit: limit, cacheBudget: options.cacheBudget)
        let octets = Int64(limit ?? 0)
        if octets != metrics.memoryLimit.value {
            metrics.memoryLimit.set(octets)
            let words = limit.map { "is \($0 >> 20) MiB" } ?? "is gone"
            log.info(
                """
                The memory limit \(words): \(shares.cacheBudget >> 20) MiB are for cached answers, \
                \(shares.mostWaiting) clients may wait for upstream
                """
            )
        }
        return shares
    }

    func tell(_ notices: [ConfigurationNotice]) {
        for notice in notices {
            log.log(level: notice.severity.level, "\(notice.text)")
            if notice.severity == .error { metrics.count(.configMap) }
        }
    }

    func adopt(_ generation: UInt64) {
        guard let configuration = configurations[generation] else { return }
        let hash = SHA512.hexadecimal(of: configuration.check.recorded.serialized)
        metrics.setConfiguration(hash: hash)
        log.info("plugin/reload: Running configuration SHA512 = \(hash)")
        if accepted != nil {
            metrics.reloads.add()
            log.info("Reloading complete")
        } else if !options.isQuiet {
            for line in configuration.zoneLines { log.info("\(line)") }
        }
        accepted = configuration
        state.lameduck = configuration.lameduck
        state.awaitsUpstream = configuration.awaitsUpstream
        // Then no rules of ours will come that could take their place.
        if configuration.awaitsUpstream { removeForeignRules() }
        followUpstream(of: configuration)
        configurations = configurations.filter { $0.key >= generation }
        // The worker has closed all others, also those that a newer configuration waits with.
        worker?.keepOnly(sockets.endpoints(of: configuration.plan))
        closeObsoleteSockets()
        if generation > 1 || !startsWithStandIn { keep(configuration) }
    }

    private func keep(_ configuration: CheckedConfiguration) {
        do throws(SystemError) {
            try lastGood.save(configuration)
        } catch {
            log.warning("The last good configuration is not kept: \(error)")
        }
    }

    func drop(_ generation: UInt64, _ reason: String) {
        configurations[generation] = nil
        metrics.count(.configMap)
        metrics.failedReloads.add()
        log.error("Restart failed: \(reason)")
        if generation == newestGeneration { source.refuse(goingBackTo: accepted) }
        closeObsoleteSockets()
    }

    func closeObsoleteSockets() {
        // A newer configuration may wait for the worker: its sockets are not obsolete.
        guard let accepted, configurations[newestGeneration].map({ $0.plan == accepted.plan }) ?? true else {
            return
        }
        sockets.closeAll(except: accepted.plan)
        worker?.keepOnly(sockets.endpoints(of: accepted.plan))
    }

    func watchDirectories() {
        let wanted = source.watchedDirectories
        for (directory, watch) in watches where !wanted.contains(directory) {
            files.stop(watch)
            watches[directory] = nil
        }
        for directory in wanted { watches[directory] = files.watch(directory) }
    }

    // MARK: - The worker

    func killWorker() {
        guard let problem = worker?.process.kill() else { return }
        log.error("\(problem): needs the capability KILL, because the worker has another user id")
    }

    // MARK: - Network and files

    func putSocketsInUse() {
        do throws(SocketProblem) {
            try sockets.putInUse()
        } catch {
            pendingEvents.append(.socketsRefused("\(error)"))
        }
    }

    func withdrawInterception() {
        report(network.withdrawInterception())
        if network.isServedByAnother { pendingEvents.append(.anotherAgentServes) }
    }

    func report(_ report: NetworkReport, isRepair: Bool = false) {
        report.tell(log, metrics)
        if isRepair { metrics.networkRepairs.add(UInt64(report.changes.count)) }
        provenFamilies.formIntersection(network.interceptedFamilies)
        metrics.setInterception(provenFamilies)
        metrics.setFallback(network.isFallbackInstalled)
        if network.awaitsFallback { state.awaitFallback(at: MonotonicClock.now()) }
    }

    /// node-cache's rules go when ours are there: what it still serves would be tracked in between, and connections
    /// with it reset. Rules that cannot be removed are told once.
    func removeForeignRules() {
        let report = network.removeForeignRules()
        if report != foreignRules { report.tell(log, metrics) }
        foreignRules = report
    }

    func writePIDFile() {
        guard let path = options.pidFile else { return }
        do throws(SystemError) {
            try Files.replace(path, with: Array("\(getpid())\n".utf8))
        } catch {
            log.error("Could not write pidfile: \(error)")
        }
    }

    func removePIDFile() {
        guard let path = options.pidFile else { return }
        try? Files.remove(path)
    }

    // MARK: - Numbers

    /// The worker's port shows our numbers too. What a round of questions changes can wait a second.
    func showNumbers(atOnce: Bool) {
        let now = MonotonicClock.now()
        guard atOnce || now >= numbersDue else { return }
        numbersDue = now + .seconds(1)
        var snapshot = MetricSnapshot()
        metrics.collect(into: &snapshot)
        worker?.send(snapshot)
    }
}
