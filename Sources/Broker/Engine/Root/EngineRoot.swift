/// What the two sides of a root agree on. docs/engine-root.md draws it byte for byte.
enum EngineRoot {
    /// "HENG"
    static let magic: UInt32 = 0x474E_4548
    static let version: UInt16 = 1
}
