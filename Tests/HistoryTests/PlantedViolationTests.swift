internal import HoldfastHistory
internal import Testing

/// A history that no sound broker could have caused, and its twin that one could.
struct PlantedViolation: Sendable, CustomTestStringConvertible {
    let name: String
    let property: HistoryProperty
    /// Lines as `HistoryText` has them, with times in ms.
    let faulty: String
    let sound: String

    var testDescription: String { name }

    static func events(_ text: String) throws -> [HistoryEvent] {
        try HistoryText.events(in: text).map { event in
            var event = event
            event.invoked *= 1_000_000
            event.responded = event.responded.map { $0 * 1_000_000 }
            return event
        }
    }
}

private let enqueued = "1 10 12 ok enqueue job=7 queue=a content=beef delay=0 attempts=2 key=1\n"
private let delivered =
    enqueued + "2 20 22 ok deliver job=7 version=1 queue=a content=beef attempt=1 duration=1000\n"

private let planted = [
    PlantedViolation(
        name: "an accepted job is gone", property: .noLoss,
        faulty: enqueued,
        sound: enqueued + "9 5000 5001 ok look job=7 state=ready"),
    PlantedViolation(
        name: "a job that was delivered and never acknowledged is gone", property: .noLoss,
        faulty: delivered + "2 30 31 ok release job=7 version=1",
        sound: delivered + "2 30 - unknown ack job=7 version=1"),
    PlantedViolation(
        name: "a refused ack is no ack", property: .noLoss,
        faulty: delivered + "2 30 31 err ack job=7 version=1",
        sound: delivered + "2 30 31 ok ack job=7 version=1"),
    PlantedViolation(
        name: "a job found done was not there when it was looked for", property: .noLoss,
        faulty: delivered + "9 5000 5001 ok look job=7 state=done",
        sound: delivered + "9 5000 5001 ok look job=7 state=dead"),
    PlantedViolation(
        name: "a look before the last delivery proves nothing", property: .noLoss,
        faulty: delivered + "9 15 16 ok look job=7 state=ready",
        sound: delivered + "9 23 24 ok look job=7 state=leased"),

    PlantedViolation(
        name: "nobody enqueued it", property: .noCreation,
        faulty: "2 20 22 ok deliver job=7 version=1 queue=a content=beef attempt=1 duration=1000\n"
            + "2 30 31 ok ack job=7 version=1",
        sound: "1 10 - unknown enqueue queue=a content=beef delay=0 attempts=2\n"
            + "2 20 22 ok deliver job=7 version=1 queue=a content=beef attempt=1 duration=1000\n"
            + "2 30 31 ok ack job=7 version=1"),
    PlantedViolation(
        name: "a refused enqueue made a job", property: .noCreation,
        faulty: "1 10 11 err enqueue queue=a content=beef delay=0 attempts=2\n"
            + "2 20 22 ok deliver job=7 version=1 queue=a content=beef attempt=1 duration=1000\n"
            + "2 30 31 ok ack job=7 version=1",
        sound: "1 10 11 err enqueue queue=a content=beef delay=0 attempts=2"),
    PlantedViolation(
        name: "one unanswered enqueue made two jobs", property: .noCreation,
        faulty: "1 10 - unknown enqueue queue=a content=beef delay=0 attempts=2\n"
            + "2 20 22 ok deliver job=7 version=1 queue=a content=beef attempt=1 duration=1000\n"
            + "2 20 22 ok deliver job=8 version=1 queue=a content=beef attempt=1 duration=1000\n"
            + "2 30 31 ok ack job=7 version=1\n2 30 31 ok ack job=8 version=1",
        sound: "1 10 - unknown enqueue queue=a content=beef delay=0 attempts=2\n"
            + "1 11 - unknown enqueue queue=a content=beef delay=0 attempts=2\n"
            + "2 20 22 ok deliver job=7 version=1 queue=a content=beef attempt=1 duration=1000\n"
            + "2 20 22 ok deliver job=8 version=1 queue=a content=beef attempt=1 duration=1000\n"
            + "2 30 31 ok ack job=7 version=1\n2 30 31 ok ack job=8 version=1"),
    PlantedViolation(
        name: "a repeated enqueue was executed again", property: .noCreation,
        faulty: enqueued
            + "1 13 14 ok enqueue job=8 queue=a content=beef delay=0 attempts=2 key=1\n"
            + "9 90 91 ok look job=7 state=ready\n9 90 91 ok look job=8 state=ready",
        sound: enqueued + "1 13 14 ok enqueue job=7 queue=a content=beef delay=0 attempts=2 key=1\n"
            + "9 90 91 ok look job=7 state=ready"),
    PlantedViolation(
        name: "an unanswered enqueue and its answered repeat made two jobs", property: .noCreation,
        faulty: "1 5 - unknown enqueue queue=a content=beef delay=0 attempts=2 key=1\n" + enqueued
            + "2 20 22 ok deliver job=8 version=1 queue=a content=beef attempt=1 duration=1000\n"
            + "2 30 31 ok ack job=8 version=1\n9 90 91 ok look job=7 state=ready",
        sound: "1 5 - unknown enqueue queue=a content=beef delay=0 attempts=2 key=1\n" + enqueued
            + "9 90 91 ok look job=7 state=ready"),
    PlantedViolation(
        name: "two enqueues were answered with one job", property: .noCreation,
        faulty: enqueued
            + "1 13 14 ok enqueue job=7 queue=a content=beef delay=0 attempts=2 key=2\n"
            + "9 90 91 ok look job=7 state=ready",
        sound: enqueued + "1 13 14 ok enqueue job=8 queue=a content=beef delay=0 attempts=2 key=2\n"
            + "9 90 91 ok look job=7 state=ready\n9 90 91 ok look job=8 state=ready"),
    PlantedViolation(
        name: "the bytes are others", property: .noCreation,
        faulty: enqueued
            + "2 20 22 ok deliver job=7 version=1 queue=a content=bee attempt=1 duration=1000\n"
            + "2 30 31 ok ack job=7 version=1",
        sound: delivered + "2 30 31 ok ack job=7 version=1"),
    PlantedViolation(
        name: "the queue is another", property: .noCreation,
        faulty: enqueued
            + "2 20 22 ok deliver job=7 version=1 queue=b%20 content=beef attempt=1 duration=1000\n"
            + "2 30 31 ok ack job=7 version=1",
        sound: delivered + "2 30 31 ok ack job=7 version=1"),

    PlantedViolation(
        name: "delivered while leased", property: .exclusivity,
        faulty: delivered
            + "3 900 1019 ok deliver job=7 version=2 queue=a content=beef attempt=2 duration=1000\n"
            + "3 1030 1031 ok ack job=7 version=2",
        sound: delivered
            + "3 900 1020 ok deliver job=7 version=2 queue=a content=beef attempt=2 duration=1000\n"
            + "3 1030 1031 ok ack job=7 version=2"),
    PlantedViolation(
        name: "delivered while extended", property: .exclusivity,
        faulty: delivered + "2 500 510 ok extend job=7 version=1 duration=1000\n"
            + "3 900 1499 ok deliver job=7 version=2 queue=a content=beef attempt=2 duration=1000\n"
            + "3 1530 1531 ok ack job=7 version=2",
        sound: delivered + "2 500 - unknown extend job=7 version=1 duration=1000\n"
            + "3 900 1499 ok deliver job=7 version=2 queue=a content=beef attempt=2 duration=1000\n"
            + "3 1530 1531 ok ack job=7 version=2"),
    PlantedViolation(
        name: "delivered before it was given back", property: .exclusivity,
        faulty: delivered + "2 50 60 ok release job=7 version=1\n"
            + "3 30 49 ok deliver job=7 version=2 queue=a content=beef attempt=1 duration=1000\n"
            + "3 80 81 ok ack job=7 version=2",
        sound: delivered + "2 50 60 ok release job=7 version=1\n"
            + "3 30 51 ok deliver job=7 version=2 queue=a content=beef attempt=1 duration=1000\n"
            + "3 80 81 ok ack job=7 version=2"),
    PlantedViolation(
        name: "delivered after a refused release", property: .exclusivity,
        faulty: delivered + "2 50 60 err release job=7 version=1\n"
            + "3 70 71 ok deliver job=7 version=2 queue=a content=beef attempt=2 duration=1000\n"
            + "3 80 81 ok ack job=7 version=2",
        sound: delivered + "2 50 - unknown nack job=7 version=1\n"
            + "3 70 71 ok deliver job=7 version=2 queue=a content=beef attempt=2 duration=1000\n"
            + "3 80 81 ok ack job=7 version=2"),
    PlantedViolation(
        name: "an older lease still runs although a newer one ended", property: .exclusivity,
        faulty: delivered
            + "3 1020 1030 ok deliver job=7 version=2 queue=a content=beef attempt=2 duration=9000\n"
            + "4 1040 1050 ok deliver job=7 version=3 queue=a content=beef attempt=2 duration=1000\n"
            + "4 1060 1070 ok ack job=7 version=3",
        sound: delivered
            + "3 1020 1030 ok deliver job=7 version=2 queue=a content=beef attempt=2 duration=9000\n"
            + "3 1035 1036 ok release job=7 version=2\n"
            + "4 1040 1050 ok deliver job=7 version=3 queue=a content=beef attempt=2 duration=1000\n"
            + "4 1060 1070 ok ack job=7 version=3"),

    PlantedViolation(
        name: "delivered after its ack", property: .ackIsFinal,
        faulty: delivered + "2 30 31 ok ack job=7 version=1\n"
            + "3 32 2000 ok deliver job=7 version=2 queue=a content=beef attempt=2 duration=1000",
        sound: delivered + "2 30 - unknown ack job=7 version=1\n"
            + "3 32 2000 ok deliver job=7 version=2 queue=a content=beef attempt=2 duration=1000"),
    PlantedViolation(
        name: "delivered after its ack to one who had asked before", property: .ackIsFinal,
        faulty: delivered + "2 30 31 ok ack job=7 version=1\n"
            + "3 5 2000 ok deliver job=7 version=2 queue=a content=beef attempt=2 duration=1000",
        sound: delivered + "3 5 2000 ok deliver job=7 version=2 queue=a content=beef attempt=2 "
            + "duration=1000\n3 2001 2002 ok ack job=7 version=2"),
    PlantedViolation(
        name: "found ready after its ack", property: .ackIsFinal,
        faulty: delivered + "2 30 31 ok ack job=7 version=1\n9 90 91 ok look job=7 state=ready",
        sound: delivered + "2 30 31 ok ack job=7 version=1\n9 90 91 ok look job=7 state=done"),
    PlantedViolation(
        name: "delivered after its cancel", property: .ackIsFinal,
        faulty: enqueued + "1 13 14 ok cancel job=7\n"
            + "2 20 22 ok deliver job=7 version=1 queue=a content=beef attempt=1 duration=1000",
        sound: delivered + "1 25 26 ok cancel job=7"),

    PlantedViolation(
        name: "a stale ack is taken", property: .fencing,
        faulty: delivered
            + "3 1020 1022 ok deliver job=7 version=2 queue=a content=beef attempt=2 duration=1000\n"
            + "2 1023 1024 ok ack job=7 version=1",
        sound: delivered
            + "3 1020 1022 ok deliver job=7 version=2 queue=a content=beef attempt=2 duration=1000\n"
            + "2 1023 1024 err ack job=7 version=1\n3 1030 1031 ok ack job=7 version=2"),
    PlantedViolation(
        name: "a stale heartbeat is taken", property: .fencing,
        faulty: delivered
            + "3 1020 1022 ok deliver job=7 version=2 queue=a content=beef attempt=2 duration=1000\n"
            + "2 1023 1024 ok extend job=7 version=1 duration=1000\n"
            + "3 1030 1031 ok ack job=7 version=2",
        sound: delivered
            + "3 1020 1022 ok deliver job=7 version=2 queue=a content=beef attempt=2 duration=1000\n"
            + "3 1023 1024 ok extend job=7 version=2 duration=1000\n"
            + "3 1030 1031 ok ack job=7 version=2"),
    PlantedViolation(
        name: "a late ack is taken although the next worker has the job", property: .fencing,
        faulty: delivered
            + "3 1020 1022 ok deliver job=7 version=2 queue=a content=beef attempt=2 duration=1000\n"
            + "2 1023 1024 ok release job=7 version=1\n3 1030 1031 ok ack job=7 version=2",
        sound: delivered + "2 1023 1024 ok ack job=7 version=1"),

    PlantedViolation(
        name: "delivered before it was due", property: .notBefore,
        faulty: "1 10 12 ok enqueue job=7 queue=a content=beef delay=50 attempts=2\n"
            + "2 20 59 ok deliver job=7 version=1 queue=a content=beef attempt=1 duration=1000\n"
            + "2 60 61 ok ack job=7 version=1",
        sound: "1 10 12 ok enqueue job=7 queue=a content=beef delay=50 attempts=2\n"
            + "2 20 60 ok deliver job=7 version=1 queue=a content=beef attempt=1 duration=1000\n"
            + "2 60 61 ok ack job=7 version=1"),
    PlantedViolation(
        name: "delivered before the delay of its nack was over", property: .notBefore,
        faulty: delivered + "2 30 31 ok nack job=7 version=1 delay=50\n"
            + "2 40 79 ok deliver job=7 version=2 queue=a content=beef attempt=2 duration=1000\n"
            + "2 90 91 ok ack job=7 version=2",
        sound: delivered + "2 30 31 ok nack job=7 version=1 delay=50\n"
            + "2 40 80 ok deliver job=7 version=2 queue=a content=beef attempt=2 duration=1000\n"
            + "2 90 91 ok ack job=7 version=2"),

    PlantedViolation(
        name: "one number for two deliveries", property: .attempts,
        faulty: delivered
            + "2 1100 1101 ok deliver job=7 version=1 queue=a content=beef attempt=2 duration=1000\n"
            + "2 1120 1121 ok ack job=7 version=1",
        sound: delivered
            + "2 1100 1101 ok deliver job=7 version=2 queue=a content=beef attempt=2 duration=1000\n"
            + "2 1120 1121 ok ack job=7 version=2"),
    PlantedViolation(
        name: "the number goes back", property: .attempts,
        faulty: enqueued
            + "2 20 22 ok deliver job=7 version=3 queue=a content=beef attempt=1 duration=1000\n"
            + "2 1100 1101 ok deliver job=7 version=2 queue=a content=beef attempt=2 duration=1000\n"
            + "9 9000 9001 ok look job=7 state=dead",
        sound: enqueued
            + "2 20 22 ok deliver job=7 version=3 queue=a content=beef attempt=1 duration=1000\n"
            + "2 1100 1101 ok deliver job=7 version=4 queue=a content=beef attempt=2 duration=1000\n"
            + "9 9000 9001 ok look job=7 state=dead"),
    PlantedViolation(
        name: "an attempt is not counted", property: .attempts,
        faulty: delivered
            + "2 1100 1101 ok deliver job=7 version=2 queue=a content=beef attempt=1 duration=1000\n"
            + "2 1120 1121 ok ack job=7 version=2",
        sound: delivered + "2 40 - unknown release job=7 version=1\n"
            + "2 1100 1101 ok deliver job=7 version=2 queue=a content=beef attempt=1 duration=1000\n"
            + "2 1120 1121 ok ack job=7 version=2"),
    PlantedViolation(
        name: "an attempt is counted twice", property: .attempts,
        faulty: "1 10 12 ok enqueue job=7 queue=a content=beef delay=0 attempts=9\n"
            + "2 20 22 ok deliver job=7 version=1 queue=a content=beef attempt=1 duration=1000\n"
            + "2 1100 1101 ok deliver job=7 version=2 queue=a content=beef attempt=3 duration=1000\n"
            + "2 1120 1121 ok ack job=7 version=2",
        sound: "1 10 12 ok enqueue job=7 queue=a content=beef delay=0 attempts=9\n"
            + "2 20 22 ok deliver job=7 version=1 queue=a content=beef attempt=1 duration=1000\n"
            + "2 1100 1101 ok deliver job=7 version=3 queue=a content=beef attempt=3 duration=1000\n"
            + "2 1120 1121 ok ack job=7 version=3"),
    PlantedViolation(
        name: "more attempts than allowed", property: .attempts,
        faulty: delivered
            + "2 1100 1101 ok deliver job=7 version=3 queue=a content=beef attempt=3 duration=1000\n"
            + "2 1120 1121 ok ack job=7 version=3",
        sound: delivered
            + "2 1100 1101 ok deliver job=7 version=3 queue=a content=beef attempt=2 duration=1000\n"
            + "2 1120 1121 ok ack job=7 version=3"),
    PlantedViolation(
        name: "not dead after its last attempt", property: .attempts,
        faulty: delivered
            + "2 1100 1101 ok deliver job=7 version=2 queue=a content=beef attempt=2 duration=1000\n"
            + "2 1120 1121 ok nack job=7 version=2 delay=5\n9 9000 9001 ok look job=7 state=ready",
        sound: delivered
            + "2 1100 1101 ok deliver job=7 version=2 queue=a content=beef attempt=2 duration=1000\n"
            + "2 1120 1121 ok nack job=7 version=2 delay=5\n9 9000 9001 ok look job=7 state=dead"),
]

