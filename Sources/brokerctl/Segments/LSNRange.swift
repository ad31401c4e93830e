internal import ArgumentParser
internal import HoldfastConsole
internal import HoldfastRecords

/// `A..B`, `A..`, `..B` or `A`, both ends included.
struct LSNRange {
    let range: ClosedRange<LSN>

    @Sendable static func parse(_ text: String) throws -> LSNRange {
        let fault = ValidationError(
            "'\(Escape.line(text))' is no range of LSNs; write A..B, A.., ..B or A")
        guard let dots = text.firstRange(of: "..") else {
            guard let lsn = LSN(text) else { throw fault }
            return LSNRange(range: lsn...lsn)
        }
        let (first, last) = (text[..<dots.lowerBound], text[dots.upperBound...])
        guard let lower = first.isEmpty ? 0 : LSN(first),
            let upper = last.isEmpty ? .max : LSN(last),
            lower <= upper
        else { throw fault }
        return LSNRange(range: lower...upper)
    }
}
