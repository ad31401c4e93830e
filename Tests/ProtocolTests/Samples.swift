import HoldfastModel
import HoldfastProtocol
import NIOCore

/// One of every frame there is: the examples of docs/protocol.md, the golden files and what the
/// mutations start from.
enum Samples {
    static let token = LeaseToken(lsn: 42, version: 1, check: 0x1234_5678)
    static let otherToken = LeaseToken(lsn: .max, version: .max - 1, check: 7)
    static let id = JobID(lsn: 42, check: 0x1234)
    static let otherID = JobID(lsn: 1 << 63, check: 0xFFFF)
    static let producer = ProducerID(low: 0x0807_0605_0403_0201, high: 0x100f_0e0d_0c0b_0a09)
    static let content = Array(#"{"w":1}"#.utf8).withUnsafeBytes {
        JobContent.bytes(kind: "resize".utf8, headers: [("lang", "de")], payload: $0)
    }
    static let policy = QueuePolicy(
        visibilityTimeoutMilliseconds: 60_000, attemptCountMax: 3, interruptionCountMax: 9,
        backoffMilliseconds: 250, backoffMillisecondsMax: 8_000)
    static let report = JobReport(
        id: id, state: .dead, priority: 5, version: 9, attempts: 3, interruptions: 1,
        timeouts: 2, releases: 4, enqueuedMilliseconds: 1_761_955_000_320,
        stateMilliseconds: 1_761_955_000_999, reason: "attempts used up")
    static let queue = QueueReport(
        name: "images", policy: policy, readyCount: 1, delayedCount: 2, leasedCount: 3,
        deadCount: 4, enqueuedTotal: 15, acknowledgedTotal: 5, oldestReadyMilliseconds: 77)
    static let answers = [
        ItemAnswer(), ItemAnswer(refusal: .leaseLost),
        ItemAnswer(isLate: true, isDuplicate: true, mustStop: true, remainingMilliseconds: 30_000),
    ]
    static let hello = HelloReply(
        version: 1, storeUUID: (0xa7a6_a5a4_a3a2_a1a0, 0xafae_adac_abaa_a9a8), connectionID: 7,
        brokerMilliseconds: 0x19a_3f68_d000, limits: AnnouncedLimits(),
        software: "holdfast 0.1.0")

    /// `body` sees the delivered job of the examples.
    static func withDeliveredJob<Result>(_ body: (DeliveredJob) -> Result) -> Result {
        content.withUnsafeBytes { content in
            Array("p1".utf8).withUnsafeBytes { checkpoint in
                body(
                    DeliveredJob(
                        token: token, idCheck: 0x1234, priority: 5, attempt: 1, interruptions: 0,
                        timeouts: 0, releases: 0, enqueuedMilliseconds: 0x19a_3f68_d000,
                        durationMilliseconds: 30_000, checkpoint: checkpoint, content: content))
            }
        }
    }

    static func withBytes<Result>(
        _ text: String, _ body: (UnsafeRawBufferPointer) -> Result
    ) -> Result {
        Array(text.utf8).withUnsafeBytes(body)
    }

    static func enqueue(sequence: UInt64, count: Int) -> [UInt8] {
        frame { buffer in
            var writer = EnqueueWriter(
                correlation: 2, sequence: sequence, queue: "images", into: &buffer)
            for _ in 0..<count {
                content.withUnsafeBytes {
                    writer.append(
                        priority: 5, attemptCountMax: 3, delayMilliseconds: 1_500, content: $0,
                        into: &buffer)
                }
            }
            writer.finish(in: &buffer)
        }
    }

