// swift-tools-version: 6.2
import PackageDescription

/// Shared by every Swift target; each line says what it buys.
let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),  // data races do not compile
    .strictMemorySafety(),  // every unsafe use is spelled `unsafe` (SE-0458)
    .treatAllWarnings(as: .error),  // the toolchain is pinned in .swift-version
    .treatWarning("DeprecatedDeclaration", as: .warning),
    .enableUpcomingFeature("ExistentialAny"),  // `any P` is visible
    .enableUpcomingFeature("InternalImportsByDefault"),  // an import does not leak to our importers
    .enableUpcomingFeature("MemberImportVisibility"),  // a member needs its module imported in that file
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .enableUpcomingFeature("InferIsolatedConformances"),
]

/// Tests may spell unsafe code without the marker: they feed bytes, they serve nobody.
let tests: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
    .treatWarning("DeprecatedDeclaration", as: .warning),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioSSL = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")
let nioTLS = Target.Dependency.product(name: "NIOTLS", package: "swift-nio")
let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let nioEmbedded = Target.Dependency.product(name: "NIOEmbedded", package: "swift-nio")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")

/// What `version`, the start line and `coredns_build_info` say; scripts/image takes both from git.
let version = Context.environment["NODE_LOCAL_DNS_VERSION"] ?? "0.1.0-dev"
let revision = Context.environment["NODE_LOCAL_DNS_REVISION"] ?? ""

