"""What the fields that only read answer, and what they leave out."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from chalicelib.api.relay import Relay
from chalicelib.jobs.limits import MAX_RESULT
from tests.contract.conftest import FakeClock
from tests.unit.chalicelib.api.calling import (
    GRACE,
    ID,
    ask,
    claim,
    refusal,
    start,
    update,
)


def test_output_is_that_of_the_newest_attempt_and_is_read_only_if_it_is_selected(relay: Relay) -> None:
    start(relay, jobId=ID)
    claim(relay)
    update(relay, attempt=1, sequence=3, delta="lost ")
    claim(relay)
    update(relay, attempt=2, sequence=5, delta="new ")
    update(relay, attempt=2, sequence=6, delta="text")

    with_output = ask(relay, "getInference", {"jobId": ID}, selection=["jobId", "output"])["data"]
    without = ask(relay, "getInference", {"jobId": ID}, selection=["jobId"])["data"]

    assert with_output["output"] == "new text"
    assert "output" not in without
    assert with_output["attempt"] == 2


def test_a_long_result_is_left_out_of_the_push_and_read_with_the_job(relay: Relay) -> None:
    start(relay, jobId=ID)
    claim(relay)
    result = "\N{SNOWMAN}" * 50_000

    pushed = update(relay, status="COMPLETED", attempt=1, sequence=3, result=result)["data"]
    read = ask(relay, "getInference", {"jobId": ID})["data"]

    assert (pushed["result"], pushed["resultOmitted"]) == (None, True)
    assert read["result"] == result


def test_events_are_paged_by_sequence_and_by_size(relay: Relay) -> None:
    start(relay, jobId=ID)
    claim(relay)
    for sequence in range(3, 43):
        update(relay, attempt=1, sequence=sequence, delta="x" * 98_000)

    everything: list[int] = []
    while True:
        page = ask(relay, "inferenceEvents", {"jobId": ID, "after": everything[-1] if everything else 0})["data"]
        if not page:
            break
        assert len(json.dumps(page)) <= 3_000_000
        everything.extend(event["sequence"] for event in page)

    assert everything == list(range(1, 43))


@pytest.mark.parametrize(
    ("field", "arguments"),
    [
        ("listInferences", {"limit": 0}),
        ("listInferences", {"limit": 101}),
        ("listInferences", {"nextToken": "forged"}),
        ("inferenceEvents", {"jobId": ID, "limit": 1001}),
        ("inferenceEvents", {"jobId": ID, "after": -1}),
        ("getInference", {"jobId": "../etc/passwd"}),
        ("cancelInference", {"jobId": "x"}),
    ],
)
def test_arguments_out_of_range_are_refused(relay: Relay, field: str, arguments: dict[str, Any]) -> None:
    assert refusal(ask(relay, field, arguments)) == "InvalidRequest"


def test_a_job_expires_for_every_reader(relay: Relay, clock: FakeClock) -> None:
    start(relay, jobId=ID)
    clock.time = datetime(2026, 1, 8, 0, 0, 1, tzinfo=UTC)

    assert ask(relay, "getInference", {"jobId": ID}) == {"data": None}
    assert refusal(ask(relay, "inferenceEvents", {"jobId": ID})) == "JobNotFound"
    assert refusal(update(relay, requestId="late")) == "JobNotFound"


def test_a_stored_result_is_reported_and_its_url_is_made_only_if_it_is_selected(relay: Relay) -> None:
    start(relay, jobId=ID)
    attempt = claim(relay)["attempt"]
    stored = {"resultBytes": 300_000, "resultSha256": "ab" * 32}

    pushed = update(relay, status="COMPLETED", attempt=attempt, sequence=3, **stored)["data"]
    read = ask(relay, "getInference", {"jobId": ID})["data"]
    asked = ask(relay, "getInference", {"jobId": ID}, selection=["jobId", "resultUrl"])["data"]
    (listed,) = ask(relay, "listInferences", {})["data"]["items"]

    for seen in (pushed, read, asked, listed):
        assert {**seen, **stored, "result": None, "resultOmitted": True} == seen
    assert asked["resultUrl"] == f"https://bucket/ada/{ID}/1"
    assert "resultUrl" not in read
    assert ask(relay, "getInference", {"jobId": ID}, GRACE, selection=["resultUrl"])["data"] is None


def test_output_that_is_too_long_for_an_answer_is_omitted(relay: Relay) -> None:
    start(relay, jobId=ID)
    claim(relay)
    for sequence in range(3, 14):
        update(relay, attempt=1, sequence=sequence, delta="x" * 90_000)

    within = ask(relay, "getInference", {"jobId": ID}, selection=["output"])["data"]
    update(relay, attempt=1, sequence=14, delta="x" * 90_000)
    beyond = ask(relay, "getInference", {"jobId": ID}, selection=["output"])["data"]

    assert (within["output"], within["outputOmitted"]) == ("x" * 990_000, False)
    assert (beyond["output"], beyond["outputOmitted"]) == (None, True)


@pytest.mark.parametrize(("size", "is_kept_twice"), [(MAX_RESULT, True), (MAX_RESULT + 1, False)])
def test_a_short_result_that_equals_the_output_is_stored_too(relay: Relay, size: int, is_kept_twice: bool) -> None:
    start(relay, jobId=ID)
    claim(relay)
    output = "x" * size
    deltas = [output[at : at + 65_536] for at in range(0, size, 65_536)]
    for sequence, delta in enumerate(deltas[:-1], start=3):
        update(relay, attempt=1, sequence=sequence, status="PROCESSING", delta=delta)

    last = {"attempt": 1, "sequence": 2 + len(deltas), "delta": deltas[-1]}
    update(relay, **last, status="COMPLETED", resultIsOutput=True)
    read = ask(relay, "getInference", {"jobId": ID}, selection=["output"])["data"]

    assert (read["status"], read["output"], read["resultIsOutput"]) == ("COMPLETED", output, True)
    assert read["result"] == (output if is_kept_twice else None)
