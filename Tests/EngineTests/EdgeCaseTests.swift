import HoldfastEngine
import HoldfastModel
import Testing

/// The edge cases of the vocabulary's table (docs/vocabulary.md), one test each.
@Suite struct EdgeCaseTests {
    @Test("ack after the lease expired, nobody else has the job: accepted, late")
    func lateAck() {
        check(
            """
            enqueue a
            lease           | a:1#1
            pass 30016
            expire          | 1
            show a          | ready v1 1/0/1/0
            ack a           | ok+late
            show a          | done
            counts          | 0 0 0 0
            lease           |
            ack a           | ok+duplicate
            """)
    }

    @Test(
        "ack, nack, release, reject, extend, heartbeat after the job was leased to somebody else: lease_lost"
    )
    func leasedToSomebodyElse() {
        check(
            """
            enqueue a
            lease           | a:1#1
            pass 30016
            expire          | 1
            lease owner=2   | a:2#2
            ack a:1         | lease_lost
            nack a:1        | lease_lost
            release a:1     | lease_lost
            reject a:1      | lease_lost
            extend a:1      | lease_lost+stop
            heartbeat a:1   | lease_lost+stop
            show a          | leased v2 2/0/1/0
            ack a:2         | ok
            """)
    }

    @Test("extend or heartbeat after expiry: lease_lost")
    func extendAfterExpiry() {
        check(
            """
            enqueue a
            lease           | a:1#1
            pass 30016
            expire          | 1
            extend a        | lease_lost+stop
            heartbeat a     | lease_lost+stop
            nack a          | lease_lost
            show a          | ready v1 1/0/1/0
            """)
    }

    @Test("same ack twice: ok while among the last acks, later already_done")
    func sameAckTwice() {
        check(
            """
            enqueue a b c d e
            lease count=5   | a:1#1 b:1#1 c:1#1 d:1#1 e:1#1
            ack a           | ok
            ack a           | ok+duplicate
            ack b c d       | ok ok ok
            ack a           | ok+duplicate
            ack e           | ok
            ack a           | already_done
            ack b           | ok+duplicate
            nack b          | already_done
            restart
            ack a           | already_done
            ack b           | ok+duplicate
            """, configure: { $0.recentAckCount = 4 })
    }

    @Test("a stale worker's ack is lease_lost, never taken for a repeat")
    func staleAckOfDoneJob() {
        check(
            """
            enqueue a
            lease           | a:1#1
            release a       | ok
            lease           | a:3#1
            ack a           | ok
            ack a:1         | lease_lost
            nack a:1        | lease_lost
            ack a:3         | ok+duplicate
            """)
    }

    @Test("the same token twice in one ack: the second is a repeat")
    func sameTokenTwiceInOneAck() {
        check(
            """
            enqueue a b
            lease count=2   | a:1#1 b:1#1
            ack a a b       | ok ok+duplicate ok
            enqueue c d
            lease count=2   | c:1#1 d:1#1
            nack c c delay=0 | ok lease_lost
            release d d     | ok lease_lost
            lease count=2   | c:3#2 d:3#1
            pass 30016
            expire          | 2
            ack c c         | ok+late ok+duplicate
            """)
    }

    @Test(
        "ack of an expired delivery whose job went to dead letter: accepted while dead by that version"
    )
    func lateAckOfDeadJob() {
        check(
            """
            create q attempts=1
            enqueue a b
            lease count=2   | a:1#1 b:1#1
            pass 30016
            expire          | 2
            show a b        | dead v1 1/0/1/0 attempts_used_up, dead v1 1/0/1/0 attempts_used_up
            ack a           | ok+late
            redrive b       | ok
            ack b           | lease_lost
            show a b        | done, ready v2 0/0/0/0
            """)
    }

    @Test("a job that its own worker gave up is not acked any more")
    func ackAfterNack() {
        check(
            """
            create q attempts=1
            enqueue a b c
            lease count=3   | a:1#1 b:1#1 c:1#1
            nack a          | ok
            reject b        | ok
            release c       | ok
            ack a b c       | lease_lost lease_lost lease_lost
            """)
    }

