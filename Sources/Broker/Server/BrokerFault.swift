/// Why a broker did not start, or could not go on, in words for its operator.
package struct BrokerFault: Error, CustomStringConvertible {
    package let exitCode: FailStop.ExitCode
    package let message: String

    package var description: String { message }
}
