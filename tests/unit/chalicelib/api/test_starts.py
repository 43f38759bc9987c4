"""What a start answers, which starts are refused, and the quota of an owner."""

import uuid
from typing import Any

import pytest

from chalicelib.api.relay import Relay
from chalicelib.jobs.dispatch import parse_dispatch
from chalicelib.jobs.model import JobId
from tests.contract.conftest import FakeClock
from tests.unit.chalicelib.api.calling import (
    ADA_BY_LAMBDA,
    GRACE,
    ID,
    ask,
    claim,
    refusal,
    start,
)


def test_a_start_answers_the_first_event_and_what_to_dispatch(relay: Relay) -> None:
    answer = start(relay, jobId=ID, metadata={"k": [1, None]}, processTime=3)["data"]

    assert answer["job"]["jobId"] == ID
    assert (answer["job"]["status"], answer["job"]["sequence"], answer["job"]["attempt"]) == ("PENDING", 1, 0)
    assert answer["job"]["metadata"] == {"k": [1, None]}
    assert answer["job"]["createdAt"] == "2026-01-01T00:00:00.000Z"
    assert answer["dispatch"]["jobId"] == ID
    assert answer["dispatch"]["request"]["prompt"] == "Hi"
    assert answer["dispatch"]["request"]["processTime"] == 3


def test_a_start_without_an_id_makes_one(relay: Relay) -> None:
    first, second = (start(relay)["data"]["job"]["jobId"] for _ in range(2))

    assert uuid.UUID(first) != uuid.UUID(second)


def test_the_same_start_is_the_same_job_and_is_dispatched_again_only_while_pending(relay: Relay) -> None:
    first = start(relay, jobId=ID)["data"]
    second = start(relay, jobId=ID)["data"]
    claim(relay)
    third = start(relay, ADA_BY_LAMBDA, jobId=ID)["data"]

    assert second == first
    assert third["job"]["status"] == "PROCESSING"
    assert third["dispatch"] is None
    assert len(relay.ledger.read(JobId(ID), after=0, limit=10)) == 2


def test_an_id_in_use_is_refused_equally_for_other_input_and_for_another_owner(relay: Relay) -> None:
    start(relay, jobId=ID)

    other_input = start(relay, jobId=ID, prompt="Other")
    other_owner = start(relay, GRACE, jobId=ID)

    assert refusal(other_input) == "JobIdTaken"
    assert other_owner == other_input


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"prompt": ""}, "prompt is empty"),
        ({"promptUpload": ID}, "either a prompt or messages or a promptUpload"),
        ({"prompt": None}, "exactly one of them must be given"),
        ({"prompt": None, "promptUpload": "x"}, "promptUpload must be an uploadId"),
        ({"prompt": None, "promptUpload": ID}, "no upload"),
        ({"prompt": " \n\t"}, "prompt is empty"),
        ({"prompt": "x" * 196_609}, "prompt may have at most 196608 bytes"),
        ({"prompt": "\N{SNOWMAN}" * 65_537}, "prompt may have at most 196608 bytes"),
        ({"prompt": "\ud800"}, "surrogate"),
        ({"system": "x" * 16_385}, "system may have at most 16384 bytes"),
        ({"model": "gpt-0"}, "model 'gpt-0' is unknown"),
        ({"jobId": "7"}, "jobId must be a UUID"),
        ({"jobId": ID.replace("-", "")}, "jobId must be a UUID with hyphens"),
        ({"jobId": f"{{{ID}}}"}, "jobId must be a UUID with hyphens"),
        ({"processTime": -1}, "processTime must be from 0"),
        ({"processTime": float("nan")}, "processTime must be from 0"),
        ({"processTime": 7201}, "processTime must be from 0 to 7200"),
        ({"processTime": 841, "model": "simulated.error"}, "processTime of simulated.error must be at most 840"),
        ({"processTime": 1, "model": "local.textrank"}, "does not take processTime"),
        ({"maxTokens": 0}, "maxTokens must be 1 or more"),
        ({"temperature": 2.5}, "temperature must be from 0 to 2"),
        ({"metadata": {"a": "x" * 4096}}, "metadata may have at most 4096 bytes"),
        ({"metadata": "\ud800"}, "metadata has half of a surrogate pair"),
        ({"metadata": {"\udc00": 1}}, "metadata has half of a surrogate pair"),
    ],
)
def test_bad_input_is_refused_in_one_sentence_and_nothing_is_written(
    relay: Relay, values: dict[str, Any], words: str
) -> None:
    answer = start(relay, **{"jobId": ID, **values})

    assert refusal(answer) == "InvalidRequest"
    assert words in answer["error"]["message"]
    assert "\n" not in answer["error"]["message"]
    assert ask(relay, "listInferences", {})["data"]["items"] == []
    assert relay.ledger.head(JobId(ID)) is None


