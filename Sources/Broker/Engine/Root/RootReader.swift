internal import HoldfastPages

/// Why a root cannot be read, or does not fit the pages that it refers to.
package struct RestoreFault: Error, Hashable, Sendable, CustomStringConvertible {
    package let reason: String

    package init(_ reason: String) {
        self.reason = reason
    }

    package var description: String { "the engine's root: \(reason)" }
}

/// Reads a root and trusts it in nothing: any bytes give values or a fault, and never more memory
/// than a few times their own length.
struct RootReader {
    var rest: UnsafeRawBufferPointer

    mutating func take<Value: FixedWidthInteger & BitwiseCopyable>(
        _ type: Value.Type
    ) throws(RestoreFault) -> Value {
        let bytes = try take(byteCount: MemoryLayout<Value>.size)
        return bytes.start.integer(at: 0, as: Value.self)
    }

    mutating func take(byteCount: Int) throws(RestoreFault) -> UnsafeRawBufferPointer {
        guard byteCount <= rest.count else { throw RestoreFault("it ends too early") }
        let bytes = UnsafeRawBufferPointer(rebasing: rest[..<byteCount])
        rest = UnsafeRawBufferPointer(rebasing: rest[byteCount...])
        return bytes
    }

    /// A count of jobs, entries or records: more than 2^48 there can never be.
    mutating func takeCount() throws(RestoreFault) -> Int {
        let count = try take(UInt64.self)
        guard count <= 1 << 48 else { throw RestoreFault("a count beyond all bounds") }
        return Int(count)
    }

    mutating func takeReference() throws(RestoreFault) -> PageReference {
        let bytes = try take(byteCount: PageReference.byteCount)
        return PageReference(loadingFrom: bytes.start)
    }

    mutating func takeReferences() throws(RestoreFault) -> [PageReference] {
        let count = Int(try take(UInt32.self))
        guard count <= rest.count / PageReference.byteCount else {
            throw RestoreFault("it ends within a list of pages")
        }
        var references: [PageReference] = []
        references.reserveCapacity(count)
        for _ in 0..<count { references.append(try takeReference()) }
        return references
    }
}
