internal import ArgumentParser
internal import Glibc
internal import HoldfastConsole
internal import HoldfastDisk
internal import HoldfastModel
internal import HoldfastWAL

/// The directory of a broker that is not running.
struct OfflineOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The data directory of a stopped broker, or a copy of one.", valueName: "dir"))
    var dataDir: String
    @OptionGroup var output: OutputOptions

    /// Opens the directory without a change on disk.
    ///
    /// A directory that a broker uses is refused: what the broker is just writing would look like
    /// damage, and what it has just written would be missing.
    func open() throws(Failure) -> (store: StoreIdentity, log: LogInspection) {
        let log: LogInspection
        do throws(StoreError) {
            log = try LogInspection.open(path: dataDir)
        } catch {
            throw failure(error)
        }
        let holder = try reading { () throws(LogError) in try log.runningBroker() }
        if let holder {
            let process = holder.processID == 0 ? "" : " (pid \(holder.processID))"
            throw Failure(
                .refused,
                "a broker\(process) is using \(dataDir); stop it, or copy the directory and look "
                    + "at the copy")
        }
        do throws(StoreError) {
            return (try log.identity.get(), log)
        } catch {
            throw failure(error)
        }
    }

    /// Does `body`, whose errors are about reading the directory.
    func reading<Value>(_ body: () throws(LogError) -> Value) throws(Failure) -> Value {
        do throws(LogError) {
            return try body()
        } catch {
            throw Failure(.refused, "\(dataDir): \(error)")
        }
    }

    private func failure(_ error: StoreError) -> Failure {
        switch error {
        case .notAStore(let foreign):
            Failure(
                .refused,
                "\(dataDir) is no broker's data directory: it has \(foreign) and no file STORE; "
                    + "name the directory that `broker --data-dir` was given")
        case .damagedStore where access(dataDir + "/" + DirectoryLayout.store, F_OK) != 0:
            Failure(
                .refused,
                "\(dataDir) is no broker's data directory: it has no file STORE; "
                    + "name the directory that `broker --data-dir` was given")
        case .damagedStore:
            Failure(.damage, "\(dataDir): \(error)")
        case .disk(let error):
            Failure(.refused, "\(dataDir) cannot be read: \(error)")
        default:
            Failure(.refused, "\(dataDir): \(error)")
        }
    }
}