    @Test("token of another store, queue or job; made-up token: unknown_lease")
    func unknownLease() {
        let rig = EngineRig()
        let lsn = rig.enqueue(rig.queue("q"))
        let delivery = try! rig.lease(rig.queue("q"))[0]
        let token = rig.token(lsn, delivery.version)
        let other = StoreKey(low: 7, high: 9)
        let unknown = [
            other.leaseToken(lsn, version: 1),
            LeaseToken(lsn: lsn, version: 2, check: token.check),
            LeaseToken(lsn: lsn + 1, version: 1, check: token.check),
            LeaseToken(lsn: lsn, version: 1, check: token.check ^ 1),
            rig.token(1 << 40, 1), rig.token(.max, .max), rig.token(0, 1), rig.token(lsn, 0),
        ]
        let before = rig.engine.canonicalDump()
        for token in unknown {
            #expect(rig.ack([token]).map(\.code) == [.unknownLease])
            #expect(rig.nack([token]).map(\.code) == [.unknownLease])
            #expect(rig.release([token]).map(\.code) == [.unknownLease])
            #expect(rig.reject([token]).map(\.code) == [.unknownLease])
            #expect(rig.extend([token], duration: 0).map(\.code) == [.unknownLease])
            #expect(rig.heartbeat(token).code == .unknownLease)
        }
        #expect(rig.engine.canonicalDump() == before)
        #expect(rig.ack([token]).map(\.code) == [nil])
    }

    @Test("extend counts from now and never shortens")
    func extend() {
        check(
            """
            enqueue a
            lease duration=10000 | a:1#1
            pass 4000
            extend a duration=1000  | ok+6000
            extend a duration=10000 | ok+10000
            extend a duration=20000 | ok+20000
            pass 16000
            expire          | 0
            extend a        | ok+20000
            pass 20016
            expire          | 1
            """)
    }

    @Test("connection lost while leased: the lease is not shortened, the cause is an interruption")
    func interruption() {
        check(
            """
            enqueue a b
            lease owner=2   | a:1#1
            lease owner=1   | b:1#1
            disconnect 2
            pass 29000
            expire          | 0
            heartbeat a     | ok+30000
            pass 1016
            expire          | 1
            show b          | ready v1 1/0/1/0
            disconnect 1
            pass 29000
            expire          | 1
            show a          | ready v1 1/1/0/0
            """)
    }

    @Test("interruptions have a limit of their own")
    func interruptionLimit() {
        check(
            """
            create q interruptions=2
            enqueue a
            disconnect 1
            lease           | a:1#1
            pass 30016
            expire          | 1
            lease           | a:2#2
            pass 30016
            expire          | 1
            show a          | dead v2 2/2/0/0 interruptions_used_up
            """)
    }

    @Test("the worker's goodbye: unstarted leases are released at once, no attempt spent")
    func goodbye() {
        check(
            """
            enqueue a b
            lease count=2   | a:1#1 b:1#1
            release b       | ok
            show b          | ready v2 0/0/0/1
            lease           | b:3#1
            """)
    }

    @Test("broker restart: leases survive with their tokens and get their full duration again")
    func restart() {
        check(
            """
            enqueue a b
            lease duration=10000 count=2 | a:1#1 b:1#1
            extend b duration=20000      | ok+20000
            pass 9008
            restart
            pass 9008
            expire          | 0
            ack a           | ok
            pass 1008
            expire          | 0
            pass 10000
            expire          | 1
            show b          | ready v1 1/1/0/0
            """)
    }

    @Test("after a restart the worker that has the token is the owner again")
    func ownerAfterRestart() {
        check(
            """
            enqueue a
            lease owner=1   | a:1#1
            restart
            heartbeat a owner=1 | ok+30000
            pass 30016
            expire          | 1
            show a          | ready v1 1/0/1/0
            """)
    }

    @Test("attempts are counted with the lease: a worker that dies each time uses them up")
    func attemptsCountedWithTheLease() {
        check(
            """
            create q attempts=3
            enqueue a
            disconnect 1
            lease           | a:1#1
            show a          | leased v1 1/0/0/0
            restart
            show a          | leased v1 1/0/0/0
            pass 30016
            expire          | 1
            lease           | a:2#2
            pass 30016
            expire          | 1
            lease           | a:3#3
            pass 30016
            expire          | 1
            show a          | dead v3 3/3/0/0 attempts_used_up
            """)
    }

    @Test("attempts = deliveries − releases − undelivered")
    func attemptsArithmetic() {
        check(
            """
            create q attempts=2
            enqueue a
            lease           | a:1#1
            release a       | ok
            lease           | a:3#1
            undelivered a
            lease           | a:4#1
            nack a delay=0  | ok
            lease           | a:6#2
            undelivered a
            lease           | a:7#2
            release a       | ok
            lease           | a:9#2
            show a          | leased v9 2/0/0/2
            nack a          | ok
            show a          | dead v10 2/0/0/2 attempts_used_up
            """)
    }

