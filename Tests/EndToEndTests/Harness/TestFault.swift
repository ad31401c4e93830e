/// Why a test could not go on, as a sentence.
struct TestFault: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}
