/// What is done to a broker or its machine on purpose. Promises about when something happens at the
/// latest (L1 to L3) are judged after the last of them is over.
package enum HistoryFault: String, Hashable, Sendable, CaseIterable {
    /// The process is ended without a word; over when it is gone.
    case kill
    /// From the start of a process to the moment at which it serves.
    case restart
    /// The process stands still: SIGSTOP to SIGCONT.
    case stop
    /// There is no space for another job: over when there is space again.
    case full
    /// The disk is slow, or fails, or loses its power.
    case disk
    /// There is too little memory.
    case memory
    /// There is too little processor time.
    case processor
    /// Connections are cut or slow.
    case network
}