private func enqueue(_ job: Int, _ moments: String, _ more: String = "priority=0") -> String {
    "1 \(moments) ok enqueue job=\(job) queue=a content=\(job) delay=0 attempts=9 \(more)\n"
}

/// Delivered for the first time, and acknowledged.
private func deliver(
    _ job: Int, client: Int = 2, _ moments: String, version: Int = 1, attempt: Int = 1,
    _ more: String = ""
) -> String {
    "\(client) \(moments) ok deliver job=\(job) version=\(version) queue=a content=\(job) "
        + "attempt=\(attempt) duration=1000 \(more)\n"
        + "\(client) 9000 9001 ok ack job=\(job) version=\(version)\n"
}

private let plantedOrders = [
    PlantedViolation(
        name: "the later of two is asked for first", property: .order,
        faulty: enqueue(7, "10 12") + enqueue(8, "13 14") + deliver(8, "20 22")
            + deliver(7, "23 24"),
        sound: enqueue(7, "10 12") + enqueue(8, "13 14") + deliver(7, "20 22")
            + deliver(8, "23 24")),
    PlantedViolation(
        name: "one consumer knows, several do not", property: .order,
        faulty: enqueue(7, "10 12") + enqueue(8, "13 14") + deliver(8, "20 22")
            + deliver(7, "23 24"),
        sound: enqueue(7, "10 12") + enqueue(8, "13 14") + deliver(8, "20 22")
            + deliver(7, client: 3, "23 24")),
    PlantedViolation(
        name: "the later of two stands first in a reply", property: .order,
        faulty: enqueue(7, "10 12") + enqueue(8, "13 14")
            + deliver(8, "20 22", "request=5 position=0")
            + deliver(7, "20 22", "request=5 position=1"),
        sound: enqueue(7, "10 12") + enqueue(8, "13 14")
            + deliver(8, "20 22", "request=5 position=1")
            + deliver(7, "20 22", "request=5 position=0")),
    PlantedViolation(
        name: "enqueues at one time have no order", property: .order,
        faulty: enqueue(7, "10 12") + enqueue(8, "13 14") + deliver(8, "20 22")
            + deliver(7, "23 24"),
        sound: enqueue(7, "10 13") + enqueue(8, "13 14") + deliver(8, "20 22")
            + deliver(7, "23 24")),
    PlantedViolation(
        name: "priorities go before order", property: .order,
        faulty: enqueue(7, "10 12", "priority=1") + enqueue(8, "13 14", "priority=1")
            + deliver(8, "20 22") + deliver(7, "23 24"),
        sound: enqueue(7, "10 12", "priority=0") + enqueue(8, "13 14", "priority=1")
            + deliver(8, "20 22") + deliver(7, "23 24")),
    PlantedViolation(
        name: "a retry is in no order with the rest", property: .order,
        faulty: enqueue(7, "10 12") + enqueue(8, "13 14") + deliver(8, "20 22")
            + deliver(7, "1023 1024"),
        sound: enqueue(7, "10 12") + enqueue(8, "13 14") + deliver(8, "20 22")
            + deliver(7, "1023 1024", version: 2, attempt: 2)),
]

