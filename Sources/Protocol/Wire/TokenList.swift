package import HoldfastModel

/// The lease tokens of a request, read in place: 16 bytes each.
package struct TokenList {
    private let bytes: UnsafeRawBufferPointer

    /// - Parameter bytes: a whole number of tokens.
    init(_ bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes
    }

    package var count: Int { bytes.count / LeaseToken.byteCount }

    package subscript(index: Int) -> LeaseToken {
        precondition(index >= 0 && index < count, "a token beyond the list's end")
        let offset = index * LeaseToken.byteCount
        return LeaseToken(
            lsn: UInt64(
                littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)),
            version: UInt32(
                littleEndian: bytes.loadUnaligned(fromByteOffset: offset + 8, as: UInt32.self)),
            check: UInt32(
                littleEndian: bytes.loadUnaligned(fromByteOffset: offset + 12, as: UInt32.self)))
    }

    /// Replaces what `tokens` holds by the tokens of the list; its memory is used again.
    package func copy(into tokens: inout [LeaseToken]) {
        tokens.removeAll(keepingCapacity: true)
        for index in 0..<count { tokens.append(self[index]) }
    }
}

extension WireReader {
    /// The tokens that fill the rest of the body.
    mutating func tokens(
        count: Int, limits: AnnouncedLimits
    ) throws(WireFault) -> TokenList {
        try limits.checkItemCount(count, "tokens")
        let tokens = TokenList(try raw(count * LeaseToken.byteCount))
        try end()
        return tokens
    }
}
