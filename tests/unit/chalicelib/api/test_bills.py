"""The cost of a job, and the quote for one."""

from typing import Any

import pytest

from chalicelib.api.relay import Relay
from chalicelib.billing.metering import push_units
from chalicelib.jobs.model import Owner
from tests.unit.chalicelib.api.calling import (
    ID,
    ask,
    bill,
    claim,
    kept,
    meter,
    refusal,
    start,
    update,
)


def test_the_last_event_has_the_bill_and_no_other_has_one(relay: Relay) -> None:
    start(relay, jobId=ID)
    claimed = claim(relay)
    going = update(relay, attempt=1, sequence=3, delta="a", meter=meter(1, pushes=1))["data"]
    usage = {"inputTokens": 5, "outputTokens": 7}
    spent = meter(3, pushes=3, milliseconds=2000, megabytes=512, inputTokens=5, outputTokens=7)

    ended = update(relay, attempt=1, sequence=4, status="COMPLETED", result="a", usage=usage, meter=spent)["data"]

    assert (claimed["cost"], going["cost"]) == (None, None)
    bought = bill(ended)
    assert bought["AppSync operations"] == 1 + 3 + 1  # the start, what the worker reported, and this update
    assert bought["AppSync real-time updates"] == 3 + 1
    assert bought["Lambda requests"] == 5 + 1
    assert bought["Lambda time of workers"] == 1
    assert (bought["input tokens"], bought["output tokens"]) == (5, 7)
    assert ask(relay, "getInference", {"jobId": ID})["data"]["cost"] == ended["cost"]


def test_an_attempt_that_died_is_billed_up_to_its_last_report(relay: Relay) -> None:
    start(relay, jobId=ID)
    claim(relay)
    update(relay, attempt=1, sequence=3, delta="a", meter=meter(1, pushes=1, outputTokens=100))

    again = claim(relay)
    ended = update(
        relay, attempt=2, sequence=5, status="COMPLETED", result="b", meter=meter(1, pushes=1, outputTokens=9)
    )

    assert bill(again)["AppSync operations"] == 1 + 2 + 1  # the start, the first attempt's two, and this claim
    bought = bill(ended["data"])
    assert bought["AppSync operations"] == 1 + 2 + 2
    assert bought["Lambda requests"] == 5 + 2
    assert bought["output tokens"] == 109


def test_updates_by_others_are_billed_once(relay: Relay) -> None:
    start(relay, jobId=ID)
    claim(relay)
    update(relay, message="a word from an operator")
    update(relay, attempt=1, sequence=4, delta="a", meter=meter(1, pushes=1))

    cancelled = ask(relay, "cancelInference", {"jobId": ID})["data"]

    assert bill(cancelled)["AppSync operations"] == 5
    assert bill(cancelled)["AppSync real-time updates"] == 4


def test_a_large_bill_counts_itself(relay: Relay) -> None:
    start(relay, jobId=ID)
    claim(relay)

    ended = update(relay, attempt=1, sequence=3, status="COMPLETED", result="x" * 4_300, meter=meter(1, pushes=1))[
        "data"
    ]

    assert bill(ended)["AppSync real-time updates"] == 1 + 2
    assert push_units(ended) == 2
    assert push_units({**ended, "cost": None}) == 1


def test_a_meter_that_counts_down_is_refused(relay: Relay) -> None:
    start(relay, jobId=ID)
    claim(relay)

    assert refusal(update(relay, attempt=1, sequence=3, meter=meter(-1))) == "InvalidRequest"


def test_a_quote_is_near_the_bill_and_lists_its_assumptions(relay: Relay) -> None:
    asked = {"model": "simulated.story", "textBytes": 400, "maxTokens": 500, "processTime": 10}

    found = ask(relay, "quoteInference", {"input": asked})["data"]

    bought = bill({"cost": found})
    # The start, the claim, the first piece, and an update each half second, the last of which is the end.
    assert bought["AppSync operations"] == 1 + 1 + 1 + 20
    assert (bought["input tokens"], bought["output tokens"]) == (100, 500)
    assert found["notes"][-1] == "assumed are 100 input tokens, 500 output tokens, 10 seconds and one watcher"


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"model": "simulated.stry", "textBytes": 1}, "is unknown"),
        ({"model": "simulated.story", "textBytes": -1}, "textBytes must be from 0"),
        ({"model": "simulated.story", "textBytes": 1, "maxTokens": 0}, "maxTokens must be 1 or more"),
        ({"model": "local.textrank", "textBytes": 1, "processTime": 1}, "does not take processTime"),
    ],
)
def test_a_quote_for_a_job_that_could_not_start_is_refused(relay: Relay, asked: dict[str, Any], words: str) -> None:
    answer = ask(relay, "quoteInference", {"input": asked})

    assert refusal(answer) == "InvalidRequest"
    assert words in answer["error"]["message"]


def test_a_quote_of_very_many_tokens_counts_no_more_output_than_a_job_may_have(relay: Relay) -> None:
    def quote(tokens: int) -> dict[str, Any]:
        asked = {"model": "simulated.story", "textBytes": 1, "maxTokens": tokens}
        return bill({"cost": ask(relay, "quoteInference", {"input": asked})["data"]})

    many, more = quote(10**8), quote(2**31 - 1)

    assert (many.pop("output tokens"), more.pop("output tokens")) == (10**8, 2**31 - 1)
    assert many == more


def test_objects_in_the_bucket_are_billed(relay: Relay) -> None:
    upload_id = kept(relay).send(Owner("ada"), b"a long text")
    start(relay, jobId=ID, prompt=None, promptUpload=upload_id)
    claim(relay)

    stored = {"resultBytes": 300_000, "resultSha256": "ab" * 32}
    ended = update(relay, attempt=1, sequence=3, status="COMPLETED", meter=meter(1, pushes=1), **stored)["data"]

    assert (bill(ended)["S3 writes"], bill(ended)["S3 reads"]) == (3, 2)
