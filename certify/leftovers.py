"""Checks that nothing remains of deleted jobs: in records, files and the bucket."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from certify.counts import Finding, Violation
from certify.observation import Observation, sha256
from certify.plan import Form, JobPlan, Origin
from chalicelib.jobs.model import Job, Owner, defaults
from chalicelib.objects.keys import upload_id_of

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

KEPT: Final = frozenset(  # of a deleted job, so that its id cannot be used again
    {
        "job_id", "owner", "model", "created_at", "updated_at", "expires_at", "status", "sequence", "attempt",
        "start_time", "end_time", "deleted_at",
    }
)  # fmt: skip
DEFAULTS: Final = defaults(Job)
SECRET: Final = re.compile(rb"secret-[0-9a-f]{24}")
CHUNK: Final = 1 << 24  # bytes read at once


def check_served(plan: JobPlan, observation: Observation) -> list[Finding]:
    """Check that no field answered about a job after it was deleted or had expired."""
    return [
        Finding(Violation.LEFT_AFTER_DELETE, plan.job_id, f"{field} still serves it")
        for field in observation.still_served
    ]


def check_records(plan: JobPlan, log: Sequence[Job]) -> list[Finding]:
    """Check the records of a job that was deleted or has expired."""
    if plan.origin is Origin.EXPIRING:
        found = {f"{len(log)} records after its expiry"} if log else set()
    else:
        found = {
            f"{name} in its records"
            for entry in log
            for name, default in DEFAULTS.items()
            if name not in KEPT and getattr(entry, name) != default
        } | ({"a record that is not marked as deleted"} if any(entry.deleted_at is None for entry in log) else set())
    return [Finding(Violation.LEFT_AFTER_DELETE, plan.job_id, detail) for detail in sorted(found)]


def check_files(plans: Sequence[JobPlan], folder: Path) -> list[Finding]:
    """Search files for the input of deleted jobs. `folder` has the ledger's file and those beside it."""
    secrets = {plan.secret.encode(): plan.job_id for plan in plans}
    return [
        Finding(Violation.LEFT_AFTER_DELETE, secrets[secret], f"its input in {file.name}")
        for file in sorted(folder.glob("jobs.db*"))
        for secret in sorted(secrets.keys() & _secrets_in(file))
    ]


def check_objects(plans: Mapping[JobPlan, str], keys: Sequence[str]) -> list[Finding]:
    """Check the keys of a bucket for objects of deleted jobs.

    Args:
        plans: The deleted jobs, and the `sub` of the owner of each.
        keys: Of all objects.
    """
    found = []
    for plan, owner in plans.items():
        names = {plan.job_id}
        if plan.form is Form.UPLOAD:
            names.add(upload_id_of(Owner(owner), sha256(plan.prompt)))
        found += [
            Finding(Violation.LEFT_AFTER_DELETE, plan.job_id, f"the object {key.partition('/')[0]}/…")
            for key in keys
            if names & set(key.split("/"))
        ]
    return found


def keys_in(client: "S3Client", bucket: str) -> Iterator[str]:
    """The keys of all objects."""
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        for found in page.get("Contents", ()):
            yield found["Key"]


def _secrets_in(file: Path) -> set[bytes]:
    found: set[bytes] = set()
    with file.open("rb") as opened:
        tail = b""
        while chunk := opened.read(CHUNK):
            found.update(SECRET.findall(tail + chunk))
            tail = chunk[-64:]
    return found
