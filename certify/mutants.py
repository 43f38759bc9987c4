"""Small breaks of the product, as data. The certificate must be red on each of them, in the right count."""

from typing import Final

from certify.counts import Violation
from certify.mutant import Layer, Mutant
from certify.plan import Store
from certify.product import Edit
from certify.scenarios import Kind

RELAY: Final = "chalicelib/api/relay.py"
READS: Final = "chalicelib/api/reads.py"
RULES: Final = "chalicelib/jobs/rules.py"
MODEL: Final = "chalicelib/jobs/model.py"
ADMISSION: Final = "chalicelib/api/admission.py"
ANSWERS: Final = "chalicelib/api/payloads/answers.py"
CHARGING: Final = "chalicelib/api/charging.py"
OBJECTS: Final = "chalicelib/objects/s3.py"
OBJECT_KEYS: Final = "chalicelib/objects/keys.py"
SQLITE: Final = "chalicelib/ledger/sqlite.py"
DYNAMODB: Final = "chalicelib/ledger/dynamodb.py"
RUNNER: Final = "chalicelib/worker/runner.py"
PUBLISHER: Final = "chalicelib/publisher/publisher.py"
FENCING: Final = "chalicelib/publisher/fencing.py"
SCHEMA: Final = "graphql/schema.graphql"
FILTER: Final = "graphql/resolvers/Subscription.onInferenceStatusChange.js"
LIST_FILTER: Final = "graphql/resolvers/Subscription.onMyInferences.js"
TYPESCRIPT_VIEW: Final = "clients/typescript/src/view.ts"

APPEND: Final = "if self.ledger.append(job):"
HIDDEN: Final = "if head is None or head.owner != owner or head.deleted_at is not None:"
NO_TRANSITION: Final = Edit(RULES, "if change.status not in NEXT[head.status]:", "if False:")
NO_LEASE: Final = Edit(
    MODEL, "return self.status is Status.PROCESSING and self.wait is None and now - self.updated_at < lease",
    "return False",
)  # fmt: skip


