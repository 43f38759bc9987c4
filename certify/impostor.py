"""Updates with the backend's rights that no worker of the job would send: the log must refuse each of them.

A worker that lost its job, a late report about an invocation, and a watchdog that saw an older state send such updates.
"""

import uuid
from collections.abc import Mapping
from typing import Any, Final

from botocore.credentials import Credentials

from certify.observation import Observation
from chalicelib.jobs.errors import ErrorType, JobError, UpdateRefused
from chalicelib.jobs.model import Change, JobId, OperatorUpdate, Status, StatusUpdate, WorkerUpdate
from chalicelib.publisher.appsync import AppSync, Unreachable
from chalicelib.publisher.authorization import Signature

NEVER_GRANTED: Final = 99  # attempt
TRIES: Final = 5
FORGED: Final = Change(Status.PROCESSING, delta="forged")
ENDED: Final = Change(Status.FAILED, error="forged", error_type=ErrorType.OPERATOR)


class Impostor:
    """Sends updates, signed with the operator's key."""

    def __init__(self, url: str, *, key_id: str, secret: str, region: str) -> None:
        self._endpoint = AppSync(url, Signature(Credentials(key_id, secret), region))

    @classmethod
    def of(cls, stack: Mapping[str, Any]) -> "Impostor":
        """The impostor of a stack with this description. Address and key stay the same when the stack is restarted."""
        key = stack["operator"]
        return cls(
            stack["graphqlUrl"], key_id=key["accessKeyId"], secret=key["secretAccessKey"], region=stack["region"]
        )

    async def interfere(self, observation: Observation, *, sequence: int) -> None:
        """Send updates that do not fit a job whose worker is at `sequence`, which is 3 or more."""
        job_id = JobId(observation.job_id)
        await self._send(
            observation,
            WorkerUpdate(job_id, NEVER_GRANTED, sequence + 1, str(uuid.uuid4()), FORGED),
            OperatorUpdate(job_id, str(uuid.uuid4()), ENDED, sequence=2),  # about an older state
            OperatorUpdate(job_id, str(uuid.uuid4()), ENDED, request_id=str(uuid.uuid4())),  # of another invocation
        )

    async def resurrect(self, observation: Observation, *, sequence: int, attempt: int) -> None:
        """Send updates to a job that has ended."""
        job_id = JobId(observation.job_id)
        await self._send(
            observation,
            WorkerUpdate(job_id, max(1, attempt), sequence + 1, str(uuid.uuid4()), FORGED),
            OperatorUpdate(job_id, str(uuid.uuid4()), Change(Status.PROCESSING)),
            OperatorUpdate(job_id, str(uuid.uuid4()), ENDED),
        )

    async def _send(self, observation: Observation, *updates: StatusUpdate) -> None:
        async with self._endpoint.open() as channel:
            for update in updates:
                for _ in range(TRIES):
                    try:
                        await channel.send(update)
                    except Unreachable:
                        observation.retries["forged Unreachable"] += 1
                        continue
                    except (UpdateRefused, JobError):
                        pass  # it was refused, as it must be
                    break
