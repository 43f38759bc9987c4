"""A process that starts jobs for one owner as fast as it can, beside others that do the same.

Arguments: ledger location, owner, quota, how many starts, and `keep` or `cancel`: what to do with a job that started.
It says `ready` and waits for a line on standard input, so that all begin at once. Prints, as JSON, the jobs it started,
how many starts were refused, and the most jobs that it ever saw admitted.
"""

import json
import sys
from datetime import timedelta

from chalicelib.api.calls import StartInference
from chalicelib.api.relay import Relay
from chalicelib.jobs.errors import QuotaExceeded
from chalicelib.jobs.model import InferenceRequest, Owner
from chalicelib.jobs.rules import Lease
from chalicelib.ledger import open_ledger
from tests.contract.jobs import new_id

REQUEST = InferenceRequest(prompt="Hello", model="simulated.story")


def main(location: str, owner: Owner, quota: int, count: int, then: str) -> None:
    relay = Relay(ledger=open_ledger(location), retention=timedelta(days=7), quota=quota, lease=Lease())
    print("ready", flush=True)  # noqa: T201
    sys.stdin.readline()
    started, refused, most = [], 0, 0
    for _ in range(count):
        job_id = new_id()
        try:
            relay.start(StartInference(job_id, REQUEST, None), owner)
        except QuotaExceeded:
            refused += 1
        else:
            started.append(job_id)
        most = max(most, len(relay.ledger.admitted(owner)))
        if then == "cancel" and job_id in started:
            relay.cancel(job_id, owner)
    print(json.dumps({"started": started, "refused": refused, "most": most}))  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1], Owner(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), sys.argv[5])
