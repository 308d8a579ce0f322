// The rules of the sources that a machine can see.

import Testing

@Suite("Rules of the sources")
struct SourceRulesTests {
    /// Where `unsafe` may stand, each for one reason: it is the edge to the kernel, or to raw memory.
    private static let unsafeModules: Set<String> = [
        "Agent", "AnswerCache", "Control", "DNSWire", "Kernel", "Listeners", "NodeNetwork", "Probes",
        "Resolution", "Supervisor", "Telemetry", "node-local-dns",
    ]

    @Test("A file tells one story in at most 300 lines")
    func fileLength() {
        let files =
            Repository.files(below: "Sources", suffix: ".swift")
            + Repository.files(below: "Tests", suffix: ".swift")
        #expect(files.count > 100)
        for file in files {
            let lines =
                Repository.text(file).split(separator: "\n", omittingEmptySubsequences: false).count - 1
            #expect(lines <= 300, "\(file) has \(lines) lines")
        }
    }

    @Test("A file opens with a comment that says what it is for")
    func openingComment() {
        for file in Repository.files(below: "Sources", suffix: ".swift") {
            #expect(Repository.text(file).hasPrefix("// "), "\(file)")
        }
    }

    @Test("Nobody imports Foundation; FoundationEssentials only where JSON is read")
    func foundation() {
        for file in Repository.files(below: "Sources", suffix: ".swift") {
            let imports = Repository.text(file).split(separator: "\n").filter {
                $0.contains("import Foundation")
            }
            if file.hasSuffix("Corefile/KubeDNSConfigMap.swift") { continue }
            #expect(imports.isEmpty, "\(file)")
        }
    }

    @Test("Unsafe code has an address")
    func unsafe() {
        for file in Repository.files(below: "Sources", suffix: ".swift") {
            let module = String(file.split(separator: "/")[1])
            guard !Self.unsafeModules.contains(module) else { continue }
            let words = Repository.text(file).split { !$0.isLetter && $0 != "_" }
            #expect(!words.contains("unsafe"), "\(file)")
        }
    }

    @Test("Every module has its tests")
    func mirrored() {
        // The executable's are named for what they test; C shims are tested through Kernel.
        let named = [
            "node-local-dns": "CommandLineTests", "CBuild": "ControlTests", "CLinux": "KernelTests",
            "CNetlink": "NodeNetworkTests", "CZlib": "ProbesTests",
        ]
        let tests = Set(Repository.names(in: "Tests"))
        for module in Repository.names(in: "Sources") {
            #expect(tests.contains(named[module] ?? module + "Tests"), "\(module) has no tests")
        }
    }
}
