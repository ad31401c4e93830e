internal import Configuration
internal import HoldfastBroker
internal import HoldfastStore
internal import Logging
internal import SystemPackage

/// What flags, environment and file say together, checked.
struct BrokerSettings {
    /// A setting that cannot be used, as a sentence for the operator.
    struct Fault: Error {
        let message: String
    }

    let broker: BrokerConfiguration
    let logLevel: Logger.Level

    init(flags: BrokerCommand) async throws(Fault) {
        var given: [AbsoluteConfigKey: ConfigValue] = [:]
        if let value = flags.dataDirectory {
            given["data-dir"] = .init(.string(value), isSecret: false)
        }
        if let value = flags.listen { given["listen"] = .init(.string(value), isSecret: false) }
        if flags.insecure { given["insecure"] = .init(.bool(true), isSecret: false) }
        if let value = flags.logLevel {
            given["log-level"] = .init(.string(value), isSecret: false)
        }
        if let value = flags.memoryMib {
            given["memory-mib"] = .init(.int(value), isSecret: false)
        }
        if let value = flags.segmentMib {
            given["segment-mib"] = .init(.int(value), isSecret: false)
        }
        if let value = flags.onDamage {
            given["on-damage"] = .init(.string(value), isSecret: false)
        }
        var providers: [any ConfigProvider] = [
            InMemoryProvider(name: "flags", values: given),
            KeyMappingProvider(upstream: EnvironmentVariablesProvider()) {
                $0.prepending(["holdfast"])
            },
        ]
        if let path = flags.config {
            do {
                providers.append(try await FileProvider<YAMLSnapshot>(filePath: FilePath(path)))
            } catch {
                throw Fault(message: "the settings file \(path) cannot be read: \(error)")
            }
        }

        guard let dataDirectory = try providers.text("data-dir"), !dataDirectory.isEmpty else {
            throw Fault(
                message: "no data directory: give --data-dir, HOLDFAST_DATA_DIR or data-dir")
        }
        var broker = BrokerConfiguration(dataDirectory: dataDirectory)
        if let listen = try providers.text("listen") {
            (broker.host, broker.port) = try Self.address(listen)
        }
        let insecure = try providers.boolean("insecure") ?? false
        guard insecure || Self.isLoopback(broker.host) else {
            throw Fault(
                message: "\(broker.host) is not a loopback address and this broker authenticates "
                    + "nobody: listen on 127.0.0.1, or give --insecure if the network is your own")
        }
        if let mebibytes = try providers.number("memory-mib") {
            guard (64...65_536).contains(mebibytes) else {
                throw Fault(message: "memory-mib must be 64 to 65536, not \(mebibytes)")
            }
            broker.memory = MemoryBudget(byteCount: mebibytes << 20)
        }
        if let mebibytes = try providers.number("segment-mib") {
            guard (1...64).contains(mebibytes), mebibytes & (mebibytes - 1) == 0 else {
                throw Fault(message: "segment-mib must be 1, 2, 4, 8, 16, 32 or 64")
            }
            broker.segmentByteCount = mebibytes << 20
        }
        if let response = try providers.text("on-damage") {
            guard let onDamage = DamageResponse(rawValue: response) else {
                throw Fault(message: "on-damage must be refuse or quarantine, not \(response)")
            }
            broker.onDamage = onDamage
        }
        let level = try providers.text("log-level") ?? "info"
        guard let logLevel = Logger.Level(rawValue: level) else {
            throw Fault(
                message:
                    "log-level must be trace, debug, info, notice, warning, error or critical, "
                    + "not \(level)")
        }
        self.broker = broker
        self.logLevel = logLevel
    }

    /// `HOST:PORT`, `[HOST]:PORT` for version 6, or either part alone.
    private static func address(_ text: String) throws(Fault) -> (host: String, port: Int) {
        guard let colon = text.lastIndex(of: ":"),
            let port = Int(text[text.index(after: colon)...]), (0...65_535).contains(port)
        else {
            throw Fault(message: "listen must be HOST:PORT with a port of 0 to 65535, not \(text)")
        }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
        guard !host.isEmpty else {
            throw Fault(message: "listen must name a host: 127.0.0.1:\(port), not \(text)")
        }
        return (String(host), port)
    }

    private static func isLoopback(_ host: String) -> Bool {
        if host == "localhost" || host == "::1" { return true }
        // A name that begins with 127 can stand for any address.
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
    }
}

extension [any ConfigProvider] {
    fileprivate func text(_ name: String) throws(BrokerSettings.Fault) -> String? {
        guard case .string(let value)? = try content(name, .string) else { return nil }
        return value
    }

    fileprivate func number(_ name: String) throws(BrokerSettings.Fault) -> Int? {
        guard case .int(let value)? = try content(name, .int) else { return nil }
        return value
    }

    fileprivate func boolean(_ name: String) throws(BrokerSettings.Fault) -> Bool? {
        guard case .bool(let value)? = try content(name, .bool) else { return nil }
        return value
    }

    /// What the first provider that gives the setting says; nil where none does. A value of the
    /// wrong type is a fault that names who gave it, never taken for a missing one.
    private func content(
        _ name: String, _ type: ConfigType
    ) throws(BrokerSettings.Fault) -> ConfigContent? {
        for provider in self {
            do {
                let key = AbsoluteConfigKey([name])
                if let value = try provider.value(forKey: key, type: type).value {
                    return value.content
                }
            } catch {
                throw BrokerSettings.Fault(
                    message: "the setting \(name) of \(provider.providerName) is not a \(type)")
            }
        }
        return nil
    }
}
