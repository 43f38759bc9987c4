"""The newest code on logs that older code wrote, and on records with fields that only newer code knows.

`logs/<version>.json` was written by `record_logs.py` with the code of that version.
"""

import json
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws
from msgspec.structs import replace

from chalicelib.api.relay import Relay
from chalicelib.jobs.errors import ErrorType
from chalicelib.jobs.model import InferenceRequest, Message, Role, Status, StoredResult, Wait
from chalicelib.jobs.rules import Lease
from chalicelib.jobs.usage import Counts
from chalicelib.ledger import Ledger, UnreadableRecord
from chalicelib.ledger.dynamodb import DynamoDbLedger
from chalicelib.ledger.dynamodb_items import table_definition
from chalicelib.ledger.records import dump, load
from chalicelib.ledger.sqlite import SqliteLedger
from tests.contract.jobs import following, opened
from tests.contract.record_logs import BACKEND, OWNER, RETENTION
from tests.support.memory_objects import MemoryObjects

LOGS = sorted(Path(__file__).with_name("logs").glob("*.json"))
NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)


@dataclass(frozen=True)
class OlderLog:
    """A ledger that an older version has filled, and what that version answered."""

    relay: Relay
    starts: Mapping[str, Mapping[str, Any]]
    answers: Mapping[str, Any]

    def ask(self, field: str, arguments: Mapping[str, Any], identity: Any = OWNER) -> Any:
        selection = ["output", "outputOmitted", "resultUrl"]
        payload = {"field": field, "arguments": arguments, "identity": identity, "selection": selection}
        answer = json.loads(json.dumps(self.relay.answer(payload)))
        assert "error" not in answer, answer
        return answer["data"]

    def id_of(self, name: str) -> str:
        return str(self.starts[name]["jobId"])


@pytest.fixture(
    params=[(path, kind) for path in LOGS for kind in ("sqlite", "dynamodb")], ids=lambda it: f"{it[0].stem}-{it[1]}"
)
def log(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OlderLog]:
    path, kind = request.param
    written = json.loads(path.read_text("utf-8"))
    ledger: Ledger
    if kind == "sqlite":
        with sqlite3.connect(tmp_path / "jobs.db") as connection:
            connection.executescript("\n".join(written[kind]["stored"]))
        connection.close()
        ledger = SqliteLedger(tmp_path / "jobs.db", clock=lambda: NOW)
        yield older_log(ledger, written["starts"], written[kind]["answers"])
        ledger.close()
        return
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "local")
    with mock_aws():
        client = boto3.client("dynamodb", "us-east-1")
        client.create_table(**table_definition("jobs"))
        for item in written[kind]["stored"]:
            client.put_item(TableName="jobs", Item=from_hex(item))
        ledger = DynamoDbLedger("jobs", client=client, clock=lambda: NOW)
        yield older_log(ledger, written["starts"], written[kind]["answers"])


def older_log(ledger: Ledger, starts: Mapping[str, Any], answers: Mapping[str, Any]) -> OlderLog:
    relay = Relay(
        ledger=ledger, retention=RETENTION, quota=1000, lease=Lease(), clock=lambda: NOW, objects=MemoryObjects()
    )
    return OlderLog(relay, starts, answers)


def from_hex(item: Any) -> Any:
    if not isinstance(item, dict):
        return item
    return {name: bytes.fromhex(it) if name == "B" else from_hex(it) for name, it in item.items()}


def covers(newer: Any, older: Any) -> bool:
    """Whether an answer has everything that an older version's had; it may have further fields."""
    if isinstance(older, dict) and isinstance(newer, dict):
        return all(name in newer and covers(newer[name], older[name]) for name in older)
    if isinstance(older, list) and isinstance(newer, list):
        return len(older) == len(newer) and all(map(covers, newer, older))
    return bool(newer == older)


def by_id(page: Mapping[str, Any]) -> dict[str, Any]:
    return {job["jobId"]: job for job in page["items"]}


def test_every_read_answers_as_the_older_version_did(log: OlderLog) -> None:
    for name, answers in log.answers["jobs"].items():
        job_id = log.id_of(name)

        assert covers(log.ask("getInference", {"jobId": job_id}), answers["getInference"])
        if answers["inferenceEvents"]:
            events = log.ask("inferenceEvents", {"jobId": job_id, "after": 0, "limit": 1000})
            assert covers(events, answers["inferenceEvents"])
    assert by_id(log.ask("listInferences", {"limit": 100})).keys() == by_id(log.answers["listInferences"]).keys()