    @Test("attempts used up: dead at the failing transition, same id, with the last error")
    func attemptsUsedUp() {
        check(
            """
            enqueue a attempts=1
            lease           | a:1#1
            heartbeat a checkpoint=half | ok+30000
            nack a error=boom | ok
            show a          | dead v2 1/0/0/0 attempts_used_up boom
            counts          | 0 0 0 1
            redrive a       | ok
            lease           | a:4#1(half)
            """)
    }

    @Test("a job's own maximum of attempts outranks the queue's")
    func ownAttemptLimit() {
        check(
            """
            create q attempts=1
            enqueue a attempts=2
            enqueue b
            lease count=2   | a:1#1 b:1#1
            nack a b delay=0 | ok ok
            show a b        | ready v2 1/0/0/0, dead v2 1/0/0/0 attempts_used_up
            """)
    }

    @Test("lease of 0 is the queue's default; 1 to 999 ms and beyond 12 h are errors")
    func leaseBounds() {
        check(
            """
            enqueue a
            lease duration=1        | bad_argument
            lease duration=999      | bad_argument
            lease duration=43200001 | bad_argument
            lease duration=4294967295 | bad_argument
            show a                  | ready v0 0/0/0/0
            lease duration=1000     | a:1#1
            extend a duration=999   | bad_argument
            extend a duration=43200001 | bad_argument
            extend a duration=43200000 | ok+43200000
            """)
    }

    @Test("order: first in, first leased; retries go to the front")
    func order() {
        check(
            """
            enqueue a b c d
            lease count=2   | a:1#1 b:1#1
            nack b delay=0  | ok
            release a       | ok
            lease count=4   | b:3#2 a:3#1 c:1#1 d:1#1
            nack c delay=1000 | ok
            enqueue e
            pass 1000
            lease count=2   | c:3#2 e:1#1
            """)
    }

    @Test("priorities: higher first, and every eighth grant goes to the oldest head")
    func priorities() {
        check(
            """
            enqueue old
            pass 1000
            enqueue h1 h2 h3 h4 h5 h6 h7 h8 h9 priority=15
            enqueue m priority=7
            lease count=7   | h1:1#1 h2:1#1 h3:1#1 h4:1#1 h5:1#1 h6:1#1 h7:1#1
            lease           | old:1#1
            lease count=3   | h8:1#1 h9:1#1 m:1#1
            enqueue x
            enqueue i1 i2 i3 i4 i5 i6 priority=3
            lease count=9   | i1:1#1 i2:1#1 i3:1#1 i4:1#1 x:1#1 i5:1#1 i6:1#1
            """)
    }

    @Test("any refused request has had no effect")
    func refusedWithoutEffect() {
        check(
            """
            enqueue a priority=16           | bad_argument
            enqueue a delay=31622400001     | bad_argument
            enqueue a delay=18446744073709551615 | bad_argument
            enqueue a attempts=1000001      | bad_argument
            enqueue a
            lease count=1   | a:1#1
            nack a delay=31622400001        | bad_argument
            nack a delay=18446744073709551615 | bad_argument
            redrive a       | wrong_state
            delete q        | queue_not_empty
            set q attempts=0 | bad_argument
            create q attempts=3 | queue_exists
            show a          | leased v1 1/0/0/0
            nack a delay=31622400000        | ok
            show a          | delayed v2 1/0/0/0 +31622400000
            """)
    }

    @Test("job id of a job that is done: done; an id that never was: unknown_job")
    func jobIDs() {
        check(
            """
            enqueue a
            lease           | a:1#1
            ack a           | ok
            show a          | done
            cancel a        | already_done
            redrive a       | already_done
            """)
        let rig = EngineRig()
        let lsn = rig.enqueue(rig.queue("q"))
        for id in [
            rig.id(lsn + 1), rig.id(.max), rig.id(0),
            JobID(lsn: lsn, check: rig.id(lsn).check ^ 1),
        ] {
            #expect(rig.cancel([id]).map(\.code) == [.unknownJob])
            #expect(rig.redrive([id]).map(\.code) == [.unknownJob])
            #expect(throws: (any Error).self) { try rig.job(id) }
        }
    }
}
