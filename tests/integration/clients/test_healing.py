"""JavaScript clients on a network that loses, repeats and reorders pushes and cuts a socket."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.integration.clients.conftest import FOLLOWERS, LARGE, RECONNECTION, STORED, Runs

Line = Mapping[str, Any]


@pytest.fixture(params=FOLLOWERS)
def follower(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_follow_shows_every_event_once_and_in_order_when_pushes_are_lost(follower: str, runs: Runs) -> None:
    events = runs.lines(follower)

    assert [event["sequence"] for event in events] == list(range(1, len(events) + 1))
    assert events[-1]["status"] == "COMPLETED"


def test_output_that_follow_joins_is_the_result(follower: str, runs: Runs) -> None:
    events = runs.lines(follower)

    assert events[-1]["output"] == events[-1]["result"] != ""


def test_result_that_is_too_large_for_a_push_is_read(runs: Runs) -> None:
    last = runs.lines(LARGE)[-1]

    assert last["resultOmitted"] is True
    assert len(last["result"]) > 131_072


def test_result_that_is_too_large_for_the_log_is_read_from_the_store(runs: Runs) -> None:
    last = runs.lines(STORED)[-1]

    assert last["resultOmitted"] is True
    assert not last["resultIsOutput"]
    assert last["result"] == last["output"]
    assert len(last["result"]) > 262_144


def test_all_faults_of_a_followers_network_have_happened(follower: str, runs: Runs) -> None:
    runs.lines(follower)

    assert runs.networks[follower].happened == list(FOLLOWERS[follower])


def test_amplify_receives_its_job_after_its_socket_was_cut(runs: Runs) -> None:
    lines = runs.lines(RECONNECTION)

    assert runs.networks[RECONNECTION].connections == 2
    assert [line["times"] for line in lines if line["part"] == "subscribed"] == [1, 2]
    events = [line for line in lines if line["part"] == "job"]
    assert [event["sequence"] for event in events] == list(range(1, len(events) + 1))
    assert events[-1]["status"] == "COMPLETED"
