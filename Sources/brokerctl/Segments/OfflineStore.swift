internal import ArgumentParser
internal import Glibc
internal import HoldfastConsole
internal import HoldfastDisk
internal import HoldfastStore
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
    /// - Parameter mayRun: whether a broker may be using it. What that is just writing looks like
    ///   damage, and what it has just written is missing.
    func open(mayRun: Bool = false) throws(Failure) -> StoreInspection {
        let fileSystem = try fileSystem()
        if !mayRun, let holder = try holder(of: fileSystem) {
            throw inUse(holder)
        }
        var attempt = 0
        while true {
            do throws(StoreError) {
                return try StoreInspection(fileSystem)
            } catch {
                // A segment that a running broker has just given back.
                guard mayRun, attempt < 10, case .disk(let fault) = error, fault.isNotFound else {
                    throw failure(error)
                }
                attempt += 1
            }
        }
    }

    func fileSystem() throws(Failure) -> PosixFileSystem {
        do throws(DiskError) {
            return try PosixFileSystem(root: dataDir)
        } catch {
            throw failure(.disk(error))
        }
    }

    /// Who is using the directory right now; nil where nobody is.
    func holder(of fileSystem: any FileSystem) throws(Failure) -> DirectoryLock.Holder? {
        do throws(DiskError) {
            return try DirectoryLock.currentHolder(in: fileSystem)
        } catch {
            throw failure(.disk(error))
        }
    }

    func inUse(_ holder: DirectoryLock.Holder) -> Failure {
        let process = holder.processID == 0 ? "" : " (pid \(holder.processID))"
        return Failure(
            .refused,
            "a broker\(process) is using \(dataDir); stop it, or copy the directory and look "
                + "at the copy")
    }

    /// Does `body`, whose errors are about reading the directory.
    func reading<Value>(_ body: () throws(LogError) -> Value) throws(Failure) -> Value {
        do throws(LogError) {
            return try body()
        } catch {
            throw Failure(.refused, "\(dataDir): \(error)")
        }
    }

    /// Does `body`, whose errors are about what the directory holds.
    func inspecting<Value>(_ body: () throws(StoreFault) -> Value) throws(Failure) -> Value {
        do throws(StoreFault) {
            return try body()
        } catch {
            throw Failure(.refused, "\(dataDir): \(error)")
        }
    }

    func failure(_ error: StoreError) -> Failure {
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
