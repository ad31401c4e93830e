import ArgumentParser
import HoldfastExplorer

@main
struct Sweep: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Has each call of twelve workloads fail or lie in its turn.",
        discussion: """
            Without a disk and without a clock: everything follows from workload, fault and call. \
            Fails where something acknowledged is lost or altered and nobody says so, where a \
            process goes on that has to end, and where one ends that can go on.
            """)

    @Option(help: "Workloads, separated by commas; without it all.")
    var workloads: String?

    @Option(help: "Faults, separated by commas; without it all.")
    var faults: String?

    @Option(help: "One call, from 1.")
    var call: Int?

    @Option(help: "Every how-manieth call.")
    var stride = 1

    @Option(help: "How many calls to work on at a time, 1 to 8.")
    var threads = 1

    func validate() throws {
        guard (1...8).contains(threads) else { throw ValidationError("1 to 8 threads") }
        guard stride > 0, call ?? 1 > 0 else { throw ValidationError("calls are numbered from 1") }
        _ = try chosen(workloads, SweepWorkload.self)
        _ = try chosen(faults, SweepFault.self)
    }

    private func chosen<Choice: RawRepresentable & CaseIterable>(
        _ names: String?, _ type: Choice.Type
    ) throws -> [Choice] where Choice.RawValue == String {
        guard let names else { return Array(Choice.allCases) }
        return try names.split(separator: ",").map { name in
            guard let choice = Choice(rawValue: String(name)) else {
                throw ValidationError(
                    "\(name) is none of "
                        + Choice.allCases.map(\.rawValue).joined(separator: ", "))
            }
            return choice
        }
    }

    func run() async throws {
        RetainedMemory.begin()
        let workloads = try chosen(workloads, SweepWorkload.self)
        let faults = try chosen(faults, SweepFault.self)
        let start = ContinuousClock.now
        var report = SweepReport()
        var callCount = 0
        for workload in workloads {
            let subject = try SweepSubject(workload)
            callCount += subject.calls.count
            if let call, subject.calls.indices.contains(call - 1) {
                print("call \(call): \(subject.calls[call - 1])")
            }
            let run = SweepThreads(
                subject, faults: faults,
                calls: call.map { $0...$0 } ?? 1...subject.calls.count, stride: stride)
            let part = await run.report(threadCount: threads)
            report.merge(part)
            print(
                "\(workload.rawValue): \(subject.calls.count) calls, \(part.runCount) runs, "
                    + "\(part.violations.count) violations")
        }
        print(report.table)
        print(
            "\(workloads.count) workloads, \(callCount) calls, \(faults.count) faults: "
                + "\(report.runCount) runs in \(ContinuousClock.now - start), "
                + "\(report.violations.count) violations")
        guard report.violations.isEmpty, report.runCount > 0 else { throw ExitCode.failure }
    }
}