MUTANTS: Final = (
    # Reads and pushes without their owner.
    Mutant("getInference answers everybody", Layer.RELAY, Violation.FOREIGN_READS,
           (Edit(READS, f"{HIDDEN}\n            return None",
                 "if head is None or head.deleted_at is not None:\n            return None"),),
           (Kind.EAVESDROPPED,)),
    Mutant("listInferences lists everybody's jobs", Layer.LEDGER, Violation.FOREIGN_READS,
           (Edit(SQLITE, "WHERE owner = ? AND expires_at", "WHERE (owner = ? OR 1) AND expires_at"),),
           (Kind.EAVESDROPPED,)),
    Mutant("inferenceEvents answers everybody", Layer.RELAY, Violation.FOREIGN_READS,
           (Edit(READS, "if record.owner != owner or record.deleted_at is not None:",
                 "if record.deleted_at is not None:"),),
           (Kind.EAVESDROPPED,)),
    Mutant("onInferenceStatusChange pushes to everybody", Layer.RESOLVERS, Violation.FOREIGN_EVENTS,
           (Edit(FILTER, ', "audience.owner": { eq: owner }', ""),),
           (Kind.EAVESDROPPED,)),
    Mutant("onMyInferences pushes everybody's jobs", Layer.RESOLVERS, Violation.FOREIGN_EVENTS,
           (Edit(LIST_FILTER, '{ "audience.owner": { eq: owner } }', "{}"),),
           (Kind.EAVESDROPPED,)),
    # Writes without their rule.
    Mutant("anybody may cancel", Layer.RELAY, Violation.FOREIGN_READS,
           (Edit(READS, f"{HIDDEN}\n        raise",
                 "if head is None or head.deleted_at is not None:\n        raise"),),
           (Kind.EAVESDROPPED,)),
    Mutant("anybody may delete", Layer.RELAY, Violation.FOREIGN_READS,
           (Edit(RELAY, "if head.owner != owner:\n", "if False:\n"),),
           (Kind.EAVESDROPPED,)),
    Mutant("anybody may start a job again", Layer.RULES, Violation.FOREIGN_READS,
           (Edit(RULES, "if existing.owner != opened.owner or not is_same:", "if not is_same:"),),
           (Kind.EAVESDROPPED,)),
    Mutant("anybody may report a status", Layer.RESOLVERS, Violation.FOREIGN_READS,
           (Edit(SCHEMA, "updateStatus(input: UpdateStatusInput!): InferenceStatus! @aws_iam",
                 "updateStatus(input: UpdateStatusInput!): InferenceStatus! @aws_iam @aws_lambda"),
            Edit(RELAY, "case UpdateStatus(update), Backend():", "case UpdateStatus(update), _:")),
           (Kind.EAVESDROPPED,)),
    Mutant("a start with other input is the same start", Layer.RULES, Violation.JOBS_LOST,
           (Edit(RULES, "if existing.owner != opened.owner or not is_same:", "if existing.owner != opened.owner:"),),
           (Kind.OTHER_INPUT,)),
    Mutant("updates of any attempt are taken", Layer.RULES, Violation.BYTES_DIFFERENT,
           (Edit(RULES, "or head.attempt != update.attempt or head.wait", "or head.wait"),),
           (Kind.IMPERSONATED,)),
    Mutant("leases are ignored", Layer.RULES, Violation.LEASES_BROKEN,
           (NO_LEASE,),
           (Kind.REPEATED_START,)),
    Mutant("any status may follow any other", Layer.RULES, Violation.JOBS_ENDED_TWICE,
           (NO_TRANSITION,),
           (Kind.IMPERSONATED,)),
    Mutant("workers may write after the end", Layer.RULES, Violation.JOBS_ENDED_TWICE,
           (NO_TRANSITION,
            Edit(RULES, "if head.status.is_terminal or head.attempt != update.attempt",
                 "if head.attempt != update.attempt")),
           (Kind.IMPERSONATED,)),
    Mutant("an end for an older state is taken", Layer.RULES, Violation.JOBS_LOST,
           (Edit(RULES, "if update.sequence is not None and update.sequence != head.sequence + 1:", "if False:"),),
           (Kind.IMPERSONATED,)),
    Mutant("the end of any invocation is taken", Layer.RULES, Violation.JOBS_LOST,
           (Edit(RULES, "return head.request_id == update.request_id", "return True"),),
           (Kind.IMPERSONATED,)),
    Mutant("repeated updates are written twice", Layer.RULES, Violation.BYTES_DIFFERENT,
           (Edit(RULES, "if record.update_id == update.update_id:", "if False:"),),
           (Kind.PLAIN,), faults="lost_answer=0.3"),
    Mutant("records are overwritten", Layer.LEDGER, Violation.BYTES_DIFFERENT,
           (Edit(SQLITE, "INSERT OR IGNORE INTO log", "INSERT OR REPLACE INTO log"),
            Edit(RELAY, "job = charge(decided, update)",
                 '__import__("time").sleep(0.1)\n                    job = charge(decided, update)')),
           (Kind.CANCEL,), jobs=16, or_else=(Violation.EVENTS_MISSING, Violation.JOBS_STUCK)),
    Mutant("the quota is ignored", Layer.RELAY, Violation.QUOTA_DRIFT,
           (Edit(ADMISSION, "    if ledger.admit(opened.owner, opened.job_id, limit=quota):\n        return\n",
                 "    if ledger.admit(opened.owner, opened.job_id, limit=100 * quota):\n        return\n"),),
           (Kind.PLAIN,)),
    Mutant("ended jobs count against the quota", Layer.LEDGER, Violation.QUOTA_DRIFT,
           (Edit(SQLITE, "if written and job.status.is_terminal:", "if False:"),),
           (Kind.PLAIN,)),
    # The log and its pushes.
    Mutant("a push comes before its record", Layer.RELAY, Violation.BYTES_DIFFERENT,
           (Edit(RELAY, APPEND,
                 'later = __import__("threading").Timer(0.3, self.ledger.append, [job])\n'
                 "                    if (job.delta and not later.start()) or self.ledger.append(job):"),),
           (Kind.PLAIN,)),
    Mutant("a push has the id of another job", Layer.RELAY, Violation.BYTES_DIFFERENT,
           (Edit(ANSWERS, "class ErrorEntry(TypedDict):", "latest: list[str] = []\n\n\nclass ErrorEntry(TypedDict):"),
            Edit(ANSWERS, '    rendered["audience"] = {"owner": job.owner}\n',
                 '    rendered["audience"] = {"owner": job.owner}\n'
                 "    latest.append(job.job_id)\n"
                 '    rendered["jobId"] = latest[-6:][0] if job.delta else job.job_id\n')),
           (Kind.PLAIN,), jobs=8),
    Mutant("some records are not written", Layer.RELAY, Violation.BYTES_DIFFERENT,
           (Edit(RELAY, APPEND,
                 'if (job.delta and __import__("random").random() < 0.2) or self.ledger.append(job):'),),
           (Kind.PLAIN,)),
    Mutant("records are written twice", Layer.RELAY, Violation.BYTES_DIFFERENT,
           (Edit(RELAY, APPEND,
                 "again = replace(job, sequence=job.sequence + 1)\n"
                 "                    if self.ledger.append(job) and (not job.delta or self.ledger.append(again)):"),),
           (Kind.PLAIN,)),
    Mutant("output of a dead attempt is kept", Layer.RULES, Violation.BYTES_DIFFERENT,
           (Edit(RULES, "output_kept=head.checkpoint_size if goes_on else None", "output_kept=head.output_size"),),
           (Kind.CRASH_ONCE,)),
    Mutant("an attempt continues from the checkpoint before the newest", Layer.RELAY, Violation.BYTES_DIFFERENT,
           (Edit(RELAY, "(record,) = self.ledger.read(job.job_id, after=job.checkpoint_sequence - 1, limit=1)",
                 "record = [it for it in self.ledger.read(job.job_id, after=0, limit=1000) if it.checkpoint][-2]"),),
           (Kind.HANDED_OVER,)),
    Mutant("the list leaves out the newest job", Layer.RELAY, Violation.LISTS_DIFFERENT,
           (Edit(READS, 'return {"items": items, "nextToken"', 'return {"items": items[1:], "nextToken"'),),
           (Kind.PLAIN,)),
    # Deletion and expiry.
    Mutant("a deletion leaves older records", Layer.LEDGER, Violation.LEFT_AFTER_DELETE,
           (Edit(SQLITE, "for sequence in range(1, tombstone.sequence + 1)",
                 "for sequence in range(tombstone.sequence, tombstone.sequence + 1)"),),
           (Kind.DELETED,)),
    Mutant("a deletion leaves the row of the list", Layer.LEDGER, Violation.LEFT_AFTER_DELETE,
           (Edit(SQLITE, 'owner = job.owner if job.deleted_at is None else ""', "owner = job.owner"),),
           (Kind.DELETED,)),
    Mutant("a deletion leaves the index by owner of DynamoDB", Layer.LEDGER, Violation.LEFT_AFTER_DELETE,
           (Edit(DYNAMODB, 'removed = "activity, #owner, created"', 'removed = "activity"'),
            Edit(DYNAMODB, "if job.deleted_at is None:\n            sets", "if True:\n            sets")),
           (Kind.DELETED,), store=Store.DYNAMODB),
    Mutant("a deletion leaves stored results", Layer.OBJECTS, Violation.LEFT_AFTER_DELETE,
           (Edit(OBJECT_KEYS, "for folder in (INPUTS, RESULTS))", "for folder in (INPUTS,))"),),
           (Kind.DELETED_OBJECTS,)),
    Mutant("a deletion leaves uploads", Layer.OBJECTS, Violation.LEFT_AFTER_DELETE,
           (Edit(OBJECTS, "keys = [upload_key(owner, upload_id) for upload_id in uploads]", "keys: list[str] = []"),),
           (Kind.DELETED_OBJECTS,)),
    Mutant("an expired job is still served", Layer.LEDGER, Violation.LEFT_AFTER_DELETE,
           (Edit(SQLITE, "WHERE job_id = ? AND expires_at > ? ORDER BY sequence DESC",
                 "WHERE job_id = ? AND (expires_at > ? OR 1) ORDER BY sequence DESC"),),
           (Kind.EXPIRING,)),
    # Bills.
    Mutant("a bill forgets the attempts before", Layer.BILLING, Violation.BILL_DIFFERENT,
           (Edit(CHARGING, "before = job.used + Counts(invocations=1) + _of_the_log(own)",
                 "before = Counts(invocations=1) + _of_the_log(own)"),),
           (Kind.CRASH_ONCE,)),
    Mutant("a bill forgets the worker's time", Layer.BILLING, Violation.BILL_DIFFERENT,
           (Edit(CHARGING, "worker_time=meter.milliseconds * meter.megabytes", "worker_time=0"),),
           (Kind.PLAIN,)),
    # Workers.
    Mutant("a delta is cut inside a character", Layer.WORKER, Violation.BYTES_DIFFERENT,
           (Edit("chalicelib/publisher/text.py", "while limit > 0 and encoded[limit] & 0xC0 == 0x80:", "while False:"),
            Edit("chalicelib/publisher/text.py", "SPLIT: Final = 65_536", "SPLIT: Final = 31"),
            Edit("chalicelib/publisher/text.py", "len(json.dumps(piece.decode(), ensure_ascii",
                 'len(json.dumps(piece.decode(errors="replace"), ensure_ascii'),
            Edit("chalicelib/publisher/coalescing.py", "delta=delta.decode() or None",
                 'delta=delta.decode(errors="replace") or None')),
           (Kind.PLAIN,)),
    Mutant("a worker dies in every second job", Layer.WORKER, Violation.UNEXPLAINED_FAILURES,
           (Edit(RUNNER, '_report("job_claimed", work.job_id, claim.attempt, Status.PROCESSING)',
                 'if int(work.job_id[0], 16) % 2:\n                __import__("os")._exit(9)'),),
           (Kind.PLAIN,), jobs=8),
    Mutant("a worker does not hear of a cancel", Layer.WORKER, Violation.LATE_TERMINAL,
           (Edit(FENCING, " or (answer.status.is_terminal and answer.status is not reported):", ":"),),
           (Kind.CANCEL,)),
    Mutant("a hand-over runs twice", Layer.WORKER, Violation.LEASES_BROKEN,
           (NO_LEASE,
            Edit(PUBLISHER, "            await self._deliver(DispatchNext(self._job_id, self._attempt))\n",
                 "            await self._deliver(DispatchNext(self._job_id, self._attempt))\n"
                 "            await self._deliver(DispatchNext(self._job_id, self._attempt))\n")),
           (Kind.HANDED_OVER,)),
    # Ends.
    Mutant("a cancel does nothing", Layer.RULES, Violation.LATE_TERMINAL,
           (Edit(RULES, "    if head.status.is_terminal:\n        return Unchanged(head)\n    return Append(",
                 "    if True:\n        return Unchanged(head)\n    return Append("),),
           (Kind.CANCEL_PENDING,)),
    Mutant("the watchdog does nothing", Layer.SUPERVISION, Violation.JOBS_STUCK,
           (Edit("chalicelib/supervision/supervisor.py",
                 "        if diagnose(summary, self._thresholds, now=self._now) is None:\n",
                 "        if True:\n"),),
           (Kind.CUT_OFF,), patience=45.0),
    # The Python client.
    Mutant("a client steps over a gap", Layer.CLIENT, Violation.EVENTS_MISSING,
           (Edit("longcall/view.py", "view.held[0].sequence != view.sequence + 1",
                 "view.held[0].sequence <= view.sequence"),),
           (Kind.PLAIN,), faults="drop=0.3"),
    Mutant("a client reads one page of the log instead of all", Layer.CLIENT, Violation.LATE_TERMINAL,
           (Edit("longcall/watch.py", "self._is_reading = bool(found) and (self._is_reading or self._gap is None)",
                 "self._is_reading = False"),
            Edit("longcall/reading.py", "PAGE: Final = 1_000", "PAGE: Final = 1")),
           (Kind.WATCHERS,), events=20, patience=150.0),
    Mutant("a client does not renew a refused token", Layer.CLIENT, Violation.CLIENT_ERRORS,
           (Edit("longcall/authorization.py", "        authorization.refused(headers)\n", ""),),
           (Kind.SHORT_TOKEN,), faults="drop=0.6", patience=30.0),
    Mutant("a client's list stays as it was first read", Layer.CLIENT, Violation.LISTS_DIFFERENT,
           (Edit("longcall/job_list.py", "return _with_jobs(left, read.jobs)",
                 "return left if before.jobs else _with_jobs(left, read.jobs)"),),
           (Kind.PLAIN,), faults="drop=0.5"),
    Mutant("a client's list goes back to an older state", Layer.CLIENT, Violation.EVENTS_OUT_OF_ORDER,
           (Edit("longcall/job_list.py", "known.sequence < event.sequence", "known.sequence != event.sequence"),),
           (Kind.PLAIN,), faults="reorder=0.5,duplicate=0.3"),
    # The TypeScript client.
    Mutant("the TypeScript client steps over a gap", Layer.TYPESCRIPT_CLIENT, Violation.EVENTS_MISSING,
           (Edit(TYPESCRIPT_VIEW, "if (next?.sequence !== view.sequence + 1) return null;",
                 "if (next === undefined || next.sequence <= view.sequence) return null;"),),
           (Kind.WATCHERS,), faults="drop=0.3"),
    Mutant("the TypeScript client loses the output of an early event", Layer.TYPESCRIPT_CLIENT,
           Violation.BYTES_DIFFERENT,
           (Edit(TYPESCRIPT_VIEW, 'kept + (next.delta ?? "")', 'kept + (rest.length > 0 ? "" : (next.delta ?? ""))'),),
           (Kind.WATCHERS,), faults="drop=0.3,reorder=0.3"),
)  # fmt: skip

# The product itself, with all kinds of jobs that mutants meet: no count may be above zero.
CONTROL: Final = Mutant(
    "none: the product as it is", Layer.RELAY, Violation.JOBS_LOST, (), tuple(dict.fromkeys(Kind)), jobs=len(Kind)
)
SAMPLE: Final = ("inferenceEvents answers everybody", "some records are not written", "a deletion leaves older records")
