"""Amplify and Apollo, unmodified, against a whole stack: the life of a job, other people's jobs, bad tokens."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.integration.clients.conftest import CONNECTIONS, REFUSALS, Runs

Line = Mapping[str, Any]


@pytest.fixture(params=CONNECTIONS)
def life(request: pytest.FixtureRequest, runs: Runs) -> list[Line]:
    """What one client printed: every line names the part of the script that it belongs to."""
    return runs.lines(f"life.mjs {request.param}")


@pytest.fixture(params=REFUSALS)
def refusal(request: pytest.FixtureRequest, runs: Runs) -> dict[str, str]:
    """What a client with a forged token said, when it asked and when it listened."""
    lines = runs.lines(f"refused.mjs {request.param}")
    return {line["part"]: line["error"] for line in lines} | {"client": request.param.split()[0]}


def of(part: str, life: list[Line]) -> list[Line]:
    """The events, or answers, of one part."""
    return [line for line in life if line["part"] == part and "subscribed" not in line]


def test_client_hears_every_event_after_the_first_in_order(life: list[Line]) -> None:
    events = of("job", life)

    assert [event["sequence"] for event in events] == list(range(2, len(events) + 2))
    assert [event["status"] for event in events] == ["PROCESSING"] * (len(events) - 1) + ["COMPLETED"]


def test_start_answers_with_the_pending_job(life: list[Line]) -> None:
    [started] = of("started", life)

    assert (started["status"], started["sequence"], started["attempt"]) == ("PENDING", 1, 0)


def test_joined_deltas_are_the_result_that_get_inference_reads(life: list[Line]) -> None:
    [read] = of("read", life)
    events = of("job", life)
    deltas = [event["delta"] for event in events if event["delta"] is not None]

    assert len(deltas) > 1
    assert "".join(deltas) == read["result"] == read["output"] == events[-1]["result"]


def test_metadata_comes_back_untouched_with_every_event(life: list[Line]) -> None:
    assert {event["metadata"] for event in of("job", life)} == {'{"order":7}'}


def test_cancel_ends_a_running_job_and_its_watcher_hears_it(life: list[Line]) -> None:
    [answer] = of("cancel", life)
    events = of("cancelled", life)

    assert answer["status"] == "CANCELLED"
    assert events[-1]["status"] == "CANCELLED"
    assert events[-1]["sequence"] == answer["sequence"]


def test_somebody_elses_job_is_silent_and_not_found(life: list[Line]) -> None:
    [theirs] = of("theirs", life)  # it ran to its end while this client listened
    [mine] = of("mine", life)

    assert theirs["status"] == "COMPLETED"
    assert {"part": "foreign", "subscribed": True} in life
    assert of("foreign", life) == []
    assert mine["job"] is None


def test_forged_token_is_refused_when_it_asks_in_the_clients_own_words(refusal: dict[str, str]) -> None:
    words = {"amplify": "Unauthorized", "apollo": "Response not successful: Received status code 401"}

    assert refusal["asked"] == words[refusal["client"]]


def test_forged_token_is_refused_when_it_listens_in_the_clients_own_words(refusal: dict[str, str]) -> None:
    assert refusal["listened"] == "Connection failed: UnauthorizedException"
