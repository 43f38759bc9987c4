"""Uploads and images: how they are opened, and how a job gets its own copy."""

from typing import Any

import pytest

from chalicelib.api.relay import Relay
from chalicelib.jobs.dispatch import parse_dispatch
from chalicelib.jobs.model import JobId, Owner
from tests.unit.chalicelib.api.calling import (
    GRACE,
    ID,
    NOVA,
    ask,
    kept,
    refusal,
    start,
)


def test_an_upload_is_opened_for_the_caller_with_its_url_and_headers(relay: Relay) -> None:
    upload = ask(relay, "createUpload", {"input": {"bytes": 5, "sha256": "ab" * 32}})["data"]
    another = ask(relay, "createUpload", {"input": {"bytes": 5, "sha256": "ab" * 32}}, GRACE)["data"]

    assert upload["headers"] == [{"name": "Content-Length", "value": "5"}]
    assert upload["expiresAt"] == "2026-01-01T00:15:00.000Z"
    assert upload["mostBytes"] == 10_485_760
    assert upload["uploadId"] != another["uploadId"]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"bytes": 0, "sha256": "ab" * 32}, "1 to 10485760 bytes, and this one has 0"),
        ({"bytes": 10_485_761, "sha256": "ab" * 32}, "1 to 10485760 bytes"),
        ({"bytes": 5, "sha256": "AB" * 32}, "sha256 must be a SHA-256 in hex"),
    ],
)
def test_an_upload_that_could_not_be_sent_is_refused(relay: Relay, values: dict[str, Any], words: str) -> None:
    answer = ask(relay, "createUpload", {"input": values})

    assert refusal(answer) == "InvalidRequest"
    assert words in answer["error"]["message"]


def test_a_start_on_an_upload_gives_the_job_a_copy_and_the_worker_its_id(relay: Relay) -> None:
    upload_id = kept(relay).send(Owner("ada"), b"a long text")

    answer = start(relay, jobId=ID, prompt=None, promptUpload=upload_id)["data"]

    assert answer["dispatch"]["owner"] == "ada"
    assert answer["dispatch"]["request"]["promptUpload"] == upload_id
    assert kept(relay).inputs == {("ada", ID, upload_id): b"a long text"}


def test_a_start_on_an_upload_may_be_repeated_after_the_upload_is_gone(relay: Relay) -> None:
    upload_id = kept(relay).send(Owner("ada"), b"a long text")
    first = start(relay, jobId=ID, prompt=None, promptUpload=upload_id)
    kept(relay).uploads.clear()

    assert start(relay, jobId=ID, prompt=None, promptUpload=upload_id) == first


def test_a_start_on_an_upload_of_another_owner_is_refused_and_takes_no_quota(relay: Relay) -> None:
    upload_id = kept(relay).send(Owner("grace"), b"of Grace")

    answers = [start(relay, prompt=None, promptUpload=upload_id) for _ in range(3)]

    assert [refusal(answer) for answer in answers] == ["InvalidRequest"] * 3
    assert relay.ledger.admitted(Owner("ada")) == {}


def test_a_start_with_more_uploads_than_fit_a_worker_is_refused(relay: Relay) -> None:
    images = [kept(relay).send(Owner("ada"), bytes([number]) * 10_485_760) for number in range(8)]
    message = {"role": "USER", "text": "What are these?", "images": images}

    answer = start(relay, prompt=None, model="amazon.nova-lite-v1:0", messages=[message])

    assert refusal(answer) == "InvalidRequest"
    assert "uploads may have 78643200 bytes in all" in answer["error"]["message"]
    assert relay.ledger.admitted(Owner("ada")) == {}


def test_images_of_a_conversation_are_taken_for_the_job_and_dispatched_by_id(relay: Relay) -> None:
    upload_id = kept(relay).send(Owner("ada"), b"a picture")
    turns = [{"role": "USER", "text": "What is this?", "images": [upload_id, upload_id]}]

    missing = start(relay, jobId=ID, prompt=None, model=NOVA, messages=[{**turns[0], "images": [ID]}])
    started = start(relay, jobId=ID, prompt=None, model=NOVA, messages=turns)["data"]

    assert refusal(missing) == "InvalidRequest"
    assert started["dispatch"]["request"]["messages"] == turns
    assert kept(relay).inputs == {(Owner("ada"), JobId(ID), upload_id): b"a picture"}
    assert parse_dispatch(started["dispatch"]).request.uploads == (upload_id,)