private let restart = "0 30 40 ok fault kind=kill\n"

private let plantedLateness = [
    PlantedViolation(
        name: "a consumer asks in vain for a ready job", property: .readyDelivered,
        faulty: enqueue(7, "10 12") + "3 5012 5014 ok ask queue=a wait=0\n"
            + deliver(7, "5020 5021"),
        sound: enqueue(7, "10 12") + "3 5011 5014 ok ask queue=a wait=0\n"
            + deliver(7, "5020 5021")),
    PlantedViolation(
        name: "a consumer of that queue asks in vain", property: .readyDelivered,
        faulty: enqueue(7, "10 12") + "3 6000 6001 ok ask queue=a wait=0\n"
            + deliver(7, "6020 6021"),
        sound: enqueue(7, "10 12") + "3 6000 6001 ok ask queue=b wait=0\n"
            + deliver(7, "6020 6021")),
    PlantedViolation(
        name: "a request waits in vain for a ready job", property: .readyDelivered,
        faulty: enqueue(7, "10 12") + "3 5 5030 ok ask queue=a wait=5020\n"
            + deliver(7, "5040 5041"),
        sound: enqueue(7, "10 12") + "3 5 5030 ok ask queue=a wait=5020\n" + deliver(7, "5029 5041")
    ),
    PlantedViolation(
        name: "a waiting request is given the job too late", property: .readyDelivered,
        faulty: enqueue(7, "10 12") + deliver(7, "5 5013"),
        sound: enqueue(7, "10 12") + deliver(7, "5 5012")),
    PlantedViolation(
        name: "a released job is kept back", property: .readyDelivered,
        faulty: delivered + "2 30 31 ok release job=7 version=1\n"
            + "3 5031 5032 ok ask queue=a wait=0\n"
            + "3 6000 6001 ok deliver job=7 version=2 queue=a content=beef attempt=1 duration=1000\n"
            + "3 6002 6003 ok ack job=7 version=2",
        sound: delivered + "2 30 31 ok release job=7 version=1\n"
            + "3 5031 5032 ok ask queue=a wait=0\n"
            // Another delivery was between, which nobody received.
            + "3 6000 6001 ok deliver job=7 version=3 queue=a content=beef attempt=2 duration=1000\n"
            + "3 6002 6003 ok ack job=7 version=3"),
    PlantedViolation(
        name: "a job is left that nobody gets", property: .readyDelivered,
        faulty: enqueue(7, "10 12") + "3 6000 6001 ok ask queue=a wait=0\n"
            + "9 9000 9001 ok look job=7 state=ready",
        sound: enqueue(7, "10 12") + "3 6000 6001 ok ask queue=a wait=0\n"
            // Perhaps it was given it.
            + "4 5000 - unknown ask queue=a wait=0\n9 9000 9001 ok look job=7 state=ready"),
    PlantedViolation(
        name: "time begins when the last fault is over", property: .readyDelivered,
        faulty: enqueue(7, "10 12") + "0 900 1000 ok fault kind=stop\n"
            + "3 6000 6001 ok ask queue=a wait=0\n" + deliver(7, "6020 6021"),
        sound: enqueue(7, "10 12") + "0 900 1001 ok fault kind=stop\n"
            + "3 6000 6001 ok ask queue=a wait=0\n" + deliver(7, "6020 6021")),

    PlantedViolation(
        name: "a lease outlasts its end", property: .expiredDelivered,
        faulty: delivered + "3 2522 2523 ok ask queue=a wait=0\n"
            + "3 2530 2531 ok deliver job=7 version=2 queue=a content=beef attempt=2 duration=1000\n"
            + "3 2540 2541 ok ack job=7 version=2",
        sound: delivered + "3 2521 2522 ok ask queue=a wait=0\n"
            + "3 2530 2531 ok deliver job=7 version=2 queue=a content=beef attempt=2 duration=1000\n"
            + "3 2540 2541 ok ack job=7 version=2"),
    PlantedViolation(
        name: "a lease that was extended outlasts its end", property: .expiredDelivered,
        faulty: delivered + "2 500 501 ok extend job=7 version=1 duration=2000\n"
            + "3 4001 4002 ok ask queue=a wait=0\n"
            + "3 4030 4031 ok deliver job=7 version=2 queue=a content=beef attempt=2 duration=1000\n"
            + "3 4040 4041 ok ack job=7 version=2",
        sound: delivered + "2 500 - unknown extend job=7 version=1 duration=2000\n"
            + "3 4001 4002 ok ask queue=a wait=0\n"
            + "3 4030 4031 ok deliver job=7 version=2 queue=a content=beef attempt=2 duration=1000\n"
            + "3 4040 4041 ok ack job=7 version=2"),
    PlantedViolation(
        name: "a lease begins anew after a restart, and ends", property: .expiredDelivered,
        faulty: delivered + restart + "3 2540 2541 ok ask queue=a wait=0\n"
            + "3 2550 2551 ok deliver job=7 version=2 queue=a content=beef attempt=2 duration=1000\n"
            + "3 2560 2561 ok ack job=7 version=2",
        sound: delivered + restart + "3 2539 2541 ok ask queue=a wait=0\n"
            + "3 2550 2551 ok deliver job=7 version=2 queue=a content=beef attempt=2 duration=1000\n"
            + "3 2560 2561 ok ack job=7 version=2"),

    PlantedViolation(
        name: "a due job is kept back", property: .dueDelivered,
        faulty: "1 10 12 ok enqueue job=7 queue=a content=7 delay=1000 attempts=2\n"
            + "3 2512 2513 ok ask queue=a wait=0\n" + deliver(7, "2520 2521"),
        sound: "1 10 12 ok enqueue job=7 queue=a content=7 delay=1000 attempts=2\n"
            + "3 2511 2513 ok ask queue=a wait=0\n" + deliver(7, "2520 2521")),
    PlantedViolation(
        name: "a job is kept back after the delay of its nack", property: .dueDelivered,
        faulty: delivered + "2 30 31 ok nack job=7 version=1 delay=1000\n"
            + "3 2531 2532 ok ask queue=a wait=0\n"
            + "3 2540 2541 ok deliver job=7 version=2 queue=a content=beef attempt=2 duration=1000\n"
            + "3 2550 2551 ok ack job=7 version=2",
        sound: delivered + "2 30 31 ok nack job=7 version=1\n"
            + "3 2531 2532 ok ask queue=a wait=0\n"
            + "3 2540 2541 ok deliver job=7 version=2 queue=a content=beef attempt=2 duration=1000\n"
            + "3 2550 2551 ok ack job=7 version=2"),

    PlantedViolation(
        name: "a restart takes too long", property: .restartServes,
        faulty: "0 100 5101 ok fault kind=restart", sound: "0 100 5100 ok fault kind=restart"),
    PlantedViolation(
        name: "a restart never serves", property: .restartServes,
        faulty: "0 100 - ok fault kind=restart\n1 5101 - unknown cancel job=9",
        sound: "0 100 - ok fault kind=restart\n1 5100 - unknown cancel job=9"),
    PlantedViolation(
        name: "a restart takes too long on a full volume, and not on a bad disk",
        property: .restartServes,
        faulty: "0 50 9000 ok fault kind=full\n0 100 5101 ok fault kind=restart",
        sound: "0 50 9000 ok fault kind=disk\n0 100 5101 ok fault kind=restart"),

    PlantedViolation(
        name: "an enqueue is refused although there is space again", property: .spaceServes,
        faulty: "0 100 200 ok fault kind=full\n1 5201 5202 err enqueue queue=a content=1 delay=0 "
            + "attempts=0 refusal=storage_full",
        sound: "0 100 200 ok fault kind=full\n1 5200 5202 err enqueue queue=a content=1 delay=0 "
            + "attempts=0 refusal=storage_full\n1 5201 5202 err enqueue queue=a content=1 delay=0 "
            + "attempts=0 refusal=queue_full"),
    PlantedViolation(
        name: "an enqueue is answered long after there was space again", property: .spaceServes,
        faulty: "0 100 200 ok fault kind=full\n1 150 5201 err enqueue queue=a content=1 delay=0 "
            + "attempts=0 refusal=queue_full",
        sound: "0 100 200 ok fault kind=full\n1 150 5200 err enqueue queue=a content=1 delay=0 "
            + "attempts=0 refusal=queue_full"),
    PlantedViolation(
        name: "an ack is refused for want of space", property: .spaceServes,
        faulty: delivered + "2 30 31 err ack job=7 version=1 refusal=storage_full\n"
            + "2 40 41 ok ack job=7 version=1",
        sound: delivered + "2 30 31 err ack job=7 version=1 refusal=lease_lost\n"
            + "2 40 41 ok ack job=7 version=1"),
    PlantedViolation(
        name: "an ack waits for space", property: .spaceServes,
        faulty: delivered + "0 25 90 ok fault kind=full\n2 30 5031 ok ack job=7 version=1",
        sound: delivered + "0 25 90 ok fault kind=full\n2 30 5030 ok ack job=7 version=1"),
]

