/// A mistake that a store under test is given on purpose: whoever looks for mistakes must find it.
package enum Flaw: String, Sendable, CaseIterable {
    /// Says that a batch is durable before it is written.
    case acknowledgesBeforeAppend
    /// Its syncs return and have done nothing.
    case skipsSyncs
    /// Opens with a state that no record led to.
    case changesStateAtOpen
    /// Opens, and fails at the second commit.
    case cannotGoOn
}
