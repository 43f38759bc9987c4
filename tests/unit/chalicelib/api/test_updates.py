"""Claims, updates and dispatches by the backend."""

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from chalicelib.api.relay import Relay
from chalicelib.jobs.model import JobId
from chalicelib.ledger.sqlite import SqliteLedger
from tests.contract.conftest import FakeClock
from tests.unit.chalicelib.api.calling import (
    ADA,
    BACKEND,
    ID,
    ask,
    claim,
    refusal,
    start,
    update,
)


def test_the_first_claim_is_granted_and_the_second_is_refused(relay: Relay) -> None:
    start(relay, jobId=ID)

    mine, other = claim(relay, "mine"), claim(relay, "other")

    assert (mine["claimed"], mine["status"], mine["attempt"], mine["sequence"]) == (True, "PROCESSING", 1, 2)
    assert "claimed" not in other
    assert other["sequence"] == 2


def test_a_worker_whose_job_was_cancelled_reads_it_in_its_answer(relay: Relay) -> None:
    start(relay, jobId=ID)
    claim(relay)
    update(relay, attempt=1, sequence=3, delta="kept")
    ask(relay, "cancelInference", {"jobId": ID})

    answer = update(relay, attempt=1, sequence=4, delta="late")["data"]

    assert (answer["status"], answer["sequence"]) == ("CANCELLED", 4)
    assert ask(relay, "getInference", {"jobId": ID}, selection=["output"])["data"]["output"] == "kept"


def test_a_heartbeat_is_a_record_only_when_the_lease_is_due(relay: Relay, clock: FakeClock) -> None:
    start(relay, jobId=ID)
    claim(relay)

    clock.advance(9)
    early = update(relay, attempt=1, sequence=3)["data"]
    clock.advance(1)
    due = update(relay, attempt=1, sequence=3)["data"]

    assert (early["sequence"], due["sequence"]) == (2, 3)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"status": "PENDING"}, "not to PENDING"),
        ({"status": "PENDING", "requestId": "r", "message": "x"}, "leave out message"),
        ({"status": "CANCELLED"}, "not to CANCELLED"),
        ({"result": "r"}, "goes with COMPLETED"),
        ({"error": "e"}, "goes with FAILED"),
        ({"status": "COMPLETED", "errorType": "CRASHED"}, "goes with FAILED"),
        ({"attempt": 1}, "needs the sequence"),
        ({"requestId": "r", "attempt": 1}, "not both"),
        ({"progress": 1.5}, "progress must be from 0 to 1"),
        ({"message": "x" * 1025}, "message may have at most 1024 bytes"),
        ({"delta": "\x00" * 20_000}, "as JSON text"),
        ({"usage": [1]}, "usage must be a JSON object"),
    ],
)
def test_a_malformed_update_is_refused_and_nothing_is_written(relay: Relay, values: dict[str, Any], words: str) -> None:
    start(relay, jobId=ID)

    answer = update(relay, **values)

    assert refusal(answer) == "InvalidRequest"
    assert words in answer["error"]["message"]
    assert relay.ledger.head(JobId(ID)).sequence == 1  # type: ignore[union-attr]


def test_an_announcement_repeats_the_newest_event_and_writes_nothing(relay: Relay) -> None:
    start(relay, jobId=ID)

    first = update(relay, status="PENDING", requestId="r")["data"]
    update(relay, status="PROCESSING", requestId="r")
    second = update(relay, status="PENDING", requestId="r")["data"]

    assert (first["status"], first["sequence"]) == ("PENDING", 1)
    assert (second["status"], second["sequence"]) == ("PROCESSING", 2)
    assert "claimed" not in second
    assert relay.ledger.head(JobId(ID)).sequence == 2  # type: ignore[union-attr]


def test_an_operators_illegal_move_names_both_statuses(relay: Relay) -> None:
    start(relay, jobId=ID)

    answer = update(relay, status="COMPLETED", result="by hand")

    assert refusal(answer) == "InvalidTransition"
    assert answer["error"]["message"] == "a job that is PENDING cannot become COMPLETED"


def test_only_the_backend_dispatches_a_job_again_and_only_once(relay: Relay) -> None:
    start(relay, jobId=ID, processTime=3)

    refused = ask(relay, "dispatchInference", {"jobId": ID}, ADA)
    once, twice = (ask(relay, "dispatchInference", {"jobId": ID}, BACKEND)["data"] for _ in range(2))

    assert refusal(refused) == "Unauthorized"
    assert once["dispatch"]["request"]["processTime"] == 3
    assert (once["job"]["sequence"], twice["job"]["sequence"], twice["dispatch"]) == (2, 2, None)


