"""Amplify, Apollo and urql, unmodified, with a whole stack: the life of a job, another user's job, invalid tokens."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.integration.clients.conftest import CONNECTIONS, REFUSALS, URQL, Runs

Line = Mapping[str, Any]


@pytest.fixture(params=CONNECTIONS)
def life(request: pytest.FixtureRequest, runs: Runs) -> list[Line]:
    """The lines that one client printed. Each names its part of the script."""
    return runs.lines(f"life.mjs {request.param}")


@pytest.fixture(params=REFUSALS)
def refusal(request: pytest.FixtureRequest, runs: Runs) -> dict[str, str]:
    """The errors of a client with a forged token: for a request, and for a subscription."""
    lines = runs.lines(f"refused.mjs {request.param}")
    return {line["part"]: line["error"] for line in lines} | {"client": request.param.split()[0]}


def of(part: str, life: list[Line]) -> list[Line]:
    """The events or answers of one part."""
    return [line for line in life if line["part"] == part and "subscribed" not in line]


def test_client_receives_every_event_in_order(life: list[Line]) -> None:
    events = of("job", life)

    assert [event["sequence"] for event in events] == list(range(1, len(events) + 1))
    assert [event["status"] for event in events] == ["PENDING", *["PROCESSING"] * (len(events) - 2), "COMPLETED"]


def test_start_returns_the_pending_job(life: list[Line]) -> None:
    [started] = of("started", life)

    assert (started["status"], started["sequence"], started["attempt"]) == ("PENDING", 1, 0)


def test_joined_deltas_are_the_result_that_get_inference_reads(life: list[Line]) -> None:
    [read] = of("read", life)
    events = of("job", life)
    deltas = [event["delta"] for event in events if event["delta"] is not None]

    assert len(deltas) > 1
    assert "".join(deltas) == read["result"] == read["output"] == events[-1]["result"]


def test_metadata_is_returned_unchanged_with_every_event(life: list[Line]) -> None:
    assert {event["metadata"] for event in of("job", life)} == {'{"order":7}'}


def test_cancel_ends_a_running_job_and_its_watcher_is_notified(life: list[Line]) -> None:
    [answer] = of("cancel", life)
    events = of("cancelled", life)

    assert answer["status"] == "CANCELLED"
    assert events[-1]["status"] == "CANCELLED"
    assert events[-1]["sequence"] == answer["sequence"]


def test_job_of_another_user_sends_no_events_and_is_not_found(life: list[Line]) -> None:
    [theirs] = of("theirs", life)  # it ended while this client was subscribed to it
    [mine] = of("mine", life)

    assert theirs["status"] == "COMPLETED"
    assert {"part": "foreign", "subscribed": True} in life
    assert of("foreign", life) == []
    assert mine["job"] is None


def test_request_with_a_forged_token_is_refused_with_the_clients_own_error(refusal: dict[str, str]) -> None:
    words = {
        "amplify": "Unauthorized",
        "apollo": "Response not successful: Received status code 401",
        "urql": "[GraphQL] You are not authorized to make this call.",
    }

    assert refusal["asked"] == words[refusal["client"]]


def test_subscription_with_a_forged_token_is_refused_with_the_clients_own_error(refusal: dict[str, str]) -> None:
    words = "Connection failed: UnauthorizedException"

    assert refusal["listened"] == (f"[Network] {words}" if refusal["client"] == "urql" else words)


def test_urql_sends_queries_by_get_and_mutations_by_post(runs: Runs) -> None:
    [used] = of("methods", runs.lines(f"life.mjs {URQL}"))

    assert set(used["used"]) == {"GET", "POST"}
