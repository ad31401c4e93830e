internal import Glibc

/// What stops this program, as a sentence for the person in front of it.
struct FingerprintFault: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }

    static func cannotRead(_ name: FileName) -> FingerprintFault {
        FingerprintFault(
            "cannot read \(name.percentEncoded): \(String(cString: strerror(errno)))")
    }
}