@Suite("planted violations")
struct PlantedViolationTests {
    @Test(
        "a planted violation is found, and its sound twin is not accused",
        arguments: planted + plantedOrders + plantedLateness)
    func planting(_ planted: PlantedViolation) throws {
        let checker = HistoryChecker(isDrained: true, liveness: LivenessBounds())
        let verdict = checker.judge(try PlantedViolation.events(planted.faulty))
        #expect(verdict.violations.contains { $0.property == planted.property }, "\(verdict)")
        let sound = checker.judge(try PlantedViolation.events(planted.sound))
        #expect(sound.violations.isEmpty, "\(sound)")
    }

    @Test("every promise has a planted violation")
    func coverage() {
        #expect(
            Set((planted + plantedOrders + plantedLateness).map(\.property))
                == Set(HistoryProperty.allCases))
    }

    @Test("the violation that was complete first is named first, with the events concerned")
    func firstViolation() throws {
        let late =
            "1 10 12 ok enqueue job=9 queue=a content=1 delay=100 attempts=2\n"
            + "2 20 90 ok deliver job=9 version=1 queue=a content=1 attempt=1 duration=1000\n"
        let early =
            "1 11 12 ok enqueue job=30 queue=a content=2 delay=100 attempts=2\n"
            + "2 20 80 ok deliver job=30 version=1 queue=a content=2 attempt=1 duration=1000\n"
        let events = try PlantedViolation.events(late + early)
        let verdict = HistoryChecker(isDrained: false).judge(events)
        #expect(verdict.violations.map(\.job) == [30, 9])
        #expect(verdict.violations.first?.events.count == 2)
        #expect("\(verdict)".contains("job 30 was delivered 31000 µs before it was due"))
    }

    @Test("without a drain nothing is said to be lost")
    func undrained() throws {
        let events = try PlantedViolation.events(enqueued)
        #expect(HistoryChecker(isDrained: false).judge(events).violations.isEmpty)
    }

    @Test("a delay that falls short by no more than the tolerance is taken for kept")
    func tolerance() throws {
        let events = try PlantedViolation.events(
            "1 10 12 ok enqueue job=7 queue=a content=beef delay=50 attempts=2\n"
                + "2 20 55 ok deliver job=7 version=1 queue=a content=beef attempt=1 duration=1000")
        func violations(_ tolerance: UInt64) -> Int {
            HistoryChecker(isDrained: false, delayToleranceMilliseconds: tolerance)
                .judge(events).violations.count
        }
        #expect(violations(5) == 0)
        #expect(violations(4) == 1)
    }
}
