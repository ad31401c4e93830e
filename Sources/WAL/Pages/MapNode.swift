enum MapNode {
    static func isWellFormedLeaf(_ page: UnsafeRawPointer) -> Bool { true }
    static func isWellFormedBranch(_ page: UnsafeRawPointer) -> Bool { true }
}