def test_a_lost_race_for_a_sequence_is_decided_again(relay: Relay) -> None:
    start(relay, jobId=ID)
    claim(relay)

    class Rival(SqliteLedger):
        """Somebody else appends between this relay's reading and writing, once."""

        raced = False

        def append(self, job: Any) -> bool:
            if not self.raced:
                self.raced = True
                super().append(replace(job, delta="first", update_id="theirs"))
            return super().append(job)

    path = relay.ledger._database.execute("PRAGMA database_list").fetchone()[2]  # type: ignore[attr-defined]
    rival = Rival(Path(path), clock=relay.clock)
    answer: Any = update(replace(relay, ledger=rival), attempt=1, sequence=3, delta="second")
    rival.close()

    assert (answer["data"]["sequence"], answer["data"]["delta"]) == (4, "second")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"status": "PROCESSING", "resultBytes": 1, "resultSha256": "ab" * 32}, "go with COMPLETED"),
        ({"result": "x", "resultBytes": 1, "resultSha256": "ab" * 32}, "stand for a result left out"),
        ({"resultBytes": 1}, "give both, or neither"),
        ({"resultBytes": 67_108_865, "resultSha256": "ab" * 32}, "resultBytes must be from 1 to 67108864"),
        ({"resultBytes": 1, "resultSha256": "x"}, "resultSha256 must be a SHA-256"),
        ({"resultBytes": 1, "resultSha256": "ab" * 32, "attempt": None, "sequence": None}, "give the attempt too"),
    ],
)
def test_an_invalid_stored_result_is_refused(relay: Relay, values: dict[str, Any], words: str) -> None:
    start(relay, jobId=ID)
    claim(relay)

    answer = update(relay, **{"status": "COMPLETED", "attempt": 1, "sequence": 3, **values})

    assert refusal(answer) == "InvalidRequest"
    assert words in answer["error"]["message"]


def test_only_a_granted_claim_is_answered_with_the_newest_checkpoint(relay: Relay) -> None:
    start(relay, jobId=ID)
    claim(relay)
    update(relay, attempt=1, sequence=3, status="PROCESSING", delta="abc", checkpoint='{"at":1}')
    update(relay, attempt=1, sequence=4, status="PROCESSING", delta="lost")

    again = claim(relay)
    read = ask(relay, "getInference", {"jobId": ID}, selection=["output"])["data"]
    events = ask(relay, "inferenceEvents", {"jobId": ID, "after": 0})["data"]

    assert (again["claimed"], again["checkpoint"], again["outputKept"]) == (True, '{"at":1}', 3)
    assert read["output"] == "abc"
    assert not any("checkpoint" in event for event in [read, *events])


def test_only_the_backend_dispatches_the_next_worker_and_only_while_the_job_waits_for_one(relay: Relay) -> None:
    start(relay, jobId=ID)
    claim(relay)
    sending = {"jobId": ID, "attempt": 1}
    early = ask(relay, "dispatchInference", sending, BACKEND)["data"]
    update(relay, attempt=1, sequence=3, status="PROCESSING", checkpoint="1", handsOver=True)

    refused = ask(relay, "dispatchInference", sending, ADA)
    first, again = (ask(relay, "dispatchInference", sending, BACKEND)["data"] for _ in range(2))
    claim(relay, "second")
    late = ask(relay, "dispatchInference", sending, BACKEND)["data"]

    assert refusal(refused) == "Unauthorized"
    assert early["dispatch"] is late["dispatch"] is None
    assert first["dispatch"] == again["dispatch"]
    assert (first["dispatch"]["continues"], first["dispatch"]["jobId"]) == (1, ID)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"checkpoint": "1"}, "needs its attempt"),
        ({"handsOver": True}, "needs its attempt"),
        ({"attempt": 1, "sequence": 3, "checkpoint": "é" * 32_769}, "checkpoint may have at most 65536 bytes"),
        ({"attempt": 1, "sequence": 3, "status": "FAILED", "handsOver": True}, "goes with PROCESSING, not with FAILED"),
        (
            {"attempt": 1, "sequence": 3, "status": "COMPLETED", "result": "r", "resultIsOutput": True},
            "no other result",
        ),
        ({"attempt": 1, "sequence": 3, "resultIsOutput": True}, "resultIsOutput goes with COMPLETED"),
    ],
)
def test_an_invalid_checkpoint_or_hand_over_is_refused(relay: Relay, values: dict[str, Any], words: str) -> None:
    start(relay, jobId=ID)
    claim(relay)

    answer = update(relay, **({"status": "PROCESSING"} | values))

    assert refusal(answer) == "InvalidRequest"
    assert words in answer["error"]["message"]
