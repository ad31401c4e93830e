internal import Foundation

/// The kernel's cache of file contents.
enum PageCache {
    /// Has everything written and forgotten that the kernel keeps of the files below a directory.
    /// Nobody may have them open and write to them.
    static func drop(filesBelow directory: String) throws(BenchFault) {
        guard let paths = FileManager.default.enumerator(atPath: directory) else {
            throw BenchFault("cannot list \(directory)")
        }
        for case let path as String in paths {
            let descriptor = open(directory + "/" + path, O_RDONLY | O_CLOEXEC)
            guard descriptor >= 0 else {
                throw BenchFault("cannot open \(directory)/\(path): \(errnoText())")
            }
            defer { close(descriptor) }
            // What is not written yet would stay.
            guard fsync(descriptor) == 0,
                posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED) == 0
            else { throw BenchFault("cannot drop \(directory)/\(path) from the cache") }
        }
    }
}