/// One folder, one module, one noun. Arrows point downwards only; the compiler checks it
/// (`--explicit-target-dependency-import-check error`).
let package = Package(
    name: "node-local-dns",
    products: [.executable(name: "node-local-dns", targets: ["node-local-dns"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    ],
    targets: [
        // Level 0: values, and the doors to C.
        .target(name: "CLinux"),
        .target(
            name: "CBuild",
            cSettings: [
                .define("BUILD_VERSION", to: "\"\(version)\""),
                .define("BUILD_REVISION", to: "\"\(revision)\""),
            ]
        ),
        .systemLibrary(
            name: "CNetlink",
            pkgConfig: "libmnl libnftnl",
            providers: [.apt(["libmnl-dev", "libnftnl-dev"])]
        ),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .target(name: "Addresses", swiftSettings: strict),
        .target(name: "Timing", swiftSettings: strict),
        .target(name: "DNSWire", swiftSettings: strict),
        .target(name: "Telemetry", swiftSettings: strict),
        .target(name: "RegularExpression", swiftSettings: strict),
        // Level 1: the kernel's data path, the store, the configuration language, the worker's wire.
        .target(name: "Kernel", dependencies: ["CLinux", "Addresses", "Timing"], swiftSettings: strict),
        .target(
            name: "AnswerCache",
            dependencies: ["DNSWire", "Timing", "Telemetry"],
            swiftSettings: strict
        ),
        .target(
            name: "Corefile",
            dependencies: ["DNSWire", "Addresses", "RegularExpression"],
            swiftSettings: strict
        ),
        .target(
            name: "Control",
            dependencies: ["CBuild", "Addresses", "Kernel", logging],
            swiftSettings: strict
        ),
        // Level 2: one query's way.
        .target(
            name: "Resolution",
            dependencies: ["AnswerCache", "DNSWire", "Addresses", "Timing", "Telemetry"],
            swiftSettings: strict
        ),
        // Level 3: I/O.
        .target(
            name: "Listeners",
            dependencies: [
                "Resolution", "DNSWire", "Kernel", "Addresses", "Timing", "Telemetry", nioCore, nioPosix,
                nioSSL,
            ],
            swiftSettings: strict
        ),
        .target(
            name: "Upstream",
            dependencies: [
                "Resolution", "DNSWire", "Addresses", "Timing", "Telemetry", nioCore, nioPosix, nioSSL,
                nioTLS,
            ],
            swiftSettings: strict
        ),
        .target(
            name: "Dnstap",
            dependencies: [
                "Resolution", "DNSWire", "Kernel", "Addresses", "Timing", "Telemetry", nioCore, nioPosix,
            ],
            swiftSettings: strict
        ),
        .target(
            name: "Plugins",
            dependencies: [
                "Corefile", "RegularExpression", "Resolution", "DNSWire", "Addresses", "Timing", "Telemetry",
            ],
            swiftSettings: strict
        ),
        .target(
            name: "NodeNetwork",
            dependencies: ["CNetlink", "Addresses", "Kernel"],
            swiftSettings: strict
        ),
        .target(
            name: "Probes",
            dependencies: ["CZlib", "Addresses", "Telemetry", nioCore, nioPosix, nioHTTP1],
            swiftSettings: strict
        ),
        // Level 4: the two processes.
        .target(
            name: "Agent",
            dependencies: [
                "Control", "Corefile", "Plugins", "RegularExpression", "Resolution", "AnswerCache",
                "Listeners",
                "Upstream", "Dnstap", "Probes", "Kernel",
                "DNSWire", "Addresses", "Timing", "Telemetry", logging, nioCore, nioPosix,
            ],
            swiftSettings: strict
        ),
        .target(
            name: "Supervisor",
            dependencies: [
                "Control", "Corefile", "Plugins", "Upstream", "NodeNetwork", "Probes", "Kernel", "DNSWire",
                "Addresses",
                "Timing",
                "Telemetry", logging, nioPosix,
            ],
            swiftSettings: strict
        ),
        // Level 5: options and subcommands.
        .executableTarget(
            name: "node-local-dns",
            dependencies: [
                "Agent", "Supervisor", "NodeNetwork", "Control", "Corefile", "Plugins", "Kernel", "Addresses",
                "Timing",
                arguments, logging,
            ],
            swiftSettings: strict
        ),
        // Tests mirror the sources. What they share stands in TestSupport.
        .target(
            name: "TestSupport",
            dependencies: ["Upstream", "Resolution", "DNSWire", "Kernel", "Addresses", "Timing"],
            path: "Tests/TestSupport",
            swiftSettings: tests + [.enableUpcomingFeature("InternalImportsByDefault")]
        ),
        .testTarget(
            name: "TelemetryTests",
            dependencies: ["Telemetry"],
            swiftSettings: tests
        ),
        .testTarget(
            name: "CorefileTests",
            dependencies: ["Corefile", "Plugins", "RegularExpression", "DNSWire", "Addresses"],
            swiftSettings: tests
        ),
        .testTarget(
            name: "UpstreamTests",
            dependencies: [
                "Upstream", "Resolution", "DNSWire", "Addresses", "Timing", "Telemetry", "TestSupport",
                nioCore,
                nioPosix, nioSSL,
            ],
            swiftSettings: tests
        ),
        .testTarget(
            name: "DnstapTests",
            dependencies: [
                "Dnstap", "Resolution", "DNSWire", "Addresses", "Timing", "Telemetry", "TestSupport",
                nioCore, nioPosix,
            ],
            swiftSettings: tests
        ),
        .testTarget(
            name: "NodeNetworkTests",
            dependencies: ["NodeNetwork", "Addresses"],
            swiftSettings: tests
        ),
        .testTarget(
            name: "ProbesTests",
            dependencies: ["Probes", "CZlib", "Addresses", "Telemetry", nioCore, nioPosix, nioHTTP1],
            swiftSettings: tests
        ),
        .testTarget(
            name: "ControlTests",
            dependencies: ["Control", "Addresses", "Kernel"],
            swiftSettings: tests
        ),
        .testTarget(
            name: "KernelTests",
            dependencies: ["Kernel", "Addresses", "Timing", "TestSupport"],
            swiftSettings: tests
        ),
        .testTarget(
            name: "SupervisorTests",
            dependencies: [
                "Supervisor", "Control", "Corefile", "Plugins", "DNSWire", "Kernel", "NodeNetwork",
                "Addresses", "Timing", "Telemetry", "TestSupport", logging, nioCore, nioEmbedded,
            ],
            swiftSettings: tests
        ),
        .testTarget(
            name: "CommandLineTests",
            dependencies: ["node-local-dns", "Supervisor", "Control", "Addresses", "Timing", arguments],
            swiftSettings: tests
        ),
        .testTarget(
            name: "RepositoryTests",
            dependencies: ["Corefile", "Plugins", "Telemetry"],
            swiftSettings: tests
        ),
        .testTarget(
            name: "PluginsTests",
            dependencies: [
                "Plugins", "Corefile", "RegularExpression", "Resolution", "DNSWire", "Addresses", "Telemetry",
                "TestSupport",
            ],
            swiftSettings: tests
        ),
        .testTarget(
            name: "RegularExpressionTests",
            dependencies: ["RegularExpression"],
            swiftSettings: tests
        ),
        .testTarget(name: "AddressesTests", dependencies: ["Addresses"], swiftSettings: tests),
        .testTarget(name: "TimingTests", dependencies: ["Timing"], swiftSettings: tests),
        .testTarget(name: "DNSWireTests", dependencies: ["DNSWire", "TestSupport"], swiftSettings: tests),
        .testTarget(
            name: "AnswerCacheTests",
            dependencies: ["AnswerCache", "DNSWire", "Kernel", "Timing", "TestSupport"],
            swiftSettings: tests
        ),
        .testTarget(
            name: "ResolutionTests",
            dependencies: [
                "Resolution", "AnswerCache", "DNSWire", "Addresses", "Timing", "Telemetry", "TestSupport",
            ],
            swiftSettings: tests
        ),
        .testTarget(
            name: "ScenarioTests",
            dependencies: [
                "Agent", "Corefile", "Plugins", "Resolution", "AnswerCache", "Upstream", "DNSWire",
                "Addresses",
                "Timing",
                "Telemetry", "Kernel", "TestSupport",
            ],
            swiftSettings: tests
        ),
        .testTarget(
            name: "FuzzCorpusTests",
            dependencies: ["DNSWire", "TestSupport"],
            swiftSettings: tests
        ),
        .testTarget(
            name: "ListenersTests",
            dependencies: [
                "Listeners", "Resolution", "AnswerCache", "DNSWire", "Kernel", "Addresses", "Timing",
                "Telemetry",
                "TestSupport", nioCore, nioPosix,
            ],
            swiftSettings: tests
        ),
        .testTarget(
            name: "AgentTests",
            dependencies: [
                "Agent", "Corefile", "Plugins", "Resolution", "AnswerCache", "Upstream", "DNSWire",
                "Addresses",
                "Telemetry",
            ],
            swiftSettings: tests
        ),
    ]
)

// Micro-benchmarks of the inner steps: `NODE_LOCAL_DNS_BENCHMARKS=1 swift package benchmark`. Behind a variable,
// so that nobody else fetches and builds what they need.
if Context.environment["NODE_LOCAL_DNS_BENCHMARKS"] != nil {
    package.dependencies.append(
        .package(url: "https://github.com/ordo-one/benchmark", from: "1.38.1", traits: [])
    )
    package.targets.append(
        .executableTarget(
            name: "Micro",
            dependencies: [
                "Resolution", "AnswerCache", "DNSWire", "Kernel", "Addresses", "Timing", "Telemetry",
                "TestSupport",
                .product(name: "Benchmark", package: "benchmark"),
            ],
            path: "Benchmarks/Micro",
            swiftSettings: tests,
            plugins: [.plugin(name: "BenchmarkPlugin", package: "benchmark")]
        )
    )
}
