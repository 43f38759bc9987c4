"""Cancelling and deleting a job."""

from pathlib import Path

from chalicelib.api.relay import Relay
from chalicelib.jobs.model import JobId, Owner
from tests.unit.chalicelib.api.calling import (
    GRACE,
    ID,
    ask,
    claim,
    kept,
    refusal,
    start,
    update,
)


def test_cancelling_twice_is_cancelling_once(relay: Relay) -> None:
    start(relay, jobId=ID)

    once, twice = (ask(relay, "cancelInference", {"jobId": ID})["data"] for _ in range(2))

    assert once == twice
    assert once["sequence"] == 2


def test_a_deleted_job_is_not_found_and_leaves_nothing_in_the_bucket(relay: Relay) -> None:
    upload_id = kept(relay).send(Owner("ada"), b"a long text")
    start(relay, jobId=ID, prompt=None, promptUpload=upload_id)
    claim(relay)
    update(relay, status="COMPLETED", attempt=1, sequence=3, resultBytes=6, resultSha256="ab" * 32)
    kept(relay).store_result(Owner("ada"), JobId(ID), 1, b"result")

    stranger = ask(relay, "deleteInference", {"jobId": ID}, GRACE)
    answers = [ask(relay, "deleteInference", {"jobId": ID}) for _ in range(2)]

    assert refusal(stranger) == "JobNotFound"
    assert answers == [{"data": ID}, {"data": ID}]
    assert (kept(relay).uploads, kept(relay).inputs, kept(relay).results) == ({}, {}, {})
    assert ask(relay, "getInference", {"jobId": ID})["data"] is None
    assert ask(relay, "listInferences", {})["data"]["items"] == []
    assert [refusal(ask(relay, field, {"jobId": ID})) for field in ("inferenceEvents", "cancelInference")] == [
        "JobNotFound"
    ] * 2
    assert refusal(start(relay, jobId=ID)) == "JobIdTaken"


def test_an_unfinished_job_is_not_deleted(relay: Relay) -> None:
    start(relay, jobId=ID)

    answer = ask(relay, "deleteInference", {"jobId": ID})

    assert refusal(answer) == "JobUnfinished"
    assert "is PENDING, and only a job that has ended can be deleted; cancel it first" in answer["error"]["message"]


def test_nothing_of_a_deleted_job_is_left_in_the_file(relay: Relay, tmp_path: Path) -> None:
    start(relay, jobId=ID, prompt="the private words " * 1000, metadata={"a": "the private words"})
    claim(relay)
    update(relay, attempt=1, sequence=3, delta="the private words " * 1000)
    ask(relay, "cancelInference", {"jobId": ID})

    ask(relay, "deleteInference", {"jobId": ID})

    files = list(tmp_path.iterdir())
    assert [file.name for file in files if b"private" in file.read_bytes()] == []
