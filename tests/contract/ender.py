"""A process that ends one job while others write to its log: as its owner, who cancels it, or as sweeps, which fail it.

Arguments: ledger location, job id, `cancel` or `sweep`. Waits for a claim; prints the status that the log ended with,
as it was answered.
"""

import json
import sys
from datetime import timedelta
from typing import Any

from chalicelib.api.relay import Relay
from chalicelib.jobs.model import Job, JobId, OperatorUpdate
from chalicelib.jobs.rules import Lease
from chalicelib.ledger import open_ledger, utc_now
from chalicelib.supervision.diagnosis import Thresholds, diagnose
from tests.contract.jobs import ADA

NO_SILENCE = Thresholds(redispatch=timedelta(0), never_started=timedelta(0), stalled=timedelta(0))


def main(location: str, job_id: JobId, how: str) -> None:
    relay = Relay(
        ledger=open_ledger(location), retention=timedelta(days=7), quota=10, lease=Lease(duration=timedelta(0))
    )
    while head_of(relay, job_id).attempt == 0:
        pass
    print(json.dumps(cancel(relay, job_id) if how == "cancel" else sweep(relay, job_id)))  # noqa: T201


def head_of(relay: Relay, job_id: JobId) -> Job:
    head = relay.ledger.head(job_id)
    assert head is not None
    return head


def cancel(relay: Relay, job_id: JobId) -> Any:
    first: Any = relay.cancel(job_id, ADA)
    assert relay.cancel(job_id, ADA) == first, "a second cancel returns the same end"
    return first["status"]


def sweep(relay: Relay, job_id: JobId) -> Any:
    """Sweep until the job has ended: a finding is applied only if the log has not grown meanwhile."""
    while not (head := head_of(relay, job_id)).status.is_terminal:
        finding = diagnose(head, NO_SILENCE, now=utc_now())
        assert isinstance(finding, OperatorUpdate)
        relay.update(finding)
        relay.update(finding)
    return head.status


if __name__ == "__main__":
    main(sys.argv[1], JobId(sys.argv[2]), sys.argv[3])
