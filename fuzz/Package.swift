// swift-tools-version: 6.2
import PackageDescription

// A package of its own, since the fuzzer's flags may not be part of a package that others use.
// `make fuzz` builds it: all modules with -sanitize=fuzzer, so that the parsers' edges are counted.
let package = Package(
    name: "fuzz",
    dependencies: [.package(name: "holdfast", path: "..")],
    targets: [
        .executableTarget(
            name: "fuzz",
            dependencies: [.product(name: "HoldfastFuzzTargets", package: "holdfast")],
            path: "Sources",
            swiftSettings: [.unsafeFlags(["-parse-as-library"])],
            linkerSettings: [.unsafeFlags(["-sanitize=fuzzer", "-use-ld=lld"])])
    ]
)
