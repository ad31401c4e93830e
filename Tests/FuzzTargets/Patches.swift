/// What a fuzzer does to bytes that are good: changes of a file, small enough to be mutated well.
///
/// ```
/// u8 bit 0: checksums are left as they are, which nearly every change makes wrong
/// then a row of: u24 offset, modulo the length     u8 n     n bytes to be put there;
///                where n is 0, the file ends there
/// ```
struct Patches {
    let repairsChecksums: Bool
    private let rest: UnsafeRawBufferPointer

    init(_ bytes: UnsafeRawBufferPointer) {
        repairsChecksums = (bytes.first ?? 0) & 1 == 0
        rest = UnsafeRawBufferPointer(rebasing: bytes.dropFirst())
    }

    func apply(to file: inout [UInt8]) {
        var place = 0
        while rest.count - place >= 4 {
            let offset = Int(rest[place]) | Int(rest[place + 1]) << 8 | Int(rest[place + 2]) << 16
            let count = min(Int(rest[place + 3]), rest.count - place - 4)
            place += 4
            guard !file.isEmpty else { return }
            let target = offset % file.count
            if count == 0 {
                file.removeSubrange(target...)
                continue
            }
            for index in 0..<min(count, file.count - target) {
                file[target + index] = rest[place + index]
            }
            place += count
        }
    }
}
