"""What remains of a deleted job is found wherever it is."""

from dataclasses import replace
from pathlib import Path

from msgspec import structs

from certify.counts import Finding, Violation
from certify.leftovers import check_files, check_objects, check_records, check_served
from certify.observation import sha256
from certify.plan import Form, JobPlan, Origin
from chalicelib.jobs.model import Job, Owner
from chalicelib.jobs.rules import tombstone
from chalicelib.objects.keys import input_key, upload_id_of, upload_key
from tests.unit.certify.jobs import NOW, OWNER, PLAN, observation, whole_log

UPLOADED: JobPlan = replace(PLAN, form=Form.UPLOAD)


def erased_log() -> list[Job]:
    log = whole_log()
    last = tombstone(log[-1], now=NOW)
    return [structs.replace(last, sequence=entry.sequence) for entry in log]


def details(found: list[Finding]) -> list[str]:
    assert {finding.violation for finding in found} <= {Violation.LEFT_AFTER_DELETE}
    return [finding.detail for finding in found]


def test_records_of_a_deleted_job_have_nothing_of_it() -> None:
    assert check_records(PLAN, erased_log()) == []


def test_record_that_was_not_erased_is_found() -> None:
    log = erased_log()
    log[2] = whole_log()[2]

    assert "delta in its records" in details(check_records(PLAN, log))


def test_record_of_an_expired_job_is_found() -> None:
    expiring = replace(PLAN, origin=Origin.EXPIRING)

    assert details(check_records(expiring, whole_log()[:1])) == ["1 records after its expiry"]
    assert check_records(expiring, []) == []


def test_field_that_still_serves_a_job_is_found() -> None:
    seen = observation(whole_log())
    seen.still_served.append("getInference")

    assert details(check_served(PLAN, seen)) == ["getInference still serves it"]


def test_input_of_a_deleted_job_in_a_file_of_the_ledger_is_found(tmp_path: Path) -> None:
    (tmp_path / "jobs.db").write_bytes(b"\0" * 100)
    (tmp_path / "jobs.db-wal").write_bytes(b"\0" * 100 + PLAN.prompt.encode() + b"\0")

    assert details(check_files([PLAN], tmp_path)) == ["its input in jobs.db-wal"]
    assert check_files([replace(PLAN, job_id="other")], tmp_path) == []


def test_objects_of_a_deleted_job_are_found() -> None:
    owner = Owner(OWNER)
    upload = upload_id_of(owner, sha256(UPLOADED.prompt))
    keys = [upload_key(owner, upload), input_key(owner, UPLOADED.job_id, upload), "results/x/y/1"]  # type: ignore[arg-type]  # a plain id

    assert details(check_objects({UPLOADED: OWNER}, keys)) == ["the object uploads/…", "the object inputs/…"]
