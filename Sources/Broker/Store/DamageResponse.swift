/// What a start does where bytes of the store are not what was written.
package enum DamageResponse: String, Sendable, CaseIterable {
    /// It refuses the store, says exactly what is damaged, and changes nothing.
    case refuse
    /// It goes on with all that can be read, puts aside what cannot, and says what is gone. For sites
    /// where nobody is there to decide.
    case quarantine
}
