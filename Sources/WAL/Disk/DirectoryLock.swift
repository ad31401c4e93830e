internal import Glibc

/// One process for a directory: a lock on the file `LOCK` in it, which the kernel lets go when the
/// process ends in whatever way. The file says who holds it, for the message to whom it is refused.
package final class DirectoryLock: Sendable {
    package static let fileName = "LOCK"

    /// Who holds a lock, as the file says.
    package struct Holder: Sendable, Equatable {
        package let processID: Int32
        package let bootID: UniqueID

        package init(processID: Int32, bootID: UniqueID) {
            self.processID = processID
            self.bootID = bootID
        }
    }

    package enum Failure: Error {
        /// Another process has it; nil where the file does not say which (it has just begun).
        case held(Holder?)
        case disk(DiskError)
    }

    /// This process, as `announce` writes it.
    package static var ownProcessID: Int32 { getpid() }

    private let file: any File

    /// Takes the lock of the root of `fileSystem`; makes the file where it is missing. What it says
    /// stays as it was until `announce`.
    package init(_ fileSystem: any FileSystem) throws(Failure) {
        do throws(DiskError) {
            file = try Self.openOrCreate(fileSystem)
            if try file.lock() { return }
        } catch {
            throw .disk(error)
        }
        throw .held(Self.holder(in: file))
    }

    /// Writes into the file who holds it.
    package func announce(processID: Int32, bootID: UniqueID) throws(DiskError) {
        // Always as long, so that nothing of a longer predecessor is left behind.
        var text = "pid \(processID)\nboot \(bootID)\n"
        text += String(repeating: " ", count: max(0, 79 - text.utf8.count)) + "\n"
        try file.write(Array(text.utf8), at: 0)
    }

    /// Who has the directory open right now; nil where nobody has. Changes nothing on disk.
    package static func currentHolder(in fileSystem: any FileSystem) throws(DiskError) -> Holder? {
        let file: any File
        do throws(DiskError) {
            file = try fileSystem.openFile(fileName, for: .reading)
        } catch {
            if error.isNotFound { return nil }
            throw error
        }
        if try file.lock() { return nil }
        return holder(in: file) ?? Holder(processID: 0, bootID: UniqueID(high: 0, low: 0))
    }

    private static func openOrCreate(_ fileSystem: any FileSystem) throws(DiskError) -> any File {
        do throws(DiskError) {
            return try fileSystem.openFile(fileName, for: .readingAndWriting)
        } catch {
            guard error.isNotFound else { throw error }
        }
        do throws(DiskError) {
            return try fileSystem.createFile(fileName)
        } catch {
            // Another process was quicker: the lock decides.
            guard error.isAlreadyThere else { throw error }
            return try fileSystem.openFile(fileName, for: .readingAndWriting)
        }
    }

    private static func holder(in file: any File) -> Holder? {
        var bytes = [UInt8](repeating: 0, count: 128)
        let count = bytes.withUnsafeMutableBytes { buffer in
            (try? file.read(into: buffer, at: 0)) ?? 0
        }
        var processID: Int32?
        var bootID: UniqueID?
        for line in String(decoding: bytes.prefix(count), as: UTF8.self).split(separator: "\n") {
            let words = line.split(separator: " ")
            guard words.count == 2 else { continue }
            if words[0] == "pid" { processID = Int32(words[1]) }
            if words[0] == "boot" { bootID = UniqueID(String(words[1])) }
        }
        guard let processID, let bootID else { return nil }
        return Holder(processID: processID, bootID: bootID)
    }
}