def test_the_same_start_is_still_the_same_job(log: OlderLog) -> None:
    for name, start in log.starts.items():
        if name != "deleted":
            assert log.ask("startInference", {"input": start})["job"]["jobId"] == start["jobId"], name


def test_another_start_with_the_id_of_an_older_job_is_refused(log: OlderLog) -> None:
    for name in ("pending", "completed", "conversation", "deleted"):
        start = {"prompt": "Other", "model": "simulated.story", "jobId": log.id_of(name)}
        answer = log.relay.answer({"field": "startInference", "arguments": {"input": start}, "identity": OWNER})

        assert answer["error"]["type"] == "JobIdTaken", name


@pytest.mark.parametrize(
    "name", ["pending", "conversation", "long prompt", "dispatched again", "processing", "handed over"]
)
def test_an_unfinished_job_is_claimed_continued_and_completed(log: OlderLog, name: str) -> None:
    job_id = log.id_of(name)
    claimed = log.ask(
        "updateStatus",
        {"input": {"jobId": job_id, "status": "PROCESSING", "requestId": "new", "updateId": "new"}},
        BACKEND,
    )
    assert claimed["claimed"]
    assert claimed["checkpoint"] == {"processing": '{"at": 2}', "handed over": '{"at": 1}'}.get(name)

    ended = log.ask(
        "updateStatus",
        {
            "input": {
                "jobId": job_id, "status": "COMPLETED", "attempt": claimed["attempt"],
                "sequence": claimed["sequence"] + 1, "updateId": "end", "result": "done",
            }
        },
        BACKEND,
    )  # fmt: skip

    assert (ended["status"], ended["sequence"]) == ("COMPLETED", claimed["sequence"] + 1)
    assert ended["cost"]["total"] > 0


def test_an_ended_job_is_deleted(log: OlderLog) -> None:
    for name in ("completed", "completed with a stored result", "failed", "cancelled", "deleted"):
        log.ask("deleteInference", {"jobId": log.id_of(name)})

        assert log.ask("getInference", {"jobId": log.id_of(name)}) is None


def test_a_field_of_a_newer_version_is_ignored_wherever_it_is() -> None:
    request = InferenceRequest("", "m", messages=(Message(Role.USER, "Hello"),))
    job = replace(
        opened(), request=request, stored_result=StoredResult(3, "ab"), used=Counts(operations=2), wait=Wait.HANDED_OVER
    )
    record = json.loads(dump(job))
    record["future"] = {"a": [1]}
    record["request"]["future"] = 7
    record["request"]["messages"][0]["future"] = "x"
    record["stored_result"]["future"] = True
    record["used"] += [8, 9]

    assert load(json.dumps(record)) == job


def test_a_value_of_a_newer_version_becomes_the_nearest_that_is_known() -> None:
    failed = replace(following(opened(), Status.FAILED), error="quota", error_type=ErrorType.MODEL_THROTTLED)
    record = json.loads(dump(failed)) | {"error_type": "QUOTA_OF_THE_FUTURE", "wait": "PAUSED"}

    assert load(json.dumps(record)) == replace(failed, error_type=ErrorType.WORKLOAD_FAILED, wait=Wait.DISPATCHED_AGAIN)


def test_a_field_that_the_record_does_not_have_gets_its_default() -> None:
    record = json.loads(dump(opened()))
    for name in ("fingerprint", "used", "used_before", "metadata"):
        record.pop(name, None)

    assert load(json.dumps(record)).used == Counts()


@pytest.mark.parametrize(
    "text", ["", "[]", "null", "{}", '{"job_id": "x"}', dump(opened()).replace("{", '{"status": "PAUSED",', 1)]
)
def test_a_record_that_cannot_be_understood_is_unreadable(text: str) -> None:
    with pytest.raises(UnreadableRecord):
        load(text)


def test_a_field_that_is_added_to_a_request_does_not_change_the_fingerprint_of_requests_without_it() -> None:
    class Newer(InferenceRequest, frozen=True):
        seed: int | None = None

    prompt, model = "Hello", "simulated.story"

    assert Newer(prompt, model).fingerprint(None) == InferenceRequest(prompt, model).fingerprint(None)
    assert Newer(prompt, model, seed=0).fingerprint(None) != Newer(prompt, model).fingerprint(None)