def test_a_prompt_at_the_limit_is_accepted(relay: Relay) -> None:
    assert "data" in start(relay, prompt="\N{SNOWMAN}" * 65_536)


def test_an_owner_may_have_only_a_limited_number_of_unfinished_jobs(relay: Relay) -> None:
    start(relay, jobId=ID)
    start(relay)

    assert refusal(start(relay)) == "QuotaExceeded"
    assert "data" in start(relay, GRACE)
    assert "data" in start(relay, jobId=ID), "the same start again is not a new job"

    ask(relay, "cancelInference", {"jobId": ID})
    assert "data" in start(relay)
    assert refusal(start(relay)) == "QuotaExceeded"


def test_a_quota_that_a_crash_left_full_heals_at_the_next_start(relay: Relay, clock: FakeClock) -> None:
    ended = start(relay)["data"]["job"]["jobId"]
    ask(relay, "cancelInference", {"jobId": ended})
    relay.ledger.admit(relay.ledger.head(ended).owner, ended, limit=10)  # type: ignore[union-attr]  # it exists
    never_opened = JobId(str(uuid.uuid4()))
    relay.ledger.admit(relay.ledger.head(ended).owner, never_opened, limit=10)  # type: ignore[union-attr]

    clock.advance(61)

    assert "data" in start(relay)
    assert "data" in start(relay)
    assert refusal(start(relay)) == "QuotaExceeded"


def test_a_conversation_is_dispatched_with_all_its_turns(relay: Relay) -> None:
    turns = [{"role": role, "text": role.lower()} for role in ("USER", "ASSISTANT", "USER")]

    answer = start(relay, jobId=ID, prompt=None, messages=turns)

    assert answer["data"]["dispatch"]["request"]["messages"] == turns
    assert parse_dispatch(answer["data"]["dispatch"]).request.conversation[1].text == "assistant"
    assert refusal(start(relay, jobId=ID, prompt=None, messages=turns[:1])) == "JobIdTaken"


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"prompt": None}, "either a prompt or messages"),
        ({"messages": [{"role": "USER", "text": "Hi"}]}, "either a prompt or messages"),
        ({"prompt": None, "messages": []}, "end with one of the USER"),
        ({"prompt": None, "messages": [{"role": "ASSISTANT", "text": "Hi"}]}, "end with one of the USER"),
        ({"prompt": None, "messages": [{"role": "USER", "text": "Hi"}] * 2}, "take turns"),
        ({"prompt": None, "messages": [{"role": "USER", "text": " "}]}, "a message is empty"),
        ({"prompt": None, "messages": [{"role": "USER", "text": "x" * 196_609}]}, "196608 bytes"),
        ({"prompt": None, "messages": [{"role": "USER", "text": "", "images": []}]}, "a message is empty"),
        ({"prompt": None, "messages": [{"role": "USER", "text": "", "images": ["x"]}]}, "must be an uploadId"),
        ({"prompt": None, "messages": [{"role": "USER", "text": "", "images": [ID] * 21}]}, "at most 20 images"),
        (
            {
                "prompt": None,
                "messages": [
                    {"role": "USER", "text": "Hi"},
                    {"role": "ASSISTANT", "text": "This", "images": [ID]},
                    {"role": "USER", "text": "Yes?"},
                ],
            },
            "images go with messages of the USER",
        ),
        ({"prompt": None, "messages": [{"role": "USER", "text": "", "images": [ID]}]}, "does not take images"),
        ({"topP": 1.5}, "topP must be from 0 to 1"),
        ({"maxCost": -1}, "maxCost must be from 0"),
        ({"stopSequences": ["a", ""]}, "a stop sequence is empty"),
        ({"stopSequences": ["a"] * 17}, "at most 16"),
        ({"stopSequences": ["é" * 129]}, "at most 256 bytes"),
    ],
)
def test_an_invalid_conversation_or_option_is_refused(relay: Relay, values: dict[str, Any], words: str) -> None:
    answer = start(relay, jobId=ID, **values)

    assert refusal(answer) == "InvalidRequest"
    assert words in answer["error"]["message"]
    assert relay.ledger.head(JobId(ID)) is None


def test_a_limit_on_costs_is_refused_for_a_model_without_a_price(relay: Relay) -> None:
    answer = start(relay, jobId=ID, model="openai/llama3.2", maxCost=1)

    assert refusal(answer) == "InvalidRequest"
    assert "maxCost needs a price" in answer["error"]["message"]