    /// The examples of the document, by name.
    static let examples: [String: [UInt8]] = [
        "hello": frame {
            HelloRequest.write(
                correlation: 1, producer: producer, clientName: "docs", into: &$0)
        },
        "hello-reply": frame { hello.write(correlation: 1, into: &$0) },
        "enqueue": enqueue(sequence: 1, count: 1),
        "enqueue-reply": frame {
            EnqueueReply.write(correlation: 2, ids: [id], isDuplicate: false, into: &$0)
        },
        "lease": frame {
            LeaseRequest.write(
                correlation: 3, order: LeaseOrder(count: 2, waitMilliseconds: 30_000),
                queue: "images", into: &$0)
        },
        "lease-reply": withDeliveredJob { job in
            frame { buffer in
                var writer = LeaseReplyWriter(correlation: 3, into: &buffer)
                writer.append(job, into: &buffer)
                writer.finish(in: &buffer)
            }
        },
        "heartbeat": frame { buffer in
            var writer = HeartbeatWriter(correlation: 4, into: &buffer)
            writer.append(token, checkpoint: Array("p2".utf8), into: &buffer)
            writer.finish(in: &buffer)
        },
        "heartbeat-reply": frame {
            ItemsReply.write(
                to: .heartbeat, correlation: 4,
                answers: [ItemAnswer(mustStop: true, remainingMilliseconds: 30_000)], into: &$0)
        },
        "ack": frame { TokenRequest.write(.ack, correlation: 5, tokens: [token], into: &$0) },
        "ack-reply": frame {
            ItemsReply.write(
                to: .ack, correlation: 5, answers: [ItemAnswer(isLate: true)], into: &$0)
        },
        "ack-lease": frame {
            AckLeaseRequest.write(
                correlation: 6, tokens: [token],
                order: LeaseOrder(count: 1, durationMilliseconds: 60_000), queue: "images",
                into: &$0)
        },
        "ack-lease-reply": frame { buffer in
            let writer = LeaseReplyWriter(
                correlation: 6, answers: [ItemAnswer(refusal: .leaseLost)], into: &buffer)
            writer.finish(in: &buffer)
        },
        "nack": withBytes("oops") { error in
            frame {
                NackRequest.write(
                    correlation: 7, delayMilliseconds: 5_000, error: error, tokens: [token],
                    into: &$0)
            }
        },
        "refusal": frame {
            RefusalReply(code: .unknownQueue, message: #"there is no queue "image"."#)
                .write(correlation: 8, into: &$0)
        },
    ]

    /// Requests beside the examples, by name.
    static let requests: [String: [UInt8]] = [
        "ping": frame { EmptyFrame.write(.ping, correlation: 9, into: &$0) },
        "goodbye": frame { EmptyFrame.write(.goodbye, correlation: 9, into: &$0) },
        "status": frame { EmptyFrame.write(.status, correlation: 9, into: &$0) },
        "enqueue-three": enqueue(sequence: .max, count: 3),
        "release": frame {
            TokenRequest.write(
                .release, correlation: 9, tokens: [token, otherToken], into: &$0)
        },
        "reject": withBytes("no such file") { reason in
            frame {
                RejectRequest.write(
                    correlation: 9, reason: reason, tokens: [token, otherToken], into: &$0)
            }
        },
        "extend": frame {
            ExtendRequest.write(
                correlation: 9, durationMilliseconds: 90_000, tokens: [token, otherToken],
                into: &$0)
        },
        "heartbeat-two": frame { buffer in
            var writer = HeartbeatWriter(
                correlation: 9, durationMilliseconds: 5_000, into: &buffer)
            writer.append(token, into: &buffer)
            writer.append(otherToken, checkpoint: [], into: &buffer)
            writer.finish(in: &buffer)
        },
        "cancel-wait": frame { CancelWaitRequest.write(correlation: 9, waiting: 3, into: &$0) },
        "job-show": frame { JobShowRequest.write(correlation: 9, id: id, into: &$0) },
        "job-list": frame {
            JobListRequest.write(
                correlation: 9, queue: "images", state: .dead, limit: 10, after: 41, into: &$0)
        },
        "job-cancel": frame {
            JobCancelRequest.write(correlation: 9, ids: [id, otherID], into: &$0)
        },
        "redrive-jobs": frame {
            RedriveRequest.write(correlation: 9, ids: [id, otherID], into: &$0)
        },
        "redrive-queue": frame {
            RedriveRequest.write(correlation: 9, queue: "images", limit: 100, into: &$0)
        },
        "queue-create": frame {
            QueuePolicyRequest.write(
                .queueCreate, correlation: 9, queue: "images", policy: policy, into: &$0)
        },
        "queue-set": frame {
            QueuePolicyRequest.write(
                .queueSet, correlation: 9, queue: "images", policy: policy, into: &$0)
        },
        "queue-delete": frame {
            QueueNameRequest.write(.queueDelete, correlation: 9, queue: "images", into: &$0)
        },
        "queue-show": frame {
            QueueNameRequest.write(.queueShow, correlation: 9, queue: "bücher", into: &$0)
        },
        "queue-list": frame {
            QueueListRequest.write(correlation: 9, limit: 5, after: "a", into: &$0)
        },
    ]

    /// Replies beside the examples, by name.
    static let replies: [String: [UInt8]] = [
        "ping-reply": frame { EmptyFrame.writeAnswer(to: .ping, correlation: 9, into: &$0) },
        "enqueue-duplicate-reply": frame {
            EnqueueReply.write(
                correlation: 9, firstLSN: 42, count: 3, key: StoreKey(low: 1, high: 2),
                isDuplicate: true, into: &$0)
        },
        "nack-reply": frame {
            ItemsReply.write(to: .nack, correlation: 9, answers: answers, into: &$0)
        },
        "ack-lease-jobs-reply": withDeliveredJob { job in
            frame { buffer in
                var writer = LeaseReplyWriter(correlation: 9, answers: answers, into: &buffer)
                writer.append(job, into: &buffer)
                writer.append(job, into: &buffer)
                writer.finish(in: &buffer)
            }
        },
        "job-show-reply": frame {
            JobShowReply(
                report: report, attemptCountMax: 3, leaseRemainingMilliseconds: 1,
                queue: "images", lastError: "oops", checkpoint: [1, 2, 3], content: content
            ).write(correlation: 9, into: &$0)
        },
        "job-list-reply": frame {
            JobListReply(next: 43, jobs: [report, JobReport(id: otherID, state: .ready)])
                .write(correlation: 9, into: &$0)
        },
        "redrive-reply": frame {
            RedriveReply.write(
                correlation: 9, redrivenCount: 2, answers: answers, into: &$0)
        },
        "queue-create-reply": frame {
            QueueCreateReply.write(correlation: 9, isDuplicate: true, into: &$0)
        },
        "queue-show-reply": frame { queue.write(correlation: 9, into: &$0) },
        "queue-list-reply": frame {
            QueueListReply(
                hasMore: true, queues: [queue, QueueReport(name: "z", policy: .standard)]
            ).write(correlation: 9, into: &$0)
        },
        "status-reply": frame {
            StatusReply(entries: [
                .init("version", .text("0.1.0")), .init("segments", .number(12)),
            ]).write(correlation: 9, into: &$0)
        },
    ]

    static let all = examples.merging(requests) { one, _ in one }.merging(replies) { one, _ in one }
}
