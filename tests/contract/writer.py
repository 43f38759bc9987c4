"""A process that writes to one job's log as fast as it can, through the relay, beside others that do the same.

Arguments: ledger location, job id, the writer's name, how many updates. Prints the attempt it was granted and the
sequences it was answered, as JSON.
"""

import contextlib
import json
import sys
from datetime import timedelta

from chalicelib.api.relay import Relay
from chalicelib.jobs.dispatch import Payload
from chalicelib.jobs.errors import InvalidTransition
from chalicelib.jobs.model import Change, Claim, JobId, OperatorUpdate, Status, WorkerUpdate
from chalicelib.jobs.rules import Lease
from chalicelib.ledger import open_ledger


def main(location: str, job_id: JobId, name: str, count: int) -> None:
    relay = Relay(
        ledger=open_ledger(location), retention=timedelta(days=7), quota=10, lease=Lease(duration=timedelta(0))
    )
    notes = []
    with contextlib.suppress(InvalidTransition):  # another writer may have ended the job meanwhile
        for number in range(count):
            note = Change(Status.PROCESSING, message=f"{name} note {number}")
            notes.append(relay.update(OperatorUpdate(job_id, f"{name}-note-{number}", note))["sequence"])
    claimed: Payload = relay.update(Claim(job_id, request_id=name, update_id=f"{name}-claim"))
    attempt, sequence = claimed["attempt"], claimed["sequence"]
    written = []
    for number in range(count if "claimed" in claimed else 0):
        change = Change(Status.PROCESSING, delta=f"[{name} {number}]")
        update = WorkerUpdate(job_id, attempt, sequence + 1, f"{name}-{number}", change)
        answer: Payload = relay.update(update)
        if answer["attempt"] != attempt or answer["status"] != "PROCESSING":
            break
        sequence = answer["sequence"]
        written.append(sequence)
        assert relay.update(update)["sequence"] == sequence, "an update that is sent again is written once"
    ended = Change(Status.COMPLETED, result=name)
    last = relay.update(WorkerUpdate(job_id, attempt, sequence + 1, f"{name}-end", ended))
    print(json.dumps({"attempt": attempt, "notes": notes, "written": written, "ended": last["result"]}))  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1], JobId(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
