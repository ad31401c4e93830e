// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "holdfast",
    products: [
        .library(name: "HoldfastClient", targets: ["HoldfastClient"]),
        .executable(name: "broker", targets: ["broker"]),
        .executable(name: "brokerctl", targets: ["brokerctl"]),
        .executable(name: "bench", targets: ["bench"]),
        // For the package in `fuzz` only.
        .library(name: "HoldfastFuzzTargets", targets: ["HoldfastFuzzTargets"]),
        // Loaded into a broker by the tests, to fail its calls.
        .library(name: "faultshim", type: .dynamic, targets: ["faultshim"]),
    ],
    traits: [
        .trait(name: "Mutants", description: "Seeded bugs, for `make mutants` alone")
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(
            url: "https://github.com/apple/swift-configuration", from: "1.4.0",
            traits: ["YAML"]),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
        .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        // MARK: Leaves

        // Bugs to be chosen by name, in a build with the trait of the same name; nothing elsewhere.
        .target(
            name: "HoldfastMutants", path: "Sources/WAL/Mutants",
            swiftSettings: [.define("MUTANTS", .when(traits: ["Mutants"]))]),

        // CRC32C by the processor's instruction where there is one, by table elsewhere.
        .target(name: "CCRC32C", path: "Sources/WAL/CCRC32C"),
        .systemLibrary(
            name: "CLZ4", path: "Sources/Protocol/CLZ4", pkgConfig: "liblz4",
            providers: [.apt(["liblz4-dev"]), .brew(["lz4"])]),
        .target(
            name: "HoldfastCompression", dependencies: ["CLZ4"],
            path: "Sources/Protocol/Compression"),
        // Identifiers, limits and refusals: the nouns everybody shares.
        .target(name: "HoldfastModel", path: "Sources/Protocol/Model"),
        // The buffer in which records are laid out once, between engine and log.
        .target(name: "HoldfastRecords", dependencies: ["CCRC32C"], path: "Sources/WAL/Records"),

        // MARK: The wire

        .target(
            name: "HoldfastProtocol",
            dependencies: [
                "HoldfastModel",
                .product(name: "NIOCore", package: "swift-nio"),
            ],
            path: "Sources/Protocol/Wire"),

        // MARK: Storage

        // The one system call that Swift's Glibc does not show: a write that is durable at once.
        .target(name: "CDisk", path: "Sources/WAL/CDisk"),
        .target(
            name: "HoldfastDisk", dependencies: ["CCRC32C", "CDisk"], path: "Sources/WAL/Disk"),
        .target(
            name: "HoldfastWAL", dependencies: ["HoldfastDisk", "HoldfastRecords"],
            path: "Sources/WAL/Log"),
        // Copy-on-write pages in memory, and the structures that the engine's state is made of.
        .target(name: "HoldfastPages", dependencies: ["CCRC32C"], path: "Sources/WAL/Pages"),
        // Where pages lie on the disk, and the snapshots that say which of them are the state.
        .target(
            name: "HoldfastSnapshots",
            dependencies: ["HoldfastDisk", "HoldfastPages", "HoldfastRecords", "HoldfastWAL"],
            path: "Sources/WAL/Snapshots"),

        // MARK: The broker

        .target(
            name: "HoldfastEngine",
            dependencies: ["HoldfastModel", "HoldfastPages", "HoldfastRecords"],
            path: "Sources/Broker/Engine"),
        // A data directory in use: log, engine and snapshots together, without sockets.
        .target(
            name: "HoldfastStore",
            dependencies: [
                "HoldfastDisk", "HoldfastEngine", "HoldfastModel", "HoldfastPages",
                "HoldfastRecords", "HoldfastSnapshots", "HoldfastWAL",
            ],
            path: "Sources/Broker/Store"),
        .target(
            name: "HoldfastBroker",
            dependencies: [
                "HoldfastDisk", "HoldfastEngine", "HoldfastModel", "HoldfastPages",
                "HoldfastProtocol", "HoldfastRecords", "HoldfastStore", "HoldfastWAL",
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "HeapModule", package: "swift-collections"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOConcurrencyHelpers", package: "swift-nio"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            path: "Sources/Broker/Server"),
        .executableTarget(
            name: "broker",
            dependencies: [
                "HoldfastBroker", "HoldfastModel", "HoldfastStore",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Configuration", package: "swift-configuration"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "SystemPackage", package: "swift-system"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ],
            path: "Sources/Broker/Service"),

        // MARK: Its users

        .target(
            name: "HoldfastClient",
            dependencies: [
                "HoldfastCompression", "HoldfastModel", "HoldfastProtocol",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            path: "Sources/Client"),
        // What brokerctl reads and writes, as far as it needs neither a broker nor a disk.
        .target(name: "HoldfastConsole", path: "Sources/brokerctl/Console"),
        .executableTarget(
            name: "brokerctl",
            dependencies: [
                "HoldfastClient", "HoldfastCompression", "HoldfastConsole", "HoldfastDisk",
                "HoldfastEngine", "HoldfastModel", "HoldfastRecords", "HoldfastSnapshots",
                "HoldfastStore", "HoldfastWAL",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
            ],
            path: "Sources/brokerctl", exclude: ["Console"]),
        .executableTarget(
            name: "bench",
            dependencies: [
                "HoldfastClient", "HoldfastDisk", "HoldfastHistory", "HoldfastModel",
                "HoldfastProtocol",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Histogram", package: "hdrhistogram-swift"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            path: "bench/Load"),
        .executableTarget(
            name: "fingerprint",
            dependencies: [
                "HoldfastClient",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ],
            path: "Examples/Fingerprint"),

        // MARK: Tests

        // The disk's twin in memory, which loses, tears, fails and fills up by seed.
        .target(
            name: "HoldfastSimulation", dependencies: ["HoldfastDisk"], path: "Tests/Simulation"),
        // What clients saw, and the judge of it: shared by every test of a running broker.
        .target(name: "HoldfastHistory", path: "Tests/History"),
        .executableTarget(
            name: "history",
            dependencies: [
                "HoldfastHistory",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "Tests/Judge"),
        // Real brokers as processes, connections to them byte by byte, and load on them: for end-to-end
        // tests and torture.
        .target(
            name: "HoldfastHarness", dependencies: ["HoldfastHistory", "HoldfastModel"],
            path: "Tests/Harness"),
        // Crashes of a store at every call, and a store with clients and faults, both by seed.
        .target(
            name: "HoldfastExplorer",
            dependencies: [
                "HoldfastDisk", "HoldfastEngine", "HoldfastHistory", "HoldfastModel",
                "HoldfastPages", "HoldfastRecords", "HoldfastSimulation", "HoldfastSnapshots",
                "HoldfastStore", "HoldfastWAL",
            ],
            path: "Tests/Explorer"),
        .executableTarget(
            name: "explore",
            dependencies: [
                "HoldfastExplorer",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "Tests/Explore"),
        .executableTarget(
            name: "simulate",
            dependencies: [
                "HoldfastExplorer",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "Tests/Simulate"),
        .executableTarget(
            name: "flip",
            dependencies: [
                "HoldfastExplorer",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "Tests/Flip"),
        .executableTarget(
            name: "sweep",
            dependencies: [
                "HoldfastExplorer",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "Tests/Sweep"),
        // Breaks what lies under a real broker: see docs/torture.md.
        .executableTarget(
            name: "torture",
            dependencies: [
                "HoldfastHarness", "HoldfastHistory", "HoldfastModel", "blockdevice", "broker",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "Tests/Torture"),
        .executableTarget(name: "blockdevice", path: "Tests/BlockDevice"),
        .target(name: "faultshim", path: "Tests/FaultShim"),
        .testTarget(
            name: "ExplorerTests",
            dependencies: ["HoldfastDisk", "HoldfastExplorer", "HoldfastSimulation"]),
        // One function for each parser, for the fuzzer and for the replay of its corpora.
        .target(
            name: "HoldfastFuzzTargets",
            dependencies: [
                "HoldfastDisk", "HoldfastEngine", "HoldfastExplorer", "HoldfastHistory",
                "HoldfastModel", "HoldfastPages", "HoldfastProtocol", "HoldfastRecords",
                "HoldfastSimulation", "HoldfastSnapshots", "HoldfastStore", "HoldfastWAL",
            ],
            path: "Tests/FuzzTargets"),
        .testTarget(
            name: "FuzzTests", dependencies: ["HoldfastFuzzTargets", "HoldfastHistory"]),
        .testTarget(name: "HistoryTests", dependencies: ["HoldfastHistory"]),
        .testTarget(name: "ModelTests", dependencies: ["HoldfastModel"]),
        .testTarget(
            name: "ProtocolTests",
            dependencies: [
                "HoldfastCompression", "HoldfastModel", "HoldfastProtocol",
                .product(name: "NIOCore", package: "swift-nio"),
            ],
            exclude: ["Fixtures"]),
        .testTarget(
            name: "DiskTests",
            dependencies: ["HoldfastDisk", "HoldfastHarness", "HoldfastSimulation"]),
        .testTarget(
            name: "WALTests",
            dependencies: [
                "HoldfastDisk", "HoldfastHarness", "HoldfastRecords", "HoldfastSimulation",
                "HoldfastWAL",
            ],
            exclude: ["Fixtures"]),
        .testTarget(name: "PagesTests", dependencies: ["HoldfastPages", "HoldfastSimulation"]),
        .testTarget(
            name: "SnapshotsTests",
            dependencies: [
                "HoldfastDisk", "HoldfastHarness", "HoldfastPages", "HoldfastRecords",
                "HoldfastSimulation", "HoldfastSnapshots", "HoldfastWAL",
            ],
            exclude: ["Fixtures"]),
        .testTarget(
            name: "EngineTests",
            dependencies: [
                "HoldfastEngine", "HoldfastModel", "HoldfastPages", "HoldfastRecords",
                "HoldfastSimulation",
            ]),
        .testTarget(
            name: "StoreTests",
            dependencies: [
                "HoldfastDisk", "HoldfastEngine", "HoldfastModel", "HoldfastPages",
                "HoldfastRecords", "HoldfastSimulation", "HoldfastSnapshots", "HoldfastStore",
                "HoldfastWAL",
            ],
            exclude: ["Fixtures"]),
        .testTarget(
            name: "BrokerTests",
            dependencies: [
                "HoldfastBroker", "HoldfastDisk", "HoldfastEngine", "HoldfastModel",
                "HoldfastProtocol", "HoldfastSimulation", "HoldfastStore", "HoldfastWAL",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOEmbedded", package: "swift-nio"),
            ]),
        .testTarget(
            name: "ClientTests",
            dependencies: [
                "HoldfastClient", "HoldfastModel", "HoldfastProtocol",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOEmbedded", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ]),
        .testTarget(name: "ConsoleTests", dependencies: ["HoldfastConsole"]),
        .testTarget(
            name: "EndToEndTests",
            dependencies: [
                "HoldfastClient", "HoldfastHarness", "HoldfastHistory", "HoldfastModel", "broker",
                "brokerctl", "torture",
            ],
            exclude: ["Clients"]),
    ]
)

// One list of settings for every Swift target, so that none is laxer than the others.
let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    // `any` is written where a call is dispatched at run time: on the hot path it must stand out.
    .enableUpcomingFeature("ExistentialAny"),
    // What a module imports stays its own affair unless it says `public` or `package import`.
    .enableUpcomingFeature("InternalImportsByDefault"),
    // A file names the modules whose members it uses: the borders of the modules stay visible.
    .enableUpcomingFeature("MemberImportVisibility"),
    .treatAllWarnings(as: .error),
]
// Where the bugs of `HoldfastMutants` may be.
let mutated = [
    "HoldfastWAL", "HoldfastPages", "HoldfastSnapshots", "HoldfastEngine", "HoldfastStore",
    "HoldfastBroker",
]
for target in package.targets where mutated.contains(target.name) {
    target.dependencies.append("HoldfastMutants")
}
for target in package.targets
where target.type != .system
    && !["CCRC32C", "CDisk", "blockdevice", "faultshim"].contains(target.name)
{
    target.swiftSettings = (target.swiftSettings ?? []) + settings
}
