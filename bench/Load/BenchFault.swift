internal import Glibc

/// Why a measurement could not be made, or must not be believed.
struct BenchFault: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}

func errnoText() -> String { String(cString: strerror(errno)) }
